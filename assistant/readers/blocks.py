"""Text files whose records are runs of lines that each begin with a telling one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Reject, reject
from assistant.readers.sources import Source


def blocks(source: Source, start: re.Pattern[str]) -> Iterator[tuple[int, str] | Reject | str]:
    """Each run of lines from one that `start` matches up to the next such, with the line it begins on.

    What stands before the first is noted; a run beyond RECORD_LIMIT is rejected without being held.
    """
    line, size, outside = 0, 0, 0
    parts: list[str] = []
    for item in source.universal_lines():
        if isinstance(item, Reject):
            yield item
            parts, size = [], RECORD_LIMIT + 1
            continue
        number, text = item
        if start.match(text):
            if parts:
                yield line, "".join(parts)
            line, parts, size = number, [], 0
        elif not line:
            outside += bool(text.strip())
            continue
        elif size > RECORD_LIMIT:
            continue
        size += len(text)
        parts.append(text)
        if size > RECORD_LIMIT:
            yield reject(source.name, line, TOO_LONG)
            parts = []
    if parts:
        yield line, "".join(parts)
    if outside:
        yield f"{source.name} has {outside} lines before its first record; they are left out"
