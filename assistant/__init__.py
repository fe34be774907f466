"""Answers questions about a collection of paper abstracts, each sentence cited and checked.

>>> from assistant import Assistant                                             # doctest: +SKIP
>>> Assistant.open().ask("By how much does LongGen cut KV cache memory?").text  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError
from assistant.records import Citation, Evidence, Filters, Final, Paper, Passage, Sentence, Turn
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.answer import Answer
    from assistant.api import Assistant

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Assistant",
    "AssistantError",
    "Citation",
    "Evidence",
    "Filters",
    "Final",
    "Paper",
    "Passage",
    "Sentence",
    "Settings",
    "Turn",
    "__version__",
]


def __getattr__(name: str) -> Any:
    # numpy, FAISS and BM25 take most of a second to import; naming the package alone costs none of it.
    if name == "Assistant":
        from assistant.api import Assistant

        return Assistant
    if name == "Answer":
        from assistant.answer import Answer

        return Answer
    raise AttributeError(f"module 'assistant' has no attribute {name!r}")
