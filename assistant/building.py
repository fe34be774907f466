"""The write path's last step: everything that an index is made of, written as its next generation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assistant.arrays import Rows, Vectors
from assistant.chunking import embedded_text
from assistant.errors import IndexFormatError
from assistant.generations import (
    LEXICAL,
    SPANS,
    VECTORS,
    Manifest,
    current_generation,
    new_generation,
    read_manifest,
    seal,
)
from assistant.lexical import LexicalIndex
from assistant.papers import write_papers
from assistant.progress import Progress
from assistant.records import Origin, Paper, Passage
from assistant.vectors import Scale, VectorIndex


@dataclass(frozen=True, slots=True)
class Contents:
    """What a generation is written from.

    `origins` (parallel to `papers`) are the records that each paper was made of; `spans` (n × 3) the position
    of its paper, start and end of each passage, in the order of the papers; `vectors` (n × dimension) theirs.
    """

    papers: Sequence[Paper]
    origins: Sequence[tuple[Origin, ...]]
    spans: Rows
    vectors: Vectors
    embedder: str
    embedder_fingerprint: str
    passage_tokens: int
    passage_overlap: int
    passages_cut: int
    flagged: tuple[str, ...]


def build(folder: Path, contents: Contents, progress: Progress, scale: Scale | None = None) -> Manifest:
    """Write `contents` as a new generation of the index in `folder`, and make it the one in force.

    The caller holds the right to write (`generations.writer`); a fault leaves the old generation in force.
    """
    vectors = VectorIndex.from_vectors(contents.vectors, scale, _replaced_vectors(folder, contents))
    with new_generation(folder) as staging:
        corpus_sha256 = write_papers(staging, contents.papers, contents.origins)
        np.save(staging / SPANS, contents.spans)
        vectors.save(staging / VECTORS)
        LexicalIndex.from_texts(_texts(contents, progress)).save(staging / LEXICAL)
        return seal(
            staging,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            corpus_sha256=corpus_sha256,
            papers=len(contents.papers),
            passages=len(contents.spans),
            passages_cut=contents.passages_cut,
            passage_tokens=contents.passage_tokens,
            passage_overlap=contents.passage_overlap,
            flagged=contents.flagged,
            embedder=contents.embedder,
            embedder_fingerprint=contents.embedder_fingerprint,
            dimension=vectors.dimension,
            vectors=vectors.kind,
            vector_recall=round(vectors.recall(contents.vectors), 4),
        )


def _replaced_vectors(folder: Path, contents: Contents) -> VectorIndex | None:
    """The vectors of the generation in force, if they are of the same embedder."""
    try:
        generation = current_generation(folder)
        if read_manifest(generation).embedder_fingerprint != contents.embedder_fingerprint:
            return None
        return VectorIndex.open(generation / VECTORS)
    except IndexFormatError:
        return None  # there is none yet, or none that can be read


def _texts(contents: Contents, progress: Progress) -> Iterator[str]:
    total = len(contents.spans)
    for done, (position, start, end) in enumerate(contents.spans.tolist(), start=1):
        paper = contents.papers[position]
        yield embedded_text(paper, Passage("", paper.id, start, end, paper.abstract[start:end]))
        if done % 1000 == 0 or done == total:
            progress(done, total, "indexing words")
