"""What every reader of a format shares: the records it yields, and those it rejects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from assistant.text import canonical, plain

# One record may be this long, in bytes; a longer one is rejected without being held.
RECORD_LIMIT = 16 << 20
TOO_LONG = f"is longer than {RECORD_LIMIT >> 20} MB"


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was left out; `reason` is the whole line for the user and names file and line.

    `kind` is the same for all records rejected for the same reason; a file that is rejected whole has line 0.
    """

    source: str
    line: int
    reason: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a file, split off and not yet decoded.

    `raw` is all the text that decides what paper it is. `fields` decodes it to values by column name and
    raises Fault where it can't; `text` makes a value of such a column canonical.
    """

    line: int
    raw: str
    fields: Callable[[], Mapping[str, Any]]
    text: Callable[[str], str] = plain


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a table's columns, which every record after it has."""

    names: tuple[str, ...]


class Fault(Exception):
    """What is wrong with a record, said after its file and line: `kind`, as in Reject, then `detail`."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(canonical(kind + detail))
        self.kind = kind
        self.detail = detail


# What a reader yields: a table's header, records, records it could not make out, notes about the file.
Records = Iterator[Header | Record | Reject | str]


def reject(source: str, line: int, kind: str, detail: str = "") -> Reject:
    """The rejection of what begins on a line of `source`; the arguments are as in Fault."""
    return Reject(source, line, f"{source} line {line} {canonical(kind + detail)}", kind)


def ragged(source: str, line: int, width: int, header: int) -> Reject:
    """The rejection of a table's row that has not as many cells as the header."""
    reason = f"{source} line {line} has {width} fields, the header has {header}"
    return Reject(source, line, reason, "has more or fewer fields than the header")


def listed(names: Iterable[str]) -> str:
    """Column names of a foreign file, on one short line."""
    return shorten(canonical(", ".join(map(str, names))), 200, placeholder=" …") or "nothing"
