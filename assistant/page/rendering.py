"""A conversation as HTML. Whatever a person, a paper or a model wrote is escaped; nothing is Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote, urlsplit

from assistant.answer import Answer
from assistant.page.exchange import Conversation, Exchange
from assistant.records import Citation, Paper, Sentence, Verdict

VERDICTS: dict[Verdict, tuple[str, str]] = {
    "supported": ("✔", "supported by the sentence it cites"),
    "partial": ("◐", "partly supported by the sentence it cites"),
    "unsupported": ("✖", "not supported by these abstracts"),
}
_NEAREST = 3  # papers named where there is no answer, as in its text
_INVITATION = "Ask a question about these papers. Each sentence of the answer cites the sentence it rests on."
_NO_EVIDENCE = "The papers found for a question appear here, with the cited sentences marked."


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


def conversation_html(conversation: Conversation, *, live: bool = False) -> str:
    """Questions and answers, oldest first; `live` when the last one is still being answered."""
    if not conversation:
        return f'<p class="placeholder">{_INVITATION}</p>'
    *earlier, last = conversation
    exchanges = [_exchange(exchange, live=False) for exchange in earlier]
    return "".join([*exchanges, _exchange(last, live=live and not last.is_over)])


def evidence_html(conversation: Conversation) -> str:
    """The papers behind the latest answer, then those behind earlier ones, folded."""
    found = [exchange for exchange in reversed(conversation) if exchange.papers]
    if not found:
        return f'<p class="placeholder">{_NO_EVIDENCE}</p>'
    latest, *earlier = found
    return _cards(latest) + "".join(map(_folded, earlier))


def marked_abstract(abstract: str, citations: Iterable[Citation], anchor: str) -> str:
    """The abstract with each cited span in a <mark> whose id is `anchor` and the citation's number."""
    pieces: list[str] = []
    done = 0
    for citation in sorted(citations, key=lambda citation: (citation.start, citation.end)):
        start = max(done, citation.start)
        end = max(start, citation.end)
        pieces.append(escape(abstract[done:start]))
        pieces.append(f'<mark id="{anchor}{citation.n}" tabindex="-1">{escape(abstract[start:end])}</mark>')
        done = end
    return "".join([*pieces, escape(abstract[done:])])


def paper_link(paper: Paper) -> str | None:
    """Where the paper can be read: its own http(s) address, else its DOI's or arXiv's."""
    if paper.url and urlsplit(paper.url).scheme in ("http", "https"):
        return paper.url
    if paper.doi:
        return f"https://doi.org/{quote(paper.doi.removeprefix('https://doi.org/'), safe='/')}"
    return f"https://arxiv.org/abs/{quote(paper.arxiv_id, safe='/')}" if paper.arxiv_id else None


def _exchange(exchange: Exchange, *, live: bool) -> str:
    parts = [f'<h2 class="question" dir="auto">{escape(exchange.question)}</h2>']
    if exchange.standalone_question not in ("", exchange.question):
        parts.append(f'<p class="standalone" dir="auto">Read as: {escape(exchange.standalone_question)}</p>')
    if exchange.answer and exchange.answer.status == "abstained":
        parts.append('<p class="abstained">Not in these abstracts</p>')
    parts += [_answer(exchange), _outcome(exchange, live=live)]
    return f'<article class="exchange{" live" if live else ""}">{"".join(parts)}</article>'


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


def _folded(exchange: Exchange) -> str:
    return (
        f'<details class="earlier"><summary dir="auto">Earlier: {escape(exchange.question)}</summary>'
        f"{_cards(exchange)}</details>"
    )


def _cards(exchange: Exchange) -> str:
    return "".join(_card(exchange, paper) for paper in exchange.papers)


def _card(exchange: Exchange, paper: Paper) -> str:
    citations = [citation for citation in exchange.citations if citation.paper_id == paper.id]
    role = "used" if citations else "retrieved, not used" if exchange.is_over else "retrieved"
    abstract = marked_abstract(paper.abstract, citations, f"x{exchange.number}-c")
    body = f'<p class="abstract" dir="auto">{abstract}</p>'
    if not citations:
        body = f"<details><summary>Abstract</summary>{body}</details>"
    return (
        f'<article class="card{" used" if citations else ""}">'
        f'<p class="role">{role}{_back_links(exchange, citations)}</p>'
        f'<h3 dir="auto">{escape(paper.title or "Untitled")}</h3>{_imprint(paper)}{body}</article>'
    )


def _back_links(exchange: Exchange, citations: Iterable[Citation]) -> str:
    """The numbers of a card's citations, each leading back to the first sentence that uses it."""
    links = []
    for citation in citations:
        i = next((i for i, sentence in enumerate(exchange.sentences) if citation.n in sentence.citations), 0)
        href = f"#x{exchange.number}-s{i}"
        links.append(
            f' <a class="cite" href="{href}" aria-label="back to citation {citation.n}">[{citation.n}]</a>'
        )
    return "".join(links)


def _imprint(paper: Paper) -> str:
    facts = [
        escape(fact) for fact in (", ".join(paper.authors), str(paper.year or ""), paper.venue or "") if fact
    ]
    if link := paper_link(paper):
        facts.append(f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer">Open paper ↗</a>')
    facts.append(f'<span class="id">{escape(paper.id)}</span>')
    return f'<p class="imprint">{" · ".join(facts)}</p>'
