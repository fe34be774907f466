"""What the report of a run says, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from eval.document import (
    Block,
    Document,
    Figures,
    Heading,
    Paragraph,
    Table,
    type_name,
    with_interval,
)
from eval.headline import PRIMARY, Estimate, headline, mean
from eval.records import Corpus, GoldItem, QuestionScore, SystemAnswer
from eval.report import plots
from eval.report.cases import PER_STEP, worst
from eval.report.figures import drawn
from eval.report.measured import ESTIMATE, abstention, conditions, confidence, metrics
from eval.summary import Summary, summarise

_DIAGNOSTIC = 50  # questions below which a slice supports no claim


def run_document(
    manifest: Mapping[str, Any],
    items: Sequence[GoldItem],
    answers: Mapping[str, SystemAnswer],
    scores: Sequence[QuestionScore],
    corpus: Corpus,
) -> Document:
    """Return the report of one run."""
    summary = summarise(items, answers, scores)
    by_id = {item.id: item for item in items}
    return Document(
        title="Evaluation report",
        subtitle=_subtitle(manifest),
        blocks=(
            *_headline(summary, scores),
            *_types(summary),
            *drawn(summary, answers, scores),
            *metrics(summary),
            *abstention(summary),
            *conditions(summary),
            *confidence(summary),
            Heading("Failures"),
            Paragraph(
                f"Of each step of the waterfall, the {PER_STEP} in which the system was most confident."
            ),
            *worst(by_id, answers, scores, corpus),
            *_provenance(manifest),
        ),
    )


def _subtitle(manifest: Mapping[str, Any]) -> str:
    commit = str(manifest.get("commit") or "")[:10]
    parts = {
        "": manifest.get("model"),
        "split ": manifest.get("split"),
        "commit ": commit + (" (dirty)" if commit and manifest.get("dirty") else ""),
        "on ": str(manifest.get("started") or "")[:10],
    }
    return ", ".join(f"{name}{value}" for name, value in parts.items() if value)


def _headline(summary: Summary, scores: Sequence[QuestionScore]) -> Iterator[Block]:
    counted = headline(scores)
    right = next(mean(counted, measure.of) for measure in PRIMARY if measure.name == "answerable_right")
    unanswerable = summary.n - summary.answerable
    yield Figures(
        (
            _entry("Trusted-Answer Rate", summary.trusted),
            _entry("macro over types", summary.trusted_macro),
            _entry("answerable right", right),
            ("questions", str(summary.n), f"{summary.answerable} answerable, {unanswerable} not"),
        )
    )
    yield Paragraph(
        "An answerable question is trusted if its answer is right, cites the right papers, and each sentence "
        "and quote holds; an unanswerable one if it was declined or its false premise put right. Every "
        "question of the gold file counts; an error or a missing answer is wrong. Intervals are 95 % "
        "percentile bootstrap intervals over clusters (paper or paraphrase family, B = 10,000, fixed seed); "
        "Wilson's where a rate is 0 or 1."
    )
    yield Table(
        caption="The declared metrics.",
        header=("", *ESTIMATE),
        rows=tuple((measure.label, *with_interval(mean(counted, measure.of))) for measure in PRIMARY),
        note="↓ less is better.",
        drawn=tuple(_spark(mean(counted, measure.of)) for measure in PRIMARY),
    )


def _entry(name: str, estimate: Estimate) -> tuple[str, str, str]:
    _, value, ends = with_interval(estimate)
    return name, value, ends


def _spark(estimate: Estimate) -> Markup:
    return plots.estimate(estimate.value, estimate.interval) if estimate.n else Markup()


def _types(summary: Summary) -> Iterator[Block]:
    yield Heading("By type of question")
    yield Table(
        caption="Trusted-Answer Rate by type of question.",
        header=("type", "n", "TAR", "95 % CI", "right", "citation F1", "abstained"),
        rows=tuple(
            (
                type_name(row.type),
                *with_interval(row.trusted),
                with_interval(row.right)[1],
                with_interval(row.citation_f1)[1],
                with_interval(row.abstained)[1],
            )
            for row in summary.types
        ),
        note=f"A type with fewer than {_DIAGNOSTIC} questions is a diagnostic and supports no claim. Right: "
        "answered rightly, or, where there is no answer, declined.",
        drawn=tuple(_spark(row.trusted) for row in summary.types),
    )


def _provenance(manifest: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading("How this was run")
    yield Table("Manifest of the run.", ("entry", "value"), tuple(_flat(manifest)), words=2)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", "–" if value is None else str(value)
