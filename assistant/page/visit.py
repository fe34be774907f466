"""What a browser keeps of a visit, and whom it speaks for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant.page.desk import Desk

# Gradio writes what a browser keeps in a cipher whose key it sends along. That protects nothing here, and
# must stay the same for a restarted server to read it.
_CIPHER = "abstract-assistant"
_LONGEST_NAME = 64

Said = Mapping[Any, Any]  # what the components of an event hold, by component


@dataclass(frozen=True, slots=True)
class Visit:
    """Whose a request is, the open conversation, and the name of the index that is asked."""

    owner: str
    token: str
    conversation: str
    index: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What the browser keeps: the visitor's signed token, the open conversation, the chosen index."""

    token: gr.BrowserState
    conversation: gr.BrowserState
    index: gr.BrowserState

    @classmethod
    def in_browser(cls) -> Kept:
        """The components, to be made inside the page."""
        names = ("visitor", "conversation", "index")
        return cls(*(gr.BrowserState("", storage_key=f"assistant-{n}", secret=_CIPHER) for n in names))

    @property
    def states(self) -> set[Any]:
        """What every event that needs a Visit takes among its inputs."""
        return {self.token, self.conversation, self.index}

    def visit(self, desk: Desk, said: Said, request: gr.Request) -> Visit:
        """Who asks; a token that is not ours is replaced, and an unnamed conversation named."""
        owner, token = desk.owners.owner(request.username, said[self.token])
        name, index = said[self.conversation], said[self.index]
        is_named = isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME
        names = desk.indexes.names()
        return Visit(
            owner, token, name if is_named else new_conversation(), index if index in names else names[0]
        )


def new_conversation() -> str:
    """A name for a conversation that there is not yet."""
    return secrets.token_hex(8)
