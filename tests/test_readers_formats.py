"""BibTeX, RIS, MEDLINE, PubMed, arXiv, Excel, Parquet, Zotero: from file to papers."""

from __future__ import annotations

import builtins
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import CorpusError, MissingExtraError
from assistant.readers import Corpus, read_corpora, read_corpus
from assistant.records import Paper


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def corpus_of(name: str, content: str | bytes, **options: Any) -> Corpus:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_corpora([Path(name)], **options)


def reasons(corpus: Corpus) -> list[str]:
    return [reject.reason for reject in corpus.rejects]


BIBTEX = r"""% Exported
@comment{jabref-meta: x}
@string{acl = "Proceedings of " # {{ACL}}}

@inproceedings{vaswani--2017,
  title = {{BERT}: {K{\"o}nig} \& {\O}re},
  author = {M{\"u}ller, J{\'o}zef and {Google and Friends} and Doe, A. and others},
  abstract = {Gains of 10\% and 5% at $\alpha \leq 2$.
    A second line with an e-mail a@b.org.},
  booktitle = acl # " 2017",
  year = 2017,
  month = jan,
  doi = {10.1007/a\_b},
  eprint = {1706.03762},
  url = {https://a.org/~x/b--c},
  crossref = {Proc},
}
@article(short, title = "T", abstract = "A {"}b", abstract = "Second")
@article{open, title = {never closed,
@misc{nothing, title = {No abstract}}
@PROCEEDINGS{proc, title = {The Proceedings}, publisher = {ACL}, year = 1999}
"""


def test_bibtex() -> None:
    corpus = corpus_of("a.bib", BIBTEX)
    assert corpus.papers == (
        Paper(
            id="vaswani--2017",
            title="BERT: König & Øre",
            abstract="Gains of 10% and 5% at α ≤ 2. A second line with an e-mail a@b.org.",
            authors=("Müller, Józef", "Google and Friends", "Doe, A."),
            year=2017,
            venue="Proceedings of ACL 2017",
            doi="10.1007/a_b",
            arxiv_id="1706.03762",
            url="https://a.org/~x/b--c",
            extra={"month": "jan", "crossref": "Proc", "publisher": "ACL", "type": "inproceedings"},
        ),
        Paper(id="short", title="T", abstract='A "b', extra={"type": "article"}),
    )
    assert reasons(corpus) == [
        "a.bib line 19 is no BibTeX entry: Unexpectedly reached end of file.",
        "a.bib line 20 has no abstract but id, title, type",
        "a.bib line 21 has no abstract but id, title, publisher, year, type",
    ]
    assert corpus.mapping["venue"] == "booktitle"


def test_bibtex_strings_that_double_without_end_stay_undefined() -> None:
    """Of 30 strings, each twice the one before, the last would have 2**30 letters."""
    doubling = "".join(f"@string{{s{n} = s{n - 1} # s{n - 1}}}\n" for n in range(1, 31))
    entry = "@misc{k, title = s3, note = s30, abstract = {It is.}}\n"
    (paper,) = corpus_of("a.bib", f"@string{{s0 = {{a}}}}\n{doubling}{entry}").papers
    assert (paper.title, paper.abstract) == ("a" * 8, "It is.")
    assert len(paper.extra["note"]) < 16 << 20


def test_bibtex_parent_gives_its_title_as_booktitle_wherever_it_stands() -> None:
    corpus = corpus_of(
        "a.bib",
        "@proceedings{P, title = {Proceedings}, year = 2001}\n"
        "@inproceedings{a, crossref = P, title = {T}, abstract = {A}}",
    )
    (paper,) = corpus.papers
    assert (paper.title, paper.venue, paper.year) == ("T", "Proceedings", 2001)


def test_bibtex_eprint_of_another_archive_is_no_arxiv_number() -> None:
    (paper,) = corpus_of("a.bib", "@misc{a, abstract = {A}, eprint = {12345}, eprinttype = {pubmed}}").papers
    assert (paper.arxiv_id, paper.extra["archive_number"]) == (None, "12345")


