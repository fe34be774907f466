from __future__ import annotations

import pytest

from assistant.spelling import corrected

KNOWN = frozenset("energy saves quantization layers 4bit llama-2".split())

CASES = {
    "letter left out": ("does it save enrgy", "does it save energy"),
    "letters exchanged": ("does it use enegry", "does it use energy"),
    "letter too many": ("does it use eneergy", "does it use energy"),
    "other letter": ("does it use enurgy", "does it use energy"),
    "several words": ("how mcuh enrgy", "how much energy"),
    "words of questions are known": ("how mnay papers", "how many papers"),
    "stop words are known": ("whihc layers", "which layers"),
    "two errors in a short word": ("does it use enugry", "does it use enugry"),  # u for e, g and r exchanged
    "two errors in a long word": ("what is qantizatoin", "what is quantization"),
    "three errors in a long word": ("what is qantizatoinn", "what is qantizatoinn"),
    "seven letters allow one error": ("eenurgy", "eenurgy"),  # e too many, u for e
    "first letter is never wrong": ("which oayers", "which oayers"),
    "right word": ("which layers", "which layers"),
    "right by the collection": ("the model", "the model"),
    "three letters": ("teh sae", "teh sae"),
    "capitals are meant": ("Enrgy and ENRGY", "Enrgy and ENRGY"),
    "hyphens are names": ("enrgy-based pre-enrgy", "enrgy-based pre-enrgy"),
    "digits are names": ("enrgy2 and 2enrgy", "enrgy2 and 2enrgy"),
    "what has digits is not corrected to": ("is 4bti or llamaa", "is 4bti or llamaa"),
    "other letters than a to z": ("enérgy", "enérgy"),
    "contraction is no word of its own": ("it doesn't and hasn’t", "it doesn't and hasn’t"),
    "possessive is": ("the enrgy's cost", "the energy's cost"),
    "punctuation stays": ("(enrgy?), enrgy.", "(energy?), energy."),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_typing_errors_are_put_right(text: str, expected: str) -> None:
    assert corrected(text, KNOWN, {"save", "use", "cost"}.__contains__) == expected


def test_a_word_that_is_one_is_left_however_near() -> None:
    assert corrected("energy synergy enery", {"energy"}, {"enery"}.__contains__) == "energy synergy enery"
    assert corrected("enery", {"energy"}, set[str]().__contains__) == "energy"


def test_nearer_word_wins() -> None:
    """One letter too many for "quantizes", and another one too for "quantized", the first in the alphabet."""
    assert corrected("quantizess", ["quantized", "quantizes"], set[str]().__contains__) == "quantizes"


def test_order_of_the_known_words_makes_no_difference() -> None:
    """Each of the two is one letter away; the first in the alphabet is taken."""
    never = set[str]().__contains__
    assert corrected("bater", ["batter", "barter"], never) == "barter"
    assert corrected("bater", ["barter", "batter"], never) == "barter"


@pytest.mark.parametrize("piece", ["a ", "1 ", "((((", "A-A-", "a", "aaaa-", "n't "])
def test_a_long_text_is_read_like_a_short_one(piece: str) -> None:
    text = (piece * 50_000)[:50_000]
    assert corrected(text, KNOWN, set[str]().__contains__) == text
