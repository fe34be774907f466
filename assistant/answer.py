"""The Answer: everything about one answered question, and its renderings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.records import (
    Citation,
    Evidence,
    Final,
    Marks,
    Message,
    Paper,
    Reason,
    Sentence,
    Status,
    Timings,
    Usage,
    to_plain,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One question's answer.

    `status` is `answered` (every sentence supported), `partial` (some not), `abstained` or `error`, with
    its `reason`. `text` carries `[n]` marks; `final` is the bare answer to a typed question; `draft` is
    what the model wrote and `marks` what became of its marks; `confidence` is the fitted probability that
    the answer is right, `signals` what it was computed from (0 and none where no paper found is about the
    question); `withheld` is the final answer that an abstention kept back, where one had been found.
    """

    question: str
    standalone_question: str
    status: Status
    reason: Reason
    text: str
    final: Final | None
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    evidence: tuple[Evidence, ...]
    draft: str
    marks: Marks
    confidence: float
    warnings: tuple[str, ...]
    timings: Timings
    usage: Usage
    model: str
    index: str
    prompt: tuple[Message, ...]
    withheld: Final | None = None
    signals: Mapping[str, float] = field(default_factory=dict)

    @property
    def cited_papers(self) -> tuple[Paper, ...]:
        """The cited papers in order of first use."""
        papers = {evidence.paper.id: evidence.paper for evidence in self.evidence}
        return tuple(papers[paper_id] for paper_id in dict.fromkeys(c.paper_id for c in self.citations))

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain dictionaries, lists and scalars, without the prompt and the signals."""
        plain: dict[str, Any] = to_plain(self)
        del plain["prompt"], plain["signals"]
        return plain

    def to_markdown(self) -> str:
        """The answer with its references; text from documents is escaped."""
        text = " ".join(
            _escaped(sentence.text) + "".join(f" [{n}]" for n in sentence.citations)
            for sentence in self.sentences
        )
        lines = [f"**{_escaped(self.question)}**", "", text]
        if self.status != "answered":
            lines += ["", f"*{self.status}: {_escaped(self.reason.sentence)}*"]
        titles = {paper.id: paper for paper in self.cited_papers}
        if self.citations:
            lines.append("")
        for citation in self.citations:
            paper = titles[citation.paper_id]
            lines.append(f"{citation.n}. {_escaped(reference(paper))}: “{_escaped(citation.quote)}”")
        return "\n".join(lines) + "\n"

    def bibtex(self) -> str:
        """BibTeX entries of the cited papers."""
        keys: dict[str, int] = {}
        return "\n".join(_bibtex(paper, _key(paper, keys)) for paper in self.cited_papers)

    def explain(self) -> str:
        """What the model was shown, what it wrote, and what was made of it."""
        prompt = "\n\n".join(f"--- {message.role} ---\n{message.content}" for message in self.prompt)
        verdicts = "\n".join(
            f"{sentence.verdict:<12} {sentence.support:.2f} {list(sentence.citations)} {sentence.text}"
            for sentence in self.sentences
        )
        ranked = "\n".join(
            f"{evidence.role:<10} {evidence.score:6.2f}  {evidence.paper.id}  {evidence.paper.title}"
            for evidence in self.evidence
        )
        signals = "  ".join(f"{name} {value:.2f}" for name, value in self.signals.items() if value)
        return (
            f"=== standalone question ===\n{self.standalone_question}\n\n=== retrieved ===\n{ranked}\n\n"
            f"=== prompt ===\n{prompt or '(no model was asked)'}\n\n"
            f"=== draft ===\n{self.draft or '(none)'}\n\n"
            f"=== sentences ===\n{verdicts or '(none)'}\n\n"
            f"=== confidence {self.confidence:.3f} ===\n{signals or '(no signals)'}\n"
        )


def reference(paper: Paper) -> str:
    """One line naming a paper: authors and year where known, title, id."""
    who = _authors(paper.authors)
    when = f" ({paper.year})" if paper.year else ""
    lead = f"{who}{when}. " if who else ""
    return f"{lead}{paper.title or 'Untitled'} ({paper.id})"


def _authors(authors: Sequence[str]) -> str:
    if len(authors) > 2:
        return f"{authors[0]} et al."
    return " and ".join(authors)


def _escaped(text: str) -> str:
    """`text` with Markdown's and HTML's own characters made harmless."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$!&])", r"\\\1", text)


def _key(paper: Paper, taken: dict[str, int]) -> str:
    """A BibTeX key made of the paper's id, numbered where it is taken."""
    key = re.sub(r"[^A-Za-z0-9]+", "", paper.id) or "paper"
    taken[key] = taken.get(key, 0) + 1
    return key if taken[key] == 1 else f"{key}-{taken[key]}"


def _bibtex(paper: Paper, key: str) -> str:
    prose = {
        "title": paper.title,
        "author": " and ".join(paper.authors),
        "year": str(paper.year or ""),
        "journal": paper.venue or "",
    }
    verbatim = {"doi": paper.doi or "", "eprint": paper.arxiv_id or "", "url": paper.url or ""}
    values = {name: _latex(value) for name, value in prose.items()}
    values |= {name: re.sub(r"[{}\s]", "", value) for name, value in verbatim.items()}
    body = "".join(f"  {name} = {{{value}}},\n" for name, value in values.items() if value)
    return f"@article{{{key},\n{body}}}\n"


def _latex(text: str) -> str:
    """Prose for LaTeX; a formula keeps its own characters."""
    special = r"([&%#])" if "$" in text else r"([&%#_])"
    return re.sub(special, r"\\\1", text.replace("{", "").replace("}", ""))
