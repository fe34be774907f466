"""What a batch comes to: before it runs, and after."""

from __future__ import annotations

import heapq
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median, quantiles

from assistant.batch.columns import Result

_SHOWN = 3  # slowest rows, and failures, that are told of
_ASKED = {
    "new": "new",
    "changed": "answered under other conditions",
    "failed": "failed before",
    "again": "again",
}
_UNASKED = {
    "kept": "taken from the journal",
    "duplicate": "asked before in the same run",
    "faulty": "faulty",
    "left": "left for another run",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do: questions by choice, and how many of them it would ask.

    `changed` is what differs from the conditions of the last run; `seconds` is estimated from what the
    `known` answers of the journal took, None where there are none.
    """

    choices: Mapping[str, int]
    asked: int
    changed: tuple[str, ...]
    seconds: float | None
    known: int


@dataclass(frozen=True, slots=True)
class Told:
    """A row that is worth a look: where it is, and its reason or how many milliseconds it took."""

    place: str
    reason: str
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Summary:
    """How a batch went.

    `statuses` and `choices` count questions; tokens and milliseconds are those of the questions asked in
    this run; `changed` is what differs from the conditions of the run before; `damaged` counts lines of the
    journal that could not be read; `notes` tell what the output does not hold as it was answered.
    """

    statuses: Mapping[str, int]
    choices: Mapping[str, int]
    asked: int
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    p50_ms: float
    p95_ms: float
    slowest: tuple[Told, ...]
    failures: tuple[Told, ...]
    changed: tuple[str, ...]
    damaged: int
    notes: tuple[str, ...] = ()


@dataclass
class Tally:
    """Counts a run's questions as they are done, in constant memory but for four bytes a question asked."""

    started: float = field(default_factory=time.perf_counter)
    questions: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    choices: Counter[str] = field(default_factory=Counter)
    took: array[float] = field(default_factory=lambda: array("f"))
    prompt_tokens: int = 0
    completion_tokens: int = 0
    slowest: list[tuple[int, int, Told]] = field(default_factory=list)
    failures: list[Told] = field(default_factory=list)
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def add(self, place: str, choice: str, result: Result | None, *, asked: bool) -> None:
        """Count a question; one without a result is left for another run."""
        self.questions += 1
        self.choices[choice] += 1
        if result is None:
            return
        self.statuses[result.status] += 1
        if result.status == "error" and len(self.failures) < _SHOWN:
            self.failures.append(Told(place, result.reason, result.latency_ms))
        if asked:
            self.took.append(result.latency_ms)
            self.prompt_tokens += result.prompt_tokens
            self.completion_tokens += result.completion_tokens
            entry = result.latency_ms, -self.questions, Told(place, result.reason, result.latency_ms)
            (heapq.heappushpop if len(self.slowest) == _SHOWN else heapq.heappush)(self.slowest, entry)

    def summary(self, damaged: int) -> Summary:
        """The summary of what has been counted."""
        took = self.took
        return Summary(
            statuses=dict(self.statuses),
            choices=dict(self.choices),
            asked=len(took),
            seconds=time.perf_counter() - self.started,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            p50_ms=median(took) if took else 0.0,
            p95_ms=quantiles(took, n=20, method="inclusive")[-1] if len(took) > 1 else sum(took),
            slowest=tuple(told for *_, told in sorted(self.slowest, reverse=True)),
            failures=tuple(self.failures),
            changed=self.changed,
            damaged=damaged,
            notes=self.notes,
        )


def describe(summary: Summary, target: str) -> Iterator[str]:
    """The summary in lines."""
    counts = ", ".join(f"{count} {status}" for status, count in sorted(summary.statuses.items()))
    yield f"{target}: {counts or 'nothing answered'}, in {duration(summary.seconds)}"
    if known := _counted(summary.choices, _UNASKED):
        yield f"{summary.asked} asked, {known}"
    if summary.asked:
        slowest = ", ".join(f"{told.place} {told.latency_ms / 1000:.1f} s" for told in summary.slowest)
        yield (
            f"a question took {summary.p50_ms / 1000:.1f} s (median), {summary.p95_ms / 1000:.1f} s (95th "
            f"percentile), slowest {slowest}; {summary.prompt_tokens} tokens read, "
            f"{summary.completion_tokens} written"
        )
    if failed := summary.statuses.get("error", 0):
        first = "; ".join(f"{told.place}: {told.reason}" for told in summary.failures)
        more = f" and {failed - len(summary.failures)} more" if failed > len(summary.failures) else ""
        yield f"of status error: {first}{more}; {_next_step(summary.choices.get('faulty', 0), failed)}"
    if summary.damaged:
        yield f"{summary.damaged} damaged lines of the journal were passed over, their questions asked again"
    yield from summary.notes


def describe_forecast(forecast: Forecast, target: str) -> Iterator[str]:
    """The forecast in lines."""
    reasons, known = _counted(forecast.choices, _ASKED), _counted(forecast.choices, _UNASKED)
    yield f"{target}: {forecast.asked} to ask" + (f" ({reasons})" if reasons else "")
    if known:
        yield f"not to ask: {known}"
    if forecast.changed and forecast.choices.get("changed"):
        yield f"changed since the last run: {'; '.join(forecast.changed)}"
    if forecast.asked and forecast.seconds is not None:
        yield (
            f"that takes about {duration(forecast.seconds)}, as long a question as the {forecast.known} "
            "answers in the journal took"
        )
    elif forecast.asked:
        yield "how long that takes is not known yet; --limit 20 asks a few"


def _next_step(faulty: int, failed: int) -> str:
    """What can be done about rows that failed, of which some are faulty: those would fail for ever."""
    if not faulty:
        return "the same command asks them again"
    if faulty == failed:
        return "put them right where the questions are"
    return f"put {faulty} right where the questions are, the same command asks the others again"


def _counted(choices: Mapping[str, int], names: Mapping[str, str]) -> str:
    return ", ".join(f"{choices[name]} {told}" for name, told in names.items() if choices.get(name))


def duration(seconds: float) -> str:
    """A time to wait, in the units one would say it in."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
