from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import IndexFormatError
from assistant.lexical import LexicalIndex
from assistant.terms import terms

TEXTS = ("The cat, a cat and the dog", "A cat", "Fish with birds")
# Lengths are 3, 1 and 2 terms, each counted one longer for the empty term that every text has: 4, 2, 3;
# their mean is 3. Lucene's BM25 is idf · tf / (tf + k1 · (1 - b + b · length / mean)), k1 = 1.5, b = 0.75,
# with idf = ln(1 + (N - n + 0.5) / (n + 0.5)) for a term in n of N texts.
#   cat:  n = 2, idf = ln(1 + 1.5 / 2.5) = ln 1.6   = 0.470004
#   dog, fish, bird:  n = 1, idf = ln(1 + 2.5 / 1.5) = ln 8/3 = 0.980829
#   text 0: k1 · (0.25 + 0.75 · 4/3) = 1.5 · 1.25 = 1.875
#   text 1: k1 · (0.25 + 0.75 · 2/3) = 1.5 · 0.75 = 1.125
#   text 2: k1 · (0.25 + 0.75 · 3/3) = 1.5
CAT_0 = 0.470004 * 2 / (2 + 1.875)  # 0.242583
CAT_1 = 0.470004 * 1 / (1 + 1.125)  # 0.221178
DOG_0 = 0.980829 * 1 / (1 + 1.875)  # 0.341158
FISH_2 = 0.980829 * 1 / (1 + 1.5)  # 0.392332

CASES = {
    "one term": (["cat"], [CAT_0, CAT_1, 0]),
    "two terms add up": (["cat", "dog"], [CAT_0 + DOG_0, CAT_1, 0]),
    "terms are stems": (["fish", "bird"], [0, 0, 2 * FISH_2]),
    "a term asked for twice counts twice": (["cat", "cat"], [2 * CAT_0, 2 * CAT_1, 0]),
    "an unknown term says nothing": (["cat", "unicorn"], [CAT_0, CAT_1, 0]),
    "unknown terms alone": (["unicorn"], [0, 0, 0]),
    "no terms": ([], [0, 0, 0]),
}


@pytest.fixture(params=["made", "opened"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> LexicalIndex:
    """The three texts: as made, and as saved and mapped into memory again."""
    made = LexicalIndex.from_texts(TEXTS)
    if request.param == "made":
        return made
    made.save(tmp_path / "bm25")
    return LexicalIndex.open(tmp_path / "bm25")


@pytest.mark.parametrize(("query", "expected"), CASES.values(), ids=CASES)
def test_scores(index: LexicalIndex, query: list[str], expected: list[float]) -> None:
    np.testing.assert_allclose(index.scores(query), expected, rtol=1e-5)


def test_known_terms_are_those_that_occur(index: LexicalIndex) -> None:
    assert index.known(terms("Which birds eat cats?")) == ["bird", "cat"]


# The term's texts of the three, and ln(1 + 3 / (1 + n)) / ln(1 + 3).
TOLD = {
    "in two texts": ("cat", 2, math.log(2) / math.log(4)),  # 0.5
    "in one text": ("fish", 1, math.log(2.5) / math.log(4)),  # 0.661
    "in none": ("unicorn", 0, 1.0),
    "no stem of a word": ("cats", 0, 1.0),
}


@pytest.mark.parametrize(("term", "frequency", "told"), TOLD.values(), ids=TOLD)
def test_a_term_tells_the_more_the_fewer_texts_have_it(
    index: LexicalIndex, term: str, frequency: int, told: float
) -> None:
    assert index.frequency(term) == frequency  # "cat" is twice in one text, which counts once
    assert index.informativeness(term) == pytest.approx(told)


@pytest.mark.parametrize("texts", [1, 2, 50])
def test_informativeness_stays_within_0_and_1_whatever_the_size(texts: int) -> None:
    index = LexicalIndex.from_texts(["cat"] * texts)
    assert 0 < index.informativeness("cat") < index.informativeness("dog") == 1.0


def test_what_a_share_of_the_texts_has_tells_less_in_a_larger_collection() -> None:
    # Half of 4 texts: ln(1 + 4 / 3) / ln 5 = 0.526; half of 40: ln(1 + 40 / 21) / ln 41 = 0.287.
    small, large = (LexicalIndex.from_texts(["cat", "dog"] * n) for n in (2, 20))
    told = (small.informativeness("cat"), large.informativeness("cat"))
    assert told == pytest.approx((0.526, 0.287), abs=1e-3)


def test_texts_of_stop_words_alone_score_nothing(tmp_path: Path) -> None:
    LexicalIndex.from_texts(["The", "of the", ""]).save(tmp_path / "bm25")
    index = LexicalIndex.open(tmp_path / "bm25")
    assert index.scores(["cat"]).tolist() == [0, 0, 0]
    assert index.known(["cat"]) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.index.json", None),
        ("vocab.index.json", b'{"cat": '),
        ("params.index.json", b'{"k9": 1}'),
        ("data.csc.index.npy", b""),
        ("indices.csc.index.npy", b"\x93NUMPY\x01\x00\x02\x00{("),
        ("indptr.csc.index.npy", b"not an array"),
    ],
)
def test_a_missing_or_damaged_file_is_an_error(tmp_path: Path, name: str, content: bytes | None) -> None:
    LexicalIndex.from_texts(TEXTS).save(tmp_path / "bm25")
    path = tmp_path / "bm25" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(IndexFormatError) as caught:
        LexicalIndex.open(tmp_path / "bm25")
    assert str(caught.value) == f"{tmp_path / 'bm25'} is not a BM25 index: it is damaged or cut short"
