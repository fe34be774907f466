"""What the page needs of an evaluation harness, which is not part of this package and is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from assistant.api import Assistant
from assistant.progress import Progress


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of a run, written out: how many questions it counts, its mean, its 95 % interval."""

    name: str
    questions: str
    mean: str
    interval: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that was not answered as it should have been."""

    question: str
    outcome: str
    answer: str
    expected: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run: its figures, its failures, its folder, and in that `page`, the whole report."""

    questions: int
    figures: tuple[Figure, ...]
    failures: tuple[Failure, ...]
    folder: Path
    page: Path


class Evaluator(Protocol):
    """Asks gold questions and scores the answers."""

    def evaluate(
        self,
        assistant: Assistant,
        gold: Path | None,
        runs: Path,
        *,
        limit: int | None = None,
        progress: Progress,
    ) -> Report:
        """Ask the questions of a gold file, or else the harness's own for development, and report.

        The run is kept in a folder of its own below `runs`. One that `progress` has ended, by raising, goes
        on where it was when the same is asked again.

        Args:
            assistant: Who is asked.
            gold: The file of the gold questions.
            runs: The folder of the runs.
            limit: As many questions, drawn always alike.
            progress: Told after every question.

        Raises:
            AssistantError: a gold question is faulty, or is about papers that the index does not have.
        """
