"""Questions asked of each paper alone: a row a paper."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from conftest import PAPERS

from assistant.api import Assistant
from assistant.batch import Options, Summary, papers_task, prepare, run
from assistant.errors import BatchError, QuestionError
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Filters, Paper
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel

MEMORY = "By how much is cache memory reduced?"
TRAINING = "How long does training take?"


@pytest.fixture
def assistant(index: Index, embedder: HashingEmbedder) -> Assistant:
    return Assistant(index, embedder, ScriptedModel("LongCache reduces cache memory by 62%."), Settings())


def reviewed(
    assistant: Assistant, *questions: str, filters: Filters | None = None, **options: Any
) -> Summary:
    task = papers_task(assistant.index, questions, filters or Filters())
    return run(prepare(task, Path("review.csv"), Options(**options)), assistant, lambda done, total: None)


def written() -> list[dict[str, str]]:
    with Path("review.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_question_that_is_too_long_is_refused_before_any_paper_is_asked(assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match="the question has 2001 characters, the most is 2000"):
        papers_task(assistant.index, ["x" * 2001], Filters())


def test_each_paper_is_asked_alone_and_each_cell_has_its_quote(assistant: Assistant) -> None:
    summary = reviewed(assistant, MEMORY, TRAINING)
    assert summary.asked == 6
    first, second, third = written()
    assert list(first) == [
        *("paper_id", "title"),
        *(MEMORY, f"{MEMORY} (quote)", f"{MEMORY} (status)"),
        *(TRAINING, f"{TRAINING} (quote)", f"{TRAINING} (status)"),
    ]
    assert [row["paper_id"] for row in (first, second, third)] == ["a1", "a2", "a3"]
    assert first["title"] == "LongCache: Shrinking the Key-Value Cache"
    assert "62%" in first[MEMORY]
    quote = "LongCache reduces cache memory by 62%, and decoding is 1.4x faster."
    assert (first[f"{MEMORY} (quote)"], first[f"{MEMORY} (status)"]) == (quote, "answered")
    # The other two say nothing of memory: no cell of theirs quotes the first, nor anything but their own.
    for row, paper in ((second, PAPERS[1]), (third, PAPERS[2])):
        assert "62%" not in "".join(row.values())
        assert row[f"{MEMORY} (quote)"] in paper.abstract


def test_a_paper_that_does_not_say_has_an_empty_cell(assistant: Assistant) -> None:
    asked = "What does HyperCache cost?"
    reviewed(assistant, asked)
    for row in written():
        assert row[f"{asked} (status)"].startswith("abstained: ")
        assert row[asked] == row[f"{asked} (quote)"] == ""


def test_filters_choose_the_papers(assistant: Assistant) -> None:
    reviewed(assistant, MEMORY, filters=Filters(years=(2021, None), exclude_ids=("a2",)))
    assert [row["paper_id"] for row in written()] == ["a1"]


def test_what_is_answered_is_not_asked_again_and_a_new_question_is_a_new_column(
    assistant: Assistant,
) -> None:
    reviewed(assistant, MEMORY)
    assert reviewed(assistant, MEMORY).choices == {"kept": 3}
    assert reviewed(assistant, MEMORY, TRAINING).choices == {"kept": 3, "new": 3}
    assert TRAINING in written()[0]


def test_a_paper_half_asked_shows_what_is_known(assistant: Assistant) -> None:
    reviewed(assistant, MEMORY, TRAINING, limit=1)
    (row,) = written()
    assert "62%" in row[MEMORY]
    assert row[TRAINING] == row[f"{TRAINING} (status)"] == ""


def test_titles_answers_and_questions_are_no_formulas(tmp_path: Path, embedder: HashingEmbedder) -> None:
    ingest([Paper("=1", "@SUM(1)", "Cats.")], tmp_path / "i", embedder, passage_tokens=160, progress=silent)
    opened = Index.open(tmp_path / "i", embedder)
    reviewed(Assistant(opened, embedder, None, Settings()), "=What about cats?")
    (row,) = written()
    assert (row["paper_id"], row["title"]) == ("'=1", "'@SUM(1)")
    asked = ["'=What about cats?", "'=What about cats? (quote)", "'=What about cats? (status)"]
    assert [*row] == ["paper_id", "title", *asked]


@pytest.mark.parametrize(
    ("questions", "filters", "message"),
    [
        ((MEMORY, MEMORY), Filters(), "is given twice"),
        (
            ("confidence",),
            Filters(),
            "makes a column 'confidence', which there is already; word it otherwise",
        ),
        (("latency_ms",), Filters(), "makes a column 'latency_ms', which there is already"),
        (("title",), Filters(), "makes a column 'title', which there is already"),
        ((MEMORY, f"{MEMORY} (quote)"), Filters(), "which there is already; word it otherwise"),
        ((MEMORY, " "), Filters(), "a question of --per-paper is empty"),
        ((MEMORY,), Filters(venues=("none",)), "no paper of the index passes the filters"),
    ],
)
def test_what_makes_no_table_is_refused(
    index: Index, questions: tuple[str, ...], filters: Filters, message: str
) -> None:
    with pytest.raises(BatchError, match=message):
        papers_task(index, questions, filters)
