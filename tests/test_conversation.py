from __future__ import annotations

import pytest

from assistant.conversation import standalone
from assistant.records import Turn

NAMED = [Turn("What does LongGen reduce?", "KV cache memory.")]
IN_ANSWER = [Turn("Which method needs no gradients?", "That is SlimTune.")]
NAMELESS = [Turn("What does attention cost?", "It costs much memory.")]

CASES = {
    "pronoun": (NAMED, "How fast is it?", "How fast is LongGen?"),
    "only the first pronoun": (NAMED, "Is it fast and is it small?", "Is LongGen fast and is it small?"),
    "pronoun under a conjunction": (NAMED, "And is it fast?", "And is LongGen fast?"),
    "possessive": (NAMED, "What is its accuracy?", "What is LongGen's accuracy?"),
    "plural possessive": (NAMED, "What are their costs?", "What are LongGen's costs?"),
    "the paper": (NAMED, "Who wrote this paper about training?", "Who wrote LongGen about training?"),
    "the method": (NAMED, "Does the method need training?", "Does LongGen need training?"),
    "ellipsis": (NAMED, "What about training?", "What about training? (LongGen)"),
    "one word": (NAMED, "Why?", "Why? (LongGen)"),
    "name only in the answer": (IN_ANSWER, "How fast is it?", "How fast is SlimTune?"),
    "name with a digit": ([Turn("What is Llama-2?", "A model.")], "Is it fast?", "Is Llama-2 fast?"),
    "a count is not a name": ([Turn("Does LongGen use 8 GPUs?", "")], "Is it fast?", "Is LongGen fast?"),
    "no name in the turn": (NAMELESS, "Why?", "Why? (What does attention cost?)"),
    "the last turn counts": ([*NAMELESS, *NAMED], "Is it fast?", "Is LongGen fast?"),
    "name two turns before": ([*NAMED, Turn("Why?", "Reasons.")], "Is it fast?", "Is LongGen fast?"),
    "name after the pronoun": (NAMED, "Does it run on GPUs?", "Does LongGen run on GPUs?"),
    "another name": (NAMED, "How fast is SlimTune?", "How fast is SlimTune?"),
    "another name and a pronoun": (NAMED, "Is SlimTune fast, and is it small?", None),
    "another subject": (NAMED, "Which papers study speech recognition?", None),
    "a year is no name": (NAMED, "How fast was it in 2023?", "How fast was LongGen in 2023?"),
}


@pytest.mark.parametrize(("history", "question", "expected"), CASES.values(), ids=CASES)
def test_follow_up_is_written_out(history: list[Turn], question: str, expected: str | None) -> None:
    assert standalone(question, history) == (expected or question)


@pytest.mark.parametrize("question", ["How fast is it?", "Why?", "And its memory?", "What about the paper?"])
def test_without_history_nothing_changes(question: str) -> None:
    assert standalone(question, []) == question


def test_the_subject_may_lie_turns_back() -> None:
    """The second turn leans on the first and the third on the second; KV is no subject of its own."""
    history = [
        Turn("What is LongGen?", "An architecture."),
        Turn("How much KV cache does it save?", "62%."),
    ]
    assert standalone("And how fast is its training?", history) == "And how fast is LongGen's training?"


def test_a_thousand_turns_are_no_burden() -> None:
    history = [Turn("How fast is it?", "Fast.")] * 1_000
    assert standalone("Why?", history) == "Why? (How fast is it?)"


@pytest.mark.parametrize(
    "question",
    [
        "Is it true that caches grow?",
        "Which apps that drain the battery are measured?",
        "What is speculative decoding and how does it help?",
    ],
)
def test_words_that_refer_to_nothing_before_are_left(question: str) -> None:
    assert standalone(question, NAMED) == question
