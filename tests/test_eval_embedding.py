from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant.arrays import Vectors
from assistant.errors import AssistantError
from assistant.testing import HashingEmbedder
from eval import embedding
from eval.bench import Measurement
from eval.embedding import Compared


def east(texts: Sequence[str]) -> Vectors:
    return np.array([[1, 0]] * len(texts), dtype=np.float32)


def test_the_vectors_of_both_are_compared_text_by_text() -> None:
    def other(texts: Sequence[str]) -> Vectors:
        return np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)

    found = embedding.compared(["a", "b"], east, other, repeats=3)
    assert (found.cosine, found.lowest_cosine) == pytest.approx((0.8, 0.6))
    assert (found.texts, found.ours.n, found.theirs.n, found.faster.n) == (2, 3, 3, 3)


def test_the_table_gives_texts_a_second() -> None:
    def took(milliseconds: float, unit: str = "ms") -> Measurement:
        return Measurement("x", 5, milliseconds, milliseconds, milliseconds, milliseconds, unit)

    table = Compared(200, took(4000), took(10_000), took(2.5, "x"), 0.99985, 0.9997).table()
    assert table.title == "200 titles with abstracts, 5 runs each by turns"
    ours, theirs = table.rows.values()
    assert (ours["texts/s"], theirs["texts/s"]) == ("50.0", "20.0")  # 200 in 4 s, and in 10 s
    assert ours["times as fast"] == 2.5
    assert (ours["mean cosine"], ours["lowest"]) == ("0.99985", "0.99970")


def test_a_query_is_timed_over_the_queries_in_turn() -> None:
    class Counting(HashingEmbedder):
        seen: list[str] = []  # noqa: RUF012

        def encode(self, texts: Sequence[str], progress: object = None) -> Vectors:
            self.seen.extend(texts)
            return super().encode(texts)

    embedder = Counting()
    assert embedding.query_latency(embedder, ["a", "b"], repeats=2).n == 2
    assert embedder.seen == ["a", "b", "a", "b", "a"]  # three to warm up


def test_without_sentence_transformers_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.embedding.find_spec", lambda name: None)
    with pytest.raises(AssistantError, match="is not installed: pip install sentence-transformers"):
        embedding.reference(Path("weights"))
