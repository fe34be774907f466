"""The papers behind the answers as cards of HTML, with what is cited marked in the abstract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from assistant.page.exchange import Conversation, Exchange
from assistant.page.links import paper_link
from assistant.records import Citation, Paper, ScoredPaper

_NO_EVIDENCE = "The papers found for a question appear here, with the cited sentences marked."
_ROLES = {True: "used", False: "retrieved, not used"}


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


def imprint_html(paper: Paper) -> str:
    """Authors, year and venue where known, where to read the paper, and its id."""
    facts = [
        escape(fact) for fact in (", ".join(paper.authors), str(paper.year or ""), paper.venue or "") if fact
    ]
    if link := paper_link(paper):
        facts.append(f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer">Open paper ↗</a>')
    facts.append(f'<span class="id">{escape(paper.id)}</span>')
    return f'<p class="imprint">{" · ".join(facts)}</p>'


def _folded(exchange: Exchange) -> str:
    return (
        f'<details class="earlier"><summary dir="auto">Earlier: {escape(exchange.question)}</summary>'
        f"{_cards(exchange)}</details>"
    )


def _cards(exchange: Exchange) -> str:
    return "".join(_card(exchange, scored) for scored in exchange.papers)


def _card(exchange: Exchange, scored: ScoredPaper) -> str:
    paper = scored.paper
    citations = [citation for citation in exchange.citations if citation.paper_id == paper.id]
    role = _ROLES[bool(citations)] if citations or exchange.is_over else "retrieved"
    abstract = marked_abstract(paper.abstract, citations, f"x{exchange.number}-c")
    body = f'<p class="abstract" dir="auto">{abstract}</p>'
    if not citations:
        body = f"<details><summary>Abstract</summary>{body}</details>"
    return (
        f'<article class="card{" used" if citations else ""}">'
        f'<p class="role">{role}{_back_links(exchange, citations)}</p>'
        f'<h3 dir="auto">{escape(paper.title or "Untitled")}</h3>'
        f"{imprint_html(paper)}{body}{_scores(scored)}</article>"
    )


def _back_links(exchange: Exchange, citations: Sequence[Citation]) -> str:
    """The numbers of a card's citations, each leading back to the first sentence that uses it."""
    links = []
    for citation in citations:
        i = next((i for i, sentence in enumerate(exchange.sentences) if citation.n in sentence.citations), 0)
        href = f"#x{exchange.number}-s{i}"
        links.append(
            f' <a class="cite" href="{href}" aria-label="back to citation {citation.n}">[{citation.n}]</a>'
        )
    return "".join(links)


def _scores(scored: ScoredPaper) -> str:
    """The score that ranked the paper, and the two it was put together from, of its best passage."""
    if not scored.passages:
        return ""
    best = scored.passages[0]
    return (
        f'<p class="scores" title="How the paper was found: its rank score, the likeness of meaning '
        f'(cosine), and the words shared (BM25)">score {scored.score:.2f} · meaning {best.dense:.2f} · '
        f"words {best.lexical:.1f}</p>"
    )
