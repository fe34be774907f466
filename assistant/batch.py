"""Batch question answering: a CSV of questions in, the same CSV with answers out.

Rows are written to `OUT.partial` as they are answered and renamed to OUT when all are; a run that was
stopped goes on where it ended, as long as questions, model and index are still the same.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

from assistant.answer import Answer
from assistant.api import Assistant
from assistant.errors import AssistantError, BatchError, CorpusError
from assistant.records import Filters, Turn
from assistant.storage import sync, write_atomically
from assistant.tables import TableRow, read_table

ADDED = (
    "status",
    "answer",
    "final",
    "citations",
    "cited_titles",
    "quotes",
    "confidence",
    "reason",
    "latency_ms",
    "model",
    "index",
)

Progress = Callable[[int, int], None]  # rows done, out of how many


@dataclass(frozen=True, slots=True)
class Summary:
    """How a batch went: rows by status, how many were taken from an interrupted run, seconds."""

    statuses: dict[str, int]
    resumed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch that can be run: the questions have been read and the columns fit."""

    target: Path
    question_column: str
    header: tuple[str, ...]
    rows: tuple[TableRow, ...]


def plan(source: Path, target: Path, question_column: str) -> Plan:
    """Read the questions of `source`, before any model is loaded.

    Raises:
        BatchError: the file can't be read, or its columns do not fit.
    """
    try:
        table = read_table(source)
    except CorpusError as error:
        raise BatchError(str(error)) from error
    header = table.header
    if question_column not in header:
        raise BatchError(
            f"{source} has no column {question_column!r}; it has {', '.join(header)}; "
            "name the one with the questions by --question-column"
        )
    if taken := [column for column in header if column in ADDED]:
        raise BatchError(f"{source} already has a column {taken[0]!r}, which the output adds; rename it")
    if repeated := [column for column, count in Counter(header).items() if count > 1]:
        raise BatchError(f"{source} has two columns {repeated[0]!r}; rename one")
    if not (rows := tuple(table.rows)):
        raise BatchError(f"{source} holds no questions: there is no row below its header")
    if not target.absolute().parent.is_dir():
        raise BatchError(f"{target} can't be written: there is no folder {target.absolute().parent}")
    if target.is_dir():
        raise BatchError(f"{target} is a folder; name a file to write, such as {target / 'answers.csv'}")
    if target.exists() and target.samefile(source):
        raise BatchError(f"{target} holds the questions; name another file for the answers")
    return Plan(target, question_column, header, rows)


def run(plan: Plan, assistant: Assistant, progress: Progress) -> Summary:
    """Answer every row; a broken row becomes a row with status=error.

    Raises:
        BatchError: the output can't be written.
    """
    started = time.perf_counter()
    partial = plan.target.with_name(f"{plan.target.name}.partial")
    done = _resumable(partial, plan, assistant)
    statuses = Counter(row[len(plan.header)] for row in done)
    try:
        with _rewritten(partial, [[*plan.header, *ADDED], *done]) as (file, writer):
            for number, row in enumerate(plan.rows[len(done) :], start=len(done) + 1):
                added = _answered(row, plan, assistant)
                statuses[added[0]] += 1
                writer.writerow([*_padded(row, plan.header), *added])
                file.flush()
                progress(number, len(plan.rows))
            os.fsync(file.fileno())
        partial.replace(plan.target)
        sync(plan.target.absolute().parent)
    except OSError as error:
        raise BatchError(f"{plan.target} can't be written: {error.strerror}") from error
    return Summary(dict(statuses), len(done), time.perf_counter() - started)


@contextlib.contextmanager
def _rewritten(path: Path, rows: Sequence[Sequence[str]]) -> Iterator[tuple[IO[str], Any]]:
    """The CSV at `path` with `rows` in it, replaced atomically, then open for more rows."""
    start = io.StringIO(newline="")
    csv.writer(start).writerows(rows)
    write_atomically(path, start.getvalue().encode())
    with path.open("a", encoding="utf-8", newline="") as file:
        yield file, csv.writer(file)


