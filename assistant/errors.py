"""Every error this package raises on purpose.

AssistantError
├── SettingsError          a setting is unknown or has an impossible value
├── CorpusError            a file of papers can't be read
│   └── RecordError        one record of it is no paper
├── IndexFormatError       an index folder is absent, damaged or made for something else
├── StoreError             a server that keeps the vectors of an index fails, or has them not
├── ModelError             a model is unknown, absent, damaged or can't be fetched
│   └── SourceFailed       one source can't give a model's file; the next is tried
├── PromptError            a prompt template and its variables do not fit
├── QuestionError          a question can't be asked (empty, too long)
├── GenerationError        the language model failed to answer
├── BatchError             a batch file can't be read or written
├── ClusterError           a Ray cluster can't be reached, or its workers can't work
├── PageError              the page can't keep or find something
└── MissingExtraError      an optional dependency is not installed

The message of each is one line for the person at the keyboard: what, where, both values, the next step.
The command line prints it and nothing else.
"""

from __future__ import annotations

import re

# How OpenVINO's messages begin: lines that say where in its source files the error arose.
_PLACE_IN_SOURCE = re.compile(r"\.[ch]pp:\d+:?$")


class AssistantError(Exception):
    """Base of all errors raised on purpose; its message is fit to be shown to a user."""


class SettingsError(AssistantError):
    """A setting is unknown or has an impossible value."""


class CorpusError(AssistantError):
    """A file of papers can't be read."""


class RecordError(CorpusError):
    """One record of a file is no paper; `kind` is the same for all that are so for the same reason."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class IndexFormatError(AssistantError):
    """An index folder is absent, damaged, or made for another embedder or version."""


class StoreError(AssistantError):
    """A server that keeps the vectors of an index can't be reached, refuses, or does not have them."""


class ModelError(AssistantError):
    """A model is unknown, absent, damaged or can't be fetched."""


class SourceFailed(ModelError):
    """One source can't give a model's file; another may."""


class PromptError(AssistantError):
    """A prompt template and the variables given to it do not fit."""


class QuestionError(AssistantError):
    """A question can't be asked."""


class GenerationError(AssistantError):
    """The language model failed to answer."""


class BatchError(AssistantError):
    """A batch file can't be read or written."""


class ClusterError(AssistantError):
    """A Ray cluster can't be reached, or its workers can't work."""


class PageError(AssistantError):
    """The page can't keep or find something."""


class MissingExtraError(AssistantError):
    """An optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install '.[{extra}]' in the checkout")


def first_line(error: BaseException) -> str:
    """The first line of a foreign error's message, or its type where it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not _PLACE_IN_SOURCE.search(line)]
    return telling[0][:300] if telling else type(error).__name__
