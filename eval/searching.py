"""What searching costs and finds, of indexes of growing size: time, memory, disk, and rank figures."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from assistant.arrays import Mask, Vectors
from assistant.embedding import Embedder, open_embedder
from assistant.index import Index
from assistant.papers import exported
from assistant.retrieval import CANDIDATES, FUSIONS
from assistant.settings import Settings
from eval import bench
from eval.bench import Measurement
from eval.external import Query, ranked
from eval.pools import json_lines
from eval.statistics import holm, paired_randomisation
from eval.tables import Table

QUERIES = Path("venues/tldr_queries.dev.jsonl")
END_TO_END = "retrieval, end to end"

_OPENINGS = 5
_WARMUP = 50  # queries embedded before anything is weighed
_BLOCK = 16_384  # vectors read at a time
_SAME = 1e-5  # cosines that are as near differ by no more: each library sums in an order of its own
_MEASURES = {"R@1": R @ 1, "R@10": R @ 10, "MRR@10": RR @ 10, "nDCG@10": nDCG @ 10}
_TESTED = ("R@1", "MRR@10")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one index costs, measured in a process that did nothing else; sizes in bytes.

    `plain` are its papers as JSON lines; `resident` is the memory of the process with the embedder, of which
    `own` came with opening and searching the index; `recall` is the share of the 100 nearest of the vectors
    as they are stored that a search finds, `recall_of_half` the same where every other paper is filtered out.
    """

    papers: int
    passages: int
    disk: int
    plain: int
    resident: int
    own: int
    stages: tuple[Measurement, ...]
    recall: float
    recall_of_half: float

    def stage(self, name: str) -> Measurement:
        """The measurement of that name."""
        return next(stage for stage in self.stages if stage.name == name)


def summaries(data: Path) -> list[Query]:
    """One-line summaries by authors, each of which should find its paper."""
    lines = json_lines(data / QUERIES, ("id", "query", "paper_id"))
    return [Query(line["id"], line["query"], (line["paper_id"],)) for line in lines]


def cost(folder: Path, queries: Sequence[str], repeats: int) -> Cost:
    """What the index in `folder` costs, measured in a process of its own."""
    alone = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=alone) as process:
        return process.submit(measured, folder, queries, repeats, open_embedder).result()


def measured(
    folder: Path, queries: Sequence[str], repeats: int, embedding: Callable[[Settings], Embedder]
) -> Cost:
    """What the index in `folder` costs, measured in this process."""
    settings = Settings.load()
    embedder = embedding(settings)
    for query in queries[:_WARMUP]:
        embedder.encode([query])  # so that its buffers are not taken for the memory of the index
    before = _resident()

    def opened() -> Index:
        return Index.open(folder, embedder, settings.store)

    opening = bench.measure("opening", opened, repeats=_OPENINGS, warmup=0)
    index = opened()
    stages = bench.search(index, embedder, settings, queries, repeats=repeats)
    resident = _resident()
    vectors = embedder.encode(list(queries[:_WARMUP]))
    return Cost(
        papers=len(index.papers),
        passages=len(index.passages),
        disk=sum(index.manifest.parts.values()),
        plain=sum(map(len, exported(index.papers))),
        resident=resident,
        own=resident - before,
        stages=(opening, *stages),
        recall=recall(index, vectors, np.ones(len(index.vectors), dtype=np.bool_)),
        recall_of_half=recall(index, vectors, index.paper_rows % 2 == 0),
    )


def recall(index: Index, queries: Vectors, allowed: Mask) -> float:
    """The mean share of what is found for each query (n × dimension) that is as near as the 100 nearest.

    What is nearest among the allowed rows is computed from the vectors as they are stored, all of them.
    """
    among = np.flatnonzero(allowed)
    depth = min(CANDIDATES, len(among))
    blocks = (among[first : first + _BLOCK] for first in range(0, len(among), _BLOCK))
    cosines = np.concatenate([queries @ index.vectors.vectors(rows).T for rows in blocks], axis=1)
    least = np.partition(cosines, -depth, axis=1)[:, -depth]
    filtered = None if allowed.all() else allowed
    found = [index.vectors.search(query, depth, filtered)[1] for query in queries]
    return float(
        np.mean([np.sum(scores >= n - _SAME) / depth for scores, n in zip(found, least, strict=True)])
    )


