"""What the engine's choices are compared by; the engine itself is in test_generation_openvino.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.generation.openvino import ALONE, Lookup
from assistant.records import Message, Usage
from assistant.testing import HashingEmbedder, ScriptedModel
from eval import completing
from eval.completing import Choice

MEMORY = "By how much does LongCache reduce cache memory?"


def test_the_usual_choice_comes_first_and_each_is_tried_once() -> None:
    lookups = [ALONE, Lookup(2, 3)]
    assert completing.choices(lookups, [1, 8], [2], [Path("other/int4")]) == [
        Choice(),
        Choice(Lookup(2, 3)),
        Choice(ALONE, 8),
        Choice(Lookup(2, 3), 8),
        Choice(threads=2),
        Choice(weights=Path("other/int4")),
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), f"lookup {ALONE.tokens},{ALONE.ngram}, 1 at a time"),
        (Choice(Lookup(2, 3), 8, 4, Path("x/int4")), "lookup 2,3, 8 at a time, 4 threads, int4"),
    ],
)
def test_a_choice_says_what_it_is(choice: Choice, expected: str) -> None:
    assert str(choice) == expected


@pytest.mark.parametrize("text", ["", "5", "5,", "0,3", "5,0", "five,3", "5,3,1"])
def test_a_lookup_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not TOKENS,NGRAM, such as 5,3"):
        completing.read_lookup(text)


def test_a_lookup_is_read() -> None:
    assert completing.read_lookup("7,2") == Lookup(tokens=7, ngram=2)


def test_prompts_are_those_that_questions_lead_to(index_folder: Path, embedder: HashingEmbedder) -> None:
    (prompt,) = completing.prompts_of(index_folder, [MEMORY, "How many papers are there?"], embedder)
    assert [message.role for message in prompt] == ["system", "user"]
    assert MEMORY in prompt[1].content


def test_completions_are_in_order_and_counted() -> None:
    prompts = [(Message("user", "one two"),), (Message("user", "three"),)]
    found = completing.completions(ScriptedModel("a b", "c"), prompts, 1, max_tokens=9)
    assert [(one.text, one.usage) for one in found] == [
        ("a b ", Usage(2, 2, truncated=False)),
        ("c ", Usage(1, 1, truncated=False)),
    ]
