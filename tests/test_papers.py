from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from assistant.errors import IndexFormatError
from assistant.papers import (
    StoredPapers,
    exported,
    paper_from_plain,
    paper_to_plain,
    read_origins,
    read_papers,
    write_papers,
)
from assistant.records import Origin, Paper

ORIGINS = ((Origin("a.jsonl", 1, "d1"),), (), (Origin("a.jsonl", 2, "d2"), Origin("b.csv", 9, "d3")))


@pytest.fixture
def generation(tmp_path: Path, papers: tuple[Paper, ...]) -> Path:
    """The three papers, written."""
    write_papers(tmp_path, papers, ORIGINS)
    return tmp_path


@pytest.mark.parametrize(
    "paper",
    [
        Paper("x", "", "It has nothing more."),
        Paper(
            "x",
            "T",
            "A 2.",
            ("Ada",),
            2023,
            "ICML",
            "10.1/x",
            "2301.1",
            "https://x.org",
            {"note": "é\u2028\n"},
        ),
    ],
    ids=["least", "most"],
)
def test_a_paper_survives_json_and_being_stored(paper: Paper, tmp_path: Path) -> None:
    plain = paper_to_plain(paper)
    assert None not in plain.values()
    assert paper_from_plain(json.loads(json.dumps(plain))) == paper
    write_papers(tmp_path, [paper], [()])
    assert StoredPapers(tmp_path)[0] == paper


def test_papers_are_stored_in_their_order_and_found_by_id(
    generation: Path, papers: tuple[Paper, ...]
) -> None:
    stored = StoredPapers(generation)
    assert len(stored) == 3
    assert tuple(stored) == stored[:] == papers
    assert (stored[-1], stored[1:]) == (papers[2], papers[1:])
    assert [stored.row_of(paper.id) for paper in papers] == [0, 1, 2]
    assert stored.row_of("a9") is None
    with pytest.raises(IndexError):
        stored[3]


def test_an_id_of_the_same_hash_is_not_taken_for_the_id(
    generation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = StoredPapers(generation)
    monkeypatch.setattr(stored.columns, "rows_of", lambda paper_id: [2, 1, 0])
    assert (stored.row_of("a2"), stored.row_of("a9")) == (1, None)


def test_the_hash_is_of_the_papers_as_json_lines(tmp_path: Path, papers: tuple[Paper, ...]) -> None:
    digest = write_papers(tmp_path, papers, ORIGINS)
    text = "".join(json.dumps(paper_to_plain(paper), ensure_ascii=False) + "\n" for paper in papers)
    assert digest == hashlib.sha256(text.encode()).hexdigest()


def test_what_is_extra_is_exported_as_a_field_like_others() -> None:
    paper = Paper("x", "T", "It is.", year=2021, extra={"colour": "red", "year": "2021-05-03"})
    assert [json.loads(line) for line in exported([paper])] == [
        {"id": "x", "title": "T", "abstract": "It is.", "year": "2021-05-03", "colour": "red"}
    ]


def test_origins_come_back(generation: Path) -> None:
    assert read_origins(generation, 3) == ORIGINS


def test_papers_of_format_1_are_read_and_have_no_origins(tmp_path: Path, papers: tuple[Paper, ...]) -> None:
    lines = [json.dumps(paper_to_plain(paper)) for paper in papers]
    (tmp_path / "papers.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert read_papers(tmp_path) == papers
    assert read_origins(tmp_path, 3) == ((), (), ())


@pytest.mark.parametrize(
    "line", ["{", '{"id": "a1"}', '{"id": "a1", "title": "", "abstract": "", "colour": 1}']
)
def test_a_damaged_line_of_format_1_is_an_error(tmp_path: Path, line: str) -> None:
    (tmp_path / "papers.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(IndexFormatError, match=r"papers.jsonl is damaged: "):
        read_papers(tmp_path)


START_OVER = "; ingest your files into another index (--index)"


def test_a_damaged_paper_is_an_error_when_it_is_read(generation: Path) -> None:
    path = generation / "papers" / "frames.zst"
    path.write_bytes(b"\0" * path.stat().st_size)
    stored = StoredPapers(generation)
    with pytest.raises(IndexFormatError) as caught:
        stored[0]
    message = str(caught.value)
    assert message.startswith(f"{generation / 'papers'} is damaged: record 0 of frames.zst: ")
    assert message.endswith(START_OVER)


def test_papers_that_are_not_there_are_an_error(generation: Path) -> None:
    (generation / "papers" / "ends.npy").unlink()
    with pytest.raises(IndexFormatError) as caught:
        read_papers(generation)
    assert str(caught.value).startswith(f"{generation / 'papers'} is damaged: ")
    assert str(caught.value).endswith(START_OVER)


def test_columns_of_other_papers_are_an_error(
    generation: Path, tmp_path: Path, papers: tuple[Paper, ...]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_papers(other, papers[:2], ORIGINS[:2])
    for path in (generation / "columns").iterdir():
        path.write_bytes((other / "columns" / path.name).read_bytes())
    with pytest.raises(
        IndexFormatError, match=r"papers is damaged: 3 papers, 2 in .*columns; ingest your files"
    ):
        StoredPapers(generation)


@pytest.mark.parametrize(
    ("name", "fault"), [("columns/years.npy", "columns"), ("origins.json.zst", "origins")]
)
def test_a_damaged_column_or_origin_names_its_place(generation: Path, name: str, fault: str) -> None:
    (generation / name).write_bytes(b"no array")
    with pytest.raises(IndexFormatError, match=rf"{fault}\S* is damaged: "):
        StoredPapers(generation)
        read_origins(generation, 3)
