"""Batches on the page: a table of questions, or every paper asked the same, and the answers as they come."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.errors import AssistantError, PageError
from assistant.page.batches import RUNNING, Batch, columns_of
from assistant.page.chat import QUIETLY, Updates, script
from assistant.page.desk import Desk
from assistant.page.ledger import columns_html, no_batch_html, standing_html
from assistant.page.narrowing import Narrowing
from assistant.page.shelf import failure_html
from assistant.page.visit import Kept, Said

_LOOK_EVERY = 1.0  # seconds


class Batching:
    """The components of the batches, and what happens in them; `narrowing` is what the chat is asked of."""

    def __init__(self, desk: Desk, kept: Kept, narrowing: Narrowing) -> None:
        self._desk = desk
        self._kept = kept
        self._narrowing = narrowing

    def show(self) -> None:
        """What is to be asked on one side, what came of it on the other."""
        with gr.Row(elem_id="batches"):
            with gr.Column(scale=2):
                gr.HTML("<h2>Answer a table of questions</h2>", apply_default_css=False)
                self._table = gr.File(label="A table: CSV, TSV, JSONL, Parquet or Excel", height=140)
                self._read = gr.HTML("", apply_default_css=False)
                self._column = gr.Dropdown(label="Column of the questions", visible=False)
                self._begin = gr.Button("Answer these questions", variant="primary", visible=False)
                with gr.Accordion("Ask every paper", open=False, elem_classes="narrowing"):
                    self._questions = gr.Textbox(
                        label="Questions, one a line",
                        info="Each is asked of each paper that passes the filters of the tab Ask.",
                        lines=3,
                    )
                    self._begin_papers = gr.Button("Ask every paper", variant="primary")
            with gr.Column(scale=3):
                self._chosen = gr.Dropdown(label="Batch", visible=False)
                self._standing = gr.HTML(no_batch_html(), apply_default_css=False, elem_id="standing")
                with gr.Row(elem_id="batch-actions"):
                    self._stop = gr.Button("Stop", variant="stop", visible=False)
                    self._go_on = gr.Button("Go on", variant="primary", visible=False)
                    self._take = gr.Button("Download answers", visible=False)
                self._download = gr.HTML(
                    "", html_template="", js_on_load=script("download.js"), visible="hidden"
                )
                self._clock = gr.Timer(_LOOK_EVERY, active=False)

    def connect(self, page: gr.Blocks) -> None:
        """Let everything do what it is there for."""
        states = self._kept.states
        choosing: set[Any] = {*states, self._chosen}
        seen = [self._standing, self._stop, self._go_on, self._take, self._clock]
        listed = [self._chosen, *seen]
        uploaded = [self._read, self._column, self._begin]
        self._table.change(self._read_table, self._table, uploaded, **QUIETLY)
        self._begin.click(
            self._ask_table, {*states, self._table, self._column}, [*listed, self._table], **QUIETLY
        )
        self._begin_papers.click(
            self._ask_papers,
            {*states, self._questions, *self._narrowing.fields},
            [*listed, self._questions],
            **QUIETLY,
        )
        self._stop.click(self._have_stopped, choosing, seen, **QUIETLY)
        self._go_on.click(self._have_gone_on, choosing, seen, **QUIETLY)
        self._take.click(self._answers, choosing, self._download, **QUIETLY)
        gr.on([self._chosen.input, self._clock.tick], self._look, choosing, seen, **QUIETLY)
        page.load(self._come, states, listed, **QUIETLY)

    def _come(self, said: Said, request: gr.Request) -> Updates:
        """The visitor's batches, the last one shown."""
        owner = self._owner(said, request)
        batches = self._desk.batches.listed(owner)
        return self._listed(owner, batches[0] if batches else None)

    def _read_table(self, path: str | None) -> Updates:
        columns, read = None, ""
        try:
            if path:
                columns = columns_of(Path(path))
                read = columns_html(columns)
        except AssistantError as error:
            read = failure_html(str(error))
        names, question = (columns.names, columns.question) if columns else ((), None)
        return {
            self._read: read,
            self._column: gr.Dropdown(choices=list(names), value=question, visible=bool(names)),
            self._begin: gr.Button(visible=bool(names)),
        }

    def _ask_table(self, said: Said, request: gr.Request) -> Updates:
        if not said[self._table]:
            raise PageError("upload a table of questions")
        visit = self._kept.visit(self._desk, said, request)
        table = Path(said[self._table])
        batch = self._desk.batches.add_table(visit.owner, table, said[self._column], visit.index)
        return self._started(visit.owner, batch) | {self._table: None}

    def _ask_papers(self, said: Said, request: gr.Request) -> Updates:
        visit = self._kept.visit(self._desk, said, request)
        filters = self._narrowing.filters(said)
        batch = self._desk.batches.add_papers(visit.owner, said[self._questions], filters, visit.index)
        return self._started(visit.owner, batch) | {self._questions: ""}

    def _started(self, owner: str, batch: Batch) -> Updates:
        self._desk.batches.start(owner, batch.id)
        return self._listed(owner, batch)

    def _have_stopped(self, said: Said, request: gr.Request) -> Updates:
        owner = self._owner(said, request)
        self._desk.batches.stop(owner, said[self._chosen])
        return self._seen(owner, said[self._chosen])

    def _have_gone_on(self, said: Said, request: gr.Request) -> Updates:
        owner = self._owner(said, request)
        self._desk.batches.start(owner, said[self._chosen])
        return self._seen(owner, said[self._chosen])

    def _look(self, said: Said, request: gr.Request) -> Updates:
        return self._seen(self._owner(said, request), said[self._chosen])

    def _answers(self, said: Said, request: gr.Request) -> Updates:
        batches, owner = self._desk.batches, self._owner(said, request)
        batch = batches.find(owner, said[self._chosen])
        path = batches.answers(owner, batch.id)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        # The time makes it new each time, so that the same one can be downloaded twice.
        plain = {"name": f"{batch.stem}-answers{path.suffix}", "text": text, "at": time.time()}
        return {self._download: json.dumps(plain)}

    def _owner(self, said: Said, request: gr.Request) -> str:
        return self._kept.visit(self._desk, said, request).owner

    def _listed(self, owner: str, chosen: Batch | None) -> Updates:
        choices = [(_titled(batch), batch.id) for batch in self._desk.batches.listed(owner)]
        value = chosen.id if chosen else None
        listed = {self._chosen: gr.Dropdown(choices=choices, value=value, visible=bool(chosen))}
        return listed | (self._seen(owner, chosen.id) if chosen else {})

    def _seen(self, owner: str, name: str) -> Updates:
        batch, standing = self._desk.batches.find(owner, name), self._desk.batches.standing(owner, name)
        runs = standing.stage in RUNNING
        failed = standing.statuses.get("error", 0)
        goes_on = "Go on" if standing.stage != "done" else "Ask again what failed"
        return {
            self._standing: standing_html(batch, standing),
            self._stop: gr.Button(visible=standing.stage in ("waiting", "running")),
            self._go_on: gr.Button(goes_on, visible=not runs and (standing.stage != "done" or bool(failed))),
            self._take: gr.Button(visible=standing.done > 0),
            self._clock: gr.Timer(active=runs),
        }


def _titled(batch: Batch) -> str:
    return f"{batch.name} ({time.strftime('%-d %b %Y %H:%M', time.localtime(batch.made))})"
