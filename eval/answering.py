"""What an answer costs, beside naive pipelines on three engines, and beside what the machine allows.

All systems are asked the same questions by turns, each in a process of its own, so that a slow spell of the
machine falls on all. Of each there is a run folder, so that what was stopped goes on, and any two can be
compared by `python -m eval compare`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from assistant.answer import Answer
from assistant.fitted import coefficients_of
from assistant.generations import current_generation, read_manifest
from assistant.models import DEFAULT_MODEL
from assistant.progress import Progress
from assistant.records import to_plain
from assistant.settings import Settings
from eval.asking import adapted, adapted_draft, is_injection
from eval.contenders import OURS, Contender, Place, Told
from eval.decoding import decode
from eval.experiments import Material
from eval.headline import Estimate, change
from eval.records import GoldItem, QuestionScore, SystemAnswer
from eval.runs import begin, describe, end, is_finished, log_test_run, read_run, record, write_scores
from eval.scoring import score_question
from eval.stages import STAGES
from eval.statistics import Interval, median_ratio
from eval.summary import nearest_rank, summarise
from eval.tables import Table

STARTS = "starts.jsonl"
FIRST, TOTAL = "first", "total"


@dataclass(frozen=True, slots=True)
class Start:
    """The first question of a fresh process: milliseconds since its start, its stages, its peak memory."""

    system: str
    first: float
    total: float
    stages: Mapping[str, float]
    memory: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A system on all questions, in their order, and its starts."""

    answers: tuple[SystemAnswer, ...]
    scores: tuple[QuestionScore, ...]
    starts: tuple[Start, ...]
    memory: int

    def times(self, name: str) -> list[float]:
        """Milliseconds of each answer; a stage that it did not come to takes none."""
        return [answer.ms.get(name, 0.0) for answer in self.answers]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long the median of one system is as another's, with its interval."""

    value: float
    interval: Interval


def questions(material: Material, split: str, count: int) -> list[GoldItem]:
    """So many questions of a split, drawn always alike; attacked abstracts have an index of their own."""
    return [item for item in material.chosen(split, None) if not is_injection(item)][:count]


def measure(
    material: Material,
    items: Sequence[GoldItem],
    places: Sequence[Place],
    out: Path,
    *,
    split: str,
    starts: int,
    progress: Progress,
) -> dict[str, Measured]:
    """Start every system `starts` times, then ask all of them everything that they have not answered yet.

    Raises:
        RunError: `out` holds runs of something else.
        AssistantError: a system failed.
    """
    runs = {place.system: out / _slug(place.system) for place in places}
    begun = {
        place.system: begin(runs[place.system], _about(material, place, split, len(items)), resume=True)
        for place in places
    }
    _start_all(items, places, out, starts, progress)
    left = {name: [item.id for item in items if item.id not in done] for name, (_, done) in begun.items()}
    with ExitStack() as stack:
        contenders = {
            place.system: stack.enter_context(Contender(place, _log(out, place)))
            for place in places
            if left[place.system] or not is_finished(runs[place.system])
        }
        peaks = {name: one.tell(items[-1]).memory for name, one in contenders.items()}  # loaded and warm
        for n, item in enumerate(items):
            for name in _turned(list(contenders), n):
                if item.id in left[name]:
                    told = contenders[name].tell(item)
                    peaks[name] = max(peaks[name], told.memory)
                    record(runs[name], _adapted(item, told))
            progress(n + 1, len(items), "asking")
    for name, peak in peaks.items():
        end(runs[name], begun[name][0], peak)
    known = _read_starts(out / STARTS)
    return {name: _scored(material, items, folder, name, known) for name, folder in runs.items()}


def ratio(above: Sequence[float], below: Sequence[float], clusters: Sequence[str]) -> Ratio:
    """median(above) / median(below), of the same questions."""
    return Ratio(median(above) / median(below), median_ratio(above, below, clusters))


def trusted_difference(ours: Measured, theirs: Measured) -> Estimate:
    """By how much more of the questions are trusted with us."""
    pairs = list(zip(ours.scores, theirs.scores, strict=True))
    return change([a.trusted - b.trusted for a, b in pairs], [a.cluster for a, _ in pairs])


def systems_table(found: Mapping[str, Measured]) -> Table:
    """Each system: its times, warm and from a cold start, its tokens, memory and trusted answers."""
    rows: dict[str, dict[str, float | str]] = {}
    for name, one in found.items():
        first, total = one.times(FIRST), one.times(TOTAL)
        rows[name] = {
            "first text p50": _seconds(median(first)),
            "p95": _seconds(nearest_rank(first, 95)),
            "answer p50": _seconds(median(total)),
            "p95 ": _seconds(nearest_rank(total, 95)),
            "cold first": _seconds(median([start.first for start in one.starts])) if one.starts else "-",
            "cold answer": _seconds(median([start.total for start in one.starts])) if one.starts else "-",
            "tokens in": f"{median([answer.context_tokens for answer in one.answers]):.0f}",
            "out": f"{median([answer.completion_tokens for answer in one.answers]):.0f}",
            "peak memory": f"{one.memory / 1e9:.2f} GB",
            "TAR": f"{sum(score.trusted for score in one.scores) / len(one.scores):.2f}",
        }
    return Table(f"{len(found[OURS].answers)} questions, by turns; seconds", rows)


