"""JSON files: an object per line, or one array of objects."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

from assistant.readers.base import Record, Records, Reject, read_text, reject

_BETWEEN_ELEMENTS = re.compile(r"[\s,]*")
_JSON = json.JSONDecoder(strict=False)  # tolerates tabs and the like inside strings; canonical() removes them


def read_jsonl(path: Path) -> Records:
    """The objects of a file that has one on each line."""
    text, notes = read_text(path)
    yield from notes
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        try:
            value = _JSON.decode(line.rstrip())
        except (ValueError, RecursionError) as error:
            yield reject(path, number, f"is not JSON: {_json_fault(error)}")
        else:
            yield _object(path, number, value)


def read_json(path: Path) -> Records:
    """The objects of an array, each with the line it begins on."""
    text, notes = read_text(path)
    if not text.lstrip().startswith("["):
        yield from read_jsonl(path)  # some publish one object per line under this name
        return
    yield from notes
    line, counted, end = 1, 0, text.index("[") + 1
    while between := _BETWEEN_ELEMENTS.match(text, end):
        start = between.end()
        line, counted = line + text.count("\n", counted, start), start
        if text.startswith("]", start):
            return
        try:
            value, end = _JSON.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            yield reject(path, line, f"is not JSON, the rest is left out: {_json_fault(error)}")
            return
        yield _object(path, line, value)


def _object(path: Path, line: int, value: Any) -> Record | Reject:
    if isinstance(value, dict):
        return Record(line, value)
    return reject(path, line, f"is no JSON object: {json.dumps(value)[:40]}")


def _json_fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return str(error)
