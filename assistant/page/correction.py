"""The form in which a reader says what would have been right, as HTML."""

from __future__ import annotations

from html import escape

from assistant.page.exchange import Exchange
from assistant.records import Paper
from assistant.sentences import sentence_spans


def correction_html(exchange: Exchange) -> str:
    """The form, hidden at first: the right answer and the sentence that says it, or that none does."""
    papers = "".join(_sentences(position, found.paper) for position, found in enumerate(exchange.papers))
    return (
        f'<form class="correction" data-exchange="{exchange.number}" hidden>'
        "<p>What would have been right? It is kept on this machine as a gold question for the evaluation.</p>"
        '<label class="line">Right answer <input name="answer" required></label>'
        '<label><input type="checkbox" name="absent"> These abstracts do not say it</label>'
        f"<fieldset><legend>The sentence that says it</legend>{papers}</fieldset>"
        '<div><button type="submit">Keep as a gold question</button>'
        '<button type="button" data-act="cancel">Cancel</button></div></form>'
    )


def _sentences(position: int, paper: Paper) -> str:
    """The sentences of a paper to choose from, each known by the paper's place and its own offsets."""
    choices = "".join(
        f'<label><input type="radio" name="evidence" value="{position} {start} {end}" required> '
        f"{escape(paper.abstract[start:end])}</label>"
        for start, end in sentence_spans(paper.abstract)
    )
    return f'<h3 dir="auto">{escape(paper.title or "Untitled")}</h3>{choices}'
