"""Two runs over the same questions: what differs, how sure that is, and on which questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from assistant.errors import AssistantError
from eval.document import (
    NONE,
    Block,
    Heading,
    Paragraph,
    Table,
    interval,
    number,
    probability,
    signed,
    type_name,
)
from eval.document import text as as_text
from eval.headline import PRIMARY, Measure, change, headline, reported
from eval.records import QuestionScore
from eval.statistics import Interval, holm, mcnemar_exact, non_inferiority, paired_randomisation
from eval.summary import WATERFALL

_NAMED = 5  # ids that an error message lists
Pair = tuple[QuestionScore, QuestionScore]

_LOWER_IS_BETTER = {measure.name for measure in PRIMARY if measure.better == "lower"}


class ComparisonError(AssistantError):
    """Two runs can't be compared."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric in two runs, over the questions it applies to in both.

    `lost` and `gained` count questions that only the first or only the second run has, `mcnemar` is their
    exact test; all three are None for a metric that is not binary. `p_holm` is p corrected for the number of
    declared metrics, None for the others. `non_inferior` is None where no margin was stated.
    """

    name: str
    label: str
    n: int
    first: float
    second: float
    delta: float
    interval: Interval | None
    p: float
    p_holm: float | None = None
    lost: int | None = None
    gained: int | None = None
    mcnemar: float | None = None
    non_inferior: bool | None = None


@dataclass(frozen=True, slots=True)
class Flip:
    """A question on which the runs differ: its share of the headline, and where it failed."""

    id: str
    type: str
    first: float
    second: float
    first_failure: str | None
    second_failure: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that can be said of two runs: the declared metrics, the others as diagnostics, every flip."""

    n: int
    clusters: int
    margin: float | None
    primary: tuple[Difference, ...]
    others: tuple[Difference, ...]
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]


def compare(
    first: Sequence[QuestionScore], second: Sequence[QuestionScore], *, margin: float | None = None
) -> Comparison:
    """Return how the second run differs from the first, question by question.

    Raises:
        ComparisonError: they did not ask the same questions.
    """
    pairs = _paired(first, second)
    primary = [found for measure in PRIMARY if (found := _difference(measure, pairs))]
    corrected = holm({found.name: found.p for found in primary})
    flips = [_flip(*pair) for pair in pairs if pair[0].trusted != pair[1].trusted]
    return Comparison(
        n=len(pairs),
        clusters=len({one.cluster for one, _ in pairs}),
        margin=margin,
        primary=tuple(
            replace(found, p_holm=corrected[found.name], non_inferior=_non_inferior(found, margin))
            for found in primary
        ),
        others=tuple(found for measure in _diagnostics(pairs) if (found := _difference(measure, pairs))),
        gained=tuple(flip for flip in flips if flip.second > flip.first),
        lost=tuple(flip for flip in flips if flip.second < flip.first),
    )


def _paired(first: Sequence[QuestionScore], second: Sequence[QuestionScore]) -> list[Pair]:
    ours = {score.id: score for score in headline(first)}
    theirs = {score.id: score for score in headline(second)}
    if ours.keys() != theirs.keys():
        raise ComparisonError(
            f"the runs asked different questions: {_some(ours.keys() - theirs.keys())} only in the first, "
            f"{_some(theirs.keys() - ours.keys())} only in the second; run both on the same gold and split"
        )
    if not ours:
        raise ComparisonError("neither run has a scored question; score them by `python -m eval score`")
    return [(ours[question], theirs[question]) for question in sorted(ours)]


def _some(ids: set[str]) -> str:
    listed = sorted(ids)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return (", ".join(listed[:_NAMED]) or "none") + more


def _diagnostics(pairs: Sequence[Pair]) -> Iterator[Measure]:
    """Every other metric that the scorer reports."""
    declared = {measure.name for measure in PRIMARY}
    for name in sorted({name for one, _ in pairs for name in one.metrics} - declared):
        yield Measure(name, name, reported(name))


