from __future__ import annotations

from collections.abc import Generator, Sequence

import pytest

from assistant.answer import Answer
from assistant.generation.base import Delta
from assistant.index import Index
from assistant.records import Message
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel
from eval.records import GoldItem
from eval.stages import (
    DECODE,
    EMBED,
    FIT,
    PREFILL,
    REWRITE,
    SEARCH,
    STAGES,
    VERIFY,
    Clock,
    TimedEmbedder,
    TimedModel,
    TimedPipeline,
)
from eval.systems import timed

CUT = "LongCache reduces cache memory by 62% [1]."
ITEM = GoldItem(
    id="q1",
    split="dev",
    cluster="a1",
    type="numeric",
    question="By how much does LongCache reduce cache memory?",
    answerable=True,
    answer_type="number",
)


class Watch:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_moment_counts_for_the_innermost_stage(watch: Watch) -> None:
    clock = Clock(watch)
    watch.now = 1.0  # rewriting, which is what an answer begins with
    clock.proceed(VERIFY)
    with clock.at(SEARCH):
        watch.now = 3.0
        with clock.at(EMBED):
            watch.now = 7.0
        watch.now = 8.0
    watch.now = 8.5
    spent = {REWRITE: 1000, SEARCH: 3000, EMBED: 4000, VERIFY: 500}
    assert clock.milliseconds() == dict.fromkeys(STAGES, 0.0) | spent
    clock.restart()
    assert clock.milliseconds() == dict.fromkeys(STAGES, 0.0)


def test_a_stage_ends_where_it_fails(watch: Watch) -> None:
    clock = Clock(watch)
    with pytest.raises(KeyError), clock.at(FIT):
        watch.now = 1.0
        raise KeyError
    watch.now = 3.0
    assert (clock.milliseconds()[FIT], clock.milliseconds()[REWRITE]) == (1000, 2000)


def test_what_comes_before_the_first_text_is_prefill(watch: Watch) -> None:
    class Slow(ScriptedModel):
        def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
            watch.now += 2.0  # reading the prompt
            for delta in super().stream(messages, max_tokens=max_tokens):
                yield delta
                watch.now += 1.0  # and a token a second

    clock = Clock(watch)
    deltas = TimedModel(Slow("It is fast."), clock).stream((), max_tokens=9)
    for _ in deltas:
        watch.now += 10.0  # what is done with a piece is not the model's
    spent = clock.milliseconds()
    # Three words and the usage: the first word after 2 s, and a second for each of the four.
    assert (spent[PREFILL], spent[DECODE], spent[REWRITE]) == (2000, 4000, 40_000)


def test_the_model_is_the_same_but_for_the_clock() -> None:
    model = ScriptedModel("It is fast.")
    timed_model = TimedModel(model, Clock())
    timed_model.load()  # which this one can't
    assert (timed_model.name, timed_model.context_window, timed_model.count_tokens("a b")) == (
        "scripted",
        4096,
        2,
    )
    deltas = timed_model.stream((), max_tokens=9)
    next(deltas)
    deltas.close()
    assert model.closed_early == 1


def test_an_answer_is_the_same_and_its_stages_are_all_of_its_time(index: Index) -> None:
    clock = Clock()
    embedder = TimedEmbedder(HashingEmbedder(), clock)
    model = TimedModel(ScriptedModel(CUT), clock)
    told = timed(TimedPipeline(index, embedder, model, Settings(), clock=clock), clock, ITEM)
    assert isinstance(told.said, Answer)
    assert (told.said.status, told.said.final and told.said.final.value) == ("answered", 62)
    assert 0 < told.ms["evidence"] <= told.ms["first"] <= told.ms["total"]
    assert all(told.ms[stage] > 0 for stage in STAGES)
    assert sum(told.ms[stage] for stage in STAGES) >= told.ms["total"] - 0.1
    assert told.memory > 0
