"""The page: built of its parts, and served on this machine alone."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import gradio as gr

from assistant.api import Assistant
from assistant.errors import MissingExtraError, SettingsError
from assistant.page.batching import Batching
from assistant.page.chat import AT_ONCE, QUIETLY, Chat, Updates
from assistant.page.desk import Desk
from assistant.page.endpoints import offer
from assistant.page.evaluation import Evaluator
from assistant.page.evaluation_tab import EvaluationTab
from assistant.page.library import Library
from assistant.page.owners import accounts, may_sign_in
from assistant.page.rendering import header_html
from assistant.page.settings_tab import SettingsTab
from assistant.page.telling import tell_errors
from assistant.page.visit import Kept, Said

HOST = "127.0.0.1"

_HERE = Path(__file__).parent
LARGEST_UPLOAD = "200mb"
_UPLOADS_KEPT = (3600, 86400)  # seconds between looks for uploaded files, and their age when they go
_MCP_VARIABLE = "GRADIO_MCP_SERVER"


def build_page(desk: Desk) -> gr.Blocks:
    """The page over a desk; each visitor's conversations are kept under that visitor's name."""
    # Errors are reported by a function that asks the environment alone.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    page = gr.Blocks(
        title="Abstract Assistant", analytics_enabled=False, fill_width=True, delete_cache=_UPLOADS_KEPT
    )
    with page:
        kept = Kept.in_browser()
        chat, library = Chat(desk, kept), Library(desk, kept)
        evaluation, settings = EvaluationTab(desk, kept), SettingsTab(desk)
        with gr.Sidebar(elem_id="conversations", width=280, open=False) as sidebar:
            chat.show_conversations(sidebar)
        header = gr.HTML("", apply_default_css=False)
        with gr.Tabs():
            with gr.Tab("Ask"):
                chat.show_desk()
            with gr.Tab("Library"):
                library.show()
            with gr.Tab("Batch"):
                (batching := Batching(desk, kept, chat.narrowing)).show()
            with gr.Tab("Evaluate") as evaluating:
                evaluation.show()
            with gr.Tab("Settings"):
                settings.show()
        chat.connect()
        library.connect()
        batching.connect(page)
        evaluation.connect(evaluating)
        settings.connect(page)
        offer(desk, AT_ONCE)

        def restore(said: Said, request: gr.Request) -> Updates:
            visit = kept.visit(desk, said, request)
            assistant = desk.indexes.assistant(visit.index)
            described = header_html(len(assistant.index.papers), assistant.model_name)
            return {header: described, **chat.restore(visit), **library.restore(visit.index)}

        def choose(said: Said, request: gr.Request) -> Updates:
            return restore({**said, kept.index: said[library.chosen]}, request)

        restored = [header, *chat.restored, *library.restored]
        chat.arrive(page)
        page.load(restore, kept.states, restored, **QUIETLY)
        library.chosen.input(choose, {*kept.states, library.chosen}, restored, **QUIETLY)
        settings.saved.then(restore, kept.states, restored, **QUIETLY)
        library.stored.then(choose, {*kept.states, library.chosen}, restored, **QUIETLY)
    tell_errors(page)
    return page


def launch(page: gr.Blocks, port: int, known: Mapping[str, str] | None = None) -> str:
    """Serve the page on this machine alone, in the background, and return its address.

    Args:
        page: The page.
        port: The port.
        known: Passwords by the names to sign in with; none if nobody needs to.

    Raises:
        SettingsError: the port can't be had.
        MissingExtraError: an MCP server is wanted, and what it needs is not installed.
    """
    _refuse_taken(port)
    known = known or {}
    with_mcp = os.environ.get(_MCP_VARIABLE, "").casefold() == "true"
    if with_mcp and not find_spec("mcp"):
        raise MissingExtraError(f"{_MCP_VARIABLE}=True", "mcp")
    _, address, _ = page.launch(
        server_name=HOST,
        server_port=port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=with_mcp,
        footer_links=[],
        max_file_size=LARGEST_UPLOAD,
        auth=(lambda name, password: may_sign_in(known, name, password)) if known else None,
        auth_message=f"Sign in as {next(iter(known))}." if len(known) == 1 else None,
        theme=_theme(),
        css_paths=_HERE / "page.css",
    )
    return address


def serve(assistant: Assistant, port: int, evaluator: Evaluator | None = None) -> None:
    """Serve the page until interrupted; an evaluator lets it evaluate.

    Raises:
        SettingsError: the port can't be had, or the accounts are not told as they should be.
        PageError: the folder for what the page keeps can't be written.
    """
    known = accounts(assistant.settings.page_password)
    desk = Desk.over(assistant, evaluator)
    papers = len(assistant.index.papers)
    del assistant  # or its model would stay in memory once another one is chosen
    page = build_page(desk)
    address = launch(page, port, known)
    print(f"Serving {papers} papers on {address} (Ctrl-C ends)", flush=True)  # noqa: T201
    try:
        threading.Event().wait()
    finally:
        page.close(verbose=False)
        desk.close()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} of {HOST} can't be had: {error.strerror}; set GRADIO_SERVER_PORT to another"
            ) from error


def _theme() -> gr.Theme:
    """The machine's own fonts, so that none is fetched, and colours that stand out from what they are on."""
    theme = gr.themes.Base(
        primary_hue="teal", neutral_hue="slate", font=("system-ui", "sans-serif"), font_mono=("monospace",)
    )
    return theme.set(
        body_text_color_subdued="*neutral_500",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
    )
