"""An evaluation as HTML: how far it has come, and what came of it."""

from __future__ import annotations

from html import escape

from assistant.page.evaluation import Failure, Report

ABSENT = (
    "The evaluation harness is not installed here. In a checkout of the project: pip install -e '.[eval]', "
    "then start the page again."
)
_HEADER = ("", "questions", "mean", "95 % interval")


def about_html(index: str, model: str) -> str:
    """What would be asked of what."""
    return (
        f'<p class="placeholder">Asks questions with known answers of the index {escape(index)} under the '
        f"settings in force ({escape(model)}) and scores the answers: whether they are right, cite the right "
        "paper, and decline what the abstracts do not say.</p>"
    )


def progress_html(done: int, total: int, what: str, seconds_left: float | None = None) -> str:
    """What goes on, how much of it is done, and how long it will take."""
    if not total:
        return '<p class="progress" role="status">Reading the questions</p>'
    left = f", {_duration(seconds_left)} left" if seconds_left else ""
    return (
        f'<progress value="{done}" max="{total}" aria-label="{escape(what)}"></progress>'
        f'<p class="progress" role="status">{escape(what.capitalize())}: {done} of {total}{left}</p>'
    )


def stopped_html() -> str:
    """What is left of an evaluation that was cancelled."""
    return (
        '<p class="stored" role="status">Cancelled. What was answered is kept: the same evaluation goes on '
        "from there.</p>"
    )


def report_html(report: Report) -> str:
    """The headline as a table, and below it what failed."""
    header = "".join(f'<th scope="col">{name}</th>' for name in _HEADER)
    rows = "".join(
        f'<tr><th scope="row">{escape(figure.name)}</th><td>{figure.questions}</td><td>{figure.mean}</td>'
        f"<td>{figure.interval}</td></tr>"
        for figure in report.figures
    )
    failed = len(report.failures)
    title = f"{failed} of {report.questions} questions not as they should be" if failed else "Nothing failed"
    return (
        f'<table class="headline"><caption>The declared measures; ↓ less is better.</caption>'
        f"<thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>{title}</h2>{''.join(map(_failure, report.failures))}"
        f'<p class="placeholder">The run is in <code>{escape(str(report.folder))}</code>.</p>'
    )


def _failure(failure: Failure) -> str:
    return (
        '<details class="failure"><summary dir="auto">'
        f'<span class="outcome">{escape(failure.outcome)}</span> {escape(failure.question)}</summary>'
        f'<dl><dt>Answer</dt><dd dir="auto">{escape(failure.answer)}</dd>'
        f'<dt>Expected</dt><dd dir="auto">{escape(failure.expected)}</dd></dl></details>'
    )


def _duration(seconds: float) -> str:
    """A time to wait, as it is said.

    >>> _duration(42), _duration(200)
    ('42 s', '3 min')
    """
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
