"""Public test sets: retrieval, yes/no answers and verification on questions that others wrote.

The data lie in a folder of their own and are never part of the project: PubMedQA (Jin et al. 2019), claims of
SciFact (Wadden et al. 2020), and one-line summaries of papers by their authors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ir_measures
from ir_measures import RR, R, nDCG
from sklearn.metrics import roc_auc_score

from assistant.context import ContextPaper
from assistant.embedding import Embedder
from assistant.errors import CorpusError
from assistant.index import Index
from assistant.progress import Progress
from assistant.records import Filters, Paper, Passage
from assistant.retrieval import FUSIONS, Fusion, retrieve
from assistant.verification import Support, Verifier
from eval.asking import Ask
from eval.labels import labels
from eval.pools import filled, indexed, json_lines, read_papers, sampled
from eval.records import FinalAnswer, GoldItem, GoldValue, SystemAnswer
from eval.tables import Table

DATA = Path(__file__).parents[2] / "shared" / "data"
POOL = 10_000  # papers among which a one-line summary must find its own

_K = 10
# nDCG@10 of BM25 with k1 = 0.9, b = 0.4, without stemming, over all queries: what anyone gets for free.
_PLAIN_BM25 = {"pubmedqa": 0.969, "scifact, distractors": 0.923, "venues": 0.907}


@dataclass(frozen=True, slots=True)
class Query:
    """A question, claim or summary, and the papers that should be found for it."""

    id: str
    text: str
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim of SciFact against one abstract, and whether that bears it out."""

    claim: str
    paper_id: str
    true: bool


@dataclass(frozen=True, slots=True)
class Pools:
    """Where the data are, where their indexes are kept, and what they are made with."""

    data: Path
    cache: Path
    embedder: Embedder
    passage_tokens: int
    progress: Progress
    passage_overlap: int = 0

    def papers(self, name: str) -> list[Paper]:
        """The papers of one data set."""
        return read_papers(self.file(name))

    def file(self, name: str) -> Path:
        """A file of the data.

        Raises:
            CorpusError: there is no folder of data.
        """
        if not self.data.is_dir():
            raise CorpusError(f"there is no folder {self.data}; name the one with the data by --data")
        return self.data / name

    def index(self, name: str, papers: Sequence[Paper]) -> Index:
        """The index of these papers, made once."""
        return indexed(
            papers,
            self.cache,
            f"external-{name}",
            self.embedder,
            passage_tokens=self.passage_tokens,
            passage_overlap=self.passage_overlap,
            progress=self.progress,
        )


def pubmedqa_items(pools: Pools, limit: int | None = None) -> list[GoldItem]:
    """The expert-labelled questions of PubMedQA."""
    lines = json_lines(pools.file("pubmedqa/questions.dev.jsonl"), ("id", "question", "paper_id", "label"))
    return [
        GoldItem(
            id=line["id"],
            split="dev",
            cluster=line["paper_id"],
            type="yes_no",
            question=line["question"],
            answerable=True,
            answer_type="boolean",
            gold=GoldValue(label=line["label"]),
            gold_papers=((line["paper_id"],),),
        )
        for line in sampled(lines, limit)
    ]


def pubmedqa_index(pools: Pools) -> Index:
    """The abstracts that PubMedQA's questions are asked about."""
    return pools.index("pubmedqa", pools.papers("pubmedqa/abstracts.jsonl"))


def pubmedqa(pools: Pools, limit: int | None = None) -> Table:
    """Questions of PubMedQA -> their abstracts."""
    items = pubmedqa_items(pools, limit)
    queries = [Query(item.id, item.question, item.gold_papers[0]) for item in items]
    return _retrieval("pubmedqa", queries, pubmedqa_index(pools), pools, whole=limit is None)


def scifact(pools: Pools, limit: int | None = None, *, distractors: bool = False) -> Table:
    """Claims of SciFact -> the abstracts that decide them, PubMedQA's among them as distractors if asked."""
    claims = json_lines(pools.file("scifact/claims.dev.jsonl"), ("id", "claim", "evidence"))
    queries = [
        Query(line["id"], line["claim"], tuple(found["paper_id"] for found in line["evidence"]))
        for line in sampled(claims, limit)
    ]
    papers = pools.papers("scifact/abstracts.jsonl")
    if distractors:
        papers += pools.papers("pubmedqa/abstracts.jsonl")
    name = "scifact, distractors" if distractors else "scifact"
    index = pools.index("scifact-distractors" if distractors else "scifact", papers)
    return _retrieval(name, queries, index, pools, whole=limit is None)


def venues(pools: Pools, limit: int | None = None, *, pool: int = POOL) -> Table:
    """One-line summaries -> their papers, among `pool` drawn with a fixed seed."""
    papers, queries = venue_queries(pools, limit, pool)
    whole = limit is None and pool == POOL
    return _retrieval("venues", queries, pools.index(f"venues-{pool}", papers), pools, whole=whole)


