"""The figures of a run: drawings with the tables that say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eval.confidence import TARGET_RISK
from eval.document import Beside, Block, Heading, Plot, Table, interval, milliseconds, number
from eval.headline import headline
from eval.records import QuestionScore, SystemAnswer
from eval.report import plots
from eval.summary import WATERFALL, Summary


def drawn(
    summary: Summary, answers: Mapping[str, SystemAnswer], scores: Sequence[QuestionScore]
) -> Iterator[Block]:
    """Yield the waterfall, and what can be drawn of confidence and time."""
    yield Heading("Where trust is lost")
    found = [_waterfall(summary)]
    if summary.calibration:
        found += [_risk_coverage(summary), _reliability(summary)]
    if summary.latency.n:
        found.append(_latency(summary, [answers[s.id] for s in headline(scores) if s.id in answers]))
    yield Beside(tuple(found))


def _waterfall(summary: Summary) -> Plot:
    losses = {WATERFALL.get(step, step): lost for step, lost in summary.waterfall.items()}
    left = summary.n - sum(losses.values())
    counts = {"All questions": summary.n, **losses, "Trusted": left}
    return Plot(
        "Failure waterfall: what each step lost. A question is counted at the first step it missed; a false "
        "premise declined without being named loses a half.",
        plots.waterfall(summary.n, losses, "Trusted"),
        Table(
            caption="",
            header=("step", "questions", "share"),
            rows=tuple(
                (name, f"{count:g}", number(count / max(1, summary.n))) for name, count in counts.items()
            ),
        ),
    )


def _risk_coverage(summary: Summary) -> Plot:
    assert summary.calibration
    curve = summary.calibration.curve
    tenths = [next(point for point in curve if point.coverage >= share / 10 - 1e-9) for share in range(1, 11)]
    rows = dict.fromkeys(
        (number(point.confidence), number(point.coverage), number(point.risk)) for point in tenths
    )
    return Plot(
        "Risk-coverage curve over all questions, by the draft before the decision to abstain; a draft for an "
        "unanswerable question is an error.",
        plots.risk_coverage(curve, TARGET_RISK),
        Table("", ("confidence at least", "coverage", "risk"), tuple(rows), words=0),
    )


def _reliability(summary: Summary) -> Plot:
    assert summary.calibration
    bins = summary.calibration.reliability
    return Plot(
        "Reliability: ten bins of equal mass, with Wilson intervals.",
        plots.reliability(bins),
        Table(
            caption="",
            header=("n", "confidence", "share right", "95 % CI"),
            rows=tuple(
                (str(b.n), number(b.confidence), number(b.accuracy), interval(b.interval)) for b in bins
            ),
            words=0,
        ),
    )


def _latency(summary: Summary, answers: Sequence[SystemAnswer]) -> Plot:
    given = [a.ms["total"] for a in answers if "total" in a.ms and a.status in {"answered", "partial"}]
    others = [a.ms["total"] for a in answers if "total" in a.ms and a.status not in {"answered", "partial"}]
    every, answered = summary.latency, summary.latency_answered
    return Plot(
        "Time to an answer, end to end; abstentions and errors in grey. Percentiles are by nearest rank.",
        plots.latency(given, others, {"p50": every.p50, "p95": every.p95}),
        Table(
            caption="",
            header=("", "n", "p50", "p95"),
            rows=tuple(
                (name, str(found.n), milliseconds(found.p50), milliseconds(found.p95))
                for name, found in (("all questions", every), ("answered only", answered))
            ),
        ),
    )