RIS = """Provider: someone
TY  - JOUR
T1  - First
  in two lines
AU  - Smith, J.
AU  - Doe, A.
N2  - An abstract
that goes on.
Y1  - 2019/05/01
JO  - TACL
DO  - 10.1/x
UR  - https://a.org; https://b.org
KW  - one
KW  - two
ZZ  - unknown
ER  -

TY  - CONF
AN  - 77
TI  - Second, without ER
AB  - Abstract.
TY  - CHAP
ID  - 3
TI  - Third
AB  - Abstract three.
ER  -
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_ris(line_end: str) -> None:
    corpus = corpus_of("a.ris", RIS.replace("\n", line_end))
    first, second, third = corpus.papers
    assert first == Paper(
        id="10.1/x",
        title="First in two lines",
        abstract="An abstract that goes on.",
        authors=("Smith, J.", "Doe, A."),
        year=2019,
        venue="TACL",
        doi="10.1/x",
        url="https://a.org",
        extra={"year": "2019/05/01", "type_of_reference": "JOUR", "keywords": "one; two", "ZZ": "unknown"},
    )
    assert (second.id, second.title) == ("77", "Second, without ER")
    assert third.id.startswith("sha-") and third.extra["reference_id"] == "3"
    assert corpus.notes == ("a.ris has 1 lines before its first record; they are left out",)


MEDLINE = """
PMID- 123
OWN - NLM
TI  - A title that is
      wrapped.
AB  - BACKGROUND: An abstract
      that is wrapped.
FAU - Smith, John
AU  - Smith J
FAU - Doe, Ann
DP  - 2020 May 3
JT  - The Journal
TA  - J
LID - S0001(20)1 [pii]
LID - 10.1/abc [doi]
MH  - Humans
MH  - Mice

PMID- 124
TI  - No abstract
"""


def test_medline() -> None:
    corpus = corpus_of("a.nbib", MEDLINE)
    (paper,) = corpus.papers
    assert (paper.id, paper.title, paper.abstract) == (
        "123",
        "A title that is wrapped.",
        "BACKGROUND: An abstract that is wrapped.",
    )
    assert paper.authors == ("Smith, John", "Doe, Ann")
    assert (paper.year, paper.venue, paper.doi) == (2020, "The Journal", "10.1/abc")
    assert paper.url == "https://pubmed.ncbi.nlm.nih.gov/123/"
    assert paper.extra["MH"] == "Humans; Mice"
    assert reasons(corpus) == ["a.nbib line 19 has no abstract but id, title, doi, url"]


def test_medline_named_txt_is_told_by_its_content() -> None:
    assert [paper.id for paper in corpus_of("pubmed-set.txt", MEDLINE).papers] == ["123"]


PUBMED = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.example/pubmed.dtd">
<PubmedArticleSet>
<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">7</PMID><Article>
<Journal><JournalIssue><PubDate><MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue>
<Title>The Journal</Title></Journal>
<ArticleTitle>Effects <i>in vitro</i> of H<sub>2</sub>O &amp; more.</ArticleTitle>
<ELocationID EIdType="pii">x</ELocationID><ELocationID EIdType="doi">10.1/y</ELocationID>
<Abstract><AbstractText Label="AIM">We ask if a &lt; b.</AbstractText>
<AbstractText Label="RESULTS">It <b>is</b>.</AbstractText><AbstractText/></Abstract>
<AuthorList><Author><LastName>Smith</LastName><ForeName>John A</ForeName></Author>
<Author><CollectiveName>The Group</CollectiveName></Author></AuthorList></Article>
<MeshHeadingList><MeshHeading><DescriptorName>Humans</DescriptorName></MeshHeading></MeshHeadingList>
</MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>8</PMID><Article></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>9</PMID>"""


def test_pubmed_xml() -> None:
    corpus = corpus_of("a.xml", PUBMED)
    assert corpus.papers == (
        Paper(
            id="7",
            title="Effects in vitro of H2O & more.",
            abstract="AIM: We ask if a < b. RESULTS: It is.",
            authors=("John A Smith", "The Group"),
            year=1998,
            venue="The Journal",
            doi="10.1/y",
            url="https://pubmed.ncbi.nlm.nih.gov/7/",
            extra={"mesh": "Humans", "year": "1998 Dec-1999 Jan"},
        ),
    )
    broken, cut = reasons(corpus)
    assert broken.startswith("a.xml line 15 is not well-formed XML: Opening and ending tag mismatch")
    assert cut == "a.xml line 16 is cut short: the article has no end"


ARXIV = {
    "id": "0704.0001",
    "submitter": "P. N.",
    "authors": "C. Bal\\'azs, E. L. Berger",
    "title": "Calculation of prompt diphoton\n  production",
    "comments": None,
    "journal-ref": "Phys.Rev.D76:013009,2007",
    "doi": "10.1103/PhysRevD.76.013009",
    "categories": "hep-ph cs.LG",
    "abstract": "  At 10% of $\\sim 5$ TeV for {\\it B}s, 100\\% of R\\&D by Erd\\H{o}s, at $5 and $6.\n",
    "versions": [{"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"}],
    "update_date": "2008-11-26",
    "authors_parsed": [["Bal\\'azs", "C.", ""], ["Berger", "E. L.", "Jr"]],
}


