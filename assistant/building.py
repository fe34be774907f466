"""The write path's last step: everything that an index is made of, written as its next generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant import generations
from assistant.arrays import Rows, Vectors
from assistant.chunking import embedded_text
from assistant.errors import IndexFormatError
from assistant.generations import (
    COLLECTIONS,
    LEXICAL,
    SPANS,
    VECTORS,
    Manifest,
    current_generation,
    new_generation,
    read_manifest,
    seal,
    writer,
)
from assistant.lexical import LexicalIndex
from assistant.papers import write_papers
from assistant.progress import Progress
from assistant.records import Origin, Paper, Passage
from assistant.settings import Store
from assistant.vectors import Scale, VectorIndex

if TYPE_CHECKING:
    from assistant.milvus import MilvusVectors


@dataclass(frozen=True, slots=True)
class Contents:
    """What a generation is written from.

    `origins` (parallel to `papers`) are the records that each paper was made of; `spans` (n × 3) the position
    of its paper, start and end of each passage, in the order of the papers; `vectors` (n × dimension) theirs.
    """

    papers: Sequence[Paper]
    origins: Sequence[tuple[Origin, ...]]
    spans: Rows
    vectors: Vectors
    embedder: str
    embedder_fingerprint: str
    passage_tokens: int
    passage_overlap: int
    passages_cut: int
    flagged: tuple[str, ...]

    def passage(self, row: int) -> tuple[Paper, Passage]:
        """The paper and the passage of a row of `spans`."""
        position, start, end = self.spans[row].tolist()
        paper = self.papers[position]
        number = row - int(np.searchsorted(self.spans[:, 0], position))
        return paper, Passage(f"{paper.id}:{number}", paper.id, start, end, paper.abstract[start:end])


def build(
    folder: Path,
    contents: Contents,
    progress: Progress,
    scale: Scale | None = None,
    store: Store | None = None,
) -> Manifest:
    """Write `contents` as a new generation of the index in `folder`, and make it the one in force.

    The caller holds the right to write (`generations.writer`); a fault leaves the old generation in force.

    Raises:
        StoreError: the vectors go to Milvus, which fails.
    """
    store = store or Store()
    try:
        return _build(folder, contents, progress, scale, store)
    finally:
        _drop_unused_collections(folder, store)


def compact(folder: Path, store: Store) -> int:
    """As generations.compact, and drop the collections of what is removed: who has them open is cut off."""
    freed = generations.compact(folder)
    with writer(folder):
        _drop_unused_collections(folder, store)
    return freed


def in_milvus(store: Store, old: Manifest | None) -> bool:
    """Whether vectors go to Milvus: where the store says so, or says nothing and they are there already."""
    return bool(old and old.milvus) if store.kind is None else store.kind == "milvus"


def _drop_unused_collections(folder: Path, store: Store) -> None:
    if (folder / COLLECTIONS).exists():
        from assistant.milvus import drop_unused

        drop_unused(folder, store)


def _build(
    folder: Path, contents: Contents, progress: Progress, scale: Scale | None, store: Store
) -> Manifest:
    old = _replaced(folder)
    vectors: VectorIndex | MilvusVectors
    if in_milvus(store, old):
        from assistant.milvus import MilvusVectors

        before = old.milvus if old else None
        vectors = MilvusVectors.write(folder, contents.vectors, contents.passage, store, before, progress)
    else:
        vectors = VectorIndex.from_vectors(contents.vectors, scale, _replaced_vectors(folder, contents))
    with new_generation(folder) as staging:
        corpus_sha256 = write_papers(staging, contents.papers, contents.origins)
        np.save(staging / SPANS, contents.spans)
        if isinstance(vectors, VectorIndex):
            vectors.save(staging / VECTORS)
        LexicalIndex.from_texts(_texts(contents, progress)).save(staging / LEXICAL)
        return seal(
            staging,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            corpus_sha256=corpus_sha256,
            papers=len(contents.papers),
            passages=len(contents.spans),
            passages_cut=contents.passages_cut,
            passage_tokens=contents.passage_tokens,
            passage_overlap=contents.passage_overlap,
            flagged=contents.flagged,
            embedder=contents.embedder,
            embedder_fingerprint=contents.embedder_fingerprint,
            dimension=vectors.dimension,
            vectors=vectors.kind,
            vector_recall=round(vectors.recall(contents.vectors), 4),
            milvus=None if isinstance(vectors, VectorIndex) else vectors.collection,
        )


def _replaced(folder: Path) -> Manifest | None:
    """The manifest of the generation in force, if there is one that can be read."""
    try:
        return read_manifest(current_generation(folder))
    except IndexFormatError:
        return None


def _replaced_vectors(folder: Path, contents: Contents) -> VectorIndex | None:
    """The vectors of the generation in force, if they are in it and of the same embedder."""
    old = _replaced(folder)
    if old is None or old.milvus or old.embedder_fingerprint != contents.embedder_fingerprint:
        return None
    try:
        return VectorIndex.open(current_generation(folder) / VECTORS)
    except IndexFormatError:
        return None


def _texts(contents: Contents, progress: Progress) -> Iterator[str]:
    total = len(contents.spans)
    for done in range(1, total + 1):
        yield embedded_text(*contents.passage(done - 1))
        if done % 1000 == 0 or done == total:
            progress(done, total, "indexing words")
