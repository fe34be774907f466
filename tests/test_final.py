from __future__ import annotations

import pytest

from assistant.final import final_of, label_by_polarity, label_of, without_label
from assistant.question import Kind
from assistant.records import Citation, Final, Sentence, Verdict


def said(text: str, verdict: Verdict = "supported") -> Sentence:
    return Sentence(text, (1,), ("x",), verdict, 1.0)


def cites(n: int, paper_id: str) -> Citation:
    return Citation(n, paper_id, f"{paper_id}:0", 0, 1, "x")


NUMBERS = {
    "percent sign": ("It falls by 62%.", "62%", 62.0, "%"),
    "percent in words": ("It falls by 62 percent.", "62 percent", 62.0, "%"),
    "percent in LaTeX": (r"It falls by 62\%.", r"62\%", 62.0, "%"),
    "percentage points": ("It gains 5.75 percentage points.", "5.75 percentage points", 5.75, "points"),
    "factor": ("It is 1.4x faster.", "1.4x", 1.4, "x"),
    "factor with its sign": ("It is 4 × faster.", "4 ×", 4.0, "x"),
    "factor in words": ("It is 3 times faster.", "3 times", 3.0, "x"),
    "fold": ("A 3-fold gain.", "3-fold", 3.0, "x"),
    "thousands": ("It reads 1,234.5 tokens.", "1,234.5 tokens", 1234.5, "tokens"),
    "minus sign": ("It changes by −0.5 points.", "−0.5 points", -0.5, "points"),
    "hyphen for minus": ("It changes by -0.5.", "-0.5", -0.5, None),
    "range has no one value": ("It saves 10-20% of it.", "10-20%", None, "%"),
    "range in words": ("It saves 3 to 4 times the cost.", "3 to 4 times", None, "x"),
    "fraction": ("It keeps 2/3 of them.", "2/3", 2 / 3, None),
    "no fraction of nothing": ("It keeps 5/0 of them.", "5/0", None, None),
    "a little word of the question is no unit": ("It keeps 5 over all.", "5", 5.0, None),
    "unknown unit is left out": ("It keeps 5 cats.", "5", 5.0, None),
    "unit that is asked for": ("It keeps 5 whales.", "5 whales", 5.0, "whales"),
    "first of two": ("It takes 36 hours on 8 GPUs.", "36 hours", 36.0, "hours"),
    "digits of a name": ("Llama-2 and GPT-3.5 and v2 reach 91.5%.", "91.5%", 91.5, "%"),
    "number of the question": ("Over 8 layers and 1,000 steps it saves 5 ms.", "5 ms", 5.0, "ms"),
}


@pytest.mark.parametrize(("text", "bare", "value", "unit"), NUMBERS.values(), ids=NUMBERS)
def test_number_with_its_unit(text: str, bare: str, value: float | None, unit: str | None) -> None:
    question = "How many whales, over 8 layers and 1,000 steps?"
    assert final_of("number", question, [said(text)], []) == Final("number", bare, value=value, unit=unit)


def test_number_question_without_a_number_gets_the_sentence() -> None:
    assert final_of("number", "How many?", [said("Very many.")], []) == Final("text", "Very many.")


OTHER_KINDS: dict[str, tuple[Kind, str, Final]] = {
    "yes": ("yes_no", "Yes, it is.", Final("boolean", "yes", label="yes")),
    "no": ("yes_no", "no. It is not.", Final("boolean", "no", label="no")),
    "neither": ("yes_no", "Nobody knows.", Final("text", "Nobody knows.")),
    "text": ("text", "It is 62%.", Final("text", "It is 62%.")),
    "list": ("list", "They are.", Final("list", "b;a", ids=("b", "a"))),
}


@pytest.mark.parametrize(("kind", "text", "expected"), OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_final_fits_the_kind_of_question(kind: Kind, text: str, expected: Final) -> None:
    citations = [cites(1, "b"), cites(2, "a"), cites(3, "b")]
    assert final_of(kind, "?", [said(text)], citations) == expected


def test_final_is_of_the_first_sentence_that_is_not_unsupported() -> None:
    sentences = [said("It is 9%.", "unsupported"), said("It is 62%.", "partial"), said("It is 5%.")]
    assert final_of("number", "?", sentences, []) == Final("number", "62%", value=62.0, unit="%")


def test_nothing_supported_has_no_final() -> None:
    assert final_of("number", "?", [said("It is 9%.", "unsupported")], []) is None
    assert final_of("yes_no", "?", [], []) is None


LABELS = {
    "Yes.": ("yes", ""),
    "yes, it is": ("yes", "it is"),
    "No: it is not.": ("no", "it is not."),
    "NO – never.": ("no", "never."),
    "“Yes”": ("yes", ""),
    "Yesterday it was.": (None, "Yesterday it was."),
    "Not so.": (None, "Not so."),
    "It is: yes.": (None, "It is: yes."),
    "": (None, ""),
}


@pytest.mark.parametrize(("text", "expected"), LABELS.items(), ids=repr)
def test_label_and_what_follows_it(text: str, expected: tuple[str | None, str]) -> None:
    assert (label_of(text), without_label(text)) == expected


POLARITIES = [
    ("It requires training.", "Does it require training?", "yes"),
    ("It requires no training.", "Does it require training?", "no"),
    ("It works without training.", "Does it need training?", "no"),
    ("It works without training.", "Does it work without training?", "yes"),
    ("It never fails.", "Does it work?", "yes"),
    ("None of them is.", "Are they?", "no"),
    ("It isn't.", "Is it?", "no"),
    ("It isn’t.", "Is it?", "no"),
    ("It is.", "Isn't it unable to be?", "yes"),
    ("Nothing is noted, notably.", "Is it?", "yes"),
]


@pytest.mark.parametrize(("statement", "question", "label"), POLARITIES)
def test_label_is_inferred_from_negations(statement: str, question: str, label: str) -> None:
    assert label_by_polarity(statement, question) == label
