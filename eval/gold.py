"""Gold questions read and checked: a faulty line is an error that names it, never a silently wrong score.

JSONL holds one GoldItem a line, fields at their default left out. CSV is the short form for a researcher's
own questions: `question`, `paper`, `answer`, and optionally `type`, `evidence`, `split`.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.decoding import DecodeError, decode
from eval.faults import faults, indivisible, papers_of
from eval.normalise import STOP_WORDS, stem, words
from eval.records import Corpus, GoldItem

LEAVE_GOLD_OUT = "leave_gold_out"
_COLUMNS = ("question", "paper", "answer")
_OPTIONAL_COLUMNS = ("type", "evidence", "split")
_TYPES = {"number": "numeric", "boolean": "yes_no", "short": "short", "list": "list", "free": "method"}


class GoldError(Exception):
    """A gold file can't be used; the message is one line with file, line and fault."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A gold item and where it stands."""

    place: str
    item: GoldItem


def load(paths: Path | str | Iterable[Path | str], corpus: Corpus) -> tuple[GoldItem, ...]:
    """Read gold files, JSONL or CSV, and check each question against the corpus and all the others.

    Raises:
        GoldError: the first fault.
    """
    files = [paths] if isinstance(paths, Path | str) else list(paths)
    entries = [entry for path in files for entry in _read(Path(path))]
    for entry in entries:
        for fault in faults(entry.item, corpus):
            raise GoldError(f"{entry.place} ({entry.item.id}): {fault}")
    _check_together(entries, corpus)
    return tuple(entry.item for entry in entries)


def read_corpus(path: Path | str) -> Corpus:
    """Read papers, one JSON object a line with `id`, `title` and `abstract`.

    Raises:
        GoldError: a line is no such object.
    """
    titles, abstracts = {}, {}
    for place, line in _lines(Path(path)):
        paper = _json(place, line)
        try:
            paper_id, titles[paper["id"]] = paper["id"], paper.get("title") or ""
            abstracts[paper_id] = paper["abstract"]
        except (KeyError, TypeError) as error:
            raise GoldError(f"{place}: a paper needs id, title and abstract; missing is {error}") from error
    return Corpus(titles, abstracts)


def leave_gold_out(items: Iterable[GoldItem], count: int = 15) -> tuple[GoldItem, ...]:
    """Answerable questions asked again without the one paper that answers them: to be abstained from.

    The choice looks random and never changes: the first by the hash of their id.
    """
    chosen = sorted(filter(is_about_one, items), key=lambda item: hashlib.sha256(item.id.encode()).digest())[
        :count
    ]
    return tuple(_without_gold(item) for item in sorted(chosen, key=lambda item: item.id))


def is_about_one(item: GoldItem) -> bool:
    """Whether one paper alone answers the question, as it is first asked."""
    is_first = item.turn == 1 and not item.variant_of and not item.type.startswith("injection")
    return is_first and item.answerable and len(item.gold_papers) == 1 and not item.acceptable_papers


def question_overlap(item: GoldItem, corpus: Corpus) -> float:
    """Share of the question's content words that are in the abstracts it is about, by stem.

    Questions that share few words are the harder half for a lexical retriever (LitSearch, EMNLP 2024).
    """
    asked = {stem(word) for word in words(item.standalone or item.question) if word not in STOP_WORDS}
    papers = papers_of(item) or {item.cluster}
    texts = (corpus.abstracts.get(paper_id, "") for paper_id in papers)
    there = {stem(word) for text in texts for word in words(text)}
    return len(asked & there) / len(asked) if asked else 0.0


def _without_gold(item: GoldItem) -> GoldItem:
    return replace(
        item,
        id=f"{item.id}-lgo",
        type=LEAVE_GOLD_OUT,
        answerable=False,
        gold=None,
        gold_papers=(),
        evidence=(),
        nuggets=(),
        forbidden=(),
        unanswerable_reason="excluded",
        exclude_ids=item.gold_papers[0],
    )


