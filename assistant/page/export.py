"""A conversation as text to take away: its answers with references, or the papers that they cite."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from assistant.answer import Answer, reference
from assistant.page.exchange import Conversation
from assistant.page.links import paper_link
from assistant.records import Paper


@dataclass(frozen=True, slots=True)
class Format:
    """A format of export: what a file of it is called, and how it is written."""

    suffix: str
    write: Callable[[Conversation], str]


def with_references(answer: Answer) -> str:
    """The answer and below it the papers it cites, as plain text to paste elsewhere."""
    papers = {paper.id: paper for paper in answer.cited_papers}
    lines = [answer.text, ""] if answer.citations else [answer.text]
    for citation in answer.citations:
        paper = papers[citation.paper_id]
        parts = (reference(paper), paper.venue, paper_link(paper))
        lines.append(f"[{citation.n}] {'. '.join(part for part in parts if part)}")
    return "\n".join(lines) + "\n"


def markdown(conversation: Conversation) -> str:
    """Every answer with its references."""
    return "\n".join(answer.to_markdown() for answer in _answers(conversation))


def as_json(conversation: Conversation) -> str:
    """Every answer with all that is known of it."""
    plain = [answer.to_dict() for answer in _answers(conversation)]
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"


def bibtex(conversation: Conversation) -> str:
    """BibTeX entries of the papers cited in the conversation, each once."""
    if not (answers := _answers(conversation)):
        return ""
    evidence = tuple(chain.from_iterable(answer.evidence for answer in answers))
    citations = tuple(chain.from_iterable(answer.citations for answer in answers))
    return replace(answers[-1], evidence=evidence, citations=citations).bibtex()


def ris(conversation: Conversation) -> str:
    """RIS records of the papers cited in the conversation, each once."""
    return "\n".join(map(_ris, cited_papers(conversation)))


def cited_papers(conversation: Conversation) -> tuple[Paper, ...]:
    """The papers cited in the conversation, in order of first use."""
    cited = chain.from_iterable(answer.cited_papers for answer in _answers(conversation))
    return tuple({paper.id: paper for paper in cited}.values())


FORMATS: Mapping[str, Format] = {
    "Markdown": Format("md", markdown),
    "JSON": Format("json", as_json),
    "BibTeX": Format("bib", bibtex),
    "RIS": Format("ris", ris),
}


def _answers(conversation: Conversation) -> list[Answer]:
    return [exchange.answer for exchange in conversation if exchange.answer]


def _ris(paper: Paper) -> str:
    fields = [
        ("TY", "JOUR" if paper.venue else "GEN"),
        ("ID", paper.id),
        ("TI", paper.title),
        *(("AU", author) for author in paper.authors),
        ("PY", str(paper.year or "")),
        ("T2", paper.venue or ""),
        ("DO", paper.doi or ""),
        ("UR", paper_link(paper) or ""),
        ("AB", paper.abstract),
    ]
    lines = [f"{tag}  - {' '.join(value.split())}" for tag, value in fields if value]
    return "\n".join([*lines, "ER  - ", ""])
