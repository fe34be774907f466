"""BibTeX files: abbreviations and cross-references resolved, an entry at a time."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Fault, Record, Records, Reject
from assistant.readers.blocks import blocks
from assistant.readers.latex import bibtex_to_text
from assistant.readers.sources import Source, rewindable

_START = re.compile(r"\s*@[ \t]*\w+[ \t]*[{(]")
_KIND = re.compile(r"\s*@[ \t]*(\w+)[ \t]*[{(]\s*([^\s,=#(){}]*)")
_NO_PAPERS = frozenset(("string", "comment", "preamble"))
_CROSSREF = re.compile(r"""\bcrossref\s*=\s*[{"]?\s*([^\s,{}"]+)""", re.IGNORECASE)
_MARK = re.compile(r'(?<!\\)[{}"]|#|\sand\s')
_WORD = re.compile(r"[^\s,=#(){}\"]+")
_ARXIV = re.compile(r"(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?", re.IGNORECASE)
_ESCAPED = re.compile(r"\{?\\([_%&#~])\}?")
_IDENTIFIERS = ("doi", "url", "eprint")

# What it would log, the entries that it can't parse, are rejects here.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)


def read_bibtex(source: Source) -> Records:
    """The entries of a BibTeX file; it is read once or twice before for what they refer to."""
    with rewindable(source) as again:
        strings, referred = _references(again())
        parents = _entries_named(referred, again()) if referred else {}
        source = again()
        for item in blocks(source, _START):
            if isinstance(item, str):
                continue  # what is outside of entries is comment
            if isinstance(item, Reject):
                yield item
            elif _kind(item[1]) not in _NO_PAPERS:
                line, text = item
                used = [f"{word} = {strings[word]}" for word in sorted(_words(text) & strings.keys())]
                parent = parents.get(_parent(text), "")
                yield Record(
                    line,
                    "\n".join((text.rstrip(), *used, parent)),
                    partial(_fields, text, strings, parent),
                    bibtex_to_text,
                )


def _references(source: Source) -> tuple[Mapping[str, str], frozenset[str]]:
    """The values of @string blocks by name, and the keys that entries cross-refer to; all in lower case."""
    strings: dict[str, str] = {}
    referred: set[str] = set()
    held = 0
    for item in blocks(source, _START):
        if not isinstance(item, tuple):
            continue
        text = item[1]
        if _kind(text) == "string":
            for name, value in _strings(text, strings):
                held += len(value)
                if held <= RECORD_LIMIT:
                    strings[name] = value
        referred.add(_parent(text))
    return strings, frozenset(referred - {""})


def _entries_named(keys: frozenset[str], source: Source) -> Mapping[str, str]:
    texts = (item[1] for item in blocks(source, _START) if isinstance(item, tuple))
    named = ((match[2].casefold(), text) for text in texts if (match := _KIND.match(text)))
    return {key: text for key, text in named if key in keys}


def _kind(text: str) -> str:
    match = _KIND.match(text)
    return match[1].casefold() if match else ""


def _parent(text: str) -> str:
    match = "crossref" in text.casefold() and _CROSSREF.search(text)
    return match[1].casefold() if match else ""


def _words(text: str) -> set[str]:
    return set(map(str.casefold, _WORD.findall(text)))


def _strings(text: str, strings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    from bibtexparser.entrypoint import parse_string

    for block in parse_string(text, parse_stack=[]).strings:
        with suppress(Fault):  # one that grows without end stays undefined
            yield block.key.casefold(), _value(block.value, strings)


def _fields(text: str, strings: Mapping[str, str], parent: str) -> Mapping[str, Any]:
    key, kind, fields = _parsed(text, strings)
    if parent:
        inherited = _parsed(parent, strings)[2]
        fields = {"booktitle": inherited.get("title", ""), **inherited, **fields}
    for name in _IDENTIFIERS:
        if name in fields:
            fields[name] = _ESCAPED.sub(r"\1", fields[name])
    eprint = fields.pop("eprint", "").removeprefix("arXiv:")
    archive = fields.get("archiveprefix") or fields.get("eprinttype") or ""
    name = "eprint" if archive.casefold() == "arxiv" or _ARXIV.fullmatch(eprint) else "archive_number"
    authors = [part for part in _split(fields.pop("author", ""), " and ") if part != "others"]
    found = {"id": key, "author": authors, **fields, name: eprint, "type": kind}
    return {column: value for column, value in found.items() if value}


def _parsed(text: str, strings: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """Key, type and fields of an entry; of a field that it has twice the first."""
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.model import Block, DuplicateFieldKeyBlock, Entry

    block: Block | None = parse_string(text.strip(), parse_stack=[]).blocks[0]
    if isinstance(block, DuplicateFieldKeyBlock):
        block = block.ignore_error_block
    if not isinstance(block, Entry):
        reason = getattr(getattr(block, "error", None), "abort_reason", "no entry was found")
        raise Fault("is no BibTeX entry", f": {' '.join(reason.split())}")
    fields: dict[str, str] = {}
    for field in block.fields:
        fields.setdefault(field.key.casefold(), _value(field.value, strings))
    return block.key, block.entry_type, fields


def _value(text: str, strings: Mapping[str, str]) -> str:
    """The text of a value: its parts, joined by #, without their delimiters and with @strings put in."""
    parts = [_part(part, strings) for part in _split(text, "#")]
    if sum(map(len, parts)) > RECORD_LIMIT:
        raise Fault(TOO_LONG)
    return "".join(parts)


def _part(part: str, strings: Mapping[str, str]) -> str:
    if len(part) > 1 and (part[0], part[-1]) in (("{", "}"), ('"', '"')):
        return part[1:-1]
    return strings.get(part.casefold(), part)


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that are in no braces or quotes."""
    parts, start, depth, quoted = [], 0, 0, False
    for mark in _MARK.finditer(text):
        character = mark[0] if len(mark[0]) == 1 else " and "
        depth += (character == "{") - (character == "}")
        quoted ^= character == '"' and depth == 0 and separator == "#"
        if character == separator and depth == 0 and not quoted:
            parts.append(text[start : mark.start()])
            start = mark.end()
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]
