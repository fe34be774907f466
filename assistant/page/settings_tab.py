"""The settings of the server, changed on its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.errors import AssistantError, PageError
from assistant.page import settings_view as view
from assistant.page.chat import QUIETLY, Updates
from assistant.page.desk import Desk
from assistant.page.shelf import failure_html
from assistant.page.visit import Said
from assistant.settings import Settings, variables

_THEME_SCRIPT = Path(__file__).with_name("theme.js")


class SettingsTab:
    """The controls, one a setting, and what happens when they are saved."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> None:
        """The controls on one side, all settings in force on the other."""
        settings = self._settings
        self._theme = gr.HTML(
            "",
            html_template="",
            elem_id="theme",
            js_on_load=_THEME_SCRIPT.read_text(encoding="utf-8"),
            visible="hidden",
        )
        self._before = gr.State(view.shown(settings))
        with gr.Row(elem_id="settings"):
            with gr.Column(scale=3):
                gr.HTML(view.whose_html(settings), apply_default_css=False)
                self._controls = {name: control() for name, control in self._made.items()}
                self._save = gr.Button("Save", variant="primary", elem_id="save")
                self._outcome = gr.HTML("", apply_default_css=False, elem_id="saved")
            with gr.Column(scale=2):
                gr.HTML("<h2>Other models</h2>", apply_default_css=False)
                self._others = gr.HTML("", apply_default_css=False)
                gr.HTML("<h2>In force</h2>", apply_default_css=False)
                self._in_force = gr.HTML("", apply_default_css=False, elem_id="in-force")

    def connect(self, page: gr.Blocks) -> None:
        """Let everything do what it is there for."""
        showing = [*self._controls.values(), self._before, self._others, self._in_force, self._theme]
        page.load(self._showing, None, showing, **QUIETLY)
        self.saved = self._save.click(
            self._change,
            {*self._controls.values(), self._before},
            [*showing, self._outcome],
            concurrency_limit=1,
            **QUIETLY,
        )

    @property
    def _settings(self) -> Settings:
        return self._desk.indexes.assistant().settings

    @property
    def _made(self) -> dict[str, Any]:
        """How each control is made."""
        return {
            "model": lambda: gr.Dropdown(label="Model", elem_id="model", interactive=True),
            "papers": lambda: gr.Number(label="Papers found", precision=0, minimum=1, maximum=100),
            "context_sentences": lambda: gr.Number(
                label="Sentences shown to the model", precision=0, minimum=1, maximum=50
            ),
            "strictness": lambda: gr.Radio(label="Strictness", choices=list(view.STRICTNESS.items())),
            "theme": lambda: gr.Radio(label="Colours", choices=list(view.THEMES.items())),
        }

    def _showing(self) -> Updates:
        """Everything as it is in force, for whoever comes or has saved."""
        settings, fixed = self._settings, variables()
        shown = view.shown(settings)
        updates: Updates = {
            control: gr.update(value=shown[name], info=view.explained(name), interactive=name not in fixed)
            for name, control in self._controls.items()
        }
        updates[self._controls["model"]]["choices"] = view.models(settings)
        return {
            **updates,
            self._before: shown,
            self._others: view.others_html(settings),
            self._in_force: view.in_force_html(settings),
            self._theme: settings.theme,
        }

    def _change(self, said: Said) -> Iterator[Updates]:
        """Save what differs from what this visitor was shown, and let it be in force."""
        before, fixed = said[self._before], variables()
        chosen = {name: said[control] for name, control in self._controls.items() if name not in fixed}
        changes = {name: value for name, value in chosen.items() if value != before[name]}
        if not changes:
            yield {self._outcome: view.note_html("Nothing was changed.")}
            return
        if "model" in changes:
            loading = f"Loading {changes['model']}; until it is there, the other one answers."
            yield {self._outcome: view.note_html(loading)}
        try:
            if None in changes.values():
                raise PageError("a number is missing; nothing was changed")
            if "model" in changes and changes["model"] not in dict(view.models(self._settings)).values():
                raise PageError("choose one of the models of the list")
            path = self._desk.change(changes)
        except AssistantError as error:
            yield {self._outcome: failure_html(str(error))}
            return
        done = f"Saved in {path}. In force from the next question on: {', '.join(changes)}."
        yield self._showing() | {self._outcome: view.note_html(done)}
