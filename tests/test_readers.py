from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import CorpusError
from assistant.readers import Corpus, read_corpora, read_corpus

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "index" / "corpora" / "sample.jsonl"
LISTING = ROOT / "tests" / "data" / "listing.txt"
LONG = "word " * 39 + "end."  # 40 words: as short as an abstract of a listing may be


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def corpus_of(name: str, content: str | bytes) -> Corpus:
    path = Path(name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_corpus(path)


def jsonl(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def reasons(corpus: Corpus) -> list[str]:
    return [reject.reason for reject in corpus.rejects]


def test_listing_gives_the_papers_of_the_sample_corpus() -> None:
    listed, sample = read_corpus(LISTING), read_corpus(SAMPLE)
    assert listed.papers == sample.papers
    assert [paper.id for paper in listed.papers] == [f"p{number:03}" for number in range(1, 110)]
    assert listed.rejects == sample.rejects == ()


def test_listing_says_how_much_it_left_out() -> None:
    (note,) = read_corpus(LISTING).notes
    assert note.endswith("has 5 short paragraphs that are neither title nor abstract; they are left out")


def test_long_paragraphs_in_a_row_are_one_abstract() -> None:
    corpus = corpus_of("a.txt", f"Menu\r\n\r\nA\r\ntitle\r\n\r\n{LONG}\r\n \r\n{LONG}\r\n\r\nB\r\n\r\n{LONG}")
    assert [(paper.title, paper.abstract) for paper in corpus.papers] == [
        ("A title", f"{LONG} {LONG}"),
        ("B", LONG),
    ]


def test_listing_that_starts_with_an_abstract_has_a_paper_without_title() -> None:
    (paper,) = corpus_of("a.txt", LONG).papers
    assert (paper.id, paper.title, paper.abstract) == ("p001", "", LONG)


@pytest.mark.parametrize(
    ("record", "field", "expected"),
    [
        ({"Paper Title": "T"}, "title", "T"),
        ({"title": None}, "title", ""),
        ({"KEY": "k1"}, "id", "k1"),
        ({"corpusId": 17}, "id", "17"),
        ({"paper_id": "a", "id": "b"}, "id", "b"),
        ({"authors": ["A. One", " B.\nTwo "]}, "authors", ("A. One", "B. Two")),
        ({"authors": [{"name": "A. One", "authorId": 1}]}, "authors", ("A. One",)),
        ({"Author": "Smith, J.; Doe, A."}, "authors", ("Smith, J.", "Doe, A.")),
        ({"author": "Smith, J. and Doe, A."}, "authors", ("Smith, J.", "Doe, A.")),
        ({"author": "A. One; B. Two, and C. Three;"}, "authors", ("A. One", "B. Two", "C. Three")),
        ({"author": "Smith, J."}, "authors", ("Smith, J.",)),
        ({"author": "Alexander Sandor"}, "authors", ("Alexander Sandor",)),
        ({"author": None}, "authors", ()),
        ({"Journal": "TACL"}, "venue", "TACL"),
        ({"Publication Title": "TACL"}, "venue", "TACL"),
        ({"venue": " "}, "venue", None),
        ({"DOI": "10.1/x"}, "doi", "10.1/x"),
        ({"arXiv ID": 2301.5}, "arxiv_id", "2301.5"),
        ({"eprint": "2301.00001"}, "arxiv_id", "2301.00001"),
        ({"Link": "https://a.b"}, "url", "https://a.b"),
        ({"year": "2023"}, "year", 2023),
        ({"year": 2023}, "year", 2023),
        ({"date": "2023-05-01"}, "year", 2023),
        ({"Publication Year": "May 2023"}, "year", 2023),
        ({"year": 1492}, "year", None),
        ({"year": "2101"}, "year", None),
        ({"year": "20230501"}, "year", None),
        ({"year": float("nan")}, "year", None),
        ({"year": "2023", "date": "May"}, "extra", {"date": "May"}),
        ({"date": "2023-05-01"}, "extra", {"date": "2023-05-01"}),
        ({"year": 1492}, "extra", {"year": "1492"}),
        ({"tldr": "short"}, "extra", {"tldr": "short"}),
        (
            {"n": 3, "tags": ["a", "b"], "ids": {"MAG": 1}},
            "extra",
            {"n": "3", "tags": "a; b", "ids": '{"MAG": 1}'},
        ),
        ({"note": None, "page": ""}, "extra", {}),
        ({"no\ud800te": "x\udfff y"}, "extra", {"note": "x y"}),
    ],
)
def test_fields_are_found_by_their_usual_names(record: dict[str, Any], field: str, expected: Any) -> None:
    (paper,) = corpus_of("a.jsonl", jsonl({"abstract": "An abstract.", **record})).papers
    assert getattr(paper, field) == expected


@pytest.mark.parametrize("name", ["abstract", "Abstract", "SUMMARY", "Abstract Note", "abstract_note"])
def test_names_of_the_abstract(name: str) -> None:
    corpus = corpus_of("a.csv", f"Title,{name}\nT,An abstract.\n")
    assert corpus.papers[0].abstract == "An abstract."
    assert corpus.mapping == {"title": "Title", "abstract": name}


def test_text_is_made_canonical() -> None:
    (paper,) = corpus_of(
        "a.jsonl", jsonl({"title": "A\u00ad\n b", "abstract": "caf\u0065\u0301\u200b  x\x00"})
    ).papers
    assert (paper.title, paper.abstract) == ("A b", "café x")


@pytest.mark.parametrize(
    "abstract", ["Short", "long " * 9_999 + "words"], ids=["a word", "50,000 characters"]
)
@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", '{{"abstract": "{}"}}'), ("a.csv", "abstract\n{}")]
)
def test_abstracts_of_any_length_are_taken(name: str, content: str, abstract: str) -> None:
    assert corpus_of(name, content.format(abstract)).papers[0].abstract == abstract


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"id": 1, "abstract": " \u200b"}, "a.jsonl line 2 has an empty abstract"),
        ({"id": 1, "title": "T"}, "a.jsonl line 2 has no abstract but id, title"),
        ({}, "a.jsonl line 2 has no abstract but nothing"),
        ([1, 2], "a.jsonl line 2 is no JSON object: [1, 2]"),
        (None, "a.jsonl line 2 is no JSON object: null"),
    ],
)
def test_records_that_are_no_papers_are_rejected(record: Any, reason: str) -> None:
    corpus = corpus_of("a.jsonl", jsonl({"abstract": "First."}, record, {"abstract": "Last."}))
    assert [paper.abstract for paper in corpus.papers] == ["First.", "Last."]
    assert reasons(corpus) == [reason]
    assert (corpus.rejects[0].source, corpus.rejects[0].line) == ("a.jsonl", 2)


