"""The lexical side of an index: BM25 over the terms of title and passage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import bm25s
import numpy as np

from assistant.arrays import Vectors
from assistant.errors import IndexFormatError
from assistant.terms import terms


class LexicalIndex:
    """BM25 scores (Robertson et al. 1994, in Lucene's form, k1 = 1.5, b = 0.75) by row number."""

    def __init__(self, bm25: bm25s.BM25) -> None:
        self._bm25 = bm25

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Self:
        """An index over `texts`, in order."""
        bm25 = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
        # A corpus without a single term would leave the library without a vocabulary; "" is never a term.
        documents = [[*terms(text), ""] for text in texts]
        bm25.index(documents, show_progress=False)
        return cls(bm25)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The saved index in `folder`, mapped into memory.

        Raises:
            IndexFormatError: a file is missing or damaged.
        """
        try:
            return cls(bm25s.BM25.load(folder, mmap=True, show_progress=False))
        except Exception as error:  # JSON, numpy and bm25s each have their own for a damaged file
            raise IndexFormatError(f"{folder} is not a BM25 index: it is damaged or cut short") from error

    def save(self, folder: Path) -> None:
        """Write the index into `folder`."""
        self._bm25.save(folder, show_progress=False)

    def scores(self, query_terms: Sequence[str]) -> Vectors:
        """The BM25 score of every row for the query's terms; 0 where none occurs."""
        known = self.known(query_terms)
        if not known:
            return np.zeros(int(self._bm25.scores["num_docs"]), dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float32)

    def informativeness(self, term: str) -> float:
        """How much a term tells, in [0, 1]: its inverse passage frequency, 1 for one that occurs nowhere.

        Relative to the size of the collection, so that what is fitted on a small one holds on a large one.
        """
        total = int(self._bm25.scores["num_docs"])
        return math.log1p(total / (1 + self.frequency(term))) / math.log1p(total)

    def frequency(self, term: str) -> int:
        """The number of passages that a term occurs in."""
        column = self._bm25.vocab_dict.get(term)
        if column is None:
            return 0
        ends = self._bm25.scores["indptr"]
        return int(ends[column + 1] - ends[column])

    def known(self, query_terms: Sequence[str]) -> list[str]:
        """Those of the query's terms that occur in some passage."""
        return [term for term in query_terms if term in self._bm25.vocab_dict]
