"""A conversation as HTML. Whatever a person, a paper or a model wrote is escaped; nothing is Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from assistant.answer import Answer
from assistant.page.correction import correction_html
from assistant.page.exchange import Conversation, Exchange
from assistant.page.export import with_references
from assistant.records import Sentence, Verdict

VERDICTS: dict[Verdict, tuple[str, str]] = {
    "supported": ("✔", "supported by the sentence it cites"),
    "partial": ("◐", "partly supported by the sentence it cites"),
    "unsupported": ("✖", "not supported by these abstracts"),
}
_NEAREST = 3  # papers named where there is no answer, as in its text
_INVITATION = "Ask a question about these papers. Each sentence of the answer cites the sentence it rests on."


def header_html(papers: int, model: str) -> str:
    """The title, and one line on what is asked and what answers."""
    answering = "without a model, in extracts" if model == "none" else f"by {escape(model)}"
    noun = "paper" if papers == 1 else "papers"
    return (
        '<header class="masthead"><h1>Abstract Assistant</h1>'
        f"<p>Answers about {papers:,} {noun}, {answering}.</p></header>"
    )


def legend_html() -> str:
    """What the shapes after a sentence mean."""
    entries = (
        f"<li>{_verdict(verdict)} {meaning.split(' by ')[0]}</li>"
        for verdict, (_, meaning) in VERDICTS.items()
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'


def conversation_html(
    conversation: Conversation, suggestions: Sequence[str] = (), *, live: bool = False
) -> str:
    """Questions and answers, oldest first, or what can be asked; `live` when the last is being answered.

    What can be done with an answer is offered below it; only the last question can be asked again, and while
    one is being answered no answer can be judged.
    """
    if not conversation:
        return f'<p class="placeholder">{_INVITATION}</p>{_suggestions(suggestions)}'
    *earlier, last = conversation
    live = live and not last.is_over
    exchanges = [_exchange(exchange, can_be_judged=not live) for exchange in earlier]
    return "".join([*exchanges, _exchange(last, is_last=True, live=live, can_be_judged=not live)])


def _suggestions(questions: Sequence[str]) -> str:
    if not questions:
        return ""
    buttons = (f'<li><button type="button" data-act="suggest">{escape(q)}</button></li>' for q in questions)
    return f'<div class="suggestions"><p>For example</p><ul>{"".join(buttons)}</ul></div>'


def _exchange(
    exchange: Exchange, *, is_last: bool = False, live: bool = False, can_be_judged: bool = False
) -> str:
    can_be_revised = is_last and not live
    parts = [f'<h2 class="question" dir="auto">{escape(exchange.question)}</h2>']
    if can_be_revised:
        parts.append(_revision(exchange, "question", exchange.question, "Your question"))
    parts.append(_reading(exchange, can_be_revised))
    if exchange.restriction:
        parts.append(f'<p class="standalone" dir="auto">Asked of papers {escape(exchange.restriction)}</p>')
    if exchange.answer and exchange.answer.status == "abstained":
        parts.append('<p class="abstained">Not in these abstracts</p>')
    parts += [_answer(exchange), _outcome(exchange, live=live)]
    if not live:
        parts.append(_actions(exchange, can_be_revised, can_be_judged))
    if can_be_judged and _is_judged(exchange):
        parts.append(correction_html(exchange))
    return f'<article class="exchange{" live" if live else ""}">{"".join(parts)}</article>'


def _reading(exchange: Exchange, can_be_revised: bool) -> str:
    """How a follow-up or a misspelt question was read, to be put right by the reader."""
    read = exchange.standalone_question
    if read in ("", exchange.question):
        return ""
    edit = ' <button type="button" data-act="revise" data-field="read_as">Edit</button>'
    return f'<p class="standalone" dir="auto">Read as: {escape(read)}{edit if can_be_revised else ""}</p>' + (
        _revision(exchange, "read_as", read, "Read the question as") if can_be_revised else ""
    )


def _revision(exchange: Exchange, field: str, text: str, label: str) -> str:
    """The form, hidden at first, that asks the last question again in other words."""
    return (
        f'<form class="revision" data-field="{field}" data-exchange="{exchange.number}" hidden>'
        f'<textarea name="text" rows="3" aria-label="{label}">{escape(text)}</textarea>'
        '<div><button type="submit">Ask again</button>'
        '<button type="button" data-act="cancel">Cancel</button></div></form>'
    )


def _is_judged(exchange: Exchange) -> bool:
    """Whether a reader can say that it is right or not: that papers answer the question, or do not."""
    answer = exchange.answer
    return bool(answer and exchange.papers and answer.status != "error")


def _actions(exchange: Exchange, can_be_revised: bool, can_be_judged: bool) -> str:
    buttons = []
    if can_be_revised:
        buttons += [
            '<button type="button" data-act="revise" data-field="question">Edit question</button>',
            f'<button type="button" data-act="retry" data-exchange="{exchange.number}">Try again</button>',
        ]
    if exchange.answer and exchange.answer.citations:
        said = escape(with_references(exchange.answer))
        buttons.append(
            f'<button type="button" data-act="copy" data-text="{said}">Copy with references</button>'
        )
    if _is_judged(exchange):
        state = "" if can_be_judged else " disabled"
        approve = f'data-act="approve" data-exchange="{exchange.number}"'
        buttons += [
            f'<button type="button" {approve}{state}>Right</button>',
            f'<button type="button" data-act="correct"{state}>Not right</button>',
        ]
    return f'<div class="actions">{"".join(buttons)}</div>' if buttons else ""


def _answer(exchange: Exchange) -> str:
    if exchange.answer and exchange.answer.status == "abstained":
        return _abstention(exchange.answer)
    pieces = [_sentence(exchange.number, i, sentence) for i, sentence in enumerate(exchange.sentences)]
    if exchange.unverified:
        pieces.append(f'<span class="draft">{escape(exchange.unverified)}</span>')
    return f'<p class="answer" dir="auto">{" ".join(pieces)}</p>' if pieces else ""


def _abstention(answer: Answer) -> str:
    """What the abstracts do not give, and the nearest papers one below the other."""
    said = f'<p class="answer" dir="auto">{escape(answer.reason.sentence)}</p>'
    nearest = [evidence.paper for evidence in answer.evidence[:_NEAREST]]
    if not nearest:
        return said
    titles = "".join(f'<li dir="auto">{escape(paper.title or paper.id)}</li>' for paper in nearest)
    noun = "paper is" if len(nearest) == 1 else "papers are"
    return f'{said}<div class="nearest"><p>The nearest {noun}:</p><ul>{titles}</ul></div>'


def _sentence(number: int, i: int, sentence: Sentence) -> str:
    marks = "".join(
        f' <a class="cite" href="#x{number}-c{n}" aria-label="citation {n}">[{n}]</a>'
        for n in sentence.citations
    )
    # A greeting or an abstention cites nothing and needs no verdict.
    judged = bool(sentence.citations) or sentence.verdict != "supported"
    verdict = f" {_verdict(sentence.verdict)}" if judged else ""
    kind = sentence.verdict if judged else "plain"
    opening = f'<span class="sentence {kind}" id="x{number}-s{i}" tabindex="-1">'
    return f"{opening}{escape(sentence.text)}{marks}{verdict}</span>"


def _verdict(verdict: Verdict) -> str:
    shape, meaning = VERDICTS[verdict]
    return (
        f'<span class="verdict {verdict}" role="img" aria-label="{meaning}" title="{meaning}">{shape}</span>'
    )


def _outcome(exchange: Exchange, *, live: bool) -> str:
    """What goes on, or how it ended."""
    if exchange.fault:
        return f'<p class="fault">{escape(exchange.fault)}</p>'
    answer = exchange.answer
    if not answer:
        return (
            f'<p class="progress" role="status">{_progress(exchange)}</p>'
            if live
            else '<p class="facts">Stopped.</p>'
        )
    if answer.status == "error":
        return f'<p class="fault">{escape(answer.reason.sentence)}</p>'
    if answer.status == "abstained":
        return ""
    facts = f"{escape(answer.reason.sentence)} {answer.timings.total_ms / 1000:.1f} s."
    warnings = "".join(f"<li>{escape(warning)}</li>" for warning in answer.warnings)
    return f'<p class="facts">{facts}</p>' + (f'<ul class="warnings">{warnings}</ul>' if warnings else "")


def _progress(exchange: Exchange) -> str:
    if exchange.unverified or exchange.sentences:
        return "Writing; each sentence is checked as it ends"
    return f"Reading {len(exchange.papers)} abstracts" if exchange.papers else "Searching"
