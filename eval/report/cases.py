"""Questions under examination: what was answered, on what evidence, and what the gold says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from eval.comparison import Flip, outcome
from eval.document import Case, milliseconds, number, type_name
from eval.headline import headline
from eval.records import Corpus, GoldItem, GoldValue, Nugget, QuestionScore, SystemAnswer
from eval.summary import WATERFALL

PER_STEP = 3
PER_SIDE = 12
_QUOTED = 3  # pieces of gold evidence that are shown
_SHOWN = 3  # papers that are named where an answer cites none

Entries = Iterator[tuple[str, str]]


def worst(
    items: Mapping[str, GoldItem],
    answers: Mapping[str, SystemAnswer],
    scores: Sequence[QuestionScore],
    corpus: Corpus,
) -> Iterator[Case]:
    """Yield the failures in which the system was most confident, a few of each step of the waterfall."""
    failed = defaultdict(list)
    for score in headline(scores):
        if score.failure and score.id in items:
            failed[score.failure].append(score)
    steps = [*WATERFALL, *sorted(set(failed) - set(WATERFALL))]
    for step in steps:
        surest = sorted(failed[step], key=lambda score: (-score.metrics.get("confidence", 0.0), score.id))
        for score in surest[:PER_STEP]:
            yield _failure(items[score.id], answers.get(score.id), score, corpus)


def flipped(
    flips: Sequence[Flip],
    names: tuple[str, str],
    items: Mapping[str, GoldItem],
    answers: tuple[Mapping[str, SystemAnswer], Mapping[str, SystemAnswer]],
    corpus: Corpus,
) -> Iterator[Case]:
    """Yield the first flips, with both answers beside the gold."""
    for flip in flips[:PER_SIDE]:
        item = items[flip.id]
        ends = (outcome(flip.first, flip.first_failure), outcome(flip.second, flip.second_failure))
        sides = tuple(
            (f"{name}: {end.lower()}", tuple(_answer(side.get(flip.id))))
            for name, end, side in zip(names, ends, answers, strict=True)
        )
        gold = ("Gold", tuple(_gold(item, None, corpus)))
        yield Case(flip.id, _type(item), _before(item), item.question, (*sides, gold))


def _failure(item: GoldItem, answer: SystemAnswer | None, score: QuestionScore, corpus: Corpus) -> Case:
    time = f", {milliseconds(answer.ms['total'])}" if answer and "total" in answer.ms else ""
    confidence = number(score.metrics.get("confidence", 0.0), 2)
    return Case(
        title=item.id,
        about=f"{_type(item)}. {outcome(score.trusted, score.failure)}; confidence {confidence}{time}",
        before=_before(item),
        question=item.question,
        columns=(
            ("Answer", tuple(_answer(answer))),
            ("Evidence it gives", tuple(_evidence(item, answer, corpus))),
            ("Gold", tuple(_gold(item, answer, corpus))),
        ),
    )


def _type(item: GoldItem) -> str:
    return type_name(item.type).capitalize()


def _before(item: GoldItem) -> str:
    """The turns that the question follows on."""
    return " ".join(f"{asked} {answered}." for asked, answered in item.history)


def _answer(answer: SystemAnswer | None) -> Entries:
    if answer is None:
        yield "missing", "The run has no answer to this question."
        return
    if answer.status != "answered":
        yield answer.status, answer.reason
    if answer.final and answer.final.text:
        yield "final", answer.final.text
    for sentence in answer.sentences:
        yield "", f"{sentence.text} {' '.join(f'[{paper}]' for paper in sentence.cites)}".strip()
    if not answer.sentences and answer.text:
        yield "", answer.text


def _evidence(item: GoldItem, answer: SystemAnswer | None, corpus: Corpus) -> Entries:
    """The papers cited with the quotes given; where none is cited, those that the model was shown."""
    if answer is None or not (answer.sentences or answer.context_text):
        yield "", "None."
        return
    gold = {paper for group in item.gold_papers for paper in group}
    cited = dict.fromkeys(paper for sentence in answer.sentences for paper in sentence.cites)
    quotes = [quote for sentence in answer.sentences for quote in sentence.quotes]
    for paper in cited or list(answer.context_text)[:_SHOWN]:
        role = "" if cited else ", shown but not cited"
        yield (
            f"{paper}{' (gold)' if paper in gold else ''}{role}",
            corpus.titles.get(paper, "not in the corpus"),
        )
        yield from (("", f"“{quote}”") for of, quote in dict.fromkeys(quotes) if of == paper)


def _gold(item: GoldItem, answer: SystemAnswer | None, corpus: Corpus) -> Entries:
    yield "answer", expected(item)
    for evidence in item.evidence[:_QUOTED]:
        yield f"{evidence.paper_id} {corpus.titles.get(evidence.paper_id, '')}".strip(), f"“{evidence.quote}”"
    if len(item.evidence) > _QUOTED:
        yield "", f"and {len(item.evidence) - _QUOTED} more"
    if answer and item.gold_papers:
        yield "retrieved", "; ".join(_found(paper, answer) for group in item.gold_papers for paper in group)


def _found(paper: str, answer: SystemAnswer) -> str:
    ranked = list(dict.fromkeys(of for of, _ in answer.retrieved))
    rank = f"rank {ranked.index(paper) + 1}" if paper in ranked else "not found"
    return f"{paper} {rank}{'' if paper in answer.context_text else ', not shown'}"


def expected(item: GoldItem) -> str:
    """Return the gold answer in a line."""
    if not item.answerable:
        reason = (item.unanswerable_reason or "").replace("_", " ")
        correction = f"; the correction: {_nugget(item.correction)}" if item.correction else ""
        return f"Not answerable ({reason}){correction}"
    if item.nuggets and item.answer_type == "free":
        return "; ".join(_nugget(nugget) for nugget in item.nuggets if nugget.importance == "vital")
    return _value(item.gold or GoldValue())


def _nugget(nugget: Nugget) -> str:
    return " and ".join(" / ".join(group) for group in nugget.all_of)


def _value(gold: GoldValue) -> str:
    unit = "x" if gold.unit == "x" else f" {gold.unit}" if gold.unit else ""
    if gold.value is not None:
        return f"{gold.value:g}{unit}"
    if gold.low is not None and gold.high is not None:
        return f"{gold.low:g} to {gold.high:g}{unit}"
    return gold.label or ", ".join(gold.ids) or " / ".join(gold.aliases) or "none of the papers"
