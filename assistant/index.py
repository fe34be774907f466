"""An opened index: its papers and passages, vectors and BM25, and the filters over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self, overload

import numpy as np

from assistant.arrays import Mask, Rows
from assistant.embedding import Embedder
from assistant.errors import AssistantError, IndexFormatError
from assistant.generations import LEXICAL, SPANS, VECTORS, Manifest, current_generation, read_manifest, verify
from assistant.lexical import LexicalIndex
from assistant.papers import StoredPapers, read_origins
from assistant.records import Filters, Origin, Paper, Passage
from assistant.settings import Store
from assistant.vectors import VectorIndex, VectorSearch


class Index:
    """One generation of an index, open for reading; safe to share between threads.

    Everything is mapped into memory: a paper or passage is decoded when it is looked at, and an index that
    is replaced or deleted can still be read. `spans` (n × 3) are the position of the paper, start and end of
    each passage; `paper_rows` (n) is the first of these columns.
    """

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.folder = folder
        generation = current_generation(folder)
        self.manifest: Manifest = read_manifest(generation)
        self.papers = StoredPapers(generation)
        try:
            self.spans = _read_spans(generation / SPANS, len(self.papers))
            self.vectors = _open_vectors(folder, generation, self.manifest, store or Store())
            self.lexical = LexicalIndex.open(generation / LEXICAL)
        except IndexFormatError as error:
            raise IndexFormatError(f"{error}; run `assistant index rebuild --index {folder}`") from error
        self.paper_rows: Rows = np.ascontiguousarray(self.spans[:, 0])
        self.passages = Passages(self.papers, self.spans, self.paper_rows)
        self._generation = generation

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, store: Store | None = None) -> Self:
        """The index in `folder`, to be queried with `embedder`; `store` tells how to get at Milvus.

        Raises:
            IndexFormatError: there is none, it is damaged, or it was built with another embedder.
            StoreError: its vectors are in Milvus, which can't be reached or does not have them.
        """
        index = cls(folder, store)
        built_with = (index.manifest.embedder, index.manifest.embedder_fingerprint)
        if built_with != (embedder.name, embedder.fingerprint):
            raise IndexFormatError(
                f"{folder} was built with embedder {built_with[0]} {built_with[1][:12]}, this program uses "
                f"{embedder.name} {embedder.fingerprint[:12]}; run `assistant index rebuild --index {folder}`"
            )
        return index

    @property
    def origins(self) -> Sequence[tuple[Origin, ...]]:
        """The records that each paper was made of, parallel to `papers`; read anew each time."""
        return read_origins(self._generation, len(self.papers))

    def paper(self, paper_id: str) -> Paper:
        """The paper of that id; KeyError if there is none."""
        return self.papers[self._position(paper_id)]

    def passages_of(self, paper: Paper) -> tuple[Passage, ...]:
        """The passages of a paper of this index, in their order."""
        position = self._position(paper.id)
        first, last = np.searchsorted(self.paper_rows, (position, position + 1))
        return self.passages[first:last]

    def __contains__(self, paper_id: object) -> bool:
        return isinstance(paper_id, str) and self.papers.row_of(paper_id) is not None

    def allowed(self, filters: Filters) -> Mask | None:
        """Which rows pass `filters`; None where all do."""
        if filters == Filters():
            return None
        return self._passing(filters)[self.paper_rows]

    def matching(self, filters: Filters) -> Rows:
        """The positions of the papers that pass `filters`, told from the columns alone."""
        return np.flatnonzero(self._passing(filters))

    def _passing(self, filters: Filters) -> Mask:
        """Which papers pass."""
        passing = self.papers.columns.passing(filters)
        if filters.include_ids:
            passing &= self._among(filters.include_ids)
        return passing & ~self._among(filters.exclude_ids)

    def _among(self, ids: Sequence[str]) -> Mask:
        among = np.zeros(len(self.papers), dtype=np.bool_)
        rows = map(self.papers.row_of, ids)
        among[[row for row in rows if row is not None]] = True
        return among

    def _position(self, paper_id: str) -> int:
        row = self.papers.row_of(paper_id)
        if row is None:
            raise KeyError(paper_id)
        return row


class Passages(Sequence[Passage]):
    """The passages of an index, made of the papers' spans when they are looked at."""

    def __init__(self, papers: Sequence[Paper], spans: Rows, paper_rows: Rows) -> None:
        self._papers = papers
        self._spans = spans
        self._paper_rows = paper_rows

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, row: int) -> Passage: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[Passage, ...]: ...
    def __getitem__(self, row: int | slice) -> Passage | tuple[Passage, ...]:
        if isinstance(row, slice):
            return tuple(self[i] for i in range(*row.indices(len(self))))
        row = range(len(self))[row]
        position, start, end = map(int, self._spans[row])
        paper = self._papers[position]
        number = row - int(np.searchsorted(self._paper_rows, position))
        return Passage(f"{paper.id}:{number}", paper.id, start, end, paper.abstract[start:end])


def faults_of(folder: Path, store: Store) -> Iterator[str]:
    """What is wrong with an index: every file is read whole, and Milvus is asked for its collection."""
    found = list(verify(current_generation(folder)))
    yield from found
    if not found:
        try:
            Index(folder, store)
        except AssistantError as error:
            yield str(error)


def _open_vectors(folder: Path, generation: Path, manifest: Manifest, store: Store) -> VectorSearch:
    if manifest.milvus is None:
        return VectorIndex.open(generation / VECTORS)
    from assistant.milvus import MilvusVectors

    return MilvusVectors.open(folder, manifest.milvus, manifest.passages, manifest.dimension, store)


def _read_spans(path: Path, papers: int) -> Rows:
    try:
        spans: Rows = np.load(path, mmap_mode="r")
        rows = spans[:, 0]
        if spans.shape[1] != 3 or np.any(np.diff(rows) < 0) or np.any((rows < 0) | (rows >= papers)):
            raise ValueError(f"it does not fit {papers} papers")
    except (OSError, ValueError, IndexError) as error:
        raise IndexFormatError(f"{path} is damaged: {error}") from error
    return spans
