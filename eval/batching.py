"""What a batch costs and gives: its journal, its restart, and rows a minute, alone and several at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assistant.answer import Answer
from assistant.api import Assistant
from assistant.batch import Options, Plan, prepare, run, table_task
from assistant.batch.columns import Result, result_of
from assistant.batch.conditions import conditions_of, digest_of, key_of
from assistant.batch.journal import Journal, reading
from assistant.cluster.pool import Pool
from assistant.records import Filters
from assistant.rows import Request
from eval.bench import Measurement, measure, summarised

_CHUNK = 4  # rows per worker that are timed together

# What tables of literature ask of each paper.
OF_A_PAPER = (
    "What problem does the paper address?",
    "What method does the paper propose?",
    "What data is the method evaluated on?",
    "How much better is it than the baseline?",
)

BatchRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A question, and what it was answered one by one and several at a time."""

    question: str
    alone: str
    together: str


@dataclass(frozen=True, slots=True)
class Throughput:
    """Rates and their ratio; rows whose status or citations differ, and rows that only say it otherwise."""

    measurements: tuple[Measurement, ...]
    differing: tuple[Difference, ...]
    reworded: tuple[Difference, ...]


def journal_cost(result: Result, folder: Path, *, repeats: int) -> list[Measurement]:
    """What the journal adds to a row: making its key and its line, and syncing that to the disk, apart."""
    synced: list[float] = []
    written: list[float] = []

    def sync(file: int) -> None:
        started = time.perf_counter()
        os.fsync(file)
        synced.append((time.perf_counter() - started) * 1000)

    with Journal(folder / "cost.journal", sync) as journal:
        for n in range(repeats):
            started = time.perf_counter()
            request = Request(f"question {n}")
            journal.answer(key_of(request, "conditions"), request.question, result)
            written.append((time.perf_counter() - started) * 1000 - synced[-1])
    return [summarised("journal, beside the sync", written), summarised("sync", synced)]


def restart(assistant: Assistant, result: Result, folder: Path, *, rows: int) -> list[Measurement]:
    """How long a batch of so many answered rows takes to find that there is nothing to ask."""
    plan = _answered(assistant, result, folder, rows)

    def rerun() -> None:
        summary = run(plan, assistant, lambda done, total: None)
        assert summary.asked == 0, "everything is in the journal"

    def open_journal() -> None:
        with reading(plan.journal) as (contents, _):
            assert len(contents.places) == rows

    rerun()  # the first writes the output
    return [
        measure(f"journal of {rows} opened", open_journal, repeats=3, warmup=0),
        measure(f"batch of {rows} restarted", rerun, repeats=3, warmup=0),
    ]


def of_each_paper(assistant: Assistant, papers: int) -> list[BatchRow]:
    """The rows of a table of literature: each question of each of the first papers, paper by paper."""
    known = assistant.index.papers
    ids = [known[row].id for row in assistant.index.matching(Filters())[:papers].tolist()]
    return [
        {"question": question, "filters": {"include_ids": [paper]}}
        for paper in ids
        for question in OF_A_PAPER
    ]


def throughput(assistant: Assistant, rows: Sequence[BatchRow], *, concurrency: int) -> Throughput:
    """Rows a minute one by one and several at a time, and what is answered differently.

    Both ask the same, a few at a time and in turns, so that a slow spell falls on both.
    """
    rates: dict[int, list[float]] = {1: [], concurrency: []}
    differing, reworded = [], []
    for n, some in enumerate(_chunks(rows, concurrency * _CHUNK)):
        found: dict[int, list[Answer]] = {}
        for workers in sorted(rates, reverse=bool(n % 2)):
            seconds, found[workers] = _timed(assistant, some, workers)
            rates[workers].append(60 * len(some) / seconds)
        for one, other in zip(found[1], found[concurrency], strict=True):
            if _told(one) != _told(other):
                differing.append(Difference(one.question, _shown(one), _shown(other)))
            elif one.text != other.text:
                reworded.append(Difference(one.question, one.text, other.text))
    alone, together = rates[1], rates[concurrency]
    ratios = [b / a for a, b in zip(alone, together, strict=True)]
    measurements = (
        summarised("one by one", alone, "rows/min"),
        summarised(f"{concurrency} at a time", together, "rows/min"),
        summarised("ratio", ratios, "x"),
    )
    return Throughput(measurements, tuple(differing), tuple(reworded))


def scaling(assistant: Assistant, questions: Sequence[str], pool: Pool) -> list[Measurement]:
    """Rows a minute of one worker of a cluster and of all, with as many cores each, and the efficiency.

    The efficiency is the speed-up over one worker, by the number of workers. The time until the first answer,
    in which the workers start and load, is given apart and counts in no rate.
    """
    found: list[Measurement] = []
    rates: list[float] = []
    for workers in (1, pool.workers):
        begun = time.perf_counter()
        came = [
            time.perf_counter() for _ in assistant.batch(questions, cluster=replace(pool, workers=workers))
        ]
        rates.append(60 * (len(came) - 1) / (came[-1] - came[0]))
        found += [
            summarised(f"Ray, {workers} workers, start", [(came[0] - begun) * 1000]),
            summarised(f"Ray, {workers} workers", rates[-1:], "rows/min"),
        ]
    efficiency = rates[1] / rates[0] / pool.workers
    return [*found, summarised("efficiency", [efficiency], "x")]


def sample_result(assistant: Assistant, question: str) -> Result:
    """A result as long as results are."""
    return result_of(assistant.ask(question), 1.0)


def _answered(assistant: Assistant, result: Result, folder: Path, rows: int) -> Plan:
    source, target = folder / "in.csv", folder / "out.csv"
    questions = [f"question {n}" for n in range(rows)]
    source.write_text("\n".join(["question", *questions]), encoding="utf-8")
    plan = prepare(table_task(source, "question"), target, Options())
    conditions = conditions_of(assistant)
    with Journal(plan.journal, lambda file: None) as journal:
        journal.begin(conditions)
        for question in questions:
            journal.answer(key_of(Request(question), digest_of(conditions)), question, result)
    return plan


def _chunks(rows: Sequence[BatchRow], size: int) -> Iterator[Sequence[BatchRow]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _timed(assistant: Assistant, rows: Sequence[BatchRow], workers: int) -> tuple[float, list[Answer]]:
    started = time.perf_counter()
    answers = [answer for _, answer in assistant.batch(rows, concurrency=workers)]
    return time.perf_counter() - started, answers


def _told(answer: Answer) -> object:
    return answer.status, [(citation.paper_id, citation.start) for citation in answer.citations]


def _shown(answer: Answer) -> str:
    cited = ", ".join(f"{citation.paper_id}:{citation.start}" for citation in answer.citations)
    return f"{answer.status} [{cited}]"
