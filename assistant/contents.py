"""Revised papers to the contents of an index; passages and vectors are taken over where nothing changed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.arrays import Rows, Vectors
from assistant.building import Contents
from assistant.chunking import Chunked, Chunker, embedded_text
from assistant.embedded import EmbeddedLog, encode
from assistant.embedding import Embedder
from assistant.generations import Manifest
from assistant.index import Index
from assistant.instructions import planted
from assistant.progress import Progress
from assistant.records import Origin, Paper, Passage
from assistant.revision import Revised

_LOG = ".embedding"  # in the index folder: vectors of runs that have not ended
_NEW = -1  # the row of a vector that is not in the old index
_ROWS = 16_384  # vectors copied at a time


@dataclass(frozen=True, slots=True)
class Unit:
    """How abstracts are cut into passages: the most tokens of one, and the tokens that neighbours share."""

    tokens: int
    overlap: int


class RevisedPapers(Sequence[Paper]):
    """The papers after a revision, read from where they are stored when they are looked at."""

    def __init__(self, rows: Sequence[Revised], stored: Sequence[Paper]) -> None:
        self.rows = rows
        self._stored = stored

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        row = self.rows[place]
        return self._stored[row.position] if row.paper is None else row.paper


def make_contents(
    papers: RevisedPapers,
    old: Index | None,
    folder: Path,
    embedder: Embedder,
    unit: Unit,
    progress: Progress,
) -> Contents:
    """What the index in `folder` is to be written from; `old` is the index that the papers are stored in.

    What is embedded is logged in the folder, so that a run that was interrupted goes on where it was.
    """
    rows = papers.rows
    kept = old if old and made_with(old.manifest, embedder, unit) else None
    anew = [place for place, row in enumerate(rows) if not (kept and _reads_as_stored(row, kept))]
    unused = _unused(kept, rows, anew) if kept else []

    chunker = Chunker(embedder, unit.tokens, unit.overlap)
    chunked, flagged = _examined(papers, anew, chunker, progress)
    cut = sum(chunks.cut for chunks in chunked)
    if kept:
        before = {kept.papers[position].id: kept.papers[position] for position in unused}
        cut += kept.manifest.passages_cut - sum(chunker.chunk(paper).cut for paper in before.values())
        flagged = [*(paper_id for paper_id in kept.manifest.flagged if paper_id not in before), *flagged]

    spans, sources = _spans(rows, dict(zip(anew, chunked, strict=True)), kept)
    passages = [(papers[place], p) for place, c in zip(anew, chunked, strict=True) for p in c.passages]
    known = _known(old, unused if kept else None, embedder)
    with closing(EmbeddedLog.open(folder / _LOG, embedder)) as log:
        new = encode([embedded_text(*passage) for passage in passages], known, embedder, log, progress)
    return Contents(
        papers,
        _origins(rows, old),
        spans,
        _vectors(sources, kept, new),
        embedder.name,
        embedder.fingerprint,
        unit.tokens,
        unit.overlap,
        passages_cut=cut,
        flagged=tuple(flagged),
    )


def made_with(manifest: Manifest, embedder: Embedder, unit: Unit) -> bool:
    """Whether an index was made with this embedder and this unit."""
    made = (manifest.embedder_fingerprint, manifest.passage_tokens, manifest.passage_overlap)
    return made == (embedder.fingerprint, unit.tokens, unit.overlap)


def forget_log(folder: Path) -> None:
    """Remove the log of vectors: an index that has been written has them itself."""
    shutil.rmtree(folder / _LOG, ignore_errors=True)


class _KnownVectors(Mapping[str, Vectors]):
    """The vectors of an index by their texts, of which it keeps digests, not the texts."""

    def __init__(self, index: Index, positions: Iterable[int]) -> None:
        self._vectors = index.vectors
        self._rows: dict[bytes, int] = {}
        bounds = _bounds(index)
        for position in positions:
            paper = index.papers[position]
            for row in range(*bounds[position : position + 2].tolist()):
                self._rows[_digest(embedded_text(paper, _passage(paper, *index.spans[row, 1:].tolist())))] = (
                    row
                )

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the texts are not kept")

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and _digest(text) in self._rows

    def __getitem__(self, text: str) -> Vectors:
        vector: Vectors = self._vectors.vectors(np.array([self._rows[_digest(text)]]))[0]
        return vector


def _known(old: Index | None, positions: Iterable[int] | None, embedder: Embedder) -> Mapping[str, Vectors]:
    """The vectors of the old index at some positions, or at all, if its embedder is still the same."""
    if old is None or old.manifest.embedder_fingerprint != embedder.fingerprint:
        return {}
    return _KnownVectors(old, range(len(old.papers)) if positions is None else positions)


def _reads_as_stored(row: Revised, kept: Index) -> bool:
    """Whether what is embedded of a paper is as it was."""
    if row.position is None or row.paper is None:
        return row.paper is None
    stored = kept.papers[row.position]
    return (row.paper.title, row.paper.abstract) == (stored.title, stored.abstract)


def _unused(kept: Index, rows: Sequence[Revised], anew: Sequence[int]) -> list[int]:
    """The positions of stored papers whose passages are not taken over."""
    used = {row.position for row in rows} - {rows[place].position for place in anew}
    return sorted({*range(len(kept.papers))} - used)


def _examined(
    papers: Sequence[Paper], places: Sequence[int], chunker: Chunker, progress: Progress
) -> tuple[list[Chunked], list[str]]:
    """The passages of the papers at `places`, and the ids of those that give orders to a model."""
    chunked, flagged = [], []
    for done, paper in enumerate((papers[place] for place in places), start=1):
        chunked.append(chunker.chunk(paper))
        if planted(paper.abstract):
            flagged.append(paper.id)
        progress(done, len(places), "splitting abstracts")
    return chunked, flagged


def _spans(rows: Sequence[Revised], chunked: Mapping[int, Chunked], kept: Index | None) -> tuple[Rows, Rows]:
    """The spans of all passages (n × 3), and the rows of those taken over, _NEW for the others (n)."""
    bounds = _bounds(kept) if kept else np.zeros(1, dtype=np.int64)
    spans, sources = [np.empty((0, 3), dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for place, row in enumerate(rows):
        if place in chunked:
            passages = chunked[place].passages
            spans.append(np.array([(place, p.start, p.end) for p in passages], dtype=np.int64).reshape(-1, 3))
            sources.append(np.full(len(passages), _NEW))
        elif kept and row.position is not None:
            first, last = bounds[row.position : row.position + 2].tolist()
            spans.append(np.array(kept.spans[first:last], dtype=np.int64))
            spans[-1][:, 0] = place
            sources.append(np.arange(first, last, dtype=np.int64))
    return np.concatenate(spans), np.concatenate(sources)


def _bounds(index: Index) -> Rows:
    """Where the passages of each paper begin; one more, where the last one's end."""
    bounds: Rows = np.searchsorted(index.spans[:, 0], np.arange(len(index.papers) + 1))
    return bounds


def _vectors(sources: Rows, kept: Index | None, new: Vectors) -> Vectors:
    """The vectors of all passages (n × dimension): those at `sources` of the old index, and the new ones."""
    if kept is None:
        return new
    vectors = np.empty((len(sources), new.shape[1]), dtype=np.float32)
    vectors[sources == _NEW] = new
    old = np.flatnonzero(sources != _NEW)
    for first in range(0, len(old), _ROWS):
        some = old[first : first + _ROWS]
        vectors[some] = kept.vectors.vectors(sources[some])
    return vectors


def _origins(rows: Sequence[Revised], old: Index | None) -> list[tuple[Origin, ...]]:
    stored = old.origins if old else ()
    return [
        stored[row.position] if row.origins is None and row.position is not None else row.origins or ()
        for row in rows
    ]


def _passage(paper: Paper, start: int, end: int) -> Passage:
    return Passage("", paper.id, start, end, paper.abstract[start:end])


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
