"""The unit that is indexed: what is found, and what of it reaches the model, by the length of a passage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from assistant.context import pack
from assistant.embedding import Embedder
from assistant.index import Index
from assistant.progress import Progress
from assistant.records import Filters, Paper
from assistant.retrieval import FUSIONS, retrieve
from assistant.settings import Settings
from eval.external import Query, rank_figures, ranked
from eval.measures.retrieval import evidence_in_context
from eval.pools import indexed
from eval.records import GoldItem, SystemAnswer
from eval.tables import Table

# Tokens of a passage. Few abstracts have more than 400, so that this is the whole abstract, as far as the
# embedder reads it.
UNITS = (400, 240, 160, 80)

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Trial:
    """What every unit is tried on, and with: summaries over a pool, gold questions over their corpus."""

    pool: Sequence[Paper]
    queries: Sequence[Query]
    corpus: Sequence[Paper]
    items: Sequence[GoldItem]
    settings: Settings
    embedder: Embedder
    count_tokens: CountTokens
    cache: Path
    progress: Progress

    def index(self, name: str, papers: Sequence[Paper], unit: int) -> Index:
        """The papers indexed in passages of at most `unit` tokens."""
        return indexed(
            papers,
            self.cache,
            f"passages-{unit}-{name}",
            self.embedder,
            passage_tokens=unit,
            progress=self.progress,
        )


def compare_units(trial: Trial, units: Sequence[int] = UNITS) -> Table:
    """Retrieval and evidence in context of each unit, with the same number of context tokens for all."""
    asked = [item for item in trial.items if item.answerable and item.evidence and not item.history]
    rows = {f"{unit} tokens": dict(_figures(trial, asked, unit)) for unit in units}
    return Table(
        f"{len(trial.queries)} queries, {len(trial.pool)} papers; {len(asked)} gold questions, "
        f"{trial.settings.context_tokens} tokens of context",
        rows,
    )


def _figures(trial: Trial, items: Sequence[GoldItem], unit: int) -> Iterator[tuple[str, float | str]]:
    pool = trial.index("pool", trial.pool, unit)
    fusion = FUSIONS[trial.settings.fusion]
    yield "passages", str(len(pool.passages))
    yield from rank_figures(trial.queries, ranked(trial.queries, pool, trial.embedder, fusion)).items()
    corpus = trial.index("corpus", trial.corpus, unit)
    contexts = [_context(trial, item, corpus) for item in items]
    pairs = list(zip(items, contexts, strict=True))
    yield "evidence in context", fmean(evidence_in_context(*pair) for pair in pairs)
    yield "papers shown", fmean(len(context.context_text) for context in contexts)
    yield "tokens shown", fmean(context.context_tokens for context in contexts)


def _context(trial: Trial, item: GoldItem, index: Index) -> SystemAnswer:
    """What the model would be shown for a question; it is not asked."""
    settings, filters = trial.settings, Filters(exclude_ids=item.exclude_ids)
    found = retrieve(
        item.question,
        index,
        trial.embedder,
        k=settings.papers,
        filters=filters,
        fusion=FUSIONS[settings.fusion],
    )
    context = pack(found, settings.context_tokens, trial.count_tokens)
    text = {entry.paper.id: " ".join(passage.text for passage in entry.passages) for entry in context}
    return SystemAnswer(
        item.id,
        "answered",
        context_text=text,
        context_tokens=sum(map(trial.count_tokens, text.values())),
    )
