"""JSON files: an object per line, or one array of objects; those of arXiv's metadata snapshot too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Fault, Record, Records, Reject, reject
from assistant.readers.latex import latex_to_text
from assistant.readers.sources import Source

_BETWEEN_ELEMENTS = re.compile(r"[\s,]*")
_JSON = json.JSONDecoder(strict=False)  # tolerates tabs and the like inside strings; canonical() removes them
_ARXIV = re.compile(r'"authors_parsed"\s*:')


def read_jsonl(source: Source) -> Records:
    """The objects of a file that has one on each line."""
    for item in source.lines():
        if isinstance(item, Reject):
            yield item
        elif line := item[1].strip(" \t\r\n"):
            yield _record(item[0], line)


def read_json(source: Source) -> Records:
    """The objects of an array, each with the line it begins on."""
    if not source.head.lstrip().startswith(b"["):
        yield from read_jsonl(source)  # some publish one object per line under this name
        return
    for item in _elements(source.pieces()):
        line, text = item
        if isinstance(text, Fault):
            yield reject(source.name, line, f"{text.kind}, the rest is left out", text.detail)
        else:
            yield _record(line, text)


def _elements(pieces: Iterator[str]) -> Iterator[tuple[int, str | Fault]]:
    """The texts of an array's elements and their lines; what can't be read on from is the last.

    One element and one piece are held at a time.
    """
    text = next(pieces)
    line, counted, end = 1, 0, text.index("[") + 1
    while between := _BETWEEN_ELEMENTS.match(text, end):
        start = between.end()
        line, counted = line + text.count("\n", counted, start), start
        if text.startswith("]", start):
            return
        try:
            end = _JSON.raw_decode(text, start)[1]
            fault = None
        except (ValueError, RecursionError) as error:
            end, fault = len(text), error
        if end < len(text):
            yield line, text[start:end]
            continue
        if len(text) - start > RECORD_LIMIT:
            yield line, Fault(TOO_LONG)
            return
        more = "" if fault and _is_certain(fault, text) else _at_least(pieces, len(text) - start)
        if fault and not more:
            yield line, _not_json(fault)
            return
        if not more:
            yield line, text[start:]
            yield line, Fault("is not JSON", ": the array has no end")
            return
        # The element may go on: as much again each time, so that reading stays linear.
        text, counted, end = text[start:] + more, 0, 0


def _is_certain(fault: Exception, text: str) -> bool:
    """Whether JSON is wrong however it goes on after the end of `text`."""
    if not isinstance(fault, json.JSONDecodeError):
        return True
    return fault.pos < len(text) - 10 and not fault.msg.startswith("Unterminated")


def _at_least(pieces: Iterator[str], length: int) -> str:
    found: list[str] = []
    while length >= 0 and (piece := next(pieces, "")):
        found.append(piece)
        length -= len(piece)
    return "".join(found)


def _record(line: int, text: str) -> Record:
    if _ARXIV.search(text):
        return Record(line, text, partial(_arxiv_fields, text), latex_to_text)
    return Record(line, text, partial(_fields, text))


def _fields(text: str) -> Mapping[str, Any]:
    try:
        value = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from error
    if not isinstance(value, dict):
        raise Fault("is no JSON object", f": {text[:40]}")
    return value


def _arxiv_fields(text: str) -> Mapping[str, Any]:
    """A record of arXiv's metadata snapshot, under the names of Paper's fields; LaTeX is left as it is."""
    fields = dict(_fields(text))
    if "authors_parsed" not in fields:
        return fields  # it is a name deeper in the record
    parsed = fields.pop("authors_parsed")
    if isinstance(parsed, list) and parsed:
        fields["authors"] = [_arxiv_name(name) for name in parsed]
    number = str(fields.get("id") or "")
    versions = fields.pop("versions", None)
    venue = fields.pop("journal-ref", None)
    first = versions[0].get("created") if _is_list_of_objects(versions) else None
    return {
        **fields,
        "arxiv_id": number,
        "url": f"https://arxiv.org/abs/{number}" if number else "",
        "venue": venue,
        "year": first or fields.get("update_date"),
    }


def _arxiv_name(parts: Any) -> str:
    """The name in [last, first, suffix] and perhaps affiliations, in the order it is read in."""
    if not isinstance(parts, list):
        return str(parts)
    last, first, suffix = ([str(part or "") for part in parts] + ["", "", ""])[:3]
    return " ".join(filter(None, (first, last, suffix)))


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _not_json(error: Exception) -> Fault:
    if isinstance(error, json.JSONDecodeError):
        return Fault("is not JSON", f": {error.msg} at column {error.colno}")
    return Fault("is not JSON", f": {error}")
