from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from assistant import similarity
from assistant.arrays import Vectors
from assistant.similarity import Similarity
from assistant.testing import HashingEmbedder

# Unit vectors in the plane: the first number is the cosine to "cut".
PLANE = {
    "cut": (1.0, 0.0),
    "reduce": (0.8, 0.6),
    "shrink": (0.95, 0.31225),
    "cat": (0.4, 0.91652),
    "up": (-1.0, 0.0),
}


class Counting(HashingEmbedder):
    """Knows the plane's words, slowly, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(dimension=2)
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        self.asked += texts
        time.sleep(0.001)
        return np.array([PLANE[text] for text in texts], dtype=np.float32)


@pytest.fixture
def counting() -> Counting:
    return Counting()


SIMILARITIES = {
    "same": ("cut", "cut", 1.0),
    "alike beyond what is needed": ("cut", "shrink", 1.0),
    "near": ("cut", "reduce", 0.8),  # (0.8 - 0.4) / (0.9 - 0.4)
    "other way round": ("reduce", "cut", 0.8),
    "unrelated": ("cut", "cat", 0.0),
    "opposite": ("cut", "up", 0.0),
}


@pytest.mark.parametrize(("one", "other", "expected"), SIMILARITIES.values(), ids=SIMILARITIES)
def test_similarity_of_two_words(one: str, other: str, expected: float, counting: Counting) -> None:
    assert Similarity(counting).of_words([one], [other]).item() == pytest.approx(expected, abs=1e-5)


def test_cosines_are_of_each_to_each(counting: Counting) -> None:
    found = Similarity(counting).cosines(["cut", "cat"], ["reduce", "up", "cat"])
    # The last row: 0.4 · 0.8 + 0.91652 · 0.6, and so on.
    assert found == pytest.approx(np.array([[0.8, -1, 0.4], [0.86991, -0.4, 1]]), abs=1e-4)


def test_rows_are_some_and_columns_others(counting: Counting) -> None:
    matrix = Similarity(counting).of_words(["cut", "cat"], ["reduce", "cut", "cat"])
    assert matrix == pytest.approx(np.array([[0.8, 1, 0], [0.93982, 0, 1]]), abs=1e-4)


def test_same_word_is_exactly_one_with_hashed_vectors(embedder: HashingEmbedder) -> None:
    some = ["memory", "cache", "throughput"]
    assert (Similarity(embedder).of_words(some, some).diagonal() == 1.0).all()


@pytest.mark.parametrize(
    ("some", "others", "shape"), [([], ["cut"], (0, 1)), (["cut"], [], (1, 0)), ([], [], (0, 0))]
)
def test_nothing_to_compare_asks_nothing(
    some: list[str], others: list[str], shape: tuple[int, int], counting: Counting
) -> None:
    assert Similarity(counting).of_words(some, others).shape == shape
    assert counting.asked == []


def test_embedder_is_asked_once_a_word(counting: Counting) -> None:
    words = Similarity(counting)
    words.of_words(["cut", "cut", "cat"], ["cat", "reduce"])
    words.of_words(["reduce", "up"], ["cut"])
    assert counting.asked == ["cut", "cat", "reduce", "up"]


def test_embedder_is_asked_once_a_word_by_many_threads(counting: Counting) -> None:
    words = Similarity(counting)
    pairs = [(one, other) for one in PLANE for other in PLANE] * 8
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda pair: words.of_words([pair[0]], [pair[1]]).item(), pairs))
    assert sorted(counting.asked) == sorted(PLANE)
    assert together == [Similarity(Counting()).of_words([one], [other]).item() for one, other in pairs]


def test_what_is_forgotten_takes_no_memory() -> None:
    tables: list[weakref.ref[Vectors]] = []

    class Watched(Counting):
        def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
            table = super().encode(texts, progress)
            tables.append(weakref.ref(table))
            return table

    known = Similarity(Watched())
    known.cosines(["cut"], ["cat", "up"])
    assert [table() for table in tables] == [None]  # the vectors are kept, not the table they came in


def test_word_used_longest_ago_is_forgotten_first(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similarity, "_REMEMBERED", 2)
    words = Similarity(counting)
    words.of_words(["cut"], ["cat"])
    words.of_words(["cut"], ["cut"])
    words.of_words(["up"], ["up"])  # "cat" goes
    counting.asked.clear()
    words.of_words(["cut"], ["up"])
    assert counting.asked == []
    words.of_words(["cat"], ["cat"])
    assert counting.asked == ["cat"]


def test_more_words_at_once_than_are_remembered(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_REMEMBERED", 1)
    assert Similarity(counting).of_words(["cut", "cat"], ["cut", "up"]) == pytest.approx(
        np.array([[1, 0], [0, 0]])
    )