def costs_table(costs: Sequence[Cost]) -> Table:
    """Costs by the number of papers, and the exponent with which each grows."""
    rows: dict[str, dict[str, float | str]] = {}
    for one in costs:
        whole = one.stage(END_TO_END)
        rows[f"{one.papers:,} papers"] = {
            "passages": f"{one.passages:,}",
            "open, ms": f"{one.stage('opening').median:.0f}",
            "search, ms": f"{whole.median:.1f}",
            "p95, ms": f"{whole.p95:.1f}",
            "recall@100": f"{one.recall:.3f}",
            "recall@100, half filtered out": f"{one.recall_of_half:.3f}",
            "index in memory, MB": f"{one.own / 1e6:.0f}",
            "process, MB": f"{one.resident / 1e6:.0f}",
            "disk, MB": f"{one.disk / 1e6:.1f}",
            "of plain JSONL": f"{one.disk / one.plain:.2f}",
        }
    if len({one.papers for one in costs}) > 1:
        sizes = [one.papers for one in costs]
        rows["exponent of growth"] = {
            "open, ms": exponent(sizes, [one.stage("opening").median for one in costs]),
            "search, ms": exponent(sizes, [one.stage(END_TO_END).median for one in costs]),
            "p95, ms": exponent(sizes, [one.stage(END_TO_END).p95 for one in costs]),
            "disk, MB": exponent(sizes, [one.disk for one in costs]),
        }
    return Table("costs of searching: medians, and p95 of the whole", rows)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The e of value = c · size^e that fits best: the slope of a line through the logarithms."""
    slope, _ = np.polyfit(np.log(sizes), np.log(values), 1)
    return float(slope)


def quality_table(index: Index, embedder: Embedder, fusion: str, queries: Sequence[Query]) -> Table | None:
    """How well summaries find their papers, fused and by either side alone, with paired tests.

    Only queries whose papers are in the index count; None where there is none.
    """
    asked = [query for query in queries if all(paper in index for paper in query.papers)]
    if not asked:
        return None
    found = {
        name: by_query(asked, index, embedder, name) for name in dict.fromkeys((fusion, "bm25", "dense"))
    }
    rows: dict[str, dict[str, float | str]] = {
        name: {measure: float(np.mean(list(values.values()))) for measure, values in figures.items()}
        for name, figures in found.items()
    }
    others = [name for name in found if name != fusion]
    tests = {(m, name): _p(found[fusion][m], found[name][m]) for m in _TESTED for name in others}
    corrected = holm({f"{m} {name}": p for (m, name), p in tests.items()})
    for measure, name in tests:
        rows[name][f"p, {measure}"] = f"{corrected[f'{measure} {name}']:.4f}"
    title = (
        f"{len(asked)} one-line summaries -> their papers among {len(index.papers):,}; p: {fusion} differs"
    )
    return Table(title, rows)


def by_query(
    queries: Sequence[Query], index: Index, embedder: Embedder, fusion: str
) -> dict[str, dict[str, float]]:
    """Each measure of each query, as ir_measures (MacAvaney et al. 2022) computes it."""
    rankings = ranked(queries, index, embedder, FUSIONS[fusion])
    qrels = {query.id: dict.fromkeys(query.papers, 1) for query in queries}
    # The order is given as falling scores, since trec_eval breaks ties by id.
    run = {query: {paper: -float(n) for n, paper in enumerate(found)} for query, found in rankings.items()}
    figures: dict[str, dict[str, float]] = {name: dict.fromkeys(qrels, 0.0) for name in _MEASURES}
    names = {measure: name for name, measure in _MEASURES.items()}
    for metric in ir_measures.iter_calc(list(_MEASURES.values()), qrels, run):
        figures[names[metric.measure]][metric.query_id] = metric.value
    return figures


def _p(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return paired_randomisation([one[query] - other[query] for query in one], list(one))


def _resident() -> int:
    """Bytes of this process in memory, those of mapped files among them (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("a process has a size")
