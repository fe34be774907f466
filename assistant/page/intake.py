"""Uploaded files of papers, read and put into an index."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from assistant.errors import CorpusError, PageError, RecordError
from assistant.ingest import Ingested, ingest
from assistant.page.indexes import Indexes
from assistant.progress import Progress
from assistant.readers import Reject, read_entries, read_papers
from assistant.readers.preview import Preview, preview
from assistant.records import Entry, Paper

_NAME = re.compile(r"\w[\w .-]{0,59}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What uploaded files hold: the first papers, the records that were left out, and notes."""

    preview: Preview
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...]


def read_uploaded(paths: Sequence[Path]) -> Reading:
    """What would be put into an index; in what is said of files they have their own names.

    Raises:
        CorpusError: a file can't be read, is of no known format, or holds no papers.
    """
    named = _naming(paths)
    rejects: list[Reject] = []
    notes: list[str] = []

    def tell(item: Reject | str) -> None:
        if isinstance(item, str):
            notes.append(named(item))
        else:
            rejects.append(replace(item, source=named(item.source), reason=named(item.reason)))

    with _faults_named(named):
        shown = preview(read_papers(paths), tell)
    return Reading(shown, tuple(rejects), tuple(notes))


def uploaded(paths: Sequence[Path]) -> Iterator[Entry]:
    """The records of uploaded files, which stand in files of their own names.

    A file that is uploaded again under its name is thereby a new version of it, as any file is.

    Raises:
        CorpusError: a file is gone, or as in read_uploaded.
    """
    named = _naming(paths)
    with _faults_named(named):
        for item in read_entries(paths):
            if isinstance(item, Entry):
                origin = replace(item.origin, source=named(item.origin.source))
                yield Entry(origin, partial(_paper, item, named))


def put(records: Iterable[Entry | Paper], name: str, indexes: Indexes, progress: Progress) -> Ingested:
    """Make an index of the papers, or add them to the one of that name, and have it asked from then on.

    Raises:
        PageError: no index can be so named.
        CorpusError: they can't be read, or a paper has the id of another one.
        IndexFormatError: that index is damaged, or is being written.
    """
    if not _NAME.fullmatch(name := name.strip()):
        raise PageError(
            f"no index can be named {name[:80]!r}; use letters, digits, spaces, dots and dashes, at most 60"
        )
    asked = indexes.assistant()
    settings = asked.settings
    folder, store = indexes.folder_of(name), settings.store
    done = ingest(records, folder, asked.embedder, **settings.passages, store=store, progress=progress)
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
    """Progress that is shown as a share from 0 to 1 and a text with the time left, where the end is known."""
    began: dict[str, float] = {}

    def progress(done: int, total: int, what: str) -> None:
        started = began.setdefault(what, time.monotonic())
        if not total:
            show(0.0, f"{what}: {done:,}")
            return
        left = (time.monotonic() - started) / done * (total - done) if done else 0.0
        show(done / total, f"{what}: {done:,} of {total:,}, {left:.0f} s left")

    return progress


def _naming(paths: Sequence[Path]) -> Callable[[str], str]:
    """A function that takes the places of uploaded files out of a text, and so leaves their names."""
    places = sorted({f"{path.parent}/" for path in paths}, key=len, reverse=True)

    def named(text: str) -> str:
        for place in places:
            text = text.replace(place, "")
        return text

    return named


@contextmanager
def _faults_named(named: Callable[[str], str]) -> Iterator[None]:
    try:
        yield
    except RecordError as error:
        raise RecordError(named(str(error)), error.kind) from error
    except CorpusError as error:
        raise CorpusError(named(str(error))) from error


def _paper(entry: Entry, named: Callable[[str], str]) -> Paper:
    with _faults_named(named):
        return entry.paper()