def test_arxiv_snapshot() -> None:
    corpus = corpus_of("arxiv-metadata-oai-snapshot.json", json.dumps(ARXIV) + "\n")
    assert corpus.papers == (
        Paper(
            id="0704.0001",
            title="Calculation of prompt diphoton production",
            abstract="At 10% of ∼ 5 TeV for Bs, 100% of R&D by Erdős, at $5 and $6.",
            authors=("C. Balázs", "E. L. Berger Jr"),
            year=2007,
            venue="Phys.Rev.D76:013009,2007",
            doi="10.1103/PhysRevD.76.013009",
            arxiv_id="0704.0001",
            url="https://arxiv.org/abs/0704.0001",
            extra={
                "submitter": "P. N.",
                "categories": "hep-ph cs.LG",
                "update_date": "2008-11-26",
                "year": "Mon, 2 Apr 2007 19:18:42 GMT",
            },
        ),
    )


def test_a_record_that_has_one_of_arxiv_in_it_is_none_of_arxiv() -> None:
    plain = {"id": "x", "title": "A title", "abstract": "Words.", "venue": "ACL", "source": ARXIV}
    (paper,) = corpus_of("found.jsonl", json.dumps(plain) + "\n").papers
    assert (paper.id, paper.venue, paper.arxiv_id) == ("x", "ACL", None)


ZOTERO = (
    '\ufeff"Key","Item Type","Publication Year","Author","Title","Publication Title","DOI","Url",'
    '"Abstract Note","Date","Manual Tags"\n'
    '"AB12","journalArticle","2021","Smith, John; Doe, Ann","A &amp; B","TACL","10.1/z","http://a.b",'
    '"We, ""the authors"",\nshow <i>it</i>.","2021-03-04","t1; t2"\n'
)


def test_zotero_csv() -> None:
    corpus = corpus_of("zotero.csv", ZOTERO)
    assert corpus.papers == (
        Paper(
            id="AB12",
            title="A & B",
            abstract='We, "the authors", show it.',
            authors=("Smith, John", "Doe, Ann"),
            year=2021,
            venue="TACL",
            doi="10.1/z",
            url="http://a.b",
            extra={"Item Type": "journalArticle", "Date": "2021-03-04", "Manual Tags": "t1; t2"},
        ),
    )
    assert corpus.mapping["abstract"] == "Abstract Note"


def workbook(*rows: list[Any], sheets: int = 1) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    for _ in range(sheets - 1):
        book.create_sheet()
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_excel() -> None:
    content = workbook(
        ["id", "Title", "Abstract", "year", None],
        [1, "T", "One.", 2020, None],
        [None] * 5,
        ["b", "U", "Two."],
        [2, "V", "Three.", 2021, None, "x"],
        sheets=2,
    )
    corpus = corpus_of("a.xlsx", content)
    assert [(paper.id, paper.title, paper.abstract, paper.year) for paper in corpus.papers] == [
        ("1", "T", "One.", 2020),
        ("b", "U", "Two.", None),
    ]
    assert reasons(corpus) == ["a.xlsx line 5 has 6 fields, the header has 4"]
    assert corpus.notes == ("a.xlsx has 2 sheets; only the first is read",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 no archive", "a.xlsx is no Excel workbook (.xlsx): File is not a zip file"),
        (workbook(), "a.xlsx is empty: the first row of its first sheet must name the columns"),
        (
            workbook(["id", "text"]),
            "a.xlsx has no column of abstracts but id, text; name it: --column abstract=NAME",
        ),
    ],
)
def test_excel_that_is_no_table_of_papers(content: bytes, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        corpus_of("a.xlsx", content)
    assert str(caught.value) == message


def parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow
    from pyarrow.parquet import write_table

    file = io.BytesIO()
    write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


ROWS: list[dict[str, Any]] = [
    {"id": 1, "abstract": "One.", "authors": ["A", "B"], "year": 2020},
    {"id": 2, "abstract": None, "authors": None, "year": None},
    {"id": 3, "abstract": "Three.", "authors": [], "year": 2021},
]


@pytest.mark.parametrize("name", ["a.parquet", "a.parquet.gz"])
def test_parquet(name: str) -> None:
    content = parquet(ROWS)
    corpus = corpus_of(name, gzip.compress(content) if name.endswith(".gz") else content)
    assert corpus.papers == (
        Paper(id="1", title="", abstract="One.", authors=("A", "B"), year=2020),
        Paper(id="3", title="", abstract="Three.", year=2021),
    )
    assert reasons(corpus) == [f"{name} line 2 has an empty abstract"]


def test_parquet_that_is_cut_short_is_an_error() -> None:
    with pytest.raises(CorpusError, match=r"a\.parquet is no Parquet file that can be read: "):
        corpus_of("a.parquet", parquet(ROWS)[:-8])


def test_parquet_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    content = parquet(ROWS)
    load = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return load(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"reading Parquet needs the extra 'formats'"):
        corpus_of("a.parquet", content)


@pytest.mark.parametrize(
    ("content", "paper_id"),
    [
        ('{"id": "a", "abstract": "A."}\n', "a"),
        ('[{"id": "a", "abstract": "A."}]', "a"),
        ("id;abstract\na;A.\n", "a"),
        ("id\tabstract\na\tA.\n", "a"),
        (MEDLINE, "123"),
        (PUBMED, "7"),
        (RIS.partition("\n")[2], "10.1/x"),
        (BIBTEX, "vaswani--2017"),
        (workbook(["id", "abstract"], ["a", "A."]), "a"),
        (parquet(ROWS), "1"),
    ],
    ids="jsonl json csv tsv medline pubmed ris bibtex xlsx parquet".split(),
)
@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_told_by_its_content(
    content: str | bytes, paper_id: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = content.encode() if isinstance(content, str) else content
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(raw) if packed else raw))
    monkeypatch.setattr(sys, "stdin", stdin)
    corpus = read_corpora([Path("-")])
    assert corpus.papers[0].id == paper_id


