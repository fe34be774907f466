"""Whatever a file holds, papers, rejects or one CorpusError come of it, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_readers_formats import ARXIV, BIBTEX, MEDLINE, PUBMED, RIS, ROWS, ZOTERO, parquet, workbook

from assistant.errors import CorpusError
from assistant.readers import (
    READERS,
    Corpus,
    Decoded,
    Reject,
    blocks,
    delimited,
    jsonl,
    listing,
    pubmed,
    read_corpora,
    read_entries,
    read_papers,
    sources,
    spreadsheet,
)

VALID: dict[str, bytes] = {
    "jsonl": json.dumps(ARXIV).encode() + b'\n{"id": "a", "abstract": "A."}\n',
    "json": json.dumps([ARXIV, {"id": "a", "abstract": "A."}]).encode(),
    "csv": ZOTERO.encode(),
    "tsv": b"id\tabstract\n1\tA.\n",
    "xlsx": workbook(["id", "abstract"], ["a", "A."]),
    "parquet": parquet(ROWS),
    "bibtex": BIBTEX.encode(),
    "ris": RIS.encode(),
    "medline": MEDLINE.encode(),
    "pubmed": PUBMED.encode(),
    "listing": b"A title\n\n" + b"word " * 40,
}


def test_every_format_is_fuzzed() -> None:
    assert VALID.keys() == READERS.keys()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "papers"


def check(path: Path, content: bytes, format: str | None) -> Corpus | None:
    path.write_bytes(content)
    try:
        corpus = read_corpora([path], format=format)
    except CorpusError as error:
        assert len(str(error).splitlines()) == 1
        return None
    assert [reject.reason for reject in corpus.rejects if len(reject.reason.splitlines()) != 1] == []
    assert [paper for paper in corpus.papers if not paper.abstract] == []
    return corpus


JUNK = st.binary(max_size=300) | st.sampled_from(
    [
        b"\0",
        b'"',
        b"{",
        b"}",
        b"\r",
        b"\n",
        b"<",
        b"&lol;",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\\",
        b"@a{",
        b"TY  - ",
        b"]",
    ]
)


@pytest.mark.parametrize("format", READERS)
def test_arbitrary_bytes(format: str, path: Path) -> None:
    @settings(max_examples=20)
    @given(JUNK)
    @example(b"")
    @example(b"\xff\xfe\0")
    @example(gzip.compress(b"{")[:-4])
    def read(content: bytes) -> None:
        check(path, content, format)

    read()


@pytest.mark.parametrize("format", READERS)
def test_mutated_files(format: str, path: Path) -> None:
    valid = VALID[format]
    place = st.integers(0, len(valid))

    @settings(max_examples=40)
    @given(st.lists(st.tuples(place, place, JUNK), min_size=1, max_size=3), st.booleans())
    def read(changes: list[tuple[int, int, bytes]], packed: bool) -> None:
        content = valid
        for start, end, junk in changes:
            content = content[:start] + junk + content[max(start, min(end, start + 20)) :]
        check(path, gzip.compress(content) if packed else content, format)

    read()


@pytest.mark.parametrize("format", READERS)
def test_truncated_files(format: str, path: Path) -> None:
    valid = VALID[format]
    for end in range(0, len(valid), max(1, len(valid) // 40)):
        check(path, valid[:end], format)
    packed = gzip.compress(valid)
    for end in range(2, len(packed), max(1, len(packed) // 20)):
        with pytest.raises(CorpusError, match=r"is cut short|no Excel|no Parquet"):
            path.write_bytes(packed[:end])
            read_corpora([path], format=format)


class Endless:
    """A binary stream of a beginning, fillers up to LONG bytes, and an end."""

    def __init__(self, head: str, filler: str, tail: str) -> None:
        chunk = (filler * (CHUNK // len(filler))).encode()
        self._parts = [head.encode(), *[chunk] * (LONG // CHUNK), tail.encode()]

    def read(self, size: int) -> bytes:
        return self._parts.pop(0) if self._parts else b""


CHUNK, LIMIT, LONG = 1 << 14, 1 << 16, 8 << 20
LINE = "x " * 500 + "\n"
TITLE, ABSTRACT = "Title\n\n", "word " * 39 + "end."


@pytest.mark.parametrize(
    ("format", "head", "filler", "tail", "line"),
    [
        ("jsonl", '{"abstract": "A."}\n', "x", '\n{"abstract": "B."}\n', 2),
        ("json", '[{"abstract": "A."},\n"', "x", '"]', 2),
        ("csv", "id,abstract\n1,A.\n2,", "x", "\n3,B.\n", 3),
        ("csv", 'id,abstract\n1,A.\n2,"', LINE, "\n3,B.\n", 3),
        ("ris", "TY  - A\nAB  - A.\nTY  - A\nAB  - ", LINE, "TY  - A\nAB  - B.\n", 3),
        ("ris", "TY  - A\nAB  - A.\nTY  - A\nAB  - ", "x", "\nTY  - A\nAB  - B.\n", 4),
        ("medline", "PMID- 1\nAB  - A.\nPMID- 2\nAB  - ", LINE, "PMID- 3\nAB  - B.\n", 3),
        ("bibtex", "@a{a, abstract={A.}}\n@a{b, abstract={", LINE, "}}\n@a{c, abstract={B.}}\n", 2),
        (
            "pubmed",
            "<PubmedArticle><a><PMID>1</PMID><Abstract><AbstractText>A.</AbstractText></Abstract></a></PubmedArticle>\n"
            "<PubmedArticle>",
            "x",
            "\n<PubmedArticle><a><Abstract><AbstractText>B.</AbstractText></Abstract></a></PubmedArticle>",
            2,
        ),
        ("listing", f"{TITLE}{ABSTRACT} A.\n\n{TITLE}", LINE, f"\n\n{TITLE}{ABSTRACT} B.", 7),
    ],
)
def test_endless_record_is_rejected_in_little_memory_and_the_next_is_read(
    format: str, head: str, filler: str, tail: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sources, blocks, delimited, jsonl, listing, pubmed):
        monkeypatch.setattr(module, "RECORD_LIMIT", LIMIT)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Endless(head, filler, tail)))
    papers: list[str] = []
    rejects: list[Reject] = []
    tracemalloc.start()
    for item in read_papers([Path("-")], format=format):
        if isinstance(item, Decoded):
            papers.append(item.paper.abstract[-2:])
        elif isinstance(item, Reject) and len(rejects) < 2:
            rejects.append(item)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert papers == (["A."] if format == "json" else ["A.", "B."])
    assert (rejects[0].line, rejects[0].kind.split(",")[0]) == (line, "is longer than 16 MB")
    assert peak < LONG / 2


def gzip_of_zeros(megabytes: int) -> bytes:
    file = io.BytesIO()
    with gzip.open(file, "wb", compresslevel=1) as stream:
        for _ in range(megabytes):
            stream.write(bytes(1 << 20))
    return file.getvalue()


@pytest.mark.parametrize("format", ["jsonl", "csv", "xlsx", "bibtex"])
def test_gzip_bomb(format: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_FREE_GROWTH", 4 << 20)
    path.write_bytes(gzip_of_zeros(16))
    with pytest.raises(CorpusError, match="unpacks to more than 100 times its size, which no text does"):
        read_corpora([path], format=format)


def test_workbook_bomb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "_MOST_UNPACKED", 1 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(2 << 20))
    with pytest.raises(
        CorpusError, match="unpacks to 2 MB, more than the 1 MB that are read; save it as CSV"
    ):
        read_corpora([path], format="xlsx")


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY file SYSTEM "file:///etc/passwd">]>\n'
)


@pytest.mark.parametrize("entity", ["a", "b", "file"])
def test_entities_of_a_document_type_are_not_read(entity: str, path: Path) -> None:
    path.write_text(
        f"{LAUGHS}<PubmedArticleSet><PubmedArticle><a><Abstract><AbstractText>&{entity};</AbstractText></Abstract></a>"
        "</PubmedArticle></PubmedArticleSet>"
    )
    with pytest.raises(CorpusError, match=f"line 2 is not well-formed XML: Entity '{entity}' not defined"):
        read_corpora([path], format="pubmed")


def test_a_fault_of_a_library_is_named_as_what_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ValueError("month must be in 1..12\nmore of it")

    monkeypatch.setattr("assistant.readers.make_paper", fail)
    path.write_text('{"abstract": "A"}\n')
    with pytest.raises(CorpusError, match=r"line 1 can't be decoded: month must be in 1\.\.12$"):
        read_corpora([path], format="jsonl")


@pytest.mark.parametrize(
    ("format", "content", "reason"),
    [
        ("jsonl", '{"abstract": ' + "[" * 900 + '"x"' + "]" * 900 + "}", "is nested too deeply"),
        ("jsonl", '{"abstract": "' + "<" * 9 + "i>" * 9 + '"}', "is nested too deeply"),
        ("csv", 'id,abstract\n1,"never closed\n2,B\n', "is broken"),
        ("ris", "TY  - JOUR\nER  - \n", "has no abstract"),
        ("bibtex", "@article{a, abstract = {x} y", "is no BibTeX entry"),
        (
            "pubmed",
            "<PubmedArticle>" + "<a>" * 300 + "</a>" * 300 + "</PubmedArticle>",
            "is not well-formed XML",
        ),
        ("pubmed", "<PubmedArticle>\ud800</PubmedArticle>", "has an empty abstract"),
    ],
)
def test_hostile_records_are_rejected(format: str, content: str, reason: str, path: Path) -> None:
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    items = []
    with pytest.raises(CorpusError, match="holds no papers"):
        for item in read_papers([path], format=format):
            items.append(item)
    assert [item.kind for item in items if isinstance(item, Reject)] == [reason]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("format", ["jsonl", "json", "csv", "ris", "medline", "pubmed", "bibtex"])
def test_encodings_with_a_mark_or_zeros(format: str, encoding: str, path: Path) -> None:
    path.write_bytes(VALID[format].decode("utf-8-sig").encode(encoding))
    corpus = read_corpora([path], format=format)
    path.write_bytes(VALID[format])
    assert corpus.papers == read_corpora([path], format=format).papers


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Нейронные сети широко применяются для анализа текста."),
        ("gb18030", "我们提出了一种新的神经网络方法来分析文本。"),
        ("shift_jis", "機械学習は画像認識に広く使われている。"),
        (
            "cp1252",
            "Nous étudions les réseaux très profonds à l’aide d’une méthode élégante là où ça marche.",
        ),
    ],
)
def test_encodings_are_detected(encoding: str, text: str, path: Path) -> None:
    path.write_bytes(f"id,abstract\n1,{text}\n".encode(encoding))
    corpus = read_corpora([path], format="csv")
    assert corpus.papers[0].abstract == text
    assert corpus.notes[0].startswith(f"{path} is not UTF-8; read as {encoding}")


def test_digest_changes_with_what_decides_about_the_paper_alone(path: Path) -> None:
    def digests(content: str, format: str = "csv", columns: dict[str, str] | None = None) -> list[str]:
        path.write_text(content)
        return [
            item.origin.digest
            for item in read_entries([path], columns, format)
            if not isinstance(item, Reject | str)
        ]

    first, second = digests("id,abstract\n1,A.\n2,B.\n")
    assert len(first) == 32 and first != second
    assert digests("id,abstract\n2,B.\n0,C.\n1,A.\n")[::2] == [second, first]
    assert first not in digests("id,abstract\n1,A. \n") + digests("no,abstract\n1,A.\n")
    assert first not in digests("id,abstract\n1,A.\n", columns={"title": "id"})
    assert digests('{"abstract": "A."}', "jsonl") != digests('{"abstract": "A." }', "jsonl")


def test_entries_are_decoded_when_asked(path: Path) -> None:
    path.write_text('{"abstract": "A."}\n{"abstract": 1\n')
    good, bad = read_entries([path], format="jsonl")
    assert not isinstance(good, Reject | str) and not isinstance(bad, Reject | str)
    assert good.paper().abstract == "A."
    with pytest.raises(CorpusError) as caught:
        bad.paper()
    assert str(caught.value) == f"{path} line 2 is not JSON: Expecting ',' delimiter at column 15"
