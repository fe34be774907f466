from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import pytest

from assistant.errors import AssistantError
from assistant.index import Index
from assistant.models import ModelStore
from assistant.progress import silent
from assistant.records import Usage
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel
from eval import answering, contenders
from eval.answering import Measured, Start, measure, ratio, ratios_table, stages_table, systems_table
from eval.contenders import LLAMA_CPP, OPENVINO, OURS, TRANSFORMERS, Place, Told, prepared
from eval.experiments import Material, read_material
from eval.naive import Draft
from eval.records import GoldItem, QuestionScore, SystemAnswer
from eval.stages import STAGES, Clock, TimedEmbedder, TimedModel, TimedPipeline
from eval.statistics import Interval
from eval.systems import timed

CLUSTERS = ("a", "b", "c")


def score(name: str, trusted: float) -> QuestionScore:
    return QuestionScore(name, name, "numeric", True, trusted, None, {})


def system(
    totals: tuple[float, ...], trusted: tuple[float, ...], *, stages: bool = False, starts: int = 0
) -> Measured:
    """Three questions that took so many milliseconds, half of that to the first text."""
    spent = dict.fromkeys(STAGES, 0.0) | {"prefill": 60.0, "decode": 40.0} if stages else {}
    answers = tuple(
        SystemAnswer(
            name,
            "answered",
            context_tokens=900,
            completion_tokens=30,
            ms={"first": total / 2, "total": total, **spent},
        )
        for name, total in zip(CLUSTERS, totals, strict=True)
    )
    start = Start("x", 2_000.0, 3_000.0, dict.fromkeys(STAGES, 7.0) if stages else {}, 1)
    scores = tuple(map(score, CLUSTERS, trusted))
    return Measured(answers, scores, (start,) * starts, 1_200_000_000)


OURS_HERE = system((1_000, 2_000, 3_000), (1, 1, 0), stages=True, starts=1)
THEIRS = system((8_000, 10_000, 9_000), (1, 0, 0))


def test_a_ratio_is_of_the_medians_of_the_same_questions() -> None:
    # 9 / 2; a resample of one cluster alone may give 8 / 1, 10 / 2 or 9 / 3.
    found = ratio([8, 10, 9], [1, 2, 3], CLUSTERS)
    assert found.value == 4.5
    assert found.interval == Interval(3.0, 8.0)


def test_questions_about_one_paper_are_drawn_together() -> None:
    """Of two clusters, a resample has one of them twice, or both: 2 / 1, 8 / 2, or the median of all four."""
    found = ratio([2, 2, 8, 8], [1, 1, 2, 2], ["a", "a", "b", "b"])
    assert found.value == 5 / 1.5
    assert found.interval == Interval(2.0, 4.0)


def test_each_system_is_told_with_times_tokens_memory_and_trust() -> None:
    rows = systems_table({OURS: OURS_HERE, OPENVINO: THEIRS}).rows
    assert rows[OURS] == {
        "first text p50": "1.00",
        "p95": "1.50",
        "answer p50": "2.00",
        "p95 ": "3.00",
        "cold first": "2.00",
        "cold answer": "3.00",
        "tokens in": "900",
        "out": "30",
        "peak memory": "1.20 GB",
        "TAR": "0.67",
    }
    assert (rows[OPENVINO]["answer p50"], rows[OPENVINO]["cold answer"]) == ("9.00", "-")


def test_the_others_are_told_by_how_many_times_as_long_they_take() -> None:
    rows = ratios_table({OURS: OURS_HERE, OPENVINO: THEIRS}).rows
    assert list(rows) == [OPENVINO]
    assert rows[OPENVINO]["answer, times as long"] == "4.5 [3.0, 8.0]"
    assert rows[OPENVINO]["first text"] == "4.5 [3.0, 8.0]"
    # One question of three is trusted with us and not with them; a resample has it 0 to 3 times.
    assert rows[OPENVINO]["TAR, ours less theirs"] == "+0.33 [+0.00, +1.00]"


def test_stages_are_told_warm_and_cold() -> None:
    rows = stages_table(OURS_HERE).rows
    assert list(rows) == list(STAGES)
    # 3 · 60 ms of 6 s.
    assert rows["prefill"] == {"p50, ms": "60.0", "p95, ms": "60.0", "of the time": "0.03", "cold, ms": "7"}


QUESTION = {
    "id": "q1",
    "split": "dev",
    "cluster": "a1",
    "type": "numeric",
    "question": "By how much does LongCache reduce cache memory?",
    "answerable": True,
    "answer_type": "number",
    "gold": {"value": 62, "unit": "%"},
    "gold_papers": [["a1"]],
    "evidence": [{"paper_id": "a1", "quote": "LongCache reduces cache memory by 62%"}],
}
CUT = "LongCache reduces cache memory by 62% [1]."


@pytest.fixture
def material(tmp_path: Path, index_folder: Path) -> Material:
    """One question, and the same without its paper."""
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(QUESTION) + "\n", encoding="utf-8")
    return read_material(gold, index_folder)


class Here:
    """A contender that is no process."""

    started: ClassVar[list[str]] = []
    asked: ClassVar[list[tuple[str, str]]] = []
    tellers: ClassVar[dict[str, Callable[[GoldItem], Told]]] = {}
    age = 5.0

    def __init__(self, place: Place, log: Path) -> None:
        self.name = place.system
        assert log.parent.is_dir()
        self.started.append(self.name)

    def tell(self, item: GoldItem) -> Told:
        self.asked.append((self.name, item.id))
        return self.tellers[self.name](item)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        return None


