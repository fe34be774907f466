"""Uploaded files of papers, read and put into an index."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from assistant.errors import CorpusError, PageError
from assistant.ingest import Ingested, ingest
from assistant.page.indexes import Indexes
from assistant.progress import Progress
from assistant.readers import Corpus, read_corpora
from assistant.records import Paper

_NAME = re.compile(r"\w[\w .-]{0,59}")


def read_uploaded(paths: Sequence[Path]) -> Corpus:
    """The papers of uploaded files; in what is said of them a file has its own name, not its place here.

    Raises:
        CorpusError: a file can't be read, is of no known format, or holds no papers.
    """
    places = sorted({f"{path.parent}/" for path in paths}, key=len, reverse=True)

    def named(text: str) -> str:
        for place in places:
            text = text.replace(place, "")
        return text

    try:
        corpus = read_corpora(paths)
    except CorpusError as error:
        raise CorpusError(named(str(error))) from error
    rejects = tuple(replace(r, source=named(r.source), reason=named(r.reason)) for r in corpus.rejects)
    return replace(corpus, rejects=rejects, notes=tuple(map(named, corpus.notes)))


def put(papers: Sequence[Paper], name: str, indexes: Indexes, progress: Progress) -> Ingested:
    """Make an index of the papers, or add them to the one of that name, and have it asked from then on.

    Raises:
        PageError: no index can be so named.
        CorpusError: a paper has the id of another one.
        IndexFormatError: that index is damaged, or is being written.
    """
    if not _NAME.fullmatch(name := name.strip()):
        raise PageError(
            f"no index can be named {name[:80]!r}; use letters, digits, spaces, dots and dashes, at most 60"
        )
    asked = indexes.assistant()
    settings = asked.settings
    done = ingest(papers, indexes.folder_of(name), asked.embedder, **settings.passages, progress=progress)
    indexes.refresh(name)
    return done


def suggested_name(paths: Sequence[Path]) -> str:
    """What an index of these files may be called: as the first of them.

    >>> suggested_name([Path("/tmp/x/My papers (2).csv.gz")])
    'My papers 2'
    """
    stem = paths[0].name.removesuffix(".gz").rpartition(".")[0] if paths else ""
    return " ".join(re.findall(r"[\w.-]+", stem))[:60]


def with_time_left(show: Callable[[float, str], None]) -> Progress:
    """Progress that is shown as a share from 0 to 1 and a text with the time left."""
    began: dict[str, float] = {}

    def progress(done: int, total: int, what: str) -> None:
        started = began.setdefault(what, time.monotonic())
        left = (time.monotonic() - started) / done * (total - done) if done else 0.0
        show(done / total if total else 0.0, f"{what}: {done:,} of {total:,}, {left:.0f} s left")

    return progress