def ratios_table(found: Mapping[str, Measured]) -> Table:
    """How many times as long each of the others takes, and how many answers fewer of it are trusted."""
    ours = found[OURS]
    clusters = [score.cluster for score in ours.scores]
    rows: dict[str, dict[str, float | str]] = {}
    for name, theirs in found.items():
        if name != OURS:
            rows[name] = {
                "answer, times as long": _ratio(ratio(theirs.times(TOTAL), ours.times(TOTAL), clusters)),
                "first text": _ratio(ratio(theirs.times(FIRST), ours.times(FIRST), clusters)),
                "TAR, ours less theirs": _difference(trusted_difference(ours, theirs)),
            }
    return Table("ratios of medians, and differences, with 95 % intervals", rows)


def stages_table(ours: Measured) -> Table:
    """Where the time goes: each stage, warm and in the first answer of a process."""
    total = sum(ours.times(TOTAL))
    rows: dict[str, dict[str, float | str]] = {}
    for stage in STAGES:
        times = ours.times(stage)
        rows[stage] = {
            "p50, ms": f"{median(times):.1f}",
            "p95, ms": f"{nearest_rank(times, 95):.1f}",
            "of the time": f"{sum(times) / total:.2f}",
            "cold, ms": f"{median([one.stages[stage] for one in ours.starts]):.0f}" if ours.starts else "-",
        }
    return Table("stages of an answer", rows)


def plain(found: Mapping[str, Measured]) -> dict[str, Any]:
    """All of it as JSON: times and tokens of every answer, scores, and starts."""
    return {
        name: {
            "memory": one.memory,
            "starts": to_plain(one.starts),
            "answers": [
                {
                    "id": answer.id,
                    "ms": dict(answer.ms),
                    "tokens": [answer.context_tokens, answer.completion_tokens],
                    "trusted": score.trusted,
                }
                for answer, score in zip(one.answers, one.scores, strict=True)
            ],
        }
        for name, one in found.items()
    }


def _start_all(
    items: Sequence[GoldItem], places: Sequence[Place], out: Path, starts: int, progress: Progress
) -> None:
    """Ask a fresh process of each system one question, `starts` times, by turns."""
    known = _read_starts(out / STARTS)
    for n in range(starts):
        for place in _turned(places, n):
            if sum(start.system == place.system for start in known) > n:
                continue
            with Contender(place, _log(out, place)) as contender:
                told = contender.tell(items[n % len(items)])
                total = contender.age * 1000
            first = total - told.ms[TOTAL] + told.ms[FIRST]
            stages = {stage: told.ms[stage] for stage in STAGES if stage in told.ms}
            start = Start(place.system, round(first, 1), round(total, 1), stages, told.memory)
            with (out / STARTS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(to_plain(start)) + "\n")
        progress(n + 1, starts, "starting")


def _read_starts(path: Path) -> list[Start]:
    """What is known of starts; a line that a kill left without its end is not."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [decode(Start, json.loads(line)) for line in lines]


def _about(material: Material, place: Place, split: str, count: int) -> dict[str, Any]:
    settings = Settings.load(**place.overrides)
    is_ours = place.system == OURS
    model = settings.model if is_ours else f"{DEFAULT_MODEL}, naive on {place.system}"
    return describe(
        settings,
        model=model,
        gold=material.files,
        split=split,
        limit=count,
        index=read_manifest(current_generation(material.index)).fingerprint,
        fitted=coefficients_of(material.index, settings.model) if is_ours else None,
    )


def _adapted(item: GoldItem, told: Told) -> SystemAnswer:
    if isinstance(told.said, Answer):
        return adapted(item.id, told.said, ms=told.ms)
    return adapted_draft(item.id, item.question, told.said, told.ms)


def _scored(
    material: Material, items: Sequence[GoldItem], folder: Path, name: str, starts: Sequence[Start]
) -> Measured:
    found = read_run(folder)
    answers = {item.id: found.answers[item.id] for item in items}
    scores = [score_question(item, answers[item.id], material.corpus) for item in items]
    summary = summarise(items, answers, scores)
    write_scores(folder, scores, summary)
    log_test_run(found, items, summary.trusted.value)
    own = tuple(start for start in starts if start.system == name)
    return Measured(tuple(answers.values()), tuple(scores), own, found.manifest["peak_rss_mb"] * 1_000_000)


def _turned(some: Sequence[Any], n: int) -> Iterator[Any]:
    """The same, another one first each time."""
    first = n % len(some) if some else 0
    yield from (*some[first:], *some[:first])


def _log(out: Path, place: Place) -> Path:
    return out / _slug(place.system) / "output.log"


def _slug(system: str) -> str:
    return system.lower().replace(" ", "-")


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.2f}"


def _ratio(found: Ratio) -> str:
    return f"{found.value:.1f} [{found.interval.low:.1f}, {found.interval.high:.1f}]"


def _difference(found: Estimate) -> str:
    ends = found.interval
    return f"{found.value:+.2f}" + (f" [{ends.low:+.2f}, {ends.high:+.2f}]" if ends else "")
