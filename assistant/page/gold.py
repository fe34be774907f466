"""A wrong answer made a gold question: the record that `python -m eval` asks and scores by."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        key = f"page-{hashlib.sha256(self.question.casefold().encode()).hexdigest()[:12]}"
        plain: dict[str, Any] = {"id": key, "split": "dev", "question": self.question}
        if not self.paper:
            absent = {"answerable": False, "answer_type": "short", "unanswerable_reason": "absent_fact"}
            return plain | {"cluster": key, "type": "near_miss"} | absent
        quote = self.paper.abstract[self.start : self.end].strip()
        if not quote:
            raise PageError("a gold question needs a sentence of an abstract as its evidence")
        is_label = answer.casefold() in _LABELS
        return plain | {
            "cluster": self.paper.id,
            "type": "yes_no" if is_label else "short",
            "answerable": True,
            "answer_type": "boolean" if is_label else "short",
            "gold": {"label": answer.casefold()} if is_label else {"aliases": [answer]},
            "gold_papers": [[self.paper.id]],
            "evidence": [{"paper_id": self.paper.id, "quote": quote}],
        }


def keep(correction: Correction, path: Path) -> None:
    """Write the gold question into the file, in the place of an earlier one about the same question.

    Raises:
        PageError: it is not whole, or the file can't be written.
    """
    item = correction.item
    with _WRITING:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            others = [line for line in lines if line.strip() and json.loads(line)["id"] != item["id"]]
            text = "".join(f"{line}\n" for line in (*others, json.dumps(item, ensure_ascii=False)))
            write_atomically(path, text.encode())
        except (OSError, ValueError, KeyError) as error:
            raise PageError(f"{path} can't take a gold question: {error}") from error
