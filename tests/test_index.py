from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.errors import IndexFormatError
from assistant.generations import current_generation
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Filters, Paper
from assistant.testing import HashingEmbedder

# a1 is of 2023, ICML, by Lovelace and Babbage; a2 of 2021, ACL, by Noether; a3 of 2019, without venue and
# authors; a4 has neither year nor venue nor authors.
UNDATED = Paper("a4", "Undated", "It says nothing of when.")

FILTERS: dict[str, tuple[Filters, list[str]]] = {
    "years, both ends inclusive": (Filters(years=(2021, 2023)), ["a1", "a2"]),
    "from a year on": (Filters(years=(2021, None)), ["a1", "a2"]),
    "up to a year": (Filters(years=(None, 2021)), ["a2", "a3"]),
    "one year": (Filters(years=(2019, 2019)), ["a3"]),
    "any year, but a year": (Filters(years=(None, None)), ["a1", "a2", "a3"]),
    "no such year": (Filters(years=(1999, 2000)), []),
    "years the wrong way round": (Filters(years=(2023, 2021)), []),
    "venue in any case": (Filters(venues=("icml",)), ["a1"]),
    "one of several venues": (Filters(venues=("ICML", "ACL")), ["a1", "a2"]),
    "a venue is not a part of its name": (Filters(venues=("AC",)), []),
    "author by surname in any case": (Filters(authors=("lovelace",)), ["a1"]),
    "one of several authors": (Filters(authors=("Emmy Noether", "Babbage")), ["a1", "a2"]),
    "included": (Filters(include_ids=("a4", "a2", "unknown")), ["a2", "a4"]),
    "excluded": (Filters(exclude_ids=("a4", "a2", "unknown")), ["a1", "a3"]),
    "included and excluded": (Filters(include_ids=("a1", "a2"), exclude_ids=("a1",)), ["a2"]),
    "all at once": (Filters((2020, 2025), ("ACL", "ICML"), ("a",), ("a1", "a2"), ("a2",)), ["a1"]),
}


@pytest.fixture
def four(papers: tuple[Paper, ...], tmp_path: Path, embedder: HashingEmbedder) -> Index:
    """The three papers in several passages each, and one that lacks everything."""
    folder = tmp_path / "four"
    ingest([*papers, UNDATED], folder, embedder, passage_tokens=20, progress=silent)
    return Index.open(folder, embedder)


@pytest.mark.parametrize(("filters", "expected"), FILTERS.values(), ids=FILTERS)
def test_the_papers_that_pass_are_told_without_decoding_any_but_those_named(
    four: Index, filters: Filters, expected: list[str]
) -> None:
    assert [four.papers[row].id for row in four.matching(filters)] == expected


@pytest.mark.parametrize(("filters", "expected"), FILTERS.values(), ids=FILTERS)
def test_filters_let_through_the_passages_of(four: Index, filters: Filters, expected: list[str]) -> None:
    allowed = four.allowed(filters)
    assert allowed is not None
    passing = [passage.paper_id for passage, passes in zip(four.passages, allowed, strict=True) if passes]
    assert sorted(set(passing)) == expected
    # A paper's passages pass together.
    assert passing == [passage.paper_id for passage in four.passages if passage.paper_id in expected]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"venues": "ACL"}, "venues is a tuple of texts, not the text 'ACL'; write ('ACL',)"),
        ({"authors": "Noether"}, "authors is a tuple of texts, not the text 'Noether'; write ('Noether',)"),
        ({"include_ids": "a1"}, "include_ids is a tuple of texts, not the text 'a1'; write ('a1',)"),
        ({"exclude_ids": ""}, "exclude_ids is a tuple of texts, not the text ''; write ('',)"),
        ({"years": 2021}, "years is a pair (first, last), either may be None, and not 2021"),
        ({"years": (2021,)}, "years is a pair (first, last), either may be None, and not (2021,)"),
        ({"years": "21"}, "years is a pair (first, last), either may be None, and not '21'"),
    ],
)
def test_filters_of_the_wrong_kind_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Filters(**wrong)
    assert str(caught.value) == message


