"""The write path's last step: everything that an index is made of, written as its next generation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assistant.arrays import Rows, Vectors
from assistant.chunking import embedded_text
from assistant.generations import (
    LEXICAL,
    ORIGINS,
    PAPERS,
    PASSAGES,
    VECTORS,
    Manifest,
    new_generation,
    seal,
)
from assistant.index import paper_to_plain
from assistant.lexical import LexicalIndex
from assistant.progress import Progress
from assistant.records import Origin, Paper, Passage
from assistant.vectors import VectorIndex


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
    papers_flagged: int


def build(folder: Path, contents: Contents, progress: Progress) -> Manifest:
    """Write `contents` as a new generation of the index in `folder`, and make it the one in force.

    The caller holds the right to write (`generations.writer`); a fault leaves the old generation in force.
    """
    with new_generation(folder) as staging:
        lines = [json.dumps(paper_to_plain(paper), ensure_ascii=False) for paper in contents.papers]
        content = "".join(f"{line}\n" for line in lines).encode()
        (staging / PAPERS).write_bytes(content)
        with (staging / ORIGINS).open("w", encoding="utf-8") as file:
            for origins in contents.origins:
                file.write(json.dumps([[o.source, o.line, o.digest] for o in origins]) + "\n")
        with (staging / PASSAGES).open("w", encoding="utf-8") as file:
            file.writelines(f"[{position},{start},{end}]\n" for position, start, end in contents.spans)
        VectorIndex.from_vectors(contents.vectors).save(staging / VECTORS)
        LexicalIndex.from_texts(_texts(contents, progress)).save(staging / LEXICAL)
        return seal(
            staging,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            corpus_sha256=hashlib.sha256(content).hexdigest(),
            papers=len(contents.papers),
            passages=len(contents.spans),
            passages_cut=contents.passages_cut,
            passage_tokens=contents.passage_tokens,
            passage_overlap=contents.passage_overlap,
            papers_flagged=contents.papers_flagged,
            embedder=contents.embedder,
            embedder_fingerprint=contents.embedder_fingerprint,
            dimension=contents.vectors.shape[1],
        )


def _texts(contents: Contents, progress: Progress) -> Iterator[str]:
    total = len(contents.spans)
    for done, (position, start, end) in enumerate(contents.spans.tolist(), start=1):
        paper = contents.papers[position]
        yield embedded_text(paper, Passage("", paper.id, start, end, paper.abstract[start:end]))
        if done % 1000 == 0 or done == total:
            progress(done, total, "indexing words")
