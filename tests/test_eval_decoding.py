from __future__ import annotations

from typing import Any

import pytest

from eval.decoding import DecodeError, decode
from eval.records import FinalAnswer, GoldItem, SystemAnswer

ITEM = {
    "id": "q1",
    "split": "dev",
    "cluster": "p1",
    "type": "numeric",
    "question": "How much?",
    "answerable": True,
    "answer_type": "number",
}


def test_lists_become_tuples_and_objects_records() -> None:
    item = decode(
        GoldItem,
        {
            **ITEM,
            "gold": {"value": 62, "aliases": ["62%"]},
            "history": [["a?", "b"]],
            "gold_papers": [["p1"]],
        },
    )
    assert item.gold.value == 62.0
    assert item.gold.aliases == ("62%",)
    assert item.history == (("a?", "b"),)
    assert item.gold_papers == (("p1",),)


def test_what_is_left_out_has_its_default() -> None:
    assert decode(GoldItem, ITEM).turn == 1


def test_mappings_keep_their_keys() -> None:
    answer = decode(
        SystemAnswer,
        {
            "id": "q1",
            "status": "answered",
            "final": {"kind": "text"},
            "ms": {"total": 3},
            "retrieved": [["p1", 1]],
        },
    )
    assert answer.ms == {"total": 3.0}
    assert answer.final == FinalAnswer("text")
    assert answer.retrieved == (("p1", 1.0),)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"colour": "red"}, "colour is no known field; known are id, split"),
        ({"gold": {"worth": 1}}, "gold.worth is no known field"),
        ({"turn": "1"}, "turn is '1', not a whole number"),
        ({"turn": True}, "turn is True, not a whole number"),
        ({"gold": {"value": "62"}}, "gold.value is '62', not a number"),
        ({"split": "train"}, "split is 'train', not one of 'dev', 'test'"),
        ({"gold_papers": ["p1"]}, "gold_papers[0] is 'p1', not a list"),
        ({"history": [["a"]]}, "history[0] has 1 entries, not 2"),
        ({"gold": 62}, "gold is 62, not an object"),
    ],
)
def test_a_fault_is_named_with_its_place(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(GoldItem, {**ITEM, **change})
    assert str(caught.value).startswith(fault)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(DecodeError, match="question is missing"):
        decode(GoldItem, {name: value for name, value in ITEM.items() if name != "question"})
