from __future__ import annotations

from pathlib import Path

import pytest
from conftest import PAPERS

from assistant.api import Assistant
from assistant.errors import PageError
from assistant.index import Index
from assistant.page.evaluation import Failure, Figure, Report
from assistant.page.evaluation_view import progress_html, report_html
from assistant.page.gold import Correction, keep
from assistant.progress import silent
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel
from eval.evaluator import Harness

MEMORY = "By how much does LongCache reduce cache memory?"
TRAINING = "How long does training LongCache take?"
SENTENCES = ("LongCache reduces cache memory by 62%", "Training takes 36 hours")
HOSTILE, SAFE = "<b>LongCache</b>", "&lt;b&gt;LongCache&lt;/b&gt;"


def correction(question: str, answer: str, sentence: str) -> Correction:
    start = PAPERS[0].abstract.index(sentence)
    return Correction(question, answer, PAPERS[0], start, start + len(sentence))


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Two questions, the second with an answer that the abstract does not have."""
    path = tmp_path / "gold.jsonl"
    keep(correction(MEMORY, "62%", SENTENCES[0]), path)
    keep(correction(TRAINING, "37 hours", SENTENCES[1]), path)
    return path


@pytest.fixture
def assistant(index: Index, embedder: HashingEmbedder) -> Assistant:
    return Assistant(index, embedder, ScriptedModel("It does."), Settings(model="none"))


def test_what_was_asked_is_reported_with_figures_and_failures(
    assistant: Assistant, gold: Path, tmp_path: Path
) -> None:
    report = Harness().evaluate(assistant, gold, tmp_path / "runs", progress=silent)
    # Each question is asked again without its paper, and then to be declined: 3 of 4 are as they should be.
    assert report.questions == 4
    trusted = report.figures[0]
    assert (trusted.name, trusted.questions, trusted.mean) == ("Trusted-Answer Rate", "4", "0.750")
    (failure,) = report.failures
    assert (failure.question, failure.expected) == (TRAINING, "37 hours")
    assert "36 hours" in failure.answer
    assert "Trusted-Answer Rate" in report.page.read_text(encoding="utf-8")
    assert report.page.parent == report.folder


def test_an_evaluation_that_was_cancelled_goes_on_where_it_was(
    assistant: Assistant, gold: Path, tmp_path: Path
) -> None:
    told: list[int] = []

    def cancelling(done: int, total: int, what: str) -> None:
        told.append(done)
        if told == [1, 2]:
            raise PageError("cancelled")

    runs = tmp_path / "runs"
    with pytest.raises(PageError, match="cancelled"):
        Harness().evaluate(assistant, gold, runs, progress=cancelling)
    report = Harness().evaluate(assistant, gold, runs, progress=cancelling)
    assert told == [1, 2, 3, 4]
    assert list(runs.iterdir()) == [report.folder]
    again = Harness().evaluate(assistant, gold, runs, limit=1, progress=silent)
    assert (again.questions, len(list(runs.iterdir()))) == (1, 2)


def test_a_faulty_gold_question_is_one_line(assistant: Assistant, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"id": "q1"}\n', encoding="utf-8")
    with pytest.raises(PageError, match=r"gold\.jsonl line 1"):
        Harness().evaluate(assistant, gold, tmp_path / "runs", progress=silent)


def test_questions_and_answers_of_a_report_are_text(tmp_path: Path) -> None:
    figures = (Figure("Trusted-Answer Rate", "1", "0.000", "[0.000, 0.793]"),)
    failures = (Failure(HOSTILE, "Wrong", HOSTILE, HOSTILE),)
    html = report_html(Report(1, figures, failures, tmp_path, tmp_path / "report.html"))
    assert HOSTILE not in html
    assert html.count(SAFE) == 3
    assert "1 of 1 questions not as they should be" in html


def test_progress_tells_how_much_is_done_and_left() -> None:
    assert "Reading the questions" in progress_html(0, 0, "")
    html = progress_html(12, 40, "asking", 84.0)
    assert '<progress value="12" max="40"' in html
    assert "Asking: 12 of 40, 1 min left" in html
