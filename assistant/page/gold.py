"""An answer made a gold question, as it is or put right: the record that `python -m eval` scores by."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.answer import Answer
from assistant.errors import PageError
from assistant.records import Paper
from assistant.storage import write_atomically

_LABELS = ("yes", "no")
_WRITING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Correction:
    """What would have been right: the answer with the sentence that says it, or that no abstract does."""

    question: str
    answer: str = ""
    paper: Paper | None = None
    start: int = 0
    end: int = 0

    @property
    def item(self) -> dict[str, Any]:
        """The gold question as a line of its JSONL form, fields at their default left out.

        Raises:
            PageError: there is an answer without a sentence, or a sentence without an answer.
        """
        answer = self.answer.strip()
        if bool(answer) != bool(self.paper):
            raise PageError("a gold question needs both the right answer and the sentence that says it")
        key = _key(self.question)
        plain: dict[str, Any] = {"id": key, "split": "dev", "question": self.question}
        if not self.paper:
            absent = {"answerable": False, "answer_type": "short", "unanswerable_reason": "absent_fact"}
            return plain | {"cluster": key, "type": "near_miss"} | absent
        quote = self.paper.abstract[self.start : self.end].strip()
        if not quote:
            raise PageError("a gold question needs a sentence of an abstract as its evidence")
        typed = _yes_no(answer) if answer.casefold() in _LABELS else _short(answer)
        evidence = [{"paper_id": self.paper.id, "quote": quote}]
        return plain | {"cluster": self.paper.id} | typed | _from([self.paper.id], evidence)


@dataclass(frozen=True, slots=True)
class Approval:
    """An answer that was right as it is: its bare answer, and its verified quotes as the evidence."""

    question: str
    answer: Answer

    @property
    def item(self) -> dict[str, Any]:
        """The gold question as a line of its JSONL form, fields at their default left out.

        Raises:
            PageError: the answer says nothing that another one could be compared with.
        """
        if self.answer.status == "abstained":
            return Correction(self.question).item
        final, citations = self.answer.final, self.answer.citations
        if not (final and citations):
            raise PageError("there is no bare answer in it to compare others with; give one by Not right")
        papers = list(dict.fromkeys(citation.paper_id for citation in citations))
        key = _key(self.question)
        typed = _short(final.text)
        if final.kind == "list":
            papers = [paper for paper in papers if paper in final.ids]
            typed = {"type": "list", "answer_type": "list", "gold": {"ids": papers}}
        elif final.label:
            typed = _yes_no(final.label)
        quotes = dict.fromkeys((citation.paper_id, citation.quote) for citation in citations)
        evidence = [{"paper_id": paper, "quote": quote} for paper, quote in quotes if paper in papers]
        cluster = papers[0] if len(papers) == 1 else key
        plain = {"id": key, "split": "dev", "question": self.question, "cluster": cluster}
        return plain | typed | _from(papers, evidence)


def keep(kept: Correction | Approval, path: Path) -> None:
    """Write the gold question into the file, in the place of an earlier one about the same question.

    Raises:
        PageError: it is not whole, or the file can't be written.
    """
    item = kept.item
    with _WRITING:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            others = [line for line in lines if line.strip() and json.loads(line)["id"] != item["id"]]
            text = "".join(f"{line}\n" for line in (*others, json.dumps(item, ensure_ascii=False)))
            write_atomically(path, text.encode())
        except (OSError, ValueError, KeyError) as error:
            raise PageError(f"{path} can't take a gold question: {error}") from error


def _key(question: str) -> str:
    return f"page-{hashlib.sha256(question.casefold().encode()).hexdigest()[:12]}"


def _yes_no(label: str) -> dict[str, Any]:
    return {"type": "yes_no", "answer_type": "boolean", "gold": {"label": label.casefold()}}


def _short(answer: str) -> dict[str, Any]:
    return {"type": "short", "answer_type": "short", "gold": {"aliases": [answer]}}


def _from(papers: list[str], evidence: list[dict[str, str]]) -> dict[str, Any]:
    """That all these papers answer the question, with these sentences."""
    return {"answerable": True, "gold_papers": [[paper] for paper in papers], "evidence": evidence}
