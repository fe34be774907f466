"""The FAISS side of an index: exact inner-product search, with filters inside the search."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from assistant.arrays import Mask, Rows, Vectors
from assistant.errors import IndexFormatError


class VectorIndex:
    """Vectors by row number; row i belongs to passage i of the index."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def from_vectors(cls, vectors: Vectors) -> Self:
        """An exact index over the rows of `vectors` (n × dimension)."""
        index = cls(faiss.IndexFlatIP(vectors.shape[1]))
        index.add(vectors)
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

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Vectors]:
        """Rows and cosines of the `k` nearest vectors to `query` (dimension,) among the allowed rows."""
        parameters = None
        if allowed is not None:
            bitmap = np.packbits(allowed, bitorder="little")
            parameters = faiss.SearchParameters(
                sel=faiss.IDSelectorBitmap(len(bitmap), faiss.swig_ptr(bitmap))  # type: ignore[call-arg]
            )
        k = min(k, len(self))
        if k == 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        scores, rows = self._index.search(query[None, :], k, params=parameters)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of `rows` (n × dimension)."""
        return np.asarray(self._index.reconstruct_batch(rows), dtype=np.float32)