def _read(path: Path) -> Iterator[_Entry]:
    if path.suffix == ".csv":
        yield from _csv_entries(path)
        return
    for place, line in _lines(path):
        value = _json(place, line)
        try:
            yield _Entry(place, decode(GoldItem, value))
        except DecodeError as error:
            raise GoldError(f"{place}: {error}") from error


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            yield f"{path} line {number}", line


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise GoldError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise GoldError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _json(place: str, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise GoldError(f"{place} is no JSON: {error}") from error


def _csv_entries(path: Path) -> Iterator[_Entry]:
    rows = csv.DictReader(_text(path).splitlines(keepends=True))
    header = rows.fieldnames or ()
    for column in _COLUMNS:
        if column not in header:
            raise GoldError(f"{path} line 1 has no column {column!r}; needed are {', '.join(_COLUMNS)}")
    for column in header:
        if column not in (*_COLUMNS, *_OPTIONAL_COLUMNS):
            known = ", ".join((*_COLUMNS, *_OPTIONAL_COLUMNS))
            raise GoldError(f"{path} line 1 has an unknown column {column!r}; known are {known}")
    for number, row in enumerate(rows, start=1):
        place = f"{path} line {rows.line_num}"
        if None in row or None in row.values():
            raise GoldError(f"{place} does not have {len(header)} fields, as the header has")
        cells = {name: value.strip() for name, value in row.items()}
        try:
            yield _Entry(place, decode(GoldItem, _plain_item(f"{path.stem}-{number:03}", cells)))
        except DecodeError as error:
            raise GoldError(f"{place}: {error}") from error


def _plain_item(item_id: str, cells: Mapping[str, str]) -> dict[str, Any]:
    """One row of the CSV form as the JSONL form has it."""
    papers, answers = _parts(cells["paper"]), _parts(cells["answer"])
    answerable = bool(papers or answers)
    answer_type = cells.get("type") or _answer_type(cells["answer"])
    plain: dict[str, Any] = {
        "id": item_id,
        "split": cells.get("split") or "dev",
        "cluster": papers[0] if len(papers) == 1 else item_id,
        "type": _TYPES.get(answer_type, answer_type) if answerable else "near_miss",
        "question": cells["question"],
        "answerable": answerable,
        "answer_type": answer_type,
    }
    if not answerable:
        return {**plain, "unanswerable_reason": "absent_fact"}
    quotes = [{"paper_id": papers[0], "quote": cells["evidence"]}] if papers and cells.get("evidence") else []
    return {**plain, **_plain_gold(answer_type, papers, answers), "evidence": quotes}


def _plain_gold(answer_type: str, papers: list[str], answers: list[str]) -> dict[str, Any]:
    gold: dict[str, Any] = {"gold_papers": [[paper] for paper in papers]}
    if answer_type == "boolean":
        return {**gold, "gold": {"label": answers[0].casefold() if answers else ""}}
    if answer_type == "list":
        return {**gold, "gold": {"ids": papers}}
    if answer_type == "free":
        nuggets = [
            {"id": f"n{n}", "importance": "vital", "paper_id": None, "all_of": [answer.split("|")]}
            for n, answer in enumerate(answers, start=1)
        ]
        return {**gold, "nuggets": nuggets}
    return {**gold, "gold": {"aliases": answers, "allow_rounding": answer_type == "number"}}


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _answer_type(answer: str) -> str:
    if answer.casefold() in ("yes", "no", "maybe"):
        return "boolean"
    return "number" if re.match(r"[-−+~≈$]?\.?\d", answer) and len(answer.split()) <= 3 else "short"


def _check_together(entries: Sequence[_Entry], corpus: Corpus) -> None:
    """Reject what only shows between items: ids given twice, families torn, papers on both sides."""
    by_id: dict[str, _Entry] = {}
    for entry in entries:
        if entry.item.id in by_id:
            raise GoldError(f"{entry.place}: id {entry.item.id!r} is also at {by_id[entry.item.id].place}")
        by_id[entry.item.id] = entry
    sides: dict[str, _Entry] = {}
    for entry in entries:
        item, base = entry.item, by_id.get(entry.item.variant_of or entry.item.id)
        if base is None:
            raise GoldError(
                f"{entry.place} ({item.id}): it is a variant of {item.variant_of!r}, which is not there"
            )
        if (base.item.split, base.item.cluster) != (item.split, item.cluster):
            raise GoldError(
                f"{entry.place} ({item.id}): split or cluster differ from {item.variant_of} at {base.place}"
            )
        for shared in indivisible(item, corpus):
            other = sides.setdefault(shared, entry)
            if other.item.split != item.split:
                raise GoldError(
                    f"{entry.place} ({item.id}): {shared} is in split {item.split!r}, "
                    f"but in {other.item.split!r} at {other.place} ({other.item.id})"
                )
