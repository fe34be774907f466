"""Answers questions about a collection of paper abstracts, each sentence cited and checked.

from assistant import Assistant
print(Assistant.open().ask("By how much does LongGen cut KV cache memory?").text)
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError
from assistant.records import Citation, Evidence, Filters, Final, Paper, Passage, Sentence, Turn

if TYPE_CHECKING:
    from assistant.answer import Answer
    from assistant.api import Assistant
    from assistant.events import DraftGrew, DraftRejected, EvidenceFound, SentenceVerified
    from assistant.settings import Settings

__version__ = "0.1.0"

# openvino reports every import to its maker unless this module can't be found; nothing leaves this machine.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

__all__ = [
    "Answer",
    "Assistant",
    "AssistantError",
    "Citation",
    "DraftGrew",
    "DraftRejected",
    "Evidence",
    "EvidenceFound",
    "Filters",
    "Final",
    "Paper",
    "Passage",
    "Sentence",
    "SentenceVerified",
    "Settings",
    "Turn",
    "__version__",
]

# numpy, FAISS, BM25 and pydantic take most of a second to import; naming the package costs none of it.
_ON_DEMAND = {
    "Answer": "assistant.answer",
    "Assistant": "assistant.api",
    "DraftGrew": "assistant.events",
    "DraftRejected": "assistant.events",
    "EvidenceFound": "assistant.events",
    "SentenceVerified": "assistant.events",
    "Settings": "assistant.settings",
}


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        return getattr(import_module(_ON_DEMAND[name]), name)
    raise AttributeError(f"module 'assistant' has no attribute {name!r}")
