"""The write path: papers to an index folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assistant.arrays import Vectors
from assistant.chunking import Chunker, embedded_text
from assistant.embedding import Embedder
from assistant.errors import CorpusError
from assistant.generations import (
    LEXICAL,
    PAPERS,
    PASSAGES,
    VECTORS,
    Manifest,
    check_papers,
    current_generation,
    exists,
    new_generation,
    seal,
    writer,
)
from assistant.index import Index, paper_to_plain, read_papers
from assistant.lexical import LexicalIndex
from assistant.progress import Progress
from assistant.records import Paper
from assistant.vectors import VectorIndex


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did: papers by what happened to them, and the manifest of the result."""

    added: int
    updated: int
    unchanged: int
    manifest: Manifest


def ingest(
    papers: Iterable[Paper], folder: Path, embedder: Embedder, *, passage_tokens: int, progress: Progress
) -> Ingested:
    """Create the index in `folder`, or bring it up to date: papers are added, or replaced by id.

    Passages whose text has not changed keep their vectors.

    Raises:
        CorpusError: the result would hold no paper.
        IndexFormatError: the folder holds a damaged index, or another process is writing it.
    """
    with writer(folder):
        old = Index(folder) if exists(folder) else None
        stored = {paper.id: paper for paper in old.papers} if old else {}
        merged = dict(stored)
        merged.update((paper.id, paper) for paper in papers)
        if not merged:
            raise CorpusError(f"there are no papers to put into {folder}")
        updated = sum(stored[paper_id] != merged[paper_id] for paper_id in stored)
        added = len(merged) - len(stored)
        if old and not added and not updated and _made_with(old.manifest, embedder, passage_tokens):
            return Ingested(0, 0, len(stored), old.manifest)
        known = _known_vectors(old, embedder) if old else {}
        manifest = _write(tuple(merged.values()), folder, embedder, passage_tokens, known, progress)
        return Ingested(added, updated, len(stored) - updated, manifest)


def rebuild(folder: Path, embedder: Embedder, *, passage_tokens: int, progress: Progress) -> Manifest:
    """Make every passage and vector of the index in `folder` anew from its stored papers.

    Raises:
        IndexFormatError: the stored papers are damaged, or another process is writing the index.
    """
    with writer(folder):
        generation = current_generation(folder)
        check_papers(generation)
        papers = read_papers(generation)
        return _write(papers, folder, embedder, passage_tokens, {}, progress)


def _made_with(manifest: Manifest, embedder: Embedder, passage_tokens: int) -> bool:
    return (manifest.embedder_fingerprint, manifest.passage_tokens) == (embedder.fingerprint, passage_tokens)


def _known_vectors(index: Index, embedder: Embedder) -> dict[str, Vectors]:
    if index.manifest.embedder_fingerprint != embedder.fingerprint:
        return {}
    vectors = index.vectors.vectors(np.arange(len(index.passages)))
    texts = (embedded_text(index.paper(passage.paper_id), passage) for passage in index.passages)
    return dict(zip(texts, vectors, strict=True))


def _write(
    papers: tuple[Paper, ...],
    folder: Path,
    embedder: Embedder,
    passage_tokens: int,
    known: Mapping[str, Vectors],
    progress: Progress,
) -> Manifest:
    chunker = Chunker(embedder, passage_tokens)
    chunked = []
    for done, paper in enumerate(papers, start=1):
        chunked.append(chunker.chunk(paper))
        progress(done, len(papers), "splitting abstracts")
    pairs = [(paper, p) for paper, chunks in zip(papers, chunked, strict=True) for p in chunks.passages]
    texts = [embedded_text(paper, passage) for paper, passage in pairs]
    vectors = _encode(texts, known, embedder, progress)

    with new_generation(folder) as staging:
        lines = [json.dumps(paper_to_plain(paper), ensure_ascii=False) for paper in papers]
        content = "".join(f"{line}\n" for line in lines).encode()
        (staging / PAPERS).write_bytes(content)
        with (staging / PASSAGES).open("w", encoding="utf-8") as file:
            for position, chunks in enumerate(chunked):
                file.writelines(f"[{position},{p.start},{p.end}]\n" for p in chunks.passages)
        VectorIndex.from_vectors(vectors).save(staging / VECTORS)
        LexicalIndex.from_texts(texts).save(staging / LEXICAL)
        return seal(
            staging,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            corpus_sha256=hashlib.sha256(content).hexdigest(),
            papers=len(papers),
            passages=len(pairs),
            passages_cut=sum(chunks.cut for chunks in chunked),
            passage_tokens=passage_tokens,
            embedder=embedder.name,
            embedder_fingerprint=embedder.fingerprint,
            dimension=embedder.dimension,
        )


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
