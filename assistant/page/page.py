"""The page: a chat that streams, and beside it the papers that the answers rest on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.api import Assistant
from assistant.errors import AssistantError, SettingsError
from assistant.page.exchange import Conversation, Exchange, turns
from assistant.page.rendering import conversation_html, evidence_html, header_html, legend_html

HOST = "127.0.0.1"

# Offered where the paper that they ask about is in the index, as it is in the sample corpus; none is
# longer than the 60 characters that Gradio shows.
EXAMPLES = {
    "Densing Law of LLMs": "How often does the capacity density of LLMs double?",
    "SmoothQuant+: Accurate and Efficient 4-bit Post-Training WeightQuantization for LLM": (
        "Does SmoothQuant+ require additional training?"
    ),
    "PyramidDrop: Accelerating Your Large Vision-Language Models via Pyramid Visual Redundancy Reduction": (
        "What does PyramidDrop drop at the end of each stage?"
    ),
    "Distilling Diversity and Control in Diffusion Models": "What is a Diffusion Target Visualization?",
}

_HERE = Path(__file__).parent
_MOST_AT_ONCE = 20  # people answered at the same time; the model queues their drafts itself


def build_page(assistant: Assistant) -> gr.Blocks:
    """The page over one assistant; each visitor's conversation lives in that visitor's session."""
    papers = assistant.index.papers

    def answer(question: str, conversation: Conversation) -> Iterator[tuple[Any, ...]]:
        box = ""  # emptied once, so as not to wipe what is typed meanwhile
        for grown in asked(assistant, question, conversation):
            yield box, grown, conversation_html(grown, live=True), evidence_html(grown)
            box = gr.skip()

    page = gr.Blocks(title="Abstract Assistant", analytics_enabled=False, fill_width=True)
    with page:
        conversation = gr.State(())
        gr.HTML(header_html(len(papers), assistant.model_name), apply_default_css=False)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="chat", scale=3):
                shown = gr.HTML(
                    conversation_html(()),
                    apply_default_css=False,
                    elem_id="conversation",
                    js_on_load=(_HERE / "page.js").read_text(encoding="utf-8"),
                )
                question = gr.Textbox(
                    label="Question",
                    placeholder="Ask about these papers",
                    show_label=False,
                    container=False,
                    max_lines=6,
                    autofocus=True,
                    scale=1,
                    render=False,
                )
                if examples := suggested(papers.columns.titles):
                    gr.Examples(examples, question, label="For example", elem_id="examples")
                with gr.Row(elem_id="ask"):
                    question.render()  # type: ignore[no-untyped-call]
                    send = gr.Button("Send", variant="primary", elem_id="send", scale=0)
                    stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=0)
                with gr.Row(elem_id="foot"):
                    gr.HTML(legend_html(), apply_default_css=False)
                    clear = gr.Button("Clear", size="sm", elem_id="clear", scale=0)
            with gr.Column(elem_id="evidence", scale=2):
                evidence = gr.HTML(evidence_html(()), apply_default_css=False)
        panes = [shown, evidence]
        quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        answering = gr.on(
            [question.submit, send.click],
            answer,
            [question, conversation],
            [question, conversation, *panes],
            concurrency_limit=_MOST_AT_ONCE,
            **quietly,
        )
        answering.then(_settled, conversation, panes, **quietly)
        stop.click(_settled, conversation, panes, cancels=[answering], **quietly)
        clear.click(lambda: ((), *_settled(())), None, [conversation, *panes], **quietly)
    return page


def asked(assistant: Assistant, question: str, conversation: Conversation) -> Iterator[Conversation]:
    """The conversation as it grows by one question and its answer; closing it stops the generation."""
    if not question.strip():
        return
    exchange = Exchange(len(conversation) + 1, question.strip())
    yield (*conversation, exchange)
    try:
        with closing(assistant.stream(question, turns(conversation))) as events:
            for event in events:
                exchange = exchange.after(event)
                yield (*conversation, exchange)
    except AssistantError as error:
        yield (*conversation, replace(exchange, fault=str(error)))


def suggested(titles: Collection[str]) -> list[str]:
    """Questions to begin with, about papers whose titles are there."""
    there = set(titles)
    return [question for title, question in EXAMPLES.items() if title in there]


def launch(page: gr.Blocks, port: int) -> str:
    """Serve the page on this machine alone, in the background, and return its address.

    Raises:
        SettingsError: the port can't be had.
    """
    _refuse_taken(port)
    _, address, _ = page.launch(
        server_name=HOST,
        server_port=port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        theme=_theme(),
        css_paths=_HERE / "page.css",
    )
    return address


def serve(assistant: Assistant, port: int) -> None:
    """Serve the page until interrupted.

    Raises:
        SettingsError: the port can't be had.
    """
    page = build_page(assistant)
    address = launch(page, port)
    print(f"Serving {len(assistant.index.papers)} papers on {address} (Ctrl-C ends)", flush=True)  # noqa: T201
    try:
        threading.Event().wait()
    finally:
        page.close(verbose=False)


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
    """The machine's own fonts, so that none is fetched, and a button dark enough for its white label."""
    theme = gr.themes.Base(
        primary_hue="teal", neutral_hue="slate", font=("system-ui", "sans-serif"), font_mono=("monospace",)
    )
    return theme.set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
    )


def _settled(conversation: Conversation) -> tuple[str, str]:
    return conversation_html(conversation), evidence_html(conversation)
