"""The unit that is indexed: what is found, and what of it reaches the model, by the length of a passage."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from assistant.answer import Answer
from assistant.answering import Pipeline
from assistant.embedding import Embedder
from assistant.fitted import Gate
from assistant.generation.base import Delta
from assistant.index import Index
from assistant.progress import Progress
from assistant.records import Filters, Message, Paper, Usage
from assistant.retrieval import FUSIONS
from assistant.settings import Settings
from eval.asking import adapted
from eval.external import Query, rank_figures, ranked
from eval.measures.retrieval import evidence_in_context
from eval.pools import indexed
from eval.records import GoldItem, SystemAnswer
from eval.tables import Table

# Tokens of a passage, and of what it shares with the next. Few abstracts have more than 400, so that this is
# the whole abstract, as far as the embedder reads it; 160, 100 and 60 are about 5, 3 and 2 sentences.
UNITS = ((400, 0), (240, 0), (160, 0), (160, 60), (100, 0), (100, 40), (60, 0))

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

    def index(self, name: str, papers: Sequence[Paper], unit: tuple[int, int]) -> Index:
        """The papers indexed in passages of a unit: most tokens, and most tokens of overlap."""
        tokens, overlap = unit
        return indexed(
            papers,
            self.cache,
            f"passages-{tokens}-{overlap}-{name}",
            self.embedder,
            passage_tokens=tokens,
            passage_overlap=overlap,
            progress=self.progress,
        )


def compare_units(trial: Trial, units: Sequence[tuple[int, int]] = UNITS) -> Table:
    """Retrieval and evidence in context of each unit, with the same number of context tokens for all."""
    asked = [item for item in trial.items if item.answerable and item.evidence and not item.history]
    rows = {_name(unit): dict(_figures(trial, asked, unit)) for unit in units}
    return Table(
        f"{len(trial.queries)} queries, {len(trial.pool)} papers; {len(asked)} gold questions, "
        f"{trial.settings.context_tokens} tokens of context",
        rows,
    )


def _name(unit: tuple[int, int]) -> str:
    tokens, overlap = unit
    return f"{tokens} tokens, overlap {overlap}" if overlap else f"{tokens} tokens"


def _figures(
    trial: Trial, items: Sequence[GoldItem], unit: tuple[int, int]
) -> Iterator[tuple[str, float | str]]:
    pool = trial.index("pool", trial.pool, unit)
    fusion = FUSIONS[trial.settings.fusion]
    yield "passages", str(len(pool.passages))
    yield from rank_figures(trial.queries, ranked(trial.queries, pool, trial.embedder, fusion)).items()
    pipeline = _reading(trial, trial.index("corpus", trial.corpus, unit))
    contexts = [_context(trial, item, pipeline) for item in items]
    pairs = list(zip(items, contexts, strict=True))
    yield "evidence in context", fmean(evidence_in_context(*pair) for pair in pairs)
    yield "papers shown", fmean(len(context.context_text) for context in contexts)
    yield "tokens shown", fmean(context.context_tokens for context in contexts)


def _reading(trial: Trial, index: Index) -> Pipeline:
    """The assistant over an index, the gates before the draft open, with a model that writes nothing."""
    pipeline = Pipeline(index, trial.embedder, _Silent(trial.count_tokens), trial.settings)
    return replace(pipeline, coefficients=replace(pipeline.fitted, about=Gate(), before=Gate()))


def _context(trial: Trial, item: GoldItem, pipeline: Pipeline) -> SystemAnswer:
    """What the model is shown for a question, or the answer is made of where it is not asked."""
    *_, answer = pipeline.run(item.question, (), Filters(exclude_ids=item.exclude_ids))
    assert isinstance(answer, Answer)
    found = adapted(item.id, answer)
    return replace(found, context_tokens=sum(map(trial.count_tokens, found.context_text.values())))


class _Silent:
    """A model that is shown its prompt and writes nothing."""

    name = "silent"
    context_window = 1_000_000

    def __init__(self, count_tokens: CountTokens) -> None:
        self._count_tokens = count_tokens

    def count_tokens(self, text: str) -> int:
        return self._count_tokens(text)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        yield Delta("", Usage(0, 0, truncated=False))
