"""The run of a batch: which questions are to be asked, the asking, and the rows as they are finished.

The journal is the truth. A question is looked up in it by its key, under the conditions of this run; what is
not there, or has failed, is asked, and its answer is on the disk before its row is written.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from assistant.api import Assistant
from assistant.batch.columns import Result, result_of
from assistant.batch.conditions import changes, conditions_of, digest_of, key_of
from assistant.batch.inputs import PIPE
from assistant.batch.journal import Contents, Journal, reading
from assistant.batch.sinks import Sink, open_sink
from assistant.batch.summary import Forecast, Summary, Tally
from assistant.batch.tasks import Row, Task
from assistant.cluster.pool import Pool
from assistant.errors import BatchError
from assistant.parallel import Call, in_order
from assistant.records import Status
from assistant.rows import Request

# Why a question is asked; or, of the last four, why it is not.
Choice = Literal["new", "changed", "failed", "again", "kept", "duplicate", "faulty", "left"]
ASKED: tuple[Choice, ...] = ("new", "changed", "failed", "again")

Progress = Callable[[int, int], None]  # questions done, out of how many (0 where that is not known)
# A question by its row and its place in it, its result if it has one, and whether it was asked in this run.
Seen = Callable[[Row, int, Result | None, bool], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a batch is run.

    `only`: ask again what has these statuses and nothing else, whatever it was answered with; `fresh`: ask
    all again; `limit`: ask so many questions at most; `raw_formulas`: write texts that a spreadsheet would
    run as they are. `concurrency`: how many are asked at a time; None, as many as pay with the model.
    """

    journal: Path | None = None
    only: frozenset[Status] = frozenset()
    fresh: bool = False
    limit: int | None = None
    concurrency: int | None = None
    raw_formulas: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch that can be run: its input has been read, and writing its output destroys nothing."""

    task: Task
    target: Path
    journal: Path
    options: Options


@dataclass(frozen=True, slots=True)
class _Cell:
    """One question of a row, what is to be done about it, and its result where that is known."""

    row: Row
    position: int
    choice: Choice
    key: str = ""
    result: Result | None = None


@dataclass
class _Chooser:
    """Decides for each question whether it is asked. `read` gives the answer at a place of the journal."""

    contents: Contents
    read: Callable[[int], Result]
    conditions: str
    options: Options
    begun: int  # where the journal ended when the run began
    asking: set[str] = field(default_factory=set)
    asked: int = 0

    def choose(self, row: Row, position: int) -> _Cell:
        request = row.requests[position]
        if isinstance(request, str):
            return _Cell(row, position, "faulty")
        key = key_of(request, self.conditions)
        place = self._place(key)
        if key in self.asking or (place is not None and place >= self.begun):
            return _Cell(row, position, "duplicate", key)
        if place is None:
            place, choice = self._earlier(request)
        else:
            choice = "kept"
        result = None if place is None else self.read(place)
        choice = self._judged(choice, result)
        if choice in ASKED and self.asked == self.options.limit:
            choice = "left" if result is None else "kept"
        if choice in ASKED:
            self.asking.add(key)
            self.asked += 1
        return _Cell(row, position, choice, key, result)

    def _judged(self, choice: Choice, result: Result | None) -> Choice:
        if self.options.only:
            if result is None:
                return "left"
            return "again" if result.status in self.options.only else "kept"
        if choice == "kept" and self.options.fresh:
            return "again"
        return "failed" if choice == "kept" and result and result.status == "error" else choice

    def _earlier(self, request: Request) -> tuple[int | None, Choice]:
        """Where the request's last answer under other conditions is."""
        for conditions in reversed(self.contents.conditions):
            if (place := self._place(key_of(request, conditions))) is not None:
                return place, "changed"
        return None, "new"

    def _place(self, key: str) -> int | None:
        return self.contents.places.get(bytes.fromhex(key))


def prepare(task: Task, target: Path, options: Options) -> Plan:
    """A plan to write the task's output to `target`, or to standard output for `-`.

    Raises:
        BatchError: that can't be done.
    """
    if target == PIPE and not options.journal:
        raise BatchError("OUT is a pipe, so the journal has no name; give it one by --journal PATH")
    if target != PIPE:
        target = _writable(target, task.source)
    journal = (options.journal or target.with_name(f"{target.name}.journal")).absolute()
    if not journal.parent.is_dir():
        raise BatchError(f"{journal} can't be written: there is no folder {journal.parent}")
    if journal in (target, task.source and task.source.absolute()):
        raise BatchError(f"{journal} can't be the journal, it is another file of this batch; name another")
    return Plan(task, target, journal, options)


def forecast(plan: Plan, assistant: Assistant) -> Forecast:
    """What a run would do; nothing is written.

    Raises:
        BatchError: the input or the journal can't be read.
    """
    conditions = conditions_of(assistant)
    with reading(plan.journal) as (contents, read):
        chooser = _Chooser(contents, read, digest_of(conditions), plan.options, contents.length)
        choices = Counter(cell.choice for cell in _cells(plan.task, chooser))
    last = next(reversed(contents.conditions.values()), None)
    took = contents.milliseconds
    workers = plan.options.concurrency or assistant.concurrency
    seconds = sum(took) / len(took) / 1000 / workers if took else None
    return Forecast(
        choices={choice: choices[choice] for choice in sorted(choices)},
        asked=chooser.asked,
        changed=tuple(changes(last, conditions)) if last else (),
        seconds=None if seconds is None else seconds * chooser.asked,
        known=len(took),
    )