def _difference(measure: Measure, pairs: Sequence[Pair]) -> Difference | None:
    """The metric's difference, None where it applies to no question in both runs."""
    rows = [
        (was, now, one.cluster)
        for one, other in pairs
        if (was := measure.of(one)) is not None and (now := measure.of(other)) is not None
    ]
    if not rows:
        return None
    before, after = [row[0] for row in rows], [row[1] for row in rows]
    differences, clusters = [row[1] - row[0] for row in rows], [row[2] for row in rows]
    changed = change(differences, clusters)
    found = Difference(
        name=measure.name,
        label=measure.label,
        n=len(rows),
        first=fmean(before),
        second=fmean(after),
        delta=changed.value,
        interval=changed.interval,
        p=paired_randomisation(differences, clusters),
    )
    if not set(before) | set(after) <= {0.0, 1.0}:
        return found
    lost, gained = differences.count(-1), differences.count(1)
    return replace(found, lost=lost, gained=gained, mcnemar=mcnemar_exact(lost, gained))


def _flip(one: QuestionScore, other: QuestionScore) -> Flip:
    return Flip(one.id, one.type, one.trusted, other.trusted, one.failure, other.failure)


def _non_inferior(found: Difference, margin: float | None) -> bool | None:
    """Whether the second run is worse by less than the margin, whichever way the metric is better."""
    if margin is None or found.interval is None:
        return None
    if found.name in _LOWER_IS_BETTER:
        return non_inferiority(Interval(-found.interval.high, -found.interval.low), margin)
    return non_inferiority(found.interval, margin)


def outcome(trusted: float, failure: str | None) -> str:
    """Return how a question ended: trusted, or the step it failed at."""
    return "Trusted" if trusted == 1 else WATERFALL.get(failure or "", failure or number(trusted, 1))


def tables(comparison: Comparison, names: tuple[str, str]) -> tuple[Block, ...]:
    """Return the comparison as tables: what was declared, what was not, and every question that flipped."""
    about = (
        "Δ with its cluster-bootstrap interval; p by sign-flip randomisation over clusters, corrected by "
        "Holm's procedure over the declared metrics; exact McNemar where a metric is binary."
    )
    return (
        Paragraph(about),
        _table("The declared metrics.", comparison.primary, names, comparison.margin),
        _table("The other metrics, as diagnostics; p is not corrected.", comparison.others, names, None),
        _flips("Gained", comparison.gained, names),
        _flips("Lost", comparison.lost, names),
    )


def text(comparison: Comparison, names: tuple[str, str] = ("A", "B")) -> str:
    """Return the comparison for a terminal."""
    return as_text(
        (Heading(f"{names[1]} against {names[0]}: {scope(comparison)}"), *tables(comparison, names))
    )


def scope(comparison: Comparison) -> str:
    """Return over how much two runs were compared."""
    return f"{comparison.n} questions in {comparison.clusters} clusters"


def _table(
    title: str, differences: Sequence[Difference], names: tuple[str, str], margin: float | None
) -> Table:
    declared = any(found.p_holm is not None for found in differences)
    header = (
        "",
        "n",
        *names,
        "Δ",
        "95 % CI",
        "p",
        *(("Holm",) if declared else ()),
        "lost / gained",
        "McNemar",
    )
    return Table(
        caption=title,
        header=header if margin is None else (*header, f"within {margin:g}"),
        rows=tuple(_row(found, declared, margin) for found in differences),
        note=""
        if margin is None
        else f"{names[1]} is not inferior where its interval's worse end is within {margin:g} of {names[0]}.",
    )


def _row(found: Difference, declared: bool, margin: float | None) -> tuple[str, ...]:
    verdict = () if margin is None else ({True: "yes", False: "no", None: NONE}[found.non_inferior],)
    return (
        found.label,
        str(found.n),
        number(found.first),
        number(found.second),
        signed(found.delta),
        interval(found.interval),
        probability(found.p),
        *((probability(found.p_holm),) if declared else ()),
        NONE if found.lost is None else f"{found.lost} / {found.gained}",
        probability(found.mcnemar),
        *verdict,
    )


def _flips(title: str, flips: Sequence[Flip], names: tuple[str, str]) -> Table:
    return Table(
        caption=f"{title}: {len(flips)}",
        header=("question", "type", *names),
        rows=tuple(
            (
                flip.id,
                type_name(flip.type),
                outcome(flip.first, flip.first_failure),
                outcome(flip.second, flip.second_failure),
            )
            for flip in flips
        ),
        words=4,
    )
