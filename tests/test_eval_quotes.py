from __future__ import annotations

import pytest

from eval.measures.quotes import (
    holds_value,
    is_valid,
    quote_coverage,
    quote_relevance,
    quote_validity,
)
from eval.records import AnswerSentence, Corpus, Evidence, GoldItem, GoldValue, SystemAnswer

LONG = " ".join(f"w{n}" for n in range(60))
CORPUS = Corpus(
    {"p1": "Title of five whole words", "p2": ""},
    {"p1": "The “key–value” cache shrinks by 62% during inference, and decoding is 1.4x faster.", "p2": LONG},
)
SHRINKS = 'The "key-value" cache shrinks by 62% during inference'
FASTER = "and decoding is 1.4x faster."


@pytest.mark.parametrize(
    ("paper_id", "quote", "valid"),
    [
        ("p1", SHRINKS, True),
        ("p2", SHRINKS, False),  # of another paper
        ("p9", SHRINKS, False),
        ("p1", SHRINKS.lower(), False),  # case is kept
        ("p1", "shrinks by 62% during", False),  # 4 words
        ("p1", "Title of five whole words", False),  # the title is not the abstract
        ("p2", " ".join(LONG.split()[:40]), True),
        ("p2", " ".join(LONG.split()[:41]), False),
        ("p2", "w0 w1 w2 w3 … w10 w11 w12 w13", True),
        ("p2", "w10 w11 w12 w13 ... w0 w1 w2 w3", False),  # out of order
        ("p2", "w0 w1 w2 ... w10 w11 w12 w13", False),  # a part of 3 words
    ],
)
def test_a_quote_is_in_the_abstract_that_it_names(paper_id: str, quote: str, valid: bool) -> None:
    assert is_valid(paper_id, quote, CORPUS) is valid


def answer(*parts: tuple[str, tuple[str, ...]]) -> SystemAnswer:
    said = tuple(
        AnswerSentence(text, ("p1",), tuple(("p1", quote) for quote in quotes)) for text, quotes in parts
    )
    return SystemAnswer("q", "answered", sentences=said)


def test_validity_and_coverage() -> None:
    given = answer(("It shrinks.", (SHRINKS, "it is not there at all")), ("It is fast.", ()))
    assert quote_validity(given, CORPUS) == 0.5
    assert quote_coverage(given, CORPUS) == 0.5
    assert quote_coverage(answer(), CORPUS) == 0


@pytest.mark.parametrize(
    ("quotes", "relevance"),
    [
        ((SHRINKS,), 1),
        ((FASTER,), 0),
        ((SHRINKS, FASTER), 0.5),
        ((FASTER, FASTER, FASTER, SHRINKS), 0),  # only three are looked at
        ((), 0),
    ],
)
def test_relevance_is_by_evidence(quotes: tuple[str, ...], relevance: float) -> None:
    asked = GoldItem(
        "q", "dev", "p1", "x", "?", True, "free", gold_papers=(("p1",),), evidence=(Evidence("p1", SHRINKS),)
    )
    assert quote_relevance(asked, answer(("It shrinks.", quotes)), CORPUS) == relevance


def test_a_quote_with_the_gold_value_is_relevant() -> None:
    asked = GoldItem(
        "q",
        "dev",
        "p1",
        "x",
        "?",
        True,
        "number",
        gold=GoldValue(value=1.4, unit="x"),
        gold_papers=(("p1",),),
    )
    assert quote_relevance(asked, answer(("It is fast.", (FASTER,))), CORPUS) == 1


@pytest.mark.parametrize(
    ("text", "gold", "held"),
    [
        ("from 36 to 62 % here", GoldValue(value=62, unit="%"), True),
        ("an FID of 5.02 and 15.7M parameters", GoldValue(value=5.02), True),
        ("on the SNLI data", GoldValue(aliases=("SNLI",)), True),
        ("at 162 %", GoldValue(value=62, unit="%"), False),
    ],
)
def test_a_value_is_found_in_a_text(text: str, gold: GoldValue, held: bool) -> None:
    assert holds_value(text, gold) is held
