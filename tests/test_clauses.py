from __future__ import annotations

import pytest

from assistant.clauses import led, parts
from assistant.fit import RankedSentence, sentences_of
from assistant.question import Question, understood
from assistant.records import Paper

PAPER = Paper("a", "LongGen", "LongGen cuts memory. It has one router. It runs on two GPUs. Code is there.")
MEMORY, ROUTER, GPUS, CODE = sentences_of(PAPER)
RANKED = [
    RankedSentence(one, score, {}) for one, score in ((MEMORY, 2.0), (ROUTER, 1.0), (GPUS, 0.0), (CODE, -1.0))
]

# A question, and the questions in it.
IN_ONE: dict[str, tuple[str, list[str]]] = {
    "one": ("What does LongGen cut?", []),
    "two": (
        "What does LongGen cut in memory, and where does it run its router?",
        ["What does LongGen cut in memory?", "where does it run its router? (LongGen)"],
    ),
    "without a comma": (
        "What does it cut in memory and where does it run its router?",
        ["What does it cut in memory?", "where does it run its router?"],
    ),
    "with a preposition": (
        "How is the router trained, and on which data set was it tried?",
        ["How is the router trained?", "on which data set was it tried?"],
    ),
    "two sentences": (
        "Does scale settle factual questions? What does retrieval add to small models?",
        ["Does scale settle factual questions?", "What does retrieval add to small models?"],
    ),
    "what leads up to it is none": ("On the LVIS benchmark, what is the lead of YOLOE?", []),
    "nor is a condition": ("When visual prompts are used, how much AP does YOLOE reach?", []),
    "too few words to stand alone": ("What does the ranking model judge, and by which criteria?", []),
    "two names": (
        "How is the router of LongGen trained, and where does SlimTune run it?",
        ["How is the router of LongGen trained?", "where does SlimTune run it?"],
    ),
    "a clause about a thing is none": (
        "How do sparse transformers, which attend to few tokens, beat dense recurrent networks?",
        [],
    ),
    "three at most": (
        "What is cut in memory, how is speed measured, what do heads learn, and why is training stable?",
        ["What is cut in memory?", "how is speed measured?", "what do heads learn?"],
    ),
    "two nouns": ("What does LongGen use to keep views and details?", []),
}


@pytest.mark.parametrize(("question", "expected"), IN_ONE.values(), ids=IN_ONE)
def test_questions_in_one(question: str, expected: list[str]) -> None:
    assert [part.text for part in parts(understood(question))] == expected


def leaders(question: str, best: dict[str, list[RankedSentence]]) -> tuple[list[str], list[str]]:
    """The sentences that lead, and all of them, where `best` gives the ranking for a word of a part."""

    def rank(part: Question) -> list[RankedSentence]:
        return next((found for word, found in best.items() if word in part.text), [])

    found = led(understood(question), RANKED, rank)
    return [one.sentence.text for one in found if one.leads], [one.sentence.text for one in found]


def test_the_best_sentence_for_each_part_comes_first() -> None:
    first, every = leaders(
        "What does LongGen cut in memory, and where does it run its router?",
        {"memory": RANKED, "router": [RankedSentence(GPUS, 5.0, {}), RANKED[0]]},
    )
    assert first == [MEMORY.text, GPUS.text]
    assert every == [MEMORY.text, GPUS.text, ROUTER.text, CODE.text]


def test_a_sentence_that_the_whole_question_had_no_place_for_does_not_lead() -> None:
    other = sentences_of(Paper("b", "Other", "It is elsewhere. It runs there."))
    first, every = leaders(
        "What does LongGen cut in memory, and where does it run its router?",
        {"router": [RankedSentence(other[1], 9.0, {}), RankedSentence(GPUS, 5.0, {})]},
    )
    assert first == [MEMORY.text, GPUS.text]
    assert len(every) == len(RANKED)


def test_one_sentence_may_be_the_best_for_all() -> None:
    question = "What does LongGen cut in memory, and where does it run its router?"
    assert leaders(question, {"memory": RANKED, "router": RANKED})[0] == [MEMORY.text]
    assert leaders(question, {})[0] == [MEMORY.text]


def test_the_next_best_sentence_leads_too_where_two_things_are_asked_for() -> None:
    assert leaders("Which two parts does LongGen have?", {})[0] == [MEMORY.text, ROUTER.text]
    assert leaders("Which parts do the two have?", {})[0] == [MEMORY.text]


def test_nothing_leads_nothing() -> None:
    assert led(understood("What is it, and where?"), [], lambda part: []) == []
