"""The write path: papers to an index folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten

import numpy as np

from assistant.arrays import Vectors
from assistant.building import Contents, build
from assistant.chunking import Chunker, embedded_text
from assistant.embedding import Embedder
from assistant.errors import CorpusError
from assistant.generations import Manifest, check_papers, exists, recoverable_generation, writer
from assistant.index import Index, read_papers
from assistant.instructions import planted
from assistant.progress import Progress
from assistant.records import Paper
from assistant.text import canonical


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did: papers by what happened to them, and the manifest of the result.

    `flagged` are the ids of all papers of the index whose abstracts give orders to a language model.
    """

    added: int
    updated: int
    unchanged: int
    manifest: Manifest
    flagged: tuple[str, ...] = ()


def ingest(
    papers: Iterable[Paper],
    folder: Path,
    embedder: Embedder,
    *,
    passage_tokens: int,
    passage_overlap: int = 0,
    progress: Progress,
) -> Ingested:
    """Create the index in `folder`, or bring it up to date: papers are added, or replaced by id.

    Passages whose text has not changed keep their vectors.

    Raises:
        CorpusError: a paper is refused by `checked`, has the id of another stored one, or there is none.
        IndexFormatError: the folder holds a damaged index, or another process is writing it.
    """
    incoming = checked(papers)
    with writer(folder):
        old = Index(folder) if exists(folder) else None
        stored = {paper.id: paper for paper in old.papers} if old else {}
        _check_updates(stored, incoming, folder)
        merged = stored | incoming
        if not merged:
            raise CorpusError(f"there are no papers to put into {folder}")
        updated = sum(stored[paper_id] != merged[paper_id] for paper_id in stored)
        added = len(merged) - len(stored)
        unit = (passage_tokens, passage_overlap)
        flagged = _flagged(merged.values())
        if old and not added and not updated and _made_with(old.manifest, embedder, unit, len(flagged)):
            return Ingested(0, 0, len(stored), old.manifest, flagged)
        known = _known_vectors(old, embedder) if old else {}
        manifest = _write(tuple(merged.values()), len(flagged), folder, embedder, unit, known, progress)
        return Ingested(added, updated, len(stored) - updated, manifest, flagged)


def checked(papers: Iterable[Paper]) -> dict[str, Paper]:
    """The papers by id, all their texts canonical.

    Raises:
        CorpusError: a paper has an empty abstract, or the id of one before it.
    """
    by_id: dict[str, Paper] = {}
    for paper in map(_canonical, papers):
        if not paper.abstract:
            raise CorpusError(
                f"paper {paper.id!r}, {_short(paper.title)}, has an empty abstract; leave it out"
            )
        if first := by_id.get(paper.id):
            raise CorpusError(
                f"two papers have the id {paper.id!r}: {_short(first.title)} and {_short(paper.title)}; "
                "give each paper an id of its own"
            )
        by_id[paper.id] = paper
    return by_id


def rebuild(
    folder: Path, embedder: Embedder, *, passage_tokens: int, passage_overlap: int = 0, progress: Progress
) -> Manifest:
    """Make every passage and vector of the index in `folder` anew from its stored papers.

    Where the pointer to the generation in force is lost, the newest one's papers are taken.

    Raises:
        IndexFormatError: the stored papers are damaged, or another process is writing the index.
    """
    with writer(folder):
        generation = recoverable_generation(folder)
        check_papers(generation)
        papers = read_papers(generation)
        unit = (passage_tokens, passage_overlap)
        return _write(papers, len(_flagged(papers)), folder, embedder, unit, {}, progress)


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


def _check_updates(stored: Mapping[str, Paper], incoming: Mapping[str, Paper], folder: Path) -> None:
    """Refuse ids that mean another paper here than there, as the positions on two listing pages do."""
    for paper_id, new in incoming.items():
        old = stored.get(paper_id, new)
        if old.title != new.title and old.abstract != new.abstract:
            raise CorpusError(
                f"{folder} has another paper with the id {paper_id!r}, {_short(old.title)}, than the new "
                f"{_short(new.title)}; ingest into another --index, or give the papers ids of their own"
            )


def _flagged(papers: Iterable[Paper]) -> tuple[str, ...]:
    return tuple(paper.id for paper in papers if planted(paper.abstract))


def _made_with(manifest: Manifest, embedder: Embedder, unit: tuple[int, int], flagged: int) -> bool:
    made = (manifest.embedder_fingerprint, manifest.passage_tokens, manifest.passage_overlap)
    return (*made, manifest.papers_flagged) == (embedder.fingerprint, *unit, flagged)


def _known_vectors(index: Index, embedder: Embedder) -> dict[str, Vectors]:
    if index.manifest.embedder_fingerprint != embedder.fingerprint:
        return {}
    vectors = index.vectors.vectors(np.arange(len(index.passages)))
    texts = (embedded_text(index.paper(passage.paper_id), passage) for passage in index.passages)
    return dict(zip(texts, vectors, strict=True))


def _write(
    papers: tuple[Paper, ...],
    flagged: int,
    folder: Path,
    embedder: Embedder,
    unit: tuple[int, int],
    known: Mapping[str, Vectors],
    progress: Progress,
) -> Manifest:
    passage_tokens, passage_overlap = unit
    chunker = Chunker(embedder, passage_tokens, passage_overlap)
    chunked = []
    for done, paper in enumerate(papers, start=1):
        chunked.append(chunker.chunk(paper))
        progress(done, len(papers), "splitting abstracts")
    pairs = [(paper, p) for paper, chunks in zip(papers, chunked, strict=True) for p in chunks.passages]
    texts = [embedded_text(paper, passage) for paper, passage in pairs]
    vectors = _encode(texts, known, embedder, progress)

    spans = [
        (position, passage.start, passage.end)
        for position, chunks in enumerate(chunked)
        for passage in chunks.passages
    ]
    contents = Contents(
        papers,
        ((),) * len(papers),
        np.array(spans, dtype=np.int64).reshape(-1, 3),
        vectors,
        embedder.name,
        embedder.fingerprint,
        passage_tokens,
        passage_overlap,
        passages_cut=sum(chunks.cut for chunks in chunked),
        papers_flagged=flagged,
    )
    return build(folder, contents, progress)


def _encode(
    texts: Sequence[str], known: Mapping[str, Vectors], embedder: Embedder, progress: Progress
) -> Vectors:
    vectors = np.empty((len(texts), embedder.dimension), dtype=np.float32)
    new = [row for row, text in enumerate(texts) if text not in known]
    for row, text in enumerate(texts):
        if text in known:
            vectors[row] = known[text]
    if new:
        vectors[new] = embedder.encode(
            [texts[row] for row in new], lambda done: progress(done, len(new), "embedding passages")
        )
    return vectors
