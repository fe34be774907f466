from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assistant.arrivals import Stored
from assistant.building import Contents, build
from assistant.generations import current_generation, read_manifest, writer
from assistant.index import Index
from assistant.progress import Progress, silent
from assistant.records import Filters, Origin, Paper
from assistant.retrieval import FUSIONS, retrieve
from assistant.testing import HashingEmbedder
from assistant.vectors import Scale

COUNT = 300
PAPERS = [
    Paper(
        f"p{n}", f"On owl {n}", f"Owl {n} hoots. It hunts {n * n} mice.", (f"Ada No{n % 7}",), 1900 + n % 100
    )
    for n in range(COUNT)
]
SCALES = {"whole": Scale(), "8 bits": Scale(whole=0), "lists": Scale(whole=0, every=0)}


def contents(papers: Sequence[Paper], embedder: HashingEmbedder) -> Contents:
    """Each paper in two passages, its sentences."""
    ends = [paper.abstract.index(".") + 1 for paper in papers]
    spans = [
        (row, *span)
        for row, (paper, end) in enumerate(zip(papers, ends, strict=True))
        for span in ((0, end), (end + 1, len(paper.abstract)))
    ]
    texts = [f"{papers[row].title}\n{papers[row].abstract[start:end]}" for row, start, end in spans]
    return Contents(
        papers=papers,
        origins=[(Origin("owls.jsonl", row + 1, f"d{row}"),) for row in range(len(papers))],
        spans=np.array(spans, dtype=np.int64).reshape(-1, 3),
        vectors=embedder.encode(texts),
        embedder=embedder.name,
        embedder_fingerprint=embedder.fingerprint,
        passage_tokens=160,
        passage_overlap=0,
        passages_cut=0,
        flagged=(),
    )


def built(folder: Path, made: Contents, scale: Scale | None = None, progress: Progress = silent) -> Index:
    """The index built of `made`, opened."""
    with writer(folder):
        manifest = build(folder, made, progress, scale)
    assert manifest == read_manifest(current_generation(folder))
    return Index(folder)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_what_was_built_is_read_whatever_the_kind(
    tmp_path: Path, embedder: HashingEmbedder, scale: Scale
) -> None:
    made = contents(PAPERS, embedder)
    index = built(tmp_path, made, scale)
    assert tuple(index.papers) == tuple(PAPERS)
    assert index.origins == tuple(made.origins)
    assert Stored.of(index.papers, index.origins).positions == {f"d{row}": row for row in range(COUNT)}
    np.testing.assert_array_equal(index.spans, made.spans)
    np.testing.assert_allclose(index.vectors.vectors(np.arange(2 * COUNT)), made.vectors, atol=0.01)
    assert (index.manifest.papers, index.manifest.passages) == (COUNT, 2 * COUNT)
    assert index.manifest.vectors == index.vectors.kind
    assert 0.9 < index.manifest.vector_recall <= 1


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_paper_is_found_among_those_that_may_be_whatever_the_kind(
    tmp_path: Path, embedder: HashingEmbedder, scale: Scale
) -> None:
    index = built(tmp_path, contents(PAPERS, embedder), scale)

    def found(query: str, filters: Filters) -> list[str]:
        papers = retrieve(query, index, embedder, k=3, filters=filters, fusion=FUSIONS["zscore"])
        return [paper.paper.id for paper in papers]

    assert found("Which owl hunts 1764 mice?", Filters())[0] == "p42"
    late = found("Which owl hunts 1764 mice?", Filters(years=(1990, None), authors=("no3",)))
    # The years 1990 to 1999 are of n % 100 >= 90; No3 of n % 7 == 3.
    assert late
    assert all(int(paper[1:]) % 100 >= 90 and int(paper[1:]) % 7 == 3 for paper in late)
    assert found("Which owl hunts 1764 mice?", Filters(include_ids=("p7", "p8"))) in (
        ["p7", "p8"],
        ["p8", "p7"],
    )


def test_vectors_taken_over_from_the_generation_before_stay_as_they_were(
    tmp_path: Path, embedder: HashingEmbedder
) -> None:
    made = contents(PAPERS, embedder)
    first = built(tmp_path, made, Scale(whole=0))
    stored = first.vectors.vectors(np.arange(2 * COUNT))
    half = replace(contents(PAPERS[150:], embedder), vectors=stored[COUNT:])
    second = built(tmp_path, half, Scale(whole=0))
    np.testing.assert_array_equal(second.vectors.vectors(np.arange(COUNT)), stored[COUNT:])


def test_vectors_of_another_embedder_are_no_model(tmp_path: Path) -> None:
    small, large = HashingEmbedder(32), HashingEmbedder(64)
    built(tmp_path, contents(PAPERS, small), Scale(whole=0))
    made = contents(PAPERS, large)
    index = built(tmp_path, made, Scale(whole=0))
    np.testing.assert_allclose(index.vectors.vectors(np.arange(2 * COUNT)), made.vectors, atol=0.01)


def test_progress_is_told_while_words_are_indexed(tmp_path: Path, embedder: HashingEmbedder) -> None:
    steps: list[tuple[int, int, str]] = []
    built(tmp_path, contents(PAPERS, embedder), progress=lambda *step: steps.append(step))
    assert steps == [(600, 600, "indexing words")]


def test_the_hash_of_the_corpus_depends_on_the_papers_alone(
    tmp_path: Path, embedder: HashingEmbedder
) -> None:
    made = contents(PAPERS, embedder)
    one = built(tmp_path / "one", made).manifest.corpus_sha256
    other = built(
        tmp_path / "other", replace(made, origins=((),) * COUNT), Scale(whole=0)
    ).manifest.corpus_sha256
    changed = replace(made, papers=[replace(PAPERS[0], year=1), *PAPERS[1:]])
    assert one == other != built(tmp_path / "changed", changed).manifest.corpus_sha256
