"""How fast texts are embedded beside sentence-transformers in fp32, and how alike the vectors are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from assistant.arrays import Vectors
from assistant.embedding import Embedder
from assistant.errors import AssistantError
from eval import bench
from eval.bench import Measurement
from eval.tables import Table

REFERENCE = "sentence-transformers/all-MiniLM-L6-v2"

Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Compared:
    """An embedder beside another on the same texts, timed by turns; `faster` are the quotients of the pairs.

    `cosine` and `lowest_cosine` are the mean and the minimum over the texts' two vectors.
    """

    texts: int
    ours: Measurement
    theirs: Measurement
    faster: Measurement
    cosine: float
    lowest_cosine: float

    def table(self) -> Table:
        """Texts a second of both, and what tells them apart."""
        return Table(
            f"{self.texts} titles with abstracts, {self.ours.n} runs each by turns",
            {
                "assistant": {
                    "texts/s": self._rate(self.ours),
                    "times as fast": self.faster.median,
                    "from": self.faster.min,
                    "to": self.faster.max,
                    "mean cosine": f"{self.cosine:.5f}",
                    "lowest": f"{self.lowest_cosine:.5f}",
                },
                "sentence-transformers, fp32": {"texts/s": self._rate(self.theirs)},
            },
        )

    def _rate(self, side: Measurement) -> str:
        return f"{self.texts / side.median * 1000:.1f}"


def compared(texts: Sequence[str], ours: Encode, theirs: Encode, *, repeats: int) -> Compared:
    """Both embedders on the same texts, after one run of each that does not count but for its vectors."""
    cosines = (ours(texts) * theirs(texts)).sum(axis=1)
    they, we, faster = bench.by_turns(
        ("theirs", lambda: theirs(texts)), ("ours", lambda: ours(texts)), repeats=repeats, warmup=0
    )
    return Compared(len(texts), we, they, faster, float(cosines.mean()), float(cosines.min()))


def reference(folder: Path | None) -> Encode:
    """sentence-transformers with the publisher's fp32 weights, from a folder or else from the hub.

    Raises:
        AssistantError: sentence-transformers or the weights are not there.
    """
    if find_spec("sentence_transformers") is None:
        raise AssistantError(
            "sentence-transformers, to compare with, is not installed: pip install sentence-transformers"
        )
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(str(folder or REFERENCE), device="cpu")
    except Exception as error:
        raise AssistantError(
            f"the fp32 weights can't be loaded from {folder or REFERENCE}; give their folder by --reference"
        ) from error
    return lambda texts: np.asarray(model.encode(list(texts), normalize_embeddings=True))


def query_latency(embedder: Embedder, queries: Sequence[str], *, repeats: int) -> Measurement:
    """What embedding one query takes."""
    turns = iter(queries[n % len(queries)] for n in range(repeats + 3))
    return bench.measure("query embedding", lambda: embedder.encode([next(turns)]), repeats=repeats, warmup=3)
