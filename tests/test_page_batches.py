"""Batches of the page: the owner's own, stopped and gone on with, one at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import PAPERS
from pages import HeldModel, scripted, until

from assistant.errors import AssistantError, BatchError, PageError
from assistant.page.batches import Batches, Columns, Standing, columns_of
from assistant.page.indexes import Indexes
from assistant.page.ledger import standing_html
from assistant.records import Filters
from assistant.testing import ScriptedModel

REPLY = "LongCache reduces cache memory by 62%."
QUESTIONS = (
    "By how much does LongCache reduce cache memory?",
    "How much faster is decoding with LongCache?",
    "How long does training LongCache take?",
)


@contextmanager
def batches(model: ScriptedModel, folder: Path) -> Iterator[Batches]:
    kept = Batches(folder, Indexes(scripted(model, folder)))
    yield kept
    kept.close()


def table(folder: Path, questions: tuple[str, ...] = QUESTIONS, column: str = "question") -> Path:
    file = folder / "Reviews.csv"
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([("id", column), *enumerate(questions, start=1)])
    return file


def settled(kept: Batches, owner: str, name: str) -> Standing:
    until(lambda: kept.standing(owner, name).stage not in ("waiting", "running", "stopping"))
    return kept.standing(owner, name)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_batch_is_stopped_between_rows_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    model = HeldModel(REPLY)
    with batches(model, tmp_path / "kept") as kept:
        batch = kept.add_table("ada", table(tmp_path), "question", "")
        kept.start("ada", batch.id)
        model.let.release(1)
        until(lambda: kept.standing("ada", batch.id).done == 1)
        assert [row["id"] for row in rows(kept.answers("ada", batch.id))] == ["1"]
        until(lambda: len(model.prompts) == 2)
        kept.stop("ada", batch.id)
        assert kept.standing("ada", batch.id).stage == "stopping"
        model.let.release(1)
        stopped = settled(kept, "ada", batch.id)
        assert (stopped.stage, stopped.done, stopped.total) == ("stopped", 2, 3)
        assert sum(stopped.statuses.values()) == 2
        assert [outcome.place for outcome in stopped.last] == ["row 3", "row 2"]
    again = ScriptedModel(REPLY)
    with batches(again, tmp_path / "kept") as kept:
        (found,) = kept.listed("ada")
        assert found == batch
        assert kept.standing("ada", batch.id) == stopped
        kept.start("ada", batch.id)
        done = settled(kept, "ada", batch.id)
        assert (done.stage, done.done) == ("done", 3)
        assert len(again.prompts) == 1
        assert [row["id"] for row in rows(kept.answers("ada", batch.id))] == ["1", "2", "3"]


def test_what_ran_when_the_server_ended_has_stopped(tmp_path: Path) -> None:
    model = HeldModel(REPLY)
    with batches(model, tmp_path / "kept") as kept:
        batch = kept.add_table("ada", table(tmp_path), "question", "")
        kept.start("ada", batch.id)
        until(lambda: len(model.prompts) == 1)
        model.let.release(1)
        until(lambda: kept.standing("ada", batch.id).done == 1)
        # Another server, as it would find the folder after a kill.
        with batches(ScriptedModel(REPLY), tmp_path / "kept") as other:
            found = other.standing("ada", batch.id)
            assert (found.stage, found.done, found.seconds_left) == ("stopped", 1, None)
            other.start("ada", batch.id)
            failed = settled(other, "ada", batch.id)
            assert failed.stage == "failed"
            assert failed.fault.startswith("another batch is writing answers.csv.journal;")
        kept.stop("ada", batch.id)
        model.let.release(1)


def test_one_batch_runs_and_the_next_waits_for_it(tmp_path: Path) -> None:
    model = HeldModel(REPLY)
    with batches(model, tmp_path / "kept") as kept:
        first, second = (
            kept.add_table(owner, table(tmp_path, QUESTIONS[:1]), "question", "") for owner in ("ada", "bob")
        )
        kept.start("ada", first.id)
        kept.start("bob", second.id)
        until(lambda: kept.standing("ada", first.id).stage == "running")
        waiting = kept.standing("bob", second.id)
        assert waiting.stage == "waiting"
        assert "Waits for another batch to finish" in standing_html(second, waiting)
        kept.stop("bob", second.id)
        assert kept.standing("bob", second.id).stage == "stopped"
        kept.start("bob", second.id)
        model.let.release(2)
        assert settled(kept, "ada", first.id).stage == settled(kept, "bob", second.id).stage == "done"


def test_nobody_reaches_another_s_batch(tmp_path: Path) -> None:
    with batches(ScriptedModel(REPLY), tmp_path / "kept") as kept:
        batch = kept.add_table("ada", table(tmp_path), "question", "")
        assert kept.listed("bob") == []
        for name in (batch.id, "..", f"../{batch.id}", ""):
            with pytest.raises(PageError, match="there is no such batch any more"):
                kept.answers("bob", name)
        files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
        assert {path.name for path in files} == {"Reviews.csv", "batch.json"}
        assert (kept.answers("ada", batch.id)).parent.stat().st_mode & 0o077 == 0


def test_every_paper_that_passes_is_asked(tmp_path: Path) -> None:
    with batches(ScriptedModel("SlimTune requires no gradient computation."), tmp_path / "kept") as kept:
        filters = Filters(years=(None, 2021))
        batch = kept.add_papers("ada", "What does it require?\n\n  What is costly? \n", filters, "")
        kept.start("ada", batch.id)
        done = settled(kept, "ada", batch.id)
        passing = [paper.id for paper in PAPERS if paper.year and paper.year <= 2021]
        assert (done.stage, done.done, done.total) == ("done", 2 * len(passing), 2 * len(passing))
        answers = rows(kept.answers("ada", batch.id))
        assert [row["paper_id"] for row in answers] == passing
        assert {"What does it require?", "What is costly?"} < set(answers[0])
        assert "papers up to 2021" in standing_html(batch, done)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "empty.csv"),
        ("header.csv", "id,question\n", "header.csv holds no questions: there is no row below its header"),
        ("paper.xlsx", "%PDF-1.7", "paper.xlsx"),
    ],
)
def test_a_table_that_is_none_is_told_of_in_one_line(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    with pytest.raises(AssistantError) as caught:
        columns_of(file)
    assert str(caught.value).startswith(message)
    assert str(tmp_path) not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_column_of_the_questions_is_found_or_to_be_chosen(tmp_path: Path) -> None:
    assert columns_of(table(tmp_path, column="Question")) == Columns(("id", "Question"), "Question", 3)
    assert columns_of(table(tmp_path, column="asked")) == Columns(("id", "asked"), None, 3)
    with batches(ScriptedModel(REPLY), tmp_path / "kept") as kept:
        with pytest.raises(PageError, match="choose the column that holds the questions"):
            kept.add_table("ada", table(tmp_path), None, "")
        with pytest.raises(BatchError, match=r"^Reviews\.csv already has a column 'status'"):
            kept.add_table("ada", table(tmp_path, column="status"), "status", "")
        with pytest.raises(PageError, match="one question a line"):
            kept.add_papers("ada", " \n", Filters(), "")
        with pytest.raises(BatchError, match="no paper of the index passes"):
            kept.add_papers("ada", "What?", Filters(years=(1850, 1851)), "")
        assert kept.listed("ada") == []


def test_what_questions_and_answers_say_is_shown_as_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    with batches(ScriptedModel(REPLY), tmp_path / "kept") as kept:
        batch = kept.add_table("ada", table(tmp_path, (hostile,), f"{hostile}?"), f"{hostile}?", "")
        kept.start("ada", batch.id)
        shown = standing_html(batch, settled(kept, "ada", batch.id))
    assert "<img" not in shown
    assert "&lt;img src=x" in shown
