"""What the page offers to programs, through Gradio's own API: `ask`, `search` and `batch`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from gradio.events import api

from assistant.batch.columns import result_of
from assistant.errors import PageError
from assistant.page.desk import Desk
from assistant.records import Filters, Turn, to_plain

_MOST_PAPERS = 100
_MOST_ROWS = 1_000


def offer(desk: Desk, concurrency: dict[str, Any]) -> None:
    """Add the endpoints to the page that is being built."""

    def ask(
        question: str,
        history: list[list[str]] | None = None,
        years: list[int | None] | None = None,
        venues: list[str] | None = None,
        papers: list[str] | None = None,
        index: str = "",
    ) -> dict[str, Any]:
        """Answer a question from the abstracts, each sentence cited and checked, or say that they do not.

        Args:
            question: The question; it may lean on the history.
            history: Earlier turns, oldest first, as [question, answer].
            years: The first and the last year of the papers to use, either may be null.
            venues: The venues of the papers to use.
            papers: The ids of the papers to use.
            index: The name of an index, unless it is the first one.

        Returns:
            The Answer: status and reason, text with [n] marks, sentences with verdicts, citations, evidence.
        """
        filters = _filters(years, venues, papers)
        return desk.indexes.assistant(index).ask(question, _turns(history), filters).to_dict()

    def search(query: str, k: int = 10, index: str = "") -> list[dict[str, Any]]:
        """Find the papers nearest to a query, with their passages and score parts.

        Args:
            query: What to look for.
            k: How many papers, at most 100.
            index: The name of an index, unless it is the first one.

        Returns:
            The papers found, best first.
        """
        found = desk.indexes.assistant(index).search(query, min(max(k, 1), _MOST_PAPERS))
        plain: list[dict[str, Any]] = to_plain(found)
        return plain

    def batch(
        rows: list[dict[str, Any]], question_column: str = "question", index: str = ""
    ) -> Iterator[list[dict[str, Any]]]:
        """Answer many questions, as `assistant batch` does, but without a journal: at most 1,000 at a time.

        Args:
            rows: The rows, each with a question and maybe history and filters; what else they hold is kept.
            question_column: The key of the question.
            index: The name of an index, unless it is the first one.

        Returns:
            The rows so far, each with its status, answer, final, citations, quotes, confidence and reason.
        """
        _check(rows)
        answered: list[dict[str, Any]] = []
        started = time.perf_counter()
        asked = desk.indexes.assistant(index).batch(rows, question_column=question_column)
        with closing(asked) as growing:
            for row, answer in growing:
                result = result_of(answer, time.perf_counter() - started)
                answered.append({**row, **result.columns()})
                yield answered
                started = time.perf_counter()

    api(ask, api_name="ask", **concurrency)
    api(search, api_name="search", **concurrency)
    api(batch, api_name="batch", **concurrency)


def _check(rows: Any) -> None:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise PageError(f'rows is a list such as [{{"question": "…"}}], and not {str(rows)[:80]}')
    if len(rows) > _MOST_ROWS:
        raise PageError(
            f"{len(rows):,} rows are more than {_MOST_ROWS:,}; send them in parts, or run `assistant batch`"
        )


def _turns(history: list[list[str]] | None) -> list[Turn]:
    if any(not isinstance(turn, list) or len(turn) != 2 for turn in history or ()):
        raise PageError(f"history is a list of [question, answer] pairs, and not {str(history)[:80]}")
    return [Turn(*turn) for turn in history or ()]


def _filters(years: list[int | None] | None, venues: list[str] | None, papers: list[str] | None) -> Filters:
    if years and len(years) != 2:
        raise PageError(f"years is [first, last], either may be null, and not {str(years)[:80]}")
    pair = (years[0], years[1]) if years else None
    return Filters(years=pair, venues=tuple(venues or ()), include_ids=tuple(papers or ()))
