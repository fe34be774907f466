"""What the report of one run against another says, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eval.comparison import Comparison, scope, tables
from eval.document import Document, Heading, Paragraph, Plot
from eval.records import Corpus, GoldItem, SystemAnswer
from eval.report import plots
from eval.report.cases import PER_SIDE, flipped


def comparison_document(
    comparison: Comparison,
    names: tuple[str, str],
    items: Iterable[GoldItem],
    answers: tuple[Mapping[str, SystemAnswer], Mapping[str, SystemAnswer]],
    corpus: Corpus,
) -> Document:
    """Return the report of one run against another."""
    by_id = {item.id: item for item in items}
    about, declared, others, gained, lost = tables(comparison, names)
    drawing = plots.differences([(found.label, found.delta, found.interval) for found in comparison.primary])
    drawn = Plot(f"Δ, {names[1]} less {names[0]}, with 95 % intervals. ↓ less is better.", drawing)
    return Document(
        title=f"{names[1]} against {names[0]}",
        subtitle=scope(comparison),
        blocks=(
            about,
            Heading("Declared metrics"),
            declared,
            drawn,
            Heading("Questions that flipped"),
            lost,
            gained,
            Heading("Lost, side by side"),
            Paragraph(f"The first {PER_SIDE} at most."),
            *flipped(comparison.lost, names, by_id, answers, corpus),
            Heading("Gained, side by side"),
            Paragraph(f"The first {PER_SIDE} at most."),
            *flipped(comparison.gained, names, by_id, answers, corpus),
            Heading("Diagnostics"),
            others,
        ),
    )
