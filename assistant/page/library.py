"""The library: the indexes there are, their papers, and files of papers added to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from assistant.errors import AssistantError
from assistant.index import Index
from assistant.page.chat import QUIETLY, Updates
from assistant.page.desk import Desk
from assistant.page.intake import put, read_uploaded, suggested_name, uploaded, with_time_left
from assistant.page.narrowing import Narrowing
from assistant.page.shelf import facts_html, failure_html, papers_html, reading_html, stored_html
from assistant.page.visit import Kept, Said
from assistant.records import Filters, Paper

_A_PAGE = 20  # papers
_MOST_FOUND = 200  # papers of a search; farther down they have little to do with it


class Library:
    """The components of the library, and what happens in it."""

    def __init__(self, desk: Desk, kept: Kept) -> None:
        self._desk = desk
        self._kept = kept

    def show(self) -> None:
        """An index and what is added to it on one side, its papers on the other."""
        index = self._desk.indexes.assistant().index
        with gr.Row(elem_id="library"):
            with gr.Column(scale=2):
                self.chosen = gr.Dropdown(
                    label="Index", choices=self._desk.indexes.names(), interactive=True, elem_id="index"
                )
                self._facts = gr.HTML("", apply_default_css=False)
                gr.HTML("<h2>Add papers</h2>", apply_default_css=False)
                self._files = gr.File(label="Files of papers", file_count="multiple", height=140)
                self._read = gr.HTML("", apply_default_css=False)
                self._name = gr.Textbox(
                    label="Put them into the index", info="An index of that name is added to.", visible=False
                )
                self._add = gr.Button("Add these papers", variant="primary", visible=False)
                self._stored = gr.HTML("", apply_default_css=False, elem_id="stored")
            with gr.Column(scale=3):
                self._query = gr.Textbox(label="Search the papers", placeholder="Anything they may be about")
                self._narrowing = Narrowing.of(index.papers, "Show only some papers")
                self._count = gr.HTML("", apply_default_css=False)
                self._papers = gr.HTML("", apply_default_css=False)
                self._more = gr.Button("More", size="sm", visible=False)
                self._shown = gr.State(_A_PAGE)

    def connect(self) -> None:
        """Let everything do what it is there for."""
        looking: set[Any] = {self._kept.index, self._query, *self._narrowing.fields}
        found = [self._papers, self._count, self._more, self._shown]
        changes = [self._query.change, *(field.input for field in self._narrowing.fields)]
        gr.on(changes, self._look, looking, found, trigger_mode="always_last", **QUIETLY)
        self._more.click(self._look_further, {*looking, self._shown}, found, **QUIETLY)
        self._files.change(
            self._read_files,
            self._files,
            [self._read, self._name, self._add, self._stored],
            **QUIETLY,
        )
        self.stored = self._add.click(
            self._put,
            {self._files, self._name},
            [self._stored, self.chosen, self._files],
            api_visibility="private",
            show_progress_on=self._stored,
            concurrency_limit=1,
        )

    @property
    def restored(self) -> list[Any]:
        """What `restore` gives values to."""
        return [
            self.chosen,
            self._facts,
            self._query,
            self._papers,
            self._count,
            self._more,
            self._shown,
            *self._narrowing.fields,
        ]

    def restore(self, name: str) -> Updates:
        """The index of that name, as it is first seen."""
        index = self._desk.indexes.assistant(name).index
        return {
            self.chosen: gr.Dropdown(choices=self._desk.indexes.names(), value=name),
            self._facts: facts_html(index),
            self._query: "",
            **self._narrowing.offered(index.papers),
            **self._page(len(index.papers), index.papers[:_A_PAGE], _A_PAGE),
        }

    def _look(self, said: Said) -> Updates:
        return self._page(*self._found(said, _A_PAGE), _A_PAGE)

    def _look_further(self, said: Said) -> Updates:
        most = said[self._shown] + _A_PAGE
        return self._page(*self._found(said, most), most)

    def _found(self, said: Said, most: int) -> tuple[int, tuple[Paper, ...]]:
        """How many papers are like what is looked for, and the first of them."""
        assistant = self._desk.indexes.assistant(said[self._kept.index])
        filters, query = self._narrowing.filters(said), said[self._query].strip()
        if not query:
            return _passing(assistant.index, filters, most)
        found = assistant.search(query, _MOST_FOUND, filters)
        return len(found), tuple(scored.paper for scored in found[:most])

    def _page(self, count: int, papers: tuple[Paper, ...], most: int) -> Updates:
        noun = "paper" if count == 1 else "papers"
        return {
            self._papers: papers_html(papers),
            self._count: f'<p class="placeholder">{count:,} {noun}</p>',
            self._more: gr.Button(visible=count > most),
            self._shown: most,
        }

    def _read_files(self, files: list[str] | None) -> Updates:
        paths = list(map(Path, files or ()))
        readable = False
        try:
            read = reading_html(read_uploaded(paths)) if paths else ""
            readable = bool(paths)
        except AssistantError as error:
            read = failure_html(str(error))
        updates: Updates = {
            self._read: read,
            self._name: gr.Textbox(value=suggested_name(paths), visible=readable),
            self._add: gr.Button(visible=readable),
        }
        return updates | ({self._stored: ""} if paths else {})

    def _put(self, said: Said, progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
        name, paths = said[self._name].strip(), list(map(Path, said[self._files] or ()))
        try:
            done = put(uploaded(paths), name, self._desk.indexes, with_time_left(progress))
        except AssistantError as error:
            return {self._stored: failure_html(str(error))}
        return {
            self._stored: stored_html(done, name),
            self.chosen: gr.Dropdown(choices=self._desk.indexes.names(), value=name),
            self._files: None,
        }


def _passing(index: Index, filters: Filters, most: int) -> tuple[int, tuple[Paper, ...]]:
    """How many papers pass the filters, and the first of them in the order of the index."""
    allowed = index.allowed(filters)
    if allowed is None:
        return len(index.papers), index.papers[:most]
    rows = np.unique(index.paper_rows[allowed])
    return len(rows), tuple(index.papers[row] for row in rows[:most].tolist())