def test_without_filters_no_mask_is_made(four: Index) -> None:
    assert four.allowed(Filters()) is None


def test_papers_and_passages_read_as_they_were_written(four: Index, papers: tuple[Paper, ...]) -> None:
    assert tuple(four.papers) == (*papers, UNDATED)
    assert four.paper("a2") == papers[1]
    assert ("a2" in four, "a9" in four) == (True, False)
    assert len(four.passages) > 4
    for row, passage in enumerate(four.passages):
        paper = four.paper(passage.paper_id)
        assert paper.abstract[passage.start : passage.end] == passage.text
        assert four.papers[four.paper_rows[row]] == paper
    assert [p.id for p in four.passages if p.paper_id == "a2"][:2] == ["a2:0", "a2:1"]


def test_passages_of_a_paper_are_its_own_in_their_order(four: Index, papers: tuple[Paper, ...]) -> None:
    for paper in (*papers, UNDATED):
        own = four.passages_of(paper)
        assert [passage.id for passage in own] == [f"{paper.id}:{n}" for n in range(len(own))]
        assert " ".join(passage.text for passage in own) == paper.abstract
    assert sum(len(four.passages_of(paper)) for paper in four.papers) == len(four.passages)
    with pytest.raises(KeyError):
        four.passages_of(Paper("a9", "Of another index", "It says nothing."))


def test_an_index_of_another_embedder_names_both_and_what_to_do(index_folder: Path) -> None:
    with pytest.raises(IndexFormatError) as caught:
        Index.open(index_folder, HashingEmbedder(32))
    assert str(caught.value) == (
        f"{index_folder} was built with embedder hashing hashing-64, this program uses hashing hashing-32; "
        f"run `assistant index rebuild --index {index_folder}`"
    )


def test_passages_are_taken_by_row_from_either_end_and_in_slices(four: Index) -> None:
    everything = list(four.passages)
    assert four.passages[-1] == everything[-1]
    assert four.passages[1:3] == tuple(everything[1:3])
    for row in (len(everything), -len(everything) - 1):
        with pytest.raises(IndexError):
            four.passages[row]


@pytest.mark.parametrize(
    "spans",
    [
        [[0, 0, 1], [3, 0, 1], [2, 0, 1]],  # of papers 0 to 2
        [[0, 0, 1], [2, 0, 1], [1, 0, 1]],
        [[-1, 0, 1], [1, 0, 1], [2, 0, 1]],
    ],
    ids=["no such paper", "out of order", "negative"],
)
def test_spans_of_the_right_length_but_damaged_are_an_error(
    index_folder: Path, embedder: HashingEmbedder, spans: list[list[int]]
) -> None:
    path = current_generation(index_folder) / "spans.npy"
    np.save(path, np.array(spans, dtype=np.int64))
    with pytest.raises(IndexFormatError) as caught:
        Index.open(index_folder, embedder)
    assert str(caught.value) == (
        f"{path} is damaged: it does not fit 3 papers; run `assistant index rebuild --index {index_folder}`"
    )


def test_a_file_that_is_no_array_is_an_error(index_folder: Path, embedder: HashingEmbedder) -> None:
    path = current_generation(index_folder) / "spans.npy"
    path.write_bytes(b"0" * path.stat().st_size)
    with pytest.raises(IndexFormatError, match=r"spans.npy is damaged: .*; run `assistant index rebuild"):
        Index.open(index_folder, embedder)


def test_vectors_of_the_right_length_but_damaged_are_an_error(
    index_folder: Path, embedder: HashingEmbedder
) -> None:
    path = current_generation(index_folder) / "vectors.faiss"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(IndexFormatError, match=r"vectors.faiss is not a FAISS index"):
        Index.open(index_folder, embedder)