def test_missing_id_follows_from_title_and_abstract_alone() -> None:
    # printf 'T\nAn abstract.' | sha256sum
    expected = "sha-9a2cfec465f4"
    for name, content in (
        ("a.jsonl", jsonl({"title": "T", "abstract": "An  abstract.", "year": 2020})),
        ("a.csv", "id,abstract,title\n,An abstract.,T\n"),
    ):
        assert corpus_of(name, content).papers[0].id == expected


def test_second_paper_of_an_id_is_rejected_naming_both_lines() -> None:
    corpus = corpus_of("a.csv", "id,abstract\n7,One.\n8,Two.\n7,Three.\n8,Two.\n")
    assert [paper.abstract for paper in corpus.papers] == ["One.", "Two."]
    assert reasons(corpus) == [
        "a.csv line 4 has the id '7' of a.csv line 2",
        "a.csv line 5 has the id '8' of a.csv line 3",
    ]


def test_ids_are_unique_across_files() -> None:
    Path("a.csv").write_text("id,Summary\n1,One.\n")
    Path("b.jsonl").write_text(jsonl({"id": 1, "abstract": "Other."}, {"id": 2, "abstract": "Two."}))
    corpus = read_corpora([Path("a.csv"), Path("b.jsonl")])
    assert [(paper.id, paper.abstract) for paper in corpus.papers] == [("1", "One."), ("2", "Two.")]
    assert reasons(corpus) == ["b.jsonl line 1 has the id '1' of a.csv line 2"]
    assert corpus.mapping == {"id": "id", "abstract": "Summary"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,title,abstract\n1,T,An abstract.\n"),
        ("a.csv", "id;title;abstract\r\n1;T;An abstract.\r\n"),
        ("a.csv", "id\ttitle\tabstract\n1\tT\tAn abstract.\n"),
        ("a.csv", '"id","title","abstract"\n"1","T","An\nabstract."'),
        ("A.TSV", "id\ttitle\tabstract\n1\tT\tAn abstract.\n"),
        ("a.csv", "\ufeffid,title,abstract\n1,T,An abstract.\n"),
        ("a.csv", "id,title,abstract\n1,T,An abstract.\n".encode("utf-16")),
        ("a.csv", "id,title,abstract\n\n1,T,An\0 abstract.\n\n"),
    ],
)
def test_tables_of_every_dialect(name: str, content: str | bytes) -> None:
    corpus = corpus_of(name, content)
    (paper,) = corpus.papers
    assert (paper.id, paper.title, paper.abstract) == ("1", "T", "An abstract.")
    assert (corpus.rejects, corpus.notes) == ((), ())


