"""Batches of the page: whose they are, where their files are, and how far they have come.

Each has a folder within its owner's, with the questions, the answers as they grow, and the journal that a
batch goes on from. One runs at a time; the others wait for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from assistant.batch.columns import Result
from assistant.batch.inputs import JSON_LINES, read_input
from assistant.batch.tasks import Row, Task, papers_task, table_task
from assistant.batch.work import Options, prepare, run
from assistant.errors import AssistantError, BatchError, PageError, first_line
from assistant.page.indexes import Indexes
from assistant.records import Filters, Status, to_plain
from assistant.storage import write_atomically

QUESTION_COLUMN = "question"
_SHOWN = 5  # rows done last
_NAME = re.compile(r"[0-9a-f]{16}")
_KEPT_EVERY = 1.0  # seconds between two writings of how far a batch is

Stage = Literal["waiting", "running", "stopping", "stopped", "done", "failed"]
RUNNING: tuple[Stage, ...] = ("waiting", "running", "stopping")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is asked: a column of a table, or else `questions` of each paper that passes the filters.

    `name` is the table's, `made` is in seconds since 1970.
    """

    id: str
    name: str
    index: str
    made: float
    question_column: str = QUESTION_COLUMN
    questions: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)

    @property
    def stem(self) -> str:
        """What files made of it are called."""
        return "papers" if self.questions else Path(self.name).stem


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question that is done: where it stands, and what came of it."""

    place: str
    question: str
    status: Status
    said: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a batch is: questions done, of how many, by status; `last` are those done last, the last first.

    `seconds_left` is not known before a question has been asked; `fault` says why a batch failed.
    """

    stage: Stage = "waiting"
    done: int = 0
    total: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    last: tuple[Outcome, ...] = ()
    seconds_left: float | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an uploaded table, which of them seems to hold the questions, and how many rows."""

    names: tuple[str, ...]
    question: str | None
    rows: int


def columns_of(table: Path) -> Columns:
    """What can be asked of an uploaded table.

    Raises:
        BatchError: it can't be read, or holds no questions.
    """
    try:
        read = read_input(table, QUESTION_COLUMN)
    except BatchError as error:
        raise BatchError(_without(table.parent, str(error))) from error
    if not read.total:
        raise BatchError(f"{table.name} holds no questions: there is no row below its header")
    alike = (name for name in read.columns if name.strip().casefold() in (QUESTION_COLUMN, "questions"))
    return Columns(read.columns, next(alike, None), read.total)


class Batches:
    """The batches of all owners; every call names the owner, and reaches nobody else's.

    Raises:
        PageError: there is no such batch, or its folder can't be written; every method may raise it.
    """

    def __init__(self, folder: Path, indexes: Indexes) -> None:
        self._folder = folder
        self._indexes = indexes
        self._runs: dict[Path, _Run] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "batch")

    def listed(self, owner: str) -> list[Batch]:
        """The owner's batches, the last one first."""
        found = [_read(folder) for folder in self._home(owner).glob("*") if _NAME.fullmatch(folder.name)]
        return sorted((batch for batch in found if batch), key=lambda batch: -batch.made)

    def add_table(self, owner: str, table: Path, question_column: str | None, index: str) -> Batch:
        """Take in an uploaded table.

        Raises:
            BatchError: it can't be read, or its columns do not fit.
        """
        if not question_column:
            raise PageError("choose the column that holds the questions")
        batch = Batch(secrets.token_hex(8), table.name, index, time.time(), question_column)
        return self._add(owner, batch, table)

    def add_papers(self, owner: str, questions: str, filters: Filters, index: str) -> Batch:
        """Take in questions, one a line, that each paper which passes the filters is to be asked.

        Raises:
            BatchError: there is no question, one is given twice, or no paper passes.
        """
        asked = tuple(line.strip() for line in questions.splitlines() if line.strip())
        if not asked:
            raise PageError("write what is to be asked of every paper, one question a line")
        name = f"Every paper: {asked[0]}"
        return self._add(owner, Batch(secrets.token_hex(8), name, index, time.time(), "", asked, filters))

    def find(self, owner: str, name: str) -> Batch:
        """The batch of that id."""
        return self._batch(owner, name)[1]

    def start(self, owner: str, name: str) -> None:
        """Run a batch, or go on with it; what is answered is not asked again."""
        folder, batch = self._batch(owner, name)
        with self._lock:
            if (known := self._runs.get(folder)) and known.standing.stage in RUNNING:
                return
            begun = self._runs[folder] = _Run(folder, batch)
            self._pool.submit(begun.work, self._indexes)

    def stop(self, owner: str, name: str) -> None:
        """Have a batch stop once the question that is being answered is done."""
        folder, _ = self._batch(owner, name)
        if begun := self._runs.get(folder):
            begun.stop()

    def standing(self, owner: str, name: str) -> Standing:
        """How far a batch is."""
        folder, _ = self._batch(owner, name)
        known = self._runs.get(folder)
        return known.standing if known else _standing(folder)

    def answers(self, owner: str, name: str) -> Path:
        """The file of the answers so far; it may not be there yet."""
        folder, batch = self._batch(owner, name)
        return _target(folder, batch)

    def close(self) -> None:
        """Stop all batches and wait until they have."""
        for running in self._runs.values():
            running.stop()
        self._pool.shutdown()

    def _add(self, owner: str, batch: Batch, table: Path | None = None) -> Batch:
        folder = self._home(owner) / batch.id
        try:
            folder.mkdir(parents=True, mode=0o700)
            if table:
                (folder / "questions").mkdir()
                shutil.copyfile(table, _source(folder, batch))
            try:
                _task(folder, batch, self._indexes)
            except BatchError as error:
                raise BatchError(_without(folder, str(error))) from error
            write_atomically(folder / "batch.json", _json(batch))
        except OSError as error:
            raise PageError(f"{folder} can't be written: {error.strerror}; set data_dir") from error
        except AssistantError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return batch

    def _home(self, owner: str) -> Path:
        # An owner's name may have any characters.
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32]

    def _batch(self, owner: str, name: str | None) -> tuple[Path, Batch]:
        name = name or ""
        folder = self._home(owner) / name
        batch = _read(folder) if _NAME.fullmatch(name) else None
        if not batch:
            raise PageError("there is no such batch any more; choose another one, or load the page anew")
        return folder, batch


