from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from assistant.api import Assistant
from assistant.batch.columns import Result
from assistant.errors import GenerationError
from assistant.generation.base import Delta
from assistant.index import Index
from assistant.records import Message
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel
from eval import batching

CUT = "LongCache reduces cache memory by 62%."
MEMORY = "By how much does LongCache reduce cache memory?"


@pytest.fixture
def assistant(index: Index, embedder: HashingEmbedder) -> Assistant:
    return Assistant(index, embedder, ScriptedModel(CUT), Settings())


def test_the_journal_is_timed_apart_from_the_sync(tmp_path: Path) -> None:
    beside, sync = batching.journal_cost(Result("answered"), tmp_path, repeats=3)
    assert [(one.name, one.n, one.unit) for one in (beside, sync)] == [
        ("journal, beside the sync", 3, "ms"),
        ("sync", 3, "ms"),
    ]
    assert beside.min > 0


def test_a_restart_asks_nothing_and_has_all_rows(assistant: Assistant, tmp_path: Path) -> None:
    result = batching.sample_result(assistant, MEMORY)
    assert (result.status, result.final) == ("answered", "62%")
    opened, restarted = batching.restart(assistant, result, tmp_path, rows=20)
    assert (opened.name, restarted.name) == ("journal of 20 opened", "batch of 20 restarted")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 21


def test_rates_of_both_ways_and_their_ratio_are_given(assistant: Assistant) -> None:
    found = batching.throughput(assistant, [{"question": MEMORY}] * 20, concurrency=2)
    # Chunks of 8, 8 and 4 questions.
    assert [(one.name, one.n, one.unit) for one in found.measurements] == [
        ("one by one", 3, "rows/min"),
        ("2 at a time", 3, "rows/min"),
        ("ratio", 3, "x"),
    ]
    assert (found.differing, found.reworded) == ((), ())


def test_a_table_of_literature_asks_paper_by_paper(assistant: Assistant) -> None:
    rows = batching.of_each_paper(assistant, 2)
    assert [(row["filters"], row["question"]) for row in rows] == [
        ({"include_ids": [paper]}, question) for paper in ("a1", "a2") for question in batching.OF_A_PAPER
    ]


class Tiring(ScriptedModel):
    """A model that answers twice and then fails."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        if len(self.prompts) == 2:
            raise GenerationError("too tired")
        yield from super().stream(messages, max_tokens=max_tokens)


def test_answers_that_differ_are_listed(index: Index, embedder: HashingEmbedder) -> None:
    assistant = Assistant(index, embedder, Tiring(CUT), Settings())
    found = batching.throughput(assistant, [{"question": MEMORY}] * 2, concurrency=2)
    # "LongCache reduces …" begins at the abstract's 123rd character.
    assert found.differing == (batching.Difference(MEMORY, "answered [a1:123]", "error []"),) * 2


def test_other_words_for_the_same_are_listed_apart(index: Index, embedder: HashingEmbedder) -> None:
    reworded = "LongCache reduces the cache memory by 62%."
    assistant = Assistant(index, embedder, ScriptedModel(CUT, reworded), Settings())
    found = batching.throughput(assistant, [{"question": MEMORY}], concurrency=2)
    assert found.differing == ()
    assert found.reworded == (batching.Difference(MEMORY, f"{CUT} [1]", f"{reworded} [1]"),)