def _resumable(partial: Path, plan: Plan, assistant: Assistant) -> list[list[str]]:
    """The first rows of an interrupted run that would come out the same again; its errors are tried again."""
    try:
        with partial.open(encoding="utf-8", newline="") as file:
            written = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    width = len(plan.header)
    kept: list[list[str]] = []
    if written[:1] == [[*plan.header, *ADDED]]:
        for old, row in zip(written[1:], plan.rows, strict=False):
            whole = len(old) == width + len(ADDED) and old[:width] == _padded(row, plan.header)
            if not whole or not _current(old[width:], assistant):
                break
            failed = old[width] == "error"
            kept.append([*old[:width], *_answered(row, plan, assistant)] if failed else old)
    return kept


def _current(added: Sequence[str], assistant: Assistant) -> bool:
    values = dict(zip(ADDED, added, strict=True))
    return (values["model"], values["index"]) == (
        assistant.model_name,
        assistant.index.manifest.fingerprint,
    )


def _answered(row: TableRow, plan: Plan, assistant: Assistant) -> list[str]:
    started = time.perf_counter()
    try:
        if row.fault:
            raise BatchError(row.fault)
        values = dict(zip(plan.header, row.cells, strict=True))
        answer = assistant.ask(
            values[plan.question_column],
            _history(values.get("history", "")),
            _filters(values.get("filters", "")),
        )
        return [_cell(value) for value in _columns(answer)]
    except AssistantError as error:
        latency = f"{(time.perf_counter() - started) * 1000:.0f}"
        values = {"status": "error", "reason": str(error), "latency_ms": latency}
        values |= {"model": assistant.model_name, "index": assistant.index.manifest.fingerprint}
        return [_cell(values.get(column, "")) for column in ADDED]


def _columns(answer: Answer) -> Iterator[str]:
    failed = answer.status == "error"
    yield answer.status
    yield "" if failed else answer.text
    yield answer.final.text if answer.final else ""
    yield ";".join(paper.id for paper in answer.cited_papers)
    yield "; ".join(paper.title for paper in answer.cited_papers)
    yield " | ".join(citation.quote for citation in answer.citations)
    yield f"{answer.confidence:.3f}"
    yield answer.reason.sentence
    yield f"{answer.timings.total_ms:.0f}"
    yield answer.model
    yield answer.index


def _history(text: str) -> list[Turn]:
    pairs = _json(text, "history")
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BatchError(f"history is not a JSON list of [question, answer] pairs: {text[:80]}")
    return [Turn(str(question), str(answer)) for question, answer in pairs]


def _filters(text: str) -> Filters:
    plain = _json(text, "filters") or {}
    known = {field.name for field in fields(Filters)}
    if not isinstance(plain, dict) or not all(isinstance(value, list) for value in plain.values()):
        raise BatchError(f"filters is not a JSON object of lists: {text[:80]}")
    if unknown := sorted(set(plain) - known):
        raise BatchError(f"filters has the unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    if "years" in plain and (len(plain["years"]) != 2 or not all(_is_year(year) for year in plain["years"])):
        raise BatchError(f"filters.years is not [first, last]: {text[:80]}")
    if not all(isinstance(item, str) for key in set(plain) - {"years"} for item in plain[key]):
        raise BatchError(f"filters other than years are lists of texts: {text[:80]}")
    return Filters(**{key: tuple(value) for key, value in plain.items()})


def _is_year(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _json(text: str, column: str) -> Any:
    try:
        return json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise BatchError(f"{column} is not JSON: {text[:80]}") from error


def _cell(value: str) -> str:
    """A cell that no spreadsheet takes for a formula: such a text gets a leading apostrophe."""
    is_formula = value[:1] in ("=", "+", "-", "@", "\t", "\r") and not re.fullmatch(r"[-+]?[\d.,]+%?", value)
    return f"'{value}" if is_formula else value


def _padded(row: TableRow, header: Sequence[str]) -> list[str]:
    """The row's cells, as many as the header has: nothing of a ragged row is lost to the last column."""
    cells = list(row.cells)
    if len(cells) > len(header):
        return [*cells[: len(header) - 1], ",".join(cells[len(header) - 1 :])]
    return cells + [""] * (len(header) - len(cells))
