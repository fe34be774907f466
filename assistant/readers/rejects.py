"""Where rejected records go: to a file with source, line and reason, or the first of them to the terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO
from uuid import uuid4

from assistant.errors import CorpusError
from assistant.readers.base import Reject
from assistant.storage import sync

_MOST_SHOWN = 20


class RejectLog:
    """Rejects as they come, counted by reason.

    With a `path` they are its lines of JSON, which replace what it held once the log is closed; without one
    `show` gets the first of them. It gets every note.
    """

    def __init__(self, path: Path | None, show: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._path = path
        self._show = show
        self._file: IO[str] | None = None

    def __enter__(self) -> RejectLog:
        if self._path:
            try:
                self._path = self._path.resolve()  # through a link, so that the link stays
                if (
                    self._path.exists() and not self._path.is_file()
                ):  # a rename would put it in a device's place
                    raise CorpusError(f"{self._path} is no file; name a file to list the rejected in")
                self._beside = self._path.with_name(f".{self._path.name}.{uuid4().hex}")
                self._file = self._beside.open("x", encoding="utf-8")
            except OSError as error:
                raise CorpusError(f"{self._path} can't be written: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file and self._path:
            self._file.close()
            sync(self._beside)
            self._beside.replace(self._path)

    def add(self, item: Reject | str) -> None:
        """Keep a reject, or show a note."""
        if isinstance(item, str):
            self._show(item)
            return
        self.counts[item.kind or item.reason] += 1
        if self._file:
            record = {"source": item.source, "line": item.line, "reason": item.reason}
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        elif self.counts.total() <= _MOST_SHOWN:
            self._show(f"rejected: {item.reason}")

    def extend(self, items: Iterable[Reject | str]) -> None:
        """Keep and show several."""
        for item in items:
            self.add(item)

    def summary(self) -> list[str]:
        """How many were rejected for each reason, and where to read of all."""
        total = self.counts.total()
        lines = [f"rejected: {count} that {kind}" for kind, count in self.counts.most_common(_MOST_SHOWN)]
        if len(self.counts) > _MOST_SHOWN:
            lines.append(f"rejected: others for {len(self.counts) - _MOST_SHOWN} more reasons")
        if total and self._path:
            lines.append(f"{self._path} lists the {total} rejected, with source, line and reason")
        elif total > _MOST_SHOWN:
            lines.append(f"{total - _MOST_SHOWN} more were rejected; --rejects FILE lists them all")
        return lines
