from __future__ import annotations

import random

import pytest

from assistant.resemblance import NEAR, Near, containment, near_duplicates, resemblance, shingles

WORDS = [f"word{number}" for number in range(22)]
LONG = " ".join(WORDS)  # 22 words, 20 runs of three


def test_a_shingle_is_a_run_of_three_words() -> None:
    assert len(shingles("one two three four")) == 2
    assert len(shingles("One, two; THREE four!")) == 2
    assert shingles("One, two; THREE").tolist() == shingles("one two three").tolist()
    assert shingles("three two one").tolist() != shingles("one two three").tolist()
    assert len(shingles("one two three one two three")) == 3  # the first and the last are the same


def test_a_short_text_is_one_shingle_and_none_has_none() -> None:
    assert [len(shingles(text)) for text in ("", " .", "one", "one two", "one two three")] == [0, 0, 1, 1, 1]
    assert shingles("one two").tolist() != shingles("two one").tolist()


@pytest.mark.parametrize(
    ("some", "other", "resembles", "contains"),
    [
        (LONG, LONG, 1.0, 1.0),
        # The last two words changed: of 20 runs 18 are shared, of 22 in all.
        (LONG, " ".join([*WORDS[:20], "new", "last"]), 18 / 22, 18 / 20),
        # Its first half: 9 of its 9 runs, of 20 in all.
        (LONG, " ".join(WORDS[:11]), 9 / 20, 1.0),
        (LONG, "nothing of it here", 0.0, 0.0),
        (LONG, "", 0.0, 0.0),
        ("", "", 0.0, 0.0),
    ],
)
def test_resemblance_and_containment(some: str, other: str, resembles: float, contains: float) -> None:
    pair = shingles(some), shingles(other)
    assert resemblance(*pair) == pytest.approx(resembles)
    assert containment(*pair) == pytest.approx(contains)


def test_near_duplicates_of_changed_texts_are_found() -> None:
    texts = [LONG, "something else is said here", " ".join([*WORDS[:20], "new", "last"]), "one", LONG]
    whole = [Near(0, 2, 18 / 22), Near(0, 4, 1.0), Near(2, 4, 18 / 22)]
    assert near_duplicates(texts, range(5)) == whole
    assert near_duplicates(texts, {2}) == [whole[0], whole[2]]
    assert near_duplicates(iter(texts), [1, 3]) == []
    assert near_duplicates(texts, ()) == near_duplicates([], range(5)) == []


def test_texts_without_words_are_no_near_duplicates() -> None:
    assert near_duplicates(["", "...", ""], range(3)) == []


def test_no_pair_is_missed() -> None:
    """Against comparing every pair, on texts that are pieced together of the same few phrases."""
    rng = random.Random(5)
    phrases = [" ".join(rng.choices(WORDS, k=6)) for _ in range(12)]
    texts = [" ".join(rng.choices(phrases, k=5)) for _ in range(150)]
    texts += [f"{text} {rng.choice(WORDS)}" for text in texts[:50]]
    sets = [shingles(text) for text in texts]
    expected = [
        (i, j)
        for i in range(len(sets))
        for j in range(i + 1, len(sets))
        if resemblance(sets[i], sets[j]) >= NEAR
    ]
    assert [(near.first, near.second) for near in near_duplicates(texts, range(len(texts)))] == expected
    assert len(expected) >= 50
