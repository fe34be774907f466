"""What is asked in a batch, and what is made of the results: of a table, or of each paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.batch.columns import ADDED, Result
from assistant.batch.inputs import Input, InputRow, read_input
from assistant.errors import BatchError, QuestionError
from assistant.index import Index
from assistant.question import read_question
from assistant.records import Filters, Paper
from assistant.rows import Request, read_request

_OF_PAPER = ("paper_id", "title")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the output to be: where it comes from, what is known of it, and what is to be asked for it.

    A request that can't be made out is the sentence that says why.
    """

    place: str
    values: Mapping[str, Any]
    requests: tuple[Request | str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """A batch before it runs.

    `header` are the columns of the output and `added` those that the batch fills; `total` is how many
    questions there are, where that is known; `record` makes a row of the output of its results, of which
    those not asked are None; it gives None where the row is not to be written yet. `source` and `suffix` tell
    what the rows are read from.
    """

    header: tuple[str, ...]
    added: frozenset[str]
    total: int | None
    rows: Callable[[], Iterator[Row]]
    record: Callable[[Row, Sequence[Result | None]], Mapping[str, Any] | None]
    source: Path | None = None
    suffix: str = ".csv"


def table_task(source: Path, question_column: str) -> Task:
    """Each row's question, answered in columns after the row's own.

    Raises:
        BatchError: the table can't be read, or its columns do not fit.
    """
    table = read_input(source, question_column)
    _check_columns(source, table, question_column)
    if table.total == 0:
        raise BatchError(f"{source} holds no questions: there is no row below its header")

    def rows() -> Iterator[Row]:
        return (_row(row, question_column) for row in table.rows())

    return Task(
        (*table.columns, *ADDED), frozenset(ADDED), table.total, rows, _answered, source, table.suffix
    )


def papers_task(index: Index, questions: Sequence[str], filters: Filters) -> Task:
    """Each question asked of each paper that passes the filters, by that paper alone: a row a paper.

    Raises:
        BatchError: a question is empty or given twice, or no paper passes.
        QuestionError: a question is too long.
    """
    if not all(question.strip() for question in questions):
        raise BatchError("a question of --per-paper is empty; write what is to be asked of every paper")
    for question in questions:
        read_question(question)
    if repeated := [question for question, count in Counter(questions).items() if count > 1]:
        raise BatchError(f"the question {repeated[0]!r} is given twice")
    papers = index.matching(filters)
    if not len(papers):
        raise BatchError("no paper of the index passes the filters; loosen --years, --venue, --author, …")
    columns = [name for question in questions for name in _columns_of(question)]
    if taken := [name for name, count in Counter((*_OF_PAPER, *ADDED, *columns)).items() if count > 1]:
        raise BatchError(f"a question makes a column {taken[0]!r}, which there is already; word it otherwise")

    def rows() -> Iterator[Row]:
        return (_paper_row(index.papers[row], questions) for row in papers)

    def record(row: Row, results: Sequence[Result | None]) -> Mapping[str, Any] | None:
        if not any(results):
            return None
        filled = dict(row.values)
        for question, result in zip(questions, results, strict=True):
            cells = _cells_of(result) if result else ("", "", "")
            filled |= dict(zip(_columns_of(question), cells, strict=True))
        return filled

    header = (*_OF_PAPER, *columns)
    return Task(header, frozenset(header), len(papers) * len(questions), rows, record)


def _row(row: InputRow, question_column: str) -> Row:
    if row.fault:
        return Row(f"row {row.number}", row.values, (row.fault,))
    try:
        request = read_request(row.values, question_column)
        read_question(request.question)
    except (BatchError, QuestionError) as error:  # asked again it would fail again
        return Row(f"row {row.number}", row.values, (str(error),))
    return Row(f"row {row.number}", row.values, (request,))


def _answered(row: Row, results: Sequence[Result | None]) -> Mapping[str, Any] | None:
    (result,) = results
    return {**row.values, **result.columns()} if result else None


def _paper_row(paper: Paper, questions: Sequence[str]) -> Row:
    alone = Filters(include_ids=(paper.id,))
    asked = tuple(Request(question, filters=alone) for question in questions)
    return Row(f"paper {paper.id}", {"paper_id": paper.id, "title": paper.title}, asked)


def _columns_of(question: str) -> tuple[str, str, str]:
    return question, f"{question} (quote)", f"{question} (status)"


def _cells_of(result: Result) -> tuple[str, str, str]:
    """What a table of literature shows: the bare answer where there is one, and what it rests on."""
    if result.status in ("abstained", "error"):
        return "", "", f"{result.status}: {result.reason}"
    return result.answer, result.quotes, result.status


def _check_columns(source: Path, table: Input, question_column: str) -> None:
    header = table.columns
    if question_column not in header:
        raise BatchError(
            f"{source} has no column {question_column!r}; it has {', '.join(header) or 'none'}; "
            "name the one with the questions by --question-column"
        )
    if taken := [column for column in header if column in ADDED]:
        raise BatchError(f"{source} already has a column {taken[0]!r}, which the output adds; rename it")
    if repeated := [column for column, count in Counter(header).items() if count > 1]:
        raise BatchError(f"{source} has two columns {repeated[0]!r}; rename one")