@pytest.fixture
def here(index: Index, monkeypatch: pytest.MonkeyPatch) -> type[Here]:
    """The assistant with a scripted model, and a naive system that cites nothing, in this process."""
    clock = Clock()
    embedder, model = TimedEmbedder(HashingEmbedder(), clock), TimedModel(ScriptedModel(CUT), clock)
    pipeline = TimedPipeline(index, embedder, model, Settings(), clock=clock)

    def naive(item: GoldItem) -> Told:
        papers = (index.papers[0],)
        return Told(
            Draft("It is 62%.", papers, Usage(500, 9, truncated=False)), {"first": 1.0, "total": 2.0}, 7
        )

    Here.started, Here.asked = [], []
    Here.tellers = {OURS: lambda item: timed(pipeline, clock, item), OPENVINO: naive}
    monkeypatch.setattr(answering, "Contender", Here)
    return Here


def places(material: Material) -> list[Place]:
    return [Place(OURS, {}, material.index), Place(OPENVINO, {}, material.index)]


def test_systems_are_asked_the_same_by_turns_and_scored_alike(
    material: Material, here: type[Here], tmp_path: Path
) -> None:
    items = answering.questions(material, "dev", 9)
    assert len(items) == 2
    out = tmp_path / "out"
    found = measure(material, items, places(material), out, split="dev", starts=1, progress=silent)
    first, second = (item.id for item in items)
    assert here.started == [OURS, OPENVINO] * 2
    assert here.asked == [
        *((OURS, first), (OPENVINO, first)),  # cold
        *((OURS, second), (OPENVINO, second)),  # warming up
        *((OURS, first), (OPENVINO, first), (OPENVINO, second), (OURS, second)),
    ]
    by_id = {one.id: one for one in found[OURS].scores}
    assert by_id["q1"].trusted == 1
    assert {one.id: one.trusted for one in found[OPENVINO].scores}["q1"] == 0  # right, but it cites nothing
    (start,) = found[OPENVINO].starts
    assert (start.total, start.first, start.memory) == (5_000, 4_999, 7)
    assert found[OURS].starts[0].stages.keys() == set(STAGES)
    assert found[OURS].memory > 0


def test_what_was_stopped_goes_on(material: Material, here: type[Here], tmp_path: Path) -> None:
    items, out = answering.questions(material, "dev", 9), tmp_path / "out"

    def go() -> dict[str, Measured]:
        return measure(material, items, places(material), out, split="dev", starts=1, progress=silent)

    last = items[-1].id
    working, here.tellers[OPENVINO] = here.tellers[OPENVINO], _ends(here.tellers[OPENVINO], items[0].id)
    with pytest.raises(AssistantError, match="the machine went down"):
        go()
    here.tellers[OPENVINO], here.asked = working, []
    go()
    # What was told of a start and of the first question stands; the rest follows after a warm-up.
    assert here.asked.count((OURS, items[0].id)) == 0
    assert (OURS, last) in here.asked
    here.started = []
    assert go() == go()
    assert here.started == []


def _ends(tell: Callable[[GoldItem], Told], last: str) -> Callable[[GoldItem], Told]:
    """Tells a start and a warm-up, and no more."""
    told: list[str] = []

    def ending(item: GoldItem) -> Told:
        told.append(item.id)
        if told.count(last) > 1:
            raise AssistantError("the machine went down")
        return tell(item)

    return ending


def test_a_baseline_that_is_not_installed_is_left_out_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CACHE_DIR", str(tmp_path))
    found = prepared(OPENVINO, tmp_path, tmp_path)
    assert found == "qwen2.5-coder-0.5b is not installed; run `assistant models pull qwen2.5-coder-0.5b`"
    state = replace(ModelStore(tmp_path).state("qwen2.5-coder-0.5b"), installed=True)
    monkeypatch.setattr(ModelStore, "state", lambda store, name: state)
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    assert prepared(LLAMA_CPP, tmp_path, tmp_path) == "xllamacpp is not installed; pip install xllamacpp"
    assert prepared(TRANSFORMERS, tmp_path, tmp_path) == "torch is not installed; pip install -e '.[torch]'"
    assert prepared(OPENVINO, tmp_path, tmp_path) == Place(OPENVINO, {}, tmp_path)


def test_a_system_that_fails_says_so_from_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CACHE_DIR", str(tmp_path))
    item = GoldItem("q", "dev", "a", "numeric", "How much?", True, "number")
    with (
        contenders.Contender(Place(OPENVINO, {}, tmp_path), tmp_path / "log") as alone,
        pytest.raises(AssistantError, match=r"^OpenVINO int8: model .* is not installed"),
    ):
        alone.tell(item)


def test_a_process_that_ended_is_told_with_its_log(tmp_path: Path) -> None:
    item = GoldItem("q", "dev", "a", "numeric", "How much?", True, "number")
    with (
        contenders.Contender(Place("no such system", {}, tmp_path), tmp_path / "log") as alone,
        pytest.raises(AssistantError, match=r"^no such system ended with exit code 1; see .*log$"),
    ):
        alone.tell(item)
    assert "no such system" in (tmp_path / "log").read_text(encoding="utf-8")