def test_ragged_rows_are_rejected_by_the_line_they_begin_on() -> None:
    corpus = corpus_of("a.csv", 'id,abstract\n1,"One\nand a half."\n2\n3,Three.,x\n4,Four.\n')
    assert [paper.id for paper in corpus.papers] == ["1", "4"]
    assert reasons(corpus) == [
        "a.csv line 4 has 1 fields, the header has 2",
        "a.csv line 5 has 3 fields, the header has 2",
    ]


def test_field_of_millions_of_characters_is_read() -> None:
    (paper,) = corpus_of("a.csv", "abstract\n" + "x" * 3_000_000).papers
    assert len(paper.abstract) == 3_000_000


@pytest.mark.parametrize(
    ("content", "abstract", "notes"),
    [
        (b"abstract\ncaf\xe9 \x93x\x94", "café “x”", ("a.csv is not UTF-8; read as cp1252",)),
        (b"abstract\ncaf\xe9 \x81", "café", ("a.csv is not UTF-8; read as cp1252",)),
        ("abstract\ncafé 🙂 שלום".encode(), "café 🙂 שלום", ()),
    ],
)
def test_encodings(content: bytes, abstract: str, notes: tuple[str, ...]) -> None:
    corpus = corpus_of("a.csv", content)
    assert (corpus.papers[0].abstract, corpus.notes) == (abstract, notes)


def test_broken_lines_of_jsonl_are_rejected() -> None:
    corpus = corpus_of(
        "a.ndjson", b'\xef\xbb\xbf{"abstract": "tab\tin it"}\n\n{"abstract": \n{"abstract": "Two."}\r\n'
    )
    assert [paper.abstract for paper in corpus.papers] == ["tab in it", "Two."]
    assert reasons(corpus) == ["a.ndjson line 3 is not JSON: Expecting value at column 13"]


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5_000, "\0"], ids=["deep", "digits", "nul"])
def test_hostile_lines_of_jsonl_are_rejected(line: str) -> None:
    corpus = corpus_of("a.jsonl", f'{line}\n{{"abstract": "Two."}}')
    assert len(corpus.papers) == 1
    assert reasons(corpus)[0].startswith("a.jsonl line 1 is not JSON: ")


def test_line_separators_inside_strings_do_not_end_a_line() -> None:
    (paper,) = corpus_of("a.jsonl", '{"abstract": "one\u2028two\u0085three"}').papers
    assert paper.abstract == "one two three"


