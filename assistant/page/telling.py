"""What the page says when something goes wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import gradio as gr

from assistant.errors import AssistantError


def tell_errors(page: gr.Blocks) -> None:
    """Have all that happens on a page, and all that programs ask of it, tell our own errors by their line.

    Of any other error Gradio says only that there was one.
    """
    for event in page.fns.values():
        if event.fn:
            event.fn = _telling(event.fn)


def _telling(handler: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def streamed(*said: Any, **named: Any) -> Generator[Any, None, None]:
            with _told():
                yield from handler(*said, **named)

        return streamed

    @wraps(handler)
    def answered(*said: Any, **named: Any) -> Any:
        with _told():
            return handler(*said, **named)

    return answered


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except AssistantError as error:
        raise gr.Error(str(error), print_exception=False) from error
