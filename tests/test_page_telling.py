"""Our own errors are told on the page by their line, whatever raises them."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import pytest

from assistant.errors import PageError
from assistant.page.telling import tell_errors


def _fail(text: str) -> str:
    raise PageError(f"{text} can't be kept")


def _fail_late(text: str) -> Iterator[str]:
    yield text
    raise PageError(f"{text} can't be kept")


def _break(text: str) -> str:
    raise KeyError(text)


def test_every_handler_tells_our_own_errors_and_no_others() -> None:
    with gr.Blocks(analytics_enabled=False) as page:
        box = gr.Textbox()
        for handler in (_fail, _fail_late, _break):
            box.change(handler, box, box)
        box.change(None, box, box, js="text => text")
    tell_errors(page)
    fail, fail_late, broken, scripted = (event.fn for event in page.fns.values())
    with pytest.raises(gr.Error, match="this can't be kept"):
        fail("this")
    growing = fail_late("this")
    assert next(growing) == "this"
    with pytest.raises(gr.Error, match="this can't be kept"):
        next(growing)
    with pytest.raises(KeyError):
        broken("this")
    assert scripted is None
