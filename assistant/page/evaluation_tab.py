"""Gold questions asked on the page: how far an evaluation is, and its report."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import gradio as gr

from assistant.api import Assistant
from assistant.errors import AssistantError, PageError, first_line
from assistant.page import evaluation_view as view
from assistant.page.chat import QUIETLY, Updates
from assistant.page.desk import Desk
from assistant.page.evaluation import Report
from assistant.page.listing import text_file
from assistant.page.shelf import failure_html
from assistant.page.visit import Kept, Said

_DEVELOPMENT, _OWN = "development", "own"
_GOLD = [
    ("Development questions of the harness, about the sample corpus", _DEVELOPMENT),
    ("The questions kept from answers on this page", _OWN),
]
_LIMITS = [("20", 20), ("50", 50), ("All", 0)]
_LOOK = 0.5  # seconds between looks whether the visitor has gone
_DOWNLOAD_SCRIPT = Path(__file__).with_name("download.js")

Done = tuple[int, int, str]  # as an evaluation tells its Progress


class EvaluationTab:
    """The choice of questions, the one evaluation at a time, and its report."""

    def __init__(self, desk: Desk, kept: Kept) -> None:
        self._desk = desk
        self._kept = kept
        self._running = threading.Lock()

    def show(self) -> None:
        """What to ask on one side, the report on the other; or that there is no harness."""
        if not self._desk.evaluator:
            gr.HTML(f'<p class="placeholder">{view.ABSENT}</p>', apply_default_css=False)
            return
        with gr.Row(elem_id="evaluation"):
            with gr.Column(scale=2):
                self._about = gr.HTML("", apply_default_css=False)
                self._gold = gr.Radio(label="Questions", choices=_GOLD, value=_DEVELOPMENT)
                self._limit = gr.Radio(
                    label="How many",
                    info="A part is drawn always alike; the fewer, the wider the intervals.",
                    choices=_LIMITS,
                    value=20,
                )
                self._start = gr.Button("Evaluate", variant="primary", elem_id="evaluate")
                self._cancel = gr.Button("Cancel", variant="stop", elem_id="cancel", visible=False)
                self._progress = gr.HTML("", apply_default_css=False, elem_id="evaluated")
            with gr.Column(scale=3):
                self._report = gr.HTML(
                    '<p class="placeholder">The report of an evaluation appears here.</p>',
                    apply_default_css=False,
                    elem_id="report",
                )
                self._page = gr.State(None)
                self._save = gr.Button("Download the whole report", size="sm", visible=False)
                self._file = gr.HTML(
                    "",
                    html_template="",
                    js_on_load=_DOWNLOAD_SCRIPT.read_text(encoding="utf-8"),
                    visible="hidden",
                )

    def connect(self, tab: gr.Tab) -> None:
        """Let everything do what it is there for; `tab` is where it is shown."""
        if not self._desk.evaluator:
            return
        tab.select(self._describe, self._kept.states, self._about, **QUIETLY)
        shown = [self._progress, self._report, self._start, self._cancel, self._page, self._save]
        asking: set[Any] = {*self._kept.states, self._gold, self._limit}
        # A second evaluation is refused and not queued, so it must come as far as being asked for.
        event = self._start.click(self._evaluate, asking, shown, concurrency_limit=None, **QUIETLY)
        buttons = [self._progress, self._start, self._cancel]
        self._cancel.click(self._cancelled, None, buttons, cancels=event, **QUIETLY)
        self._save.click(self._download, self._page, self._file, **QUIETLY)

    def _assistant(self, said: Said, request: gr.Request) -> tuple[str, Assistant]:
        name = self._kept.visit(self._desk, said, request).index
        return name, self._desk.indexes.assistant(name)

    def _describe(self, said: Said, request: gr.Request) -> Updates:
        name, assistant = self._assistant(said, request)
        return {self._about: view.about_html(name, assistant.model_name)}

    def _evaluate(self, said: Said, request: gr.Request) -> Iterator[Updates]:
        """The page as the evaluation goes on; it ends when the visitor cancels it or leaves."""
        if not self._running.acquire(blocking=False):
            yield {self._progress: failure_html("an evaluation is running already; wait until it has ended")}
            return
        try:
            yield from self._followed(said, request)
        finally:
            self._running.release()

    def _followed(self, said: Said, request: gr.Request) -> Iterator[Updates]:
        yield self._buttons(running=True) | {self._progress: view.progress_html(0, 0, "")}
        try:
            name, assistant = self._assistant(said, request)
            gold = self._desk.gold(name) if said[self._gold] == _OWN else None
            if gold and not gold.exists():
                raise PageError(f"no question about {name} was kept yet; the thumbs under an answer keep it")
            with closing(self._told(assistant, gold, name, said[self._limit] or None)) as telling:
                begun: dict[str, tuple[int, float]] = {}
                for told in telling:
                    if isinstance(told, Report):
                        yield self._buttons(running=False) | {
                            self._progress: "",
                            self._report: view.report_html(told),
                            self._page: str(told.page),
                            self._save: gr.Button(visible=True),
                        }
                        return
                    done, total, what = told
                    # From the first that was told on, since a run may go on where an earlier one was.
                    first, since = begun.setdefault(what, (done, time.monotonic()))
                    each = (time.monotonic() - since) / (done - first) if done > first else 0.0
                    yield {self._progress: view.progress_html(*told, each * (total - done))}
        except AssistantError as error:
            yield self._buttons(running=False) | {self._progress: failure_html(str(error))}

    def _told(
        self, assistant: Assistant, gold: Path | None, index: str, limit: int | None
    ) -> Generator[Done | Report, None, None]:
        """What the evaluation says, from a thread of its own; closing this ends it after its question.

        Raises:
            AssistantError: it can't be done.
        """
        assert self._desk.evaluator
        said: SimpleQueue[Done | Report | AssistantError] = SimpleQueue()
        stopped = threading.Event()
        evaluate = self._desk.evaluator.evaluate

        def progress(done: int, total: int, what: str) -> None:
            if stopped.is_set():
                raise PageError("cancelled")
            said.put((done, total, what))

        def run() -> None:
            try:
                runs = self._desk.folder / "evaluations" / index
                said.put(evaluate(assistant, gold, runs, limit=limit, progress=progress))
            except AssistantError as error:
                said.put(error)
            except Exception as error:  # or the page would wait for ever
                said.put(PageError(f"the evaluation failed: {type(error).__name__}: {first_line(error)}"))

        worker = threading.Thread(target=run, name="evaluation", daemon=True)
        worker.start()
        told: Done | Report | AssistantError = (0, 0, "")
        try:
            while not isinstance(told, Report):
                with suppress(Empty):
                    told = said.get(timeout=_LOOK)
                if isinstance(told, AssistantError):
                    raise told
                yield told
        finally:
            stopped.set()
            worker.join()

    def _cancelled(self) -> Updates:
        return self._buttons(running=False) | {self._progress: view.stopped_html()}

    def _buttons(self, *, running: bool) -> Updates:
        return {self._start: gr.Button(visible=not running), self._cancel: gr.Button(visible=running)}

    def _download(self, page: str) -> str:
        path = Path(page)
        return text_file(f"{path.parent.name}-{path.name}", path.read_text(encoding="utf-8"))
