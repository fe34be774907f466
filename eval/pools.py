"""Pools of papers: read from a file, filled up at random with a fixed seed, and indexed once."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from assistant.embedding import Embedder
from assistant.errors import CorpusError
from assistant.index import Index
from assistant.ingest import ingest
from assistant.papers import paper_to_plain
from assistant.progress import Progress
from assistant.records import Paper
from assistant.text import canonical

SEED = 20_261_123

T = TypeVar("T")


def json_lines(path: Path, fields: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The objects of a JSONL file, gzipped or not, each with all of `fields`.

    Raises:
        CorpusError: the file can't be read, or a line is no such object.
    """
    wanted, found = set(fields), []
    read = gzip.open if path.suffix == ".gz" else open
    try:
        with read(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                found.append(_object(line, wanted, f"{path} line {number}"))
    except FileNotFoundError:
        raise CorpusError(f"{path} is not there; give the folder of the data by --data") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} can't be read: {error}") from error
    return found


def read_papers(path: Path) -> list[Paper]:
    """The papers of a JSONL file that have an abstract."""
    return [
        Paper(plain["id"], canonical(plain["title"]), canonical(plain["abstract"]))
        for plain in json_lines(path, ("id", "title", "abstract"))
        if plain["abstract"]
    ]


def filled(papers: Sequence[Paper], wanted: set[str], size: int) -> list[Paper]:
    """The wanted papers, filled up to `size` with others drawn at random.

    Raises:
        CorpusError: a wanted paper is not there.
    """
    asked_for = [paper for paper in papers if paper.id in wanted]
    if missing := wanted - {paper.id for paper in asked_for}:
        raise CorpusError(f"{len(missing)} of the papers asked for are not there, such as {min(missing)}")
    others = [paper for paper in papers if paper.id not in wanted]
    return asked_for + sampled(others, max(0, size - len(asked_for)))


def sampled(items: Sequence[T], count: int | None) -> list[T]:
    """`count` items drawn at random, always the same; all of them in order for None."""
    if count is None or count >= len(items):
        return list(items)
    return random.Random(SEED).sample(items, count)  # noqa: S311  a sample, not a secret


def indexed(
    papers: Sequence[Paper],
    cache: Path,
    name: str,
    embedder: Embedder,
    *,
    passage_tokens: int,
    passage_overlap: int = 0,
    progress: Progress,
) -> Index:
    """The index of exactly these papers, in a folder below `cache` that later runs find again."""
    unit = f"{passage_tokens}+{passage_overlap}" if passage_overlap else f"{passage_tokens}"
    content = "\n".join(json.dumps(paper_to_plain(paper)) for paper in papers)
    digest = hashlib.sha256(f"{embedder.fingerprint} {unit}\n{content}".encode()).hexdigest()[:10]
    folder = cache / f"{name}-{digest}"
    ingest(
        papers,
        folder,
        embedder,
        passage_tokens=passage_tokens,
        passage_overlap=passage_overlap,
        progress=progress,
    )
    return Index.open(folder, embedder)


def _object(line: str, wanted: set[str], where: str) -> dict[str, Any]:
    try:
        plain = json.loads(line)
    except ValueError as error:
        raise CorpusError(f"{where} is not JSON: {error}") from error
    if not isinstance(plain, dict) or (missing := wanted - set(plain)):
        lacking = "is no JSON object" if not isinstance(plain, dict) else f"lacks {min(missing)!r}"
        raise CorpusError(f"{where} {lacking}")
    return plain