class _Run:
    """A batch that runs, or waits to."""

    def __init__(self, folder: Path, batch: Batch) -> None:
        self._standing = replace(_standing(folder), stage="waiting", fault="")
        self._folder, self._batch = folder, batch
        self._stopping = threading.Event()
        self._last: deque[Outcome] = deque(maxlen=_SHOWN)
        self._statuses: Counter[str] = Counter()
        self._took: list[float] = []
        self._kept_at = 0.0

    def work(self, indexes: Indexes) -> None:
        """Ask what is not answered yet; whatever goes wrong is told by the standing."""
        try:
            self._answer(indexes)
            self._become("done")
        except _Stopped:
            self._become("stopped")
        except AssistantError as error:
            self._become("failed", _without(self._folder, str(error)))
        except Exception as error:  # of a thread that nobody waits for nothing else would be heard
            self._become("failed", f"{type(error).__name__}: {first_line(error)}")

    def stop(self) -> None:
        """Have it end once the question that is being answered is done, or else not begin."""
        self._stopping.set()

    @property
    def standing(self) -> Standing:
        """How far it is; one that waits and is to stop has stopped."""
        standing = self._standing
        if not self._stopping.is_set():
            return standing
        becomes: dict[Stage, Stage] = {"waiting": "stopped", "running": "stopping"}
        return replace(standing, stage=becomes.get(standing.stage, standing.stage))

    def _answer(self, indexes: Indexes) -> None:
        self._check()
        task = _task(self._folder, self._batch, indexes)
        self._standing = Standing("running", total=task.total or 0)
        plan = prepare(task, _target(self._folder, self._batch), Options())
        run(plan, indexes.assistant(self._batch.index), self._progress, seen=self._see)

    def _see(self, row: Row, position: int, result: Result | None, is_asked: bool) -> None:
        if result is None:
            return
        request = row.requests[position]
        question = "" if isinstance(request, str) else request.question
        said = result.answer if result.status in ("answered", "partial") else result.reason
        self._statuses[result.status] += 1
        self._last.appendleft(Outcome(row.place, question, result.status, said))
        if is_asked:
            self._took.append(result.latency_ms / 1000)

    def _progress(self, done: int, total: int) -> None:
        took = self._took
        self._standing = Standing(
            "running",
            done,
            total,
            dict(self._statuses),
            tuple(self._last),
            sum(took) / len(took) * (total - done) if took else None,
        )
        if time.monotonic() - self._kept_at > _KEPT_EVERY:
            self._keep()
        self._check()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _become(self, stage: Stage, fault: str = "") -> None:
        self._standing = replace(self._standing, stage=stage, fault=fault, seconds_left=None)
        self._keep()

    def _keep(self) -> None:
        self._kept_at = time.monotonic()
        with contextlib.suppress(OSError):  # it is for a later visit alone; the journal has what counts
            write_atomically(self._folder / "standing.json", _json(self._standing))


class _Stopped(Exception):
    """The owner has stopped the batch."""


def _task(folder: Path, batch: Batch, indexes: Indexes) -> Task:
    if batch.questions:
        return papers_task(indexes.assistant(batch.index).index, batch.questions, batch.filters)
    return table_task(_source(folder, batch), batch.question_column)


def _source(folder: Path, batch: Batch) -> Path:
    return folder / "questions" / batch.name


def _target(folder: Path, batch: Batch) -> Path:
    """The answers, in a format that grows row by row: the questions' own where that does."""
    suffix = Path(batch.name).suffix.casefold()
    grows = suffix in (".tsv", *JSON_LINES) and not batch.questions
    return folder / f"answers{suffix if grows else '.csv'}"


def _read(folder: Path) -> Batch | None:
    try:
        return TypeAdapter(Batch).validate_json((folder / "batch.json").read_bytes())
    except (OSError, ValidationError):
        return None


def _standing(folder: Path) -> Standing:
    """How far a batch that does not run has come."""
    try:
        kept = TypeAdapter(Standing).validate_json((folder / "standing.json").read_bytes())
    except (OSError, ValidationError):
        return Standing("stopped")
    # What was running when the server ended has stopped with it.
    return replace(kept, stage="stopped", seconds_left=None) if kept.stage in RUNNING else kept


def _json(record: Any) -> bytes:
    return json.dumps(to_plain(record), ensure_ascii=False).encode()


def _without(folder: Path, text: str) -> str:
    """A text that names files of the folder by their names alone."""
    return text.replace(f"{folder / 'questions'}/", "").replace(f"{folder}/", "")
