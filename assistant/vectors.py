"""The FAISS side of an index: inner-product search, filters inside it, of a kind that fits the size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import faiss
import numpy as np
from numpy.typing import NDArray

from assistant.arrays import Mask, Rows, Vectors
from assistant.errors import IndexFormatError

_EIGHT_BITS = (faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
_HEADROOM = 0.05  # of a component's range, at both ends, for vectors that come later
_LISTS_PER_ROOT = 4  # an inverted file has 4 √n lists, as FAISS advises up to a million vectors
_DEPTH = 100  # recall is measured among so many neighbours
_SAMPLE = 200  # of so many vectors
_LEAST_RECALL = 0.98  # lists of an inverted file are probed until it has this


@dataclass(frozen=True, slots=True)
class Scale:
    """Up to how many vectors all are kept `whole`, and `every` one is compared with a query.

    Beyond `whole` a component takes 8 bits; beyond `every` an inverted file looks in its nearest lists.
    """

    whole: int = 5_000
    every: int = 300_000


class VectorSearch(Protocol):
    """The vectors of an index by row number, wherever they are kept; row i belongs to passage i."""

    def __len__(self) -> int: ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def kind(self) -> str:
        """How the vectors are kept and searched."""

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Vectors]:
        """Rows and cosines of the `k` nearest vectors to `query` (dimension,) among the allowed rows."""

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of `rows` (n × dimension)."""


class VectorIndex:
    """Vectors by row number; row i belongs to passage i of the index."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._lists = int(getattr(index, "nlist", 0))

    @classmethod
    def from_vectors(cls, vectors: Vectors, scale: Scale | None = None, like: Self | None = None) -> Self:
        """An index over the rows of `vectors` (n × dimension).

        Where `like` has 8 bits a component they mean the same here: vectors taken over from it do not drift.
        """
        scale = scale or Scale()
        count, dimension = vectors.shape
        if count <= scale.whole:
            index = cls(faiss.IndexFlatIP(dimension))
            index.add(vectors)
            return index
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        if count <= scale.every:
            index = cls(faiss.IndexScalarQuantizer(dimension, *_EIGHT_BITS))
        else:
            index = cls(_inverted_file(count, dimension))
        index._train(vectors, like)
        index.add(vectors)
        if index._lists:
            index._index.make_direct_map()  # to read a vector by its row
            while index.recall(vectors) < _LEAST_RECALL and index._index.nprobe < index._lists:
                index._index.nprobe *= 2
        return index

    @classmethod
    def open(cls, path: Path) -> Self:
        """The saved index at `path`, mapped into memory rather than read.

        Raises:
            IndexFormatError: the file is damaged.
        """
        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
        except RuntimeError as error:
            raise IndexFormatError(f"{path} is not a FAISS index: it is damaged or cut short") from error

    def save(self, path: Path) -> None:
        """Write the index to `path`; a full disk is an OSError, as for any other file."""
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise OSError(None, f"FAISS could not write {path.name}") from error

    def add(self, vectors: Vectors) -> None:
        """Append rows to an index made by `from_vectors`; an opened one is mapped and takes none."""
        self._index.add(vectors)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def kind(self) -> str:
        """How the vectors are kept and searched."""
        if self._lists:
            return f"8 bits a component, {self._index.nprobe} of {self._lists} lists searched"
        return "8 bits a component, all searched" if hasattr(self._index, "sq") else "whole, all searched"

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Vectors]:
        """Rows and cosines of the `k` nearest vectors to `query` (dimension,) among the allowed rows."""
        faiss.omp_set_num_threads(
            1
        )  # in this thread: a single query gains nothing by more, and waits for them
        among = len(self) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, among)
        if k == 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        # The fewer rows are allowed, the more lists it takes to meet as many of them.
        probes = min(self._lists, int(self._index.nprobe * len(self) / among)) if self._lists else 0
        bitmap = None if allowed is None else np.packbits(allowed, bitorder="little")
        while True:
            scores, rows = self._index.search(query[None, :], k, params=self._parameters(bitmap, probes))
            found = rows[0] >= 0
            if found.all() or probes >= self._lists:
                return rows[0][found], scores[0][found]
            probes = min(self._lists, 2 * probes)

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of `rows` (n × dimension)."""
        return np.asarray(self._index.reconstruct_batch(rows), dtype=np.float32)

    def recall(self, vectors: Vectors) -> float:
        """The share of a vector's 100 nearest that are found, over a sample of the `vectors` indexed here."""
        if not hasattr(self._index, "sq"):
            return 1.0
        return measured_recall(vectors, lambda sample, k: self._index.search(sample, k)[1])

    def _train(self, vectors: Vectors, like: VectorIndex | None) -> None:
        self._index.sq.rangestat_arg = _HEADROOM
        self._index.train(vectors)
        if like is not None and hasattr(like._index, "sq"):
            self._index.sq = like._index.sq

    def _parameters(self, bitmap: NDArray[np.uint8] | None, probes: int) -> Any:
        parameters: Any = faiss.SearchParameters()
        if self._lists:
            parameters = faiss.SearchParametersIVF()
            parameters.nprobe = probes
        if bitmap is not None:
            pointer = faiss.swig_ptr(bitmap)
            parameters.sel = faiss.IDSelectorBitmap(len(bitmap), pointer)
        return parameters


def measured_recall(vectors: Vectors, found: Callable[[Vectors, int], Sequence[Rows]]) -> float:
    """The share of the 100 nearest of a sample of `vectors` among the rows that `found` gives for each."""
    depth = min(_DEPTH, len(vectors))
    if not depth:
        return 1.0
    sample = np.ascontiguousarray(vectors[:: max(1, len(vectors) // _SAMPLE)][:_SAMPLE])
    _, exact = faiss.knn(sample, vectors, depth, metric=faiss.METRIC_INNER_PRODUCT)
    pairs = zip(exact, found(sample, depth), strict=True)
    return float(np.mean([len(np.intersect1d(*pair)) / depth for pair in pairs]))


def _inverted_file(count: int, dimension: int) -> Any:
    lists = min(count, int(_LISTS_PER_ROOT * count**0.5))
    return faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(dimension), dimension, lists, *_EIGHT_BITS, False)
