"""Known-item retrieval with each side alone and with each fusion, on one pool of papers."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from assistant.embedding import Embedder
from assistant.errors import CorpusError
from assistant.index import Index
from assistant.ingest import ingest
from assistant.records import Filters, Paper
from assistant.retrieval import Fusion, Scores, reciprocal_rank, retrieve, zscore_sum
from assistant.settings import Settings

_SEED = 20_261_123

T = TypeVar("T")


def _dense_alone(dense: Scores, lexical: Scores) -> Scores:
    return dense


def _lexical_alone(dense: Scores, lexical: Scores) -> Scores:
    return lexical


_RANKERS: dict[str, Fusion] = {
    "BM25": _lexical_alone,
    "dense": _dense_alone,
    "reciprocal_rank": reciprocal_rank,
    "zscore": zscore_sum,
}


def compare(
    papers: Path, queries: Path, embedder: Embedder, settings: Settings, *, pool: int, limit: int
) -> Iterator[str]:
    """Lines of a table: R@1, R@10 and MRR@10 of each ranker over the same queries and candidates."""
    asked = _sampled(list(_json_lines(queries)), limit)
    chosen = _pool(papers, {query["paper_id"] for query in asked}, pool)
    with tempfile.TemporaryDirectory() as folder:
        ingest(chosen, Path(folder), embedder, passage_tokens=settings.passage_tokens, progress=_said())
        index = Index.open(Path(folder), embedder)
        yield f"{len(asked)} queries, {len(chosen)} papers, {len(index.passages)} passages, seed {_SEED}"
        yield f"{'':<16} {'R@1':>6} {'R@10':>6} {'MRR@10':>7}"
        for name, fusion in _RANKERS.items():
            ranks = np.array([_rank(query, index, embedder, fusion) for query in asked])
            mrr = np.mean(np.where(ranks <= 10, 1 / ranks, 0))
            yield f"{name:<16} {np.mean(ranks == 1):6.3f} {np.mean(ranks <= 10):6.3f} {mrr:7.3f}"


def _rank(query: dict[str, str], index: Index, embedder: Embedder, fusion: Fusion) -> float:
    found = retrieve(query["query"], index, embedder, k=10, filters=Filters(), fusion=fusion)
    ids = [scored.paper.id for scored in found]
    return ids.index(query["paper_id"]) + 1.0 if query["paper_id"] in ids else float("inf")


def _pool(papers: Path, wanted: set[str], size: int) -> list[Paper]:
    everything = [
        Paper(plain["id"], plain["title"], plain["abstract"])
        for plain in _json_lines(papers)
        if plain["abstract"]
    ]
    asked_for = [paper for paper in everything if paper.id in wanted]
    if missing := wanted - {paper.id for paper in asked_for}:
        raise CorpusError(f"{papers} lacks {len(missing)} of the queried papers, such as {min(missing)}")
    others = [paper for paper in everything if paper.id not in wanted]
    return asked_for + _sampled(others, max(0, size - len(asked_for)))


def _sampled(items: list[T], count: int) -> list[T]:
    return random.Random(_SEED).sample(items, min(count, len(items)))  # noqa: S311  a sample, not a secret


def _json_lines(path: Path) -> Iterator[dict[str, str]]:
    with (
        gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    ) as file:
        yield from map(json.loads, file)


def _said() -> Callable[[str, int, int], None]:
    """Progress on one line of the terminal, every hundredth item."""

    def say(what: str, done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            print(f"\r{what} {done}/{total}", end="\n" if done == total else "", flush=True)

    return say
