"""What every reader of a format shares: the records it yields, and those it rejects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from assistant.errors import CorpusError
from assistant.tables import decode
from assistant.text import canonical


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was left out; `reason` is the whole line for the user and names file and line."""

    source: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a file: the line it begins on, and its values by column name."""

    line: int
    fields: Mapping[str, Any]


# What a reader yields: records, records it could not make out, and notes about the file.
Records = Iterator[Record | Reject | str]


def reject(path: Path, line: int, fault: str) -> Reject:
    """The rejection of what begins on a line of `path`."""
    return Reject(str(path), line, f"{path} line {line} {fault}")


def listed(names: Iterable[str]) -> str:
    """Column names of a foreign file, on one short line."""
    return shorten(canonical(", ".join(names)), 200, placeholder=" …") or "nothing"


def read_text(path: Path) -> tuple[str, list[str]]:
    """The text of a file, and the notes about its encoding."""
    try:
        text, encoding = decode(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror}") from error
    return text, encoding_notes(path, encoding)


def encoding_notes(path: Path, encoding: str) -> list[str]:
    """What there is to say of a file read in `encoding`."""
    return [] if encoding.startswith("utf") else [f"{path} is not UTF-8; read as {encoding}"]
