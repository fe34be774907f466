"""A batch and how far it has come as HTML. All that questions and answers say is escaped."""

from __future__ import annotations

from html import escape

from assistant.batch.summary import duration
from assistant.page.batches import Batch, Columns, Outcome, Standing
from assistant.page.desk import restriction
from assistant.page.shelf import failure_html

_STAGES = {
    "waiting": "Waits for another batch to finish",
    "running": "Running",
    "stopping": "Stops when this question is answered",
    "stopped": "Stopped; what is answered is kept",
    "done": "Done",
    "failed": "It could not go on",
}
# In the order in which they are told; an error is told even where there is none.
_COUNTED = {"answered": "answered", "partial": "partial", "abstained": "abstained", "error": "errors"}
_LONGEST_SAID = 300


def standing_html(batch: Batch, standing: Standing) -> str:
    """How far a batch is, what has come of its questions, and the rows done last."""
    share = f"{standing.done:,} of {standing.total:,}" if standing.total else ""
    left = f", {duration(standing.seconds_left)} left" if standing.seconds_left else ""
    counts = "".join(
        f'<li class="{status}"><strong>{standing.statuses.get(status, 0):,}</strong> {noun}</li>'
        for status, noun in _COUNTED.items()
    )
    bar = (
        f'<progress max="{standing.total}" value="{standing.done}" aria-label="Questions done"></progress>'
        if standing.total
        else ""
    )
    fault = failure_html(standing.fault) if standing.fault else ""
    return (
        f'<div class="batch {standing.stage}"><h3 dir="auto">{escape(batch.name)}</h3>'
        f'<p class="placeholder">{escape(_asked_of(batch))}</p>'
        f'<p class="stage">{_STAGES[standing.stage]}{f": {share}{left}" if share else ""}</p>'
        f'{fault}{bar}<ul class="counts">{counts}</ul>{_last(standing)}</div>'
    )


def columns_html(columns: Columns) -> str:
    """What an uploaded table holds, and whether the column of the questions is known."""
    noun = "question" if columns.rows == 1 else "questions"
    known = "" if columns.question else " Which column holds them?"
    return f'<p class="placeholder">{columns.rows:,} {noun}.{known}</p>'


def no_batch_html() -> str:
    """What is there before the first batch."""
    return (
        '<p class="placeholder">Answers appear here as they come. They are kept on this machine, and a batch '
        "that was stopped goes on where it was.</p>"
    )


def _asked_of(batch: Batch) -> str:
    narrowed = restriction(batch.filters)
    return f"Asked of {batch.index}{f', papers {narrowed}' if narrowed else ''}"


def _last(standing: Standing) -> str:
    if not standing.last:
        return ""
    rows = "".join(map(_row, standing.last))
    return (
        '<table class="last"><caption>Done last</caption><thead><tr><th scope="col">Question</th>'
        f'<th scope="col">Outcome</th><th scope="col">Answer</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(outcome: Outcome) -> str:
    question = f"{outcome.place}: {outcome.question}" if outcome.question else outcome.place
    said = outcome.said
    if len(said) > _LONGEST_SAID:
        said = f"{said[:_LONGEST_SAID].rstrip()}…"
    return (
        f'<tr><td dir="auto">{escape(question)}</td><td class="{outcome.status}">{outcome.status}</td>'
        f'<td dir="auto">{escape(said)}</td></tr>'
    )