def venue_queries(pools: Pools, limit: int | None, pool: int) -> tuple[list[Paper], list[Query]]:
    """`limit` summaries and `pool` papers, those of every summary among them if there is room."""
    lines = json_lines(pools.file("venues/tldr_queries.dev.jsonl"), ("id", "query", "paper_id"))
    if pool < len(lines):
        lines = sampled(lines, min(limit or pool, pool))
    papers = filled(pools.papers("venues/papers.jsonl.gz"), {line["paper_id"] for line in lines}, pool)
    return papers, [Query(line["id"], line["query"], (line["paper_id"],)) for line in sampled(lines, limit)]


def rank_figures(queries: Sequence[Query], rankings: Mapping[str, Sequence[str]]) -> dict[str, float | str]:
    """R@1, R@10, MRR@10 and nDCG@10 over all queries; one without a ranking scores 0.

    Source: ir_measures (MacAvaney et al. 2022), which computes them as trec_eval does.
    """
    qrels = {query.id: dict.fromkeys(query.papers, 1) for query in queries}
    # The order is given as falling scores, since trec_eval breaks ties by id.
    run = {query: {paper: -float(n) for n, paper in enumerate(found)} for query, found in rankings.items()}
    measures = {"R@1": R @ 1, "R@10": R @ _K, "MRR@10": RR @ _K, "nDCG@10": nDCG @ _K}
    found = ir_measures.calc_aggregate(list(measures.values()), qrels, run)
    return {name: float(found[measure]) for name, measure in measures.items()}


def pubmedqa_answers(items: Sequence[GoldItem], ask: Ask, model: str, progress: Progress) -> Table:
    """Yes, no or maybe to PubMedQA's questions, and how often silence follows without their abstract."""
    answers, without = {}, {}
    for done, item in enumerate(items, start=1):
        answers[item.id] = ask(item)
        without[item.id] = ask(replace(item, exclude_ids=item.gold_papers[0]))
        progress(done, len(items), "answering PubMedQA")
    majority, _ = Counter(item.gold.label for item in items if item.gold).most_common(1)[0]
    always = FinalAnswer("boolean", label=majority)
    rows: dict[str, dict[str, float | str]] = {
        model: {
            **_label_figures(items, answers),
            "abstained": _share_abstained(answers),
            "abstained, abstract left out": _share_abstained(without),
        },
        f"always {majority}": _label_figures(
            items, {item.id: SystemAnswer(item.id, "answered", final=always) for item in items}
        ),
    }
    return Table(f"pubmedqa: yes, no or maybe, {len(items)} questions", rows)


def scifact_verification(pools: Pools, limit: int | None = None) -> Table:
    """Whether the verifier's support tells SciFact's true claims from its false ones."""
    papers = {paper.id: paper for paper in pools.papers("scifact/abstracts.jsonl")}
    claims = json_lines(pools.file("scifact/claims.dev.jsonl"), ("id", "claim", "evidence"))
    verdicts = [
        Verdict(line["claim"], found["paper_id"], found["label"] == "true")
        for line in sampled(claims, limit)
        for found in line["evidence"]
    ]
    found = [(verdict.true, support_of(verdict.claim, papers[verdict.paper_id])) for verdict in verdicts]
    rows: dict[str, dict[str, float | str]] = {
        name: {
            "pairs": str(len(some)),
            "mean support": sum(support.share for support in some) / len(some),
            "supported": sum(support.verdict == "supported" for support in some) / len(some),
        }
        for name, wanted in (("true claims", True), ("false claims", False))
        if (some := [support for true, support in found if true == wanted])
    }
    auroc = roc_auc_score([true for true, _ in found], [support.strength for _, support in found])
    return Table(f"scifact: lexical support of claims, AUROC {auroc:.3f}", rows)


def support_of(claim: str, paper: Paper) -> Support:
    """What the verifier makes of a claim where it is shown the paper's whole abstract."""
    whole = Passage(f"{paper.id}:0", paper.id, 0, len(paper.abstract), paper.abstract)
    return Verifier((ContextPaper(1, paper, (whole,), ()),), claim).support(claim)


def ranked(
    queries: Iterable[Query], index: Index, embedder: Embedder, fusion: Fusion
) -> dict[str, list[str]]:
    """The ids of the papers found for each query, best first."""
    return {
        query.id: [
            found.paper.id
            for found in retrieve(query.text, index, embedder, k=_K, filters=Filters(), fusion=fusion)
        ]
        for query in queries
    }


def _label_figures(items: Sequence[GoldItem], answers: Mapping[str, SystemAnswer]) -> dict[str, float | str]:
    found = labels(items, answers)
    return {"accuracy": found.accuracy, "macro-F1": found.macro_f1}


def _share_abstained(answers: Mapping[str, SystemAnswer]) -> float:
    return sum(answer.status == "abstained" for answer in answers.values()) / len(answers)


def _retrieval(name: str, queries: Sequence[Query], index: Index, pools: Pools, *, whole: bool) -> Table:
    rows: dict[str, dict[str, float | str]] = {}
    for done, (ranker, fusion) in enumerate(FUSIONS.items(), start=1):
        rows[ranker] = rank_figures(queries, ranked(queries, index, pools.embedder, fusion))
        pools.progress(done, len(FUSIONS), f"searching {name}")
    if whole and name in _PLAIN_BM25:
        rows["plain BM25 elsewhere"] = {"nDCG@10": _PLAIN_BM25[name]}
    return Table(f"{name}: {len(queries)} queries, {len(index.papers)} papers", rows)
