"""Batch question answering: a CSV of questions in, the same CSV with answers out.

Rows are kept in `OUT.partial` as they are answered, numbered, and `OUT.partial.json` says under which
conditions; when all are there, OUT is written and these go. A run that was stopped goes on under the same
conditions with the rows that it has not answered yet, or that failed.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from assistant import __version__
from assistant.answer import Answer
from assistant.api import Assistant
from assistant.errors import AssistantError, BatchError, CorpusError, first_line
from assistant.fitted import fitted_to_plain
from assistant.records import Filters, Turn
from assistant.resources import prompts_folder
from assistant.storage import sha256_of, write_atomically
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

_ROWS, _CONDITIONS, _LOCK = ".partial", ".partial.json", ".partial.lock"  # after the name of OUT

Progress = Callable[[int, int], None]  # rows done, out of how many


@dataclass(frozen=True, slots=True)
class Summary:
    """How a batch went: rows by status, how many an interrupted run had answered, seconds.

    `outdated` says that an interrupted run had answered under other conditions, so nothing was taken over.
    """

    statuses: dict[str, int]
    resumed: int
    outdated: bool
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
    return Plan(_writable(target, source), question_column, header, rows)


def _writable(target: Path, source: Path) -> Path:
    """The file that OUT leads to, once it is sure that writing it destroys nothing."""
    try:
        target = target.resolve()
        if not target.parent.is_dir():
            raise BatchError(f"{target} can't be written: there is no folder {target.parent}")
        if target.is_dir():
            raise BatchError(f"{target} is a folder; name a file to write, such as {target / 'answers.csv'}")
        if target.exists() and not target.is_file():
            raise BatchError(f"{target} is no file but a device or a pipe; name a file to write")
        if source.resolve() in (target, _beside(target, _ROWS), _beside(target, _CONDITIONS)):
            raise BatchError(f"{source} holds the questions and would be overwritten; name another OUT")
        if _is_foreign(journal := _beside(target, _ROWS)):
            raise BatchError(f"{journal} is in the way and no batch wrote it; move it, or name another OUT")
    except OSError as error:
        raise BatchError(f"{str(target)[:80]} can't be written: {error.strerror}") from error
    return target


def _is_foreign(journal: Path) -> bool:
    """Whether there is a file in the journal's place whose lines do not begin with a row's number."""
    if not journal.exists():
        return False
    with journal.open("rb") as file:
        return not re.match(rb"\d+,|$", file.readline(64))


def run(plan: Plan, assistant: Assistant, progress: Progress) -> Summary:
    """Answer every row; a row that fails, however it does, gets status=error.

    Raises:
        BatchError: the output can't be written, or another batch is writing it.
    """
    started = time.perf_counter()
    conditions = _conditions(plan, assistant)
    try:
        with _locked(plan.target):
            done = _finished(plan, conditions)
            resumed = len(done)
            outdated = _is_outdated(plan, conditions)
            with _journal(plan, conditions, done) as journal:
                for number in sorted(set(range(len(plan.rows))) - set(done)):
                    done[number] = _answered(plan.rows[number], plan, assistant)
                    journal.writerow([number, *done[number]])
                    progress(len(done), len(plan.rows))
            rows = [done[number] for number in range(len(plan.rows))]
            delimiter = "\t" if plan.target.suffix.casefold() == ".tsv" else ","
            write_atomically(plan.target, _csv([[*plan.header, *ADDED], *rows], delimiter))
            for suffix in (_ROWS, _CONDITIONS):
                _beside(plan.target, suffix).unlink()
    except OSError as error:
        raise BatchError(f"{plan.target} can't be written: {error.strerror}") from error
    statuses = Counter(row[len(plan.header)] for row in rows)
    return Summary(dict(statuses), resumed, outdated, time.perf_counter() - started)


def _is_outdated(plan: Plan, conditions: bytes) -> bool:
    """Whether rows are there that were answered under other conditions."""
    rows, theirs = _beside(plan.target, _ROWS), _beside(plan.target, _CONDITIONS)
    return rows.exists() and rows.stat().st_size > 0 and theirs.exists() and theirs.read_bytes() != conditions


def _conditions(plan: Plan, assistant: Assistant) -> bytes:
    """Everything but the row itself that an answer depends on."""
    conditions = {
        "version": __version__,
        "model": assistant.model_name,
        "index": assistant.index.manifest.fingerprint,
        "question_column": plan.question_column,
        "settings": assistant.settings.model_dump(mode="json", exclude={"cache_dir", "api_key"}),
        "fitted": hashlib.sha256(json.dumps(fitted_to_plain(assistant.fitted)).encode()).hexdigest(),
        "prompts": {path.name: sha256_of(path) for path in sorted(prompts_folder().glob("*.txt"))},
    }
    return json.dumps(conditions, indent=2).encode()


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the right to write `target` and what is beside it."""
    path = _beside(target, _LOCK)
    try:
        with FileLock(path, timeout=0):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
    except Timeout:
        raise BatchError(f"another batch is writing {target}; wait for it to finish") from None