def test_standard_input_of_no_telling_content_asks_for_its_format(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "word " * 40
    for format in (None, "listing"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"A title\n\n{long}\n".encode())))
        if format:
            assert read_corpora([Path("-")], format=format).papers[0].title == "A title"
        else:
            with pytest.raises(CorpusError, match="standard input is of no format that can be told; name it"):
                read_corpora([Path("-")])


def test_unknown_format_is_named_with_the_known_ones() -> None:
    with pytest.raises(CorpusError, match=r"there is no format 'docx'; the formats are jsonl, json, csv"):
        corpus_of("a.jsonl", "{}", format="docx")


def test_format_given_overrides_the_name() -> None:
    assert corpus_of("papers.dat", "id,abstract\n1,A.\n", format="csv").papers[0].abstract == "A."


def test_folders_are_read_in_order_and_what_is_left_out_is_noted() -> None:
    for name, text in {
        "d/b.csv": "id,abstract\nb,B.\n",
        "d/a/z.jsonl": '{"id": "z", "abstract": "Z."}',
        "d/c.jsonl.gz": "",
        "d/.git/x.csv": "id,abstract\nx,X.\n",
        "d/.hidden.csv": "",
        "d/paper.pdf": "",
        "d/empty.csv": "",
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    Path("d/c.jsonl.gz").write_bytes(gzip.compress(b'{"id": "c", "abstract": "C."}'))
    corpus = read_corpus(Path("d"))
    assert [paper.id for paper in corpus.papers] == ["z", "b", "c"]
    assert corpus.notes == (
        "d: left out, hidden: .git, .hidden.csv",
        "d: left out, of no known format: paper.pdf",
    )
    assert reasons(corpus) == ["d/empty.csv is empty: its first line must name the columns"]
    assert corpus.rejects[0].line == 0


def test_columns_can_be_chosen() -> None:
    content = "id,Long text,abstract,title\n1,The text.,not this,T\n"
    corpus = corpus_of("a.csv", content, columns={"abstract": "Long text"})
    (paper,) = corpus.papers
    assert (paper.abstract, paper.title, paper.extra) == ("The text.", "T", {"abstract": "not this"})
    assert corpus.mapping == {"id": "id", "title": "title", "abstract": "Long text"}


def test_column_may_be_taken_from_the_field_it_would_be_guessed_for() -> None:
    corpus = corpus_of("a.jsonl", '{"title": "The text.", "id": 1}', columns={"abstract": "title"})
    assert corpus.mapping == {"id": "id", "abstract": "title"}
    assert (corpus.papers[0].title, corpus.papers[0].abstract) == ("", "The text.")


def test_column_that_a_table_lacks_is_an_error() -> None:
    with pytest.raises(CorpusError, match=r"a\.csv has no column 'Summary' but id, abstract"):
        corpus_of("a.csv", "id,abstract\n1,A.\n", columns={"abstract": "Summary"})
