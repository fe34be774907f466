"""The write path: records of papers to an index folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten

from assistant.arrivals import Stored
from assistant.building import build, in_milvus
from assistant.contents import RevisedPapers, Unit, forget_log, made_with, make_contents
from assistant.embedding import Embedder
from assistant.errors import CorpusError, IndexFormatError
from assistant.generations import Manifest, check_papers, exists, recoverable_generation, writer
from assistant.index import Index
from assistant.papers import paper_to_plain, read_origins, read_papers
from assistant.progress import Progress
from assistant.readers import Reject
from assistant.records import Entry, Origin, Paper
from assistant.resemblance import near_duplicates
from assistant.revision import Merge, Revised, Revision, revise
from assistant.settings import Store
from assistant.text import canonical


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Two papers whose abstracts nearly repeat each other, and the share of their text that is the same."""

    first: str
    second: str
    resemblance: float


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did, by the ids of papers, and the manifest of the result.

    `unchanged` is a number; of `near_duplicates`, one at least was added or updated.
    """

    added: tuple[str, ...]
    updated: tuple[str, ...]
    deleted: tuple[str, ...]
    unchanged: int
    merged: tuple[Merge, ...]
    rejected: tuple[Reject, ...]
    near_duplicates: tuple[NearDuplicates, ...]
    manifest: Manifest


def ingest(
    records: Iterable[Entry | Paper],
    folder: Path,
    embedder: Embedder,
    *,
    passage_tokens: int,
    passage_overlap: int = 0,
    prune: bool = False,
    store: Store | None = None,
    progress: Progress,
) -> Ingested:
    """Create the index in `folder`, or bring it up to date: revision.py has the rules.

    Records that are known are not decoded, and passages whose text has not changed keep their vectors.
    `prune` deletes the papers that are in none of the records. Entries that can't be decoded are rejected.
    `store` is where the vectors go; they move where it is another than before.

    Raises:
        CorpusError: a Paper has no abstract or the id of another one, a record has the id of another stored
            paper, or there would be no papers in the index.
        IndexFormatError: the folder holds a damaged index, or another process is writing it.
        StoreError: the vectors are in Milvus, or go there, and it fails.
    """
    unit, store = Unit(passage_tokens, passage_overlap), store or Store()
    with ExitStack() as held:
        old = None
        if exists(folder):
            held.enter_context(writer(folder))
            old = Index(folder, store)
        stored = Stored.of(old.papers, old.origins) if old else Stored()
        revision = revise(stored, _entries(records), folder, prune=prune, progress=progress)
        if not revision.rows:
            raise _no_papers(folder, old, revision)
        if old is None:
            held.enter_context(writer(folder))
            _check_still_new(folder)
        elif not revision.changed and made_with(old.manifest, embedder, unit) and _stays(old, store):
            return _done(revision, (), old.manifest)
        papers = RevisedPapers(revision.rows, stored.papers)
        near = _near_duplicates(papers, progress)
        return _done(revision, near, _write(papers, old, folder, embedder, unit, store, progress))


def remove(
    folder: Path, ids: Sequence[str], embedder: Embedder, progress: Progress, store: Store | None = None
) -> Manifest:
    """Delete papers from the index in `folder`. A file that has them brings them back when it is ingested.

    Raises:
        CorpusError: there is no paper of one of the ids, or there would be none left.
        IndexFormatError: the index is absent, damaged, made with another embedder, or being written.
        StoreError: its vectors are in Milvus, which fails.
    """
    recoverable_generation(folder)
    store = store or Store()
    with writer(folder):
        old = Index.open(folder, embedder, store)
        if unknown := [paper_id for paper_id in ids if paper_id not in old]:
            raise CorpusError(f"{folder} has no paper {', '.join(map(repr, unknown))}; nothing was removed")
        rows = [Revised(n, None, None) for n, paper in enumerate(old.papers) if paper.id not in {*ids}]
        if not rows:
            raise CorpusError(f"{folder} would have no papers left; delete the folder if that is meant")
        unit = Unit(old.manifest.passage_tokens, old.manifest.passage_overlap)
        return _write(RevisedPapers(rows, old.papers), old, folder, embedder, unit, store, progress)


def rebuild(
    folder: Path,
    embedder: Embedder,
    *,
    passage_tokens: int,
    passage_overlap: int = 0,
    store: Store | None = None,
    progress: Progress,
) -> Manifest:
    """Make every passage and vector of the index in `folder` anew from its stored papers, of any format.

    Where the pointer to the generation in force is lost, the newest one's papers are taken. A rebuild that
    was interrupted goes on where it was.

    Raises:
        IndexFormatError: there are no papers, they are damaged, or another process is writing the index.
        StoreError: the vectors go to Milvus, which fails.
    """
    recoverable_generation(folder)
    with writer(folder):
        generation = recoverable_generation(folder)
        check_papers(generation)
        stored = read_papers(generation)
        rows = [Revised(n, None, origins) for n, origins in enumerate(read_origins(generation, len(stored)))]
        unit = Unit(passage_tokens, passage_overlap)
        papers = RevisedPapers(rows, stored)
        return _write(papers, None, folder, embedder, unit, store or Store(), progress)


def _entries(records: Iterable[Entry | Paper]) -> Iterator[Entry]:
    titles: dict[str, str] = {}
    for record in records:
        yield record if isinstance(record, Entry) else _entry(_checked(_canonical(record), titles))


def _entry(paper: Paper) -> Entry:
    """A paper as a record, known by all that is in it; it has its id for a place."""
    plain = json.dumps(paper_to_plain(paper), ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(plain.encode()).hexdigest()
    return Entry(Origin(f"paper {paper.id!r}", 0, digest), lambda: paper)


def _checked(paper: Paper, titles: dict[str, str]) -> Paper:
    """The paper, unless it has no abstract or the id of one before it, whose `titles` these are."""
    if not paper.abstract:
        raise CorpusError(f"paper {paper.id!r}, {_short(paper.title)}, has an empty abstract; leave it out")
    if paper.id in titles:
        raise CorpusError(
            f"two papers have the id {paper.id!r}: {_short(titles[paper.id])} and {_short(paper.title)}; "
            "give each paper an id of its own"
        )
    titles[paper.id] = paper.title
    return paper


def _canonical(paper: Paper) -> Paper:
    return replace(
        paper,
        id=canonical(paper.id),
        title=canonical(paper.title),
        abstract=canonical(paper.abstract),
        authors=tuple(map(canonical, paper.authors)),
        venue=canonical(paper.venue or "") or None,
        doi=canonical(paper.doi or "") or None,
        arxiv_id=canonical(paper.arxiv_id or "") or None,
        url=canonical(paper.url or "") or None,
        extra={canonical(name): canonical(value) for name, value in paper.extra.items()},
    )


def _short(title: str) -> str:
    return repr(shorten(title, 60, placeholder=" …"))


def _check_still_new(folder: Path) -> None:
    if exists(folder):
        raise IndexFormatError(f"another process has just made {folder}; run the same command again")


def _no_papers(folder: Path, old: Index | None, revision: Revision) -> CorpusError:
    if old is not None:
        return CorpusError(f"{folder} would have no papers left; delete the folder if that is meant")
    first = f": {revision.rejects[0].reason}" if revision.rejects else ""
    return CorpusError(f"there are no papers to put into {folder}{first}")


def _near_duplicates(papers: RevisedPapers, progress: Progress) -> tuple[NearDuplicates, ...]:
    """The pairs of papers with near-duplicate abstracts of which one is new or has changed."""
    changed = [place for place, row in enumerate(papers.rows) if row.paper is not None]
    found = near_duplicates(_abstracts(papers, progress), changed)
    return tuple(
        NearDuplicates(papers[near.first].id, papers[near.second].id, near.resemblance) for near in found
    )


def _abstracts(papers: Sequence[Paper], progress: Progress) -> Iterator[str]:
    for done, paper in enumerate(papers, start=1):
        yield paper.abstract
        if done % 1000 == 0:
            progress(done, len(papers), "comparing abstracts")


def _stays(old: Index, store: Store) -> bool:
    """Whether the vectors stay in FAISS, or in Milvus."""
    return in_milvus(store, old.manifest) == (old.manifest.milvus is not None)


def _write(
    papers: RevisedPapers,
    old: Index | None,
    folder: Path,
    embedder: Embedder,
    unit: Unit,
    store: Store,
    progress: Progress,
) -> Manifest:
    contents = make_contents(papers, old, folder, embedder, unit, progress)
    manifest = build(folder, contents, progress, store=store)
    forget_log(folder)
    return manifest


def _done(revision: Revision, near: tuple[NearDuplicates, ...], manifest: Manifest) -> Ingested:
    new = len(revision.added) + len(revision.updated)
    return Ingested(
        revision.added,
        revision.updated,
        revision.deleted,
        len(revision.rows) - new,
        revision.merges,
        revision.rejects,
        near,
        manifest,
    )