def run(
    plan: Plan,
    assistant: Assistant,
    progress: Progress,
    cluster: Pool | None = None,
    seen: Seen = lambda *question: None,
) -> Summary:
    """Ask what is to be asked, of the assistant or of its like on a cluster, and write the output.

    Each question that is done is shown to `seen`, then counted by `progress`. An error that these raise ends
    the run; what is answered by then is kept.

    Raises:
        BatchError: journal or output can't be written, or another batch is writing them.
        ClusterError: a worker of the cluster can't answer; what is answered is in the journal.
    """
    tally = Tally()
    try:
        with Journal(plan.journal) as journal:
            _run(plan, assistant, journal, tally, progress, cluster, seen)
            return tally.summary(journal.contents.damaged)
    except OSError as error:
        raise BatchError(
            f"{error.filename or plan.target} can't be written: {error.strerror or error}; what is answered "
            f"is safe in {plan.journal}, and the same command goes on from there"
        ) from error


def _run(
    plan: Plan,
    assistant: Assistant,
    journal: Journal,
    tally: Tally,
    progress: Progress,
    cluster: Pool | None,
    seen: Seen,
) -> None:
    options, task = plan.options, plan.task
    conditions = conditions_of(assistant)
    last = next(reversed(journal.contents.conditions.values()), None)
    tally.changed = tuple(changes(last, conditions)) if last else ()
    journal.begin(conditions)
    chooser = _Chooser(journal.contents, journal.read, digest_of(conditions), options, journal.start)
    sink = open_sink(
        plan.target,
        task.header,
        source=task.source,
        suffix=task.suffix,
        quoted=frozenset() if options.raw_formulas else task.added,
    )
    cells = _cells(task, chooser)
    try:
        concurrency = options.concurrency or assistant.concurrency
        with contextlib.closing(_answered(cells, assistant, journal, cluster, concurrency)) as done:
            results: list[Result | None] = []
            for cell, answered in done:
                result = answered or _known(cell, assistant, journal)
                chooser.asking.discard(cell.key)
                tally.add(cell.row.place, cell.choice, result, asked=cell.choice in ASKED)
                results.append(result)
                if cell.position == len(cell.row.requests) - 1:
                    _write(sink, task, cell.row, results)
                    results = []
                seen(cell.row, cell.position, result, cell.choice in ASKED)
                progress(tally.questions, task.total or 0)
    except BaseException:
        sink.abandon()
        raise
    tally.notes = sink.finish()


def _cells(task: Task, chooser: _Chooser) -> Iterator[_Cell]:
    for row in task.rows():
        for position in range(len(row.requests)):
            yield chooser.choose(row, position)


def _answered(
    cells: Iterator[_Cell], assistant: Assistant, journal: Journal, cluster: Pool | None, concurrency: int
) -> Generator[tuple[_Cell, Result | None], None, None]:
    """Each cell, in order, with the result of its question if that is asked; by then the journal has it."""
    if cluster is None:
        jobs = ((cell, _call(cell, assistant, journal)) for cell in cells)
        yield from in_order(jobs, concurrency)
        return
    requests = ((cell, _request(cell)) for cell in cells)
    with contextlib.closing(assistant.answers(requests, cluster, concurrency)) as timed:
        for cell, outcome in timed:
            result = result_of(*outcome) if outcome else None
            if result and (request := _request(cell)):
                journal.answer(cell.key, request.question, result)
            yield cell, result


def _request(cell: _Cell) -> Request | None:
    """What is to be asked for a cell, if anything."""
    request = cell.row.requests[cell.position]
    return None if cell.choice not in ASKED or isinstance(request, str) else request


def _call(cell: _Cell, assistant: Assistant, journal: Journal) -> Call[Result] | None:
    request = _request(cell)
    if request is None:
        return None

    def call(stopped: Event) -> Result:
        started = time.perf_counter()
        result = result_of(assistant.answer(request, stopped), time.perf_counter() - started)
        if not stopped.is_set():
            journal.answer(cell.key, request.question, result)
        return result

    return call


def _known(cell: _Cell, assistant: Assistant, journal: Journal) -> Result | None:
    """The result of a question that is not asked; None of one that is left for another run."""
    if cell.choice == "duplicate":
        place = journal.find(cell.key)
        assert place is not None, "the first of its kind has been answered before it"
        return journal.read(place)
    request = cell.row.requests[cell.position]
    if isinstance(request, str):
        index = assistant.index.manifest.fingerprint
        return Result("error", reason=request, model=assistant.model_name, index=index)
    return cell.result if cell.choice == "kept" else None


def _write(sink: Sink, task: Task, row: Row, results: list[Result | None]) -> None:
    record = task.record(row, results)
    if record is not None:
        sink.write(record)


def _writable(target: Path, source: Path | None) -> Path:
    """The file that OUT leads to, once it is sure that writing it destroys nothing."""
    try:
        target = target.resolve()
        if not target.parent.is_dir():
            raise BatchError(f"{target} can't be written: there is no folder {target.parent}")
        if target.is_dir():
            raise BatchError(f"{target} is a folder; name a file to write, such as {target / 'answers.csv'}")
        if target.exists() and not target.is_file():
            raise BatchError(f"{target} is no file but a device or a pipe; name a file to write, or -")
        if target.suffix.casefold() in (".xls", ".xlsm"):
            raise BatchError(f"{target} can't be written in that format; name it .xlsx")
        if source and source != PIPE and source.resolve() == target:
            raise BatchError(f"{source} holds the questions and would be overwritten; name another OUT")
    except OSError as error:
        raise BatchError(f"{str(target)[:80]} can't be written: {error.strerror}") from error
    return target