def test_latin_1_in_jsonl_is_noted() -> None:
    corpus = corpus_of("a.jsonl", b'{"abstract": "caf\xe9"}')
    assert (corpus.papers[0].abstract, corpus.notes) == ("café", ("a.jsonl is not UTF-8; read as cp1252",))


def test_json_array_knows_its_lines() -> None:
    corpus = corpus_of("a.json", ' [\n{"abstract": "One."},\n\n {"id": 2},\n3, {"abstract":\n"Two."}\n]\n')
    assert [paper.abstract for paper in corpus.papers] == ["One.", "Two."]
    assert reasons(corpus) == ["a.json line 4 has no abstract but id", "a.json line 5 is no JSON object: 3"]


@pytest.mark.parametrize("rest", ["", ",", ', {"abstract": "Tw', ", nonsense]"])
def test_broken_json_array_gives_what_came_before(rest: str) -> None:
    corpus = corpus_of("a.json", '[{"abstract": "One."}' + rest)
    assert [paper.abstract for paper in corpus.papers] == ["One."]
    assert reasons(corpus)[0].startswith("a.json line 1 is not JSON, the rest is left out: ")


def test_json_file_may_hold_an_object_per_line() -> None:
    assert len(corpus_of("a.json", jsonl({"abstract": "One."}, {"abstract": "Two."})).papers) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "", "a.jsonl holds no papers: no record was found in it"),
        ("a.json", "[]", "a.json holds no papers: no record was found in it"),
        ("a.txt", "Menu\n\nSubscribe\n", "a.txt holds no papers: no record was found in it"),
        ("a.jsonl", "{}\n3", "a.jsonl holds no papers: a.jsonl line 1 has no abstract but nothing"),
        ("a.csv", "", "a.csv is empty: its first line must name the columns"),
        ("a.csv", "id,abstract\n", "a.csv holds no papers: no record was found in it"),
        ("a.csv", "id,abstract\n1, \n", "a.csv holds no papers: a.csv line 2 has an empty abstract"),
        (
            "a.csv",
            "id,text\n1,x\n",
            "a.csv has no column of abstracts but id, text; name that column abstract",
        ),
        ("a.csv", "abstract,abstract\nx,y\n", "a.csv has two columns 'abstract'; rename one of them"),
        (
            "a.bib",
            "@article{x}",
            "a.bib is of no format that can be read; rename or export it as "
            ".jsonl, .ndjson, .json, .csv, .tsv, .txt",
        ),
    ],
)
def test_file_without_papers_is_an_error(name: str, content: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        corpus_of(name, content)
    assert str(caught.value) == message


def test_column_names_of_a_foreign_file_stay_on_one_short_line() -> None:
    with pytest.raises(CorpusError) as caught:
        corpus_of("a.csv", bytes(range(1, 256)).replace(b"\n", b"").replace(b'"', b"") * 50 + b"\nx")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("name", "message"), [("no.csv", "no.csv does not exist"), ("d", "d is a folder; name the")]
)
def test_path_that_is_no_file_is_an_error(name: str, message: str) -> None:
    Path("d").mkdir()
    with pytest.raises(CorpusError, match=message):
        read_corpus(Path(name))


def test_unreadable_file_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *args: object, **kwargs: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    names = ("a.jsonl", "a.csv")
    for name in names:
        Path(name).write_text("")
    monkeypatch.setattr(Path, "open", refuse)
    for name in names:
        with pytest.raises(CorpusError, match=f"{name} can't be read: Permission denied"):
            read_corpus(Path(name))


def test_one_file_without_papers_stops_the_others() -> None:
    Path("a.csv").write_text("abstract\nOne.\n")
    Path("b.csv").write_text("abstract\n")
    with pytest.raises(CorpusError, match=r"b\.csv holds no papers"):
        read_corpora([Path("a.csv"), Path("b.csv")])