def _finished(plan: Plan, conditions: bytes) -> dict[int, list[str]]:
    """The rows by number that a run under the same conditions answered before it was stopped."""
    try:
        if _beside(plan.target, _CONDITIONS).read_bytes() != conditions:
            return {}
        written = _beside(plan.target, _ROWS).read_bytes()
    except FileNotFoundError:
        return {}
    asked = {str(number): _padded(row, plan.header) for number, row in enumerate(plan.rows)}
    whole_lines = written[: written.rfind(b"\n") + 1].decode(errors="replace")
    done: dict[int, list[str]] = {}
    with contextlib.suppress(csv.Error, ValueError):  # a line that no batch wrote ends what can be used
        for number, *row in csv.reader(io.StringIO(whole_lines, newline="")):
            cells, added = row[: len(plan.header)], row[len(plan.header) :]
            if cells != asked.get(number) or len(added) != len(ADDED):
                break
            if added[0] != "error":
                done[int(number)] = row
    return done


@contextlib.contextmanager
def _journal(plan: Plan, conditions: bytes, done: Mapping[int, Sequence[str]]) -> Iterator[Any]:
    """A writer that appends numbered rows to those that are done, each at once."""
    path = _beside(plan.target, _ROWS)
    # In this order, so that rows are never beside the conditions of another run.
    write_atomically(path, _csv([[str(number), *row] for number, row in done.items()]))
    write_atomically(_beside(plan.target, _CONDITIONS), conditions)
    with path.open("a", buffering=1, encoding="utf-8", errors="replace", newline="") as file:
        yield csv.writer(file)


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


def _csv(rows: Iterable[Sequence[str]], delimiter: str = ",") -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue().encode(errors="replace")


def _answered(row: TableRow, plan: Plan, assistant: Assistant) -> list[str]:
    """The row's cells and what is added to them."""
    started = time.perf_counter()
    try:
        added = _columns(_asked(row, plan, assistant))
    except Exception as error:  # nothing that goes wrong with one row may end the batch
        added = {
            "status": "error",
            "reason": str(error) if isinstance(error, AssistantError) else _unexpected(error),
            "latency_ms": f"{(time.perf_counter() - started) * 1000:.0f}",
            "model": assistant.model_name,
            "index": assistant.index.manifest.fingerprint,
        }
    return [*_padded(row, plan.header), *(_cell(added.get(column, "")) for column in ADDED)]


def _unexpected(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"


def _asked(row: TableRow, plan: Plan, assistant: Assistant) -> Answer:
    if row.fault:
        raise BatchError(row.fault)
    values = dict(zip(plan.header, row.cells, strict=True))
    history, filters = _history(values.get("history", "")), _filters(values.get("filters", ""))
    return assistant.ask(values[plan.question_column], history, filters)


def _columns(answer: Answer) -> dict[str, str]:
    added = {
        "status": answer.status,
        "confidence": f"{answer.confidence:.3f}",
        "reason": answer.reason.sentence,
        "latency_ms": f"{answer.timings.total_ms:.0f}",
        "model": answer.model,
        "index": answer.index,
    }
    if answer.status == "error":
        return added
    return added | {
        "answer": answer.text,
        "final": answer.final.text if answer.final else "",
        "citations": ";".join(paper.id for paper in answer.cited_papers),
        "cited_titles": "; ".join(paper.title for paper in answer.cited_papers),
        "quotes": " | ".join(citation.quote for citation in answer.citations),
    }


def _history(text: str) -> list[Turn]:
    pairs = _json(text, "history", [])
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BatchError(f"history is not a JSON list of [question, answer] pairs: {text[:80]}")
    return [Turn(str(question), str(answer)) for question, answer in pairs]


def _filters(text: str) -> Filters:
    plain = _json(text, "filters", {})
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


def _json(text: str, column: str, blank: Any) -> Any:
    try:
        return json.loads(text) if text.strip() else blank
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
