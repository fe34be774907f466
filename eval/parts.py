"""The parts of the assistant that are fitted before the gates: each from rows of features, right or wrong.

The rows are what the assistant computes itself on questions with known answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from assistant.answer import Answer
from assistant.answering import Pipeline
from assistant.errors import GenerationError
from assistant.fit import RankedSentence
from assistant.fitted import Fitted, Linear
from assistant.inquiry import Inquiry
from assistant.labels import label_said, label_signals
from assistant.parallel import Call, in_order
from assistant.progress import Progress
from assistant.records import Filters, Turn
from assistant.selection import CANDIDATES, criterion, members
from eval import numbers
from eval.records import FinalAnswer, GoldItem
from eval.regression import Row, logistic, ranking

# Inverse strength of the penalty, by five-fold cross-validation over papers, among values from 0.03 to 3.
_PENALTY = {"sentence": 1.0, "quantity": 0.3, "label": 0.3, "member": 0.5}
_LONG_PART = 25  # characters; a shorter part of a quote may stand anywhere

Drafts = Mapping[str, str]  # by the id of their question
RowsOf = Mapping[str, Sequence[Row]]  # the same


def parts(pipeline: Pipeline, items: Sequence[GoldItem], sentences: RowsOf, drafts: Drafts) -> Fitted:
    """All parts but the gates, in the order in which they build on each other."""
    fitted = Fitted(sentence=_sentence_part(pipeline, items, sentences))
    seeing = with_coefficients(pipeline, fitted)
    return replace(
        fitted,
        quantity=_ranking_part(pipeline, "quantity", _quantity_rows(seeing, items, drafts)),
        label=_part(pipeline, "label", _label_rows(seeing, items, drafts)),
        member=_part(pipeline, "member", _member_rows(seeing, items)),
    )


def drafted(pipeline: Pipeline, items: Sequence[GoldItem], sentences: RowsOf, progress: Progress) -> Drafts:
    """What the model writes to each question, shown the sentences that fit best."""
    seeing = with_coefficients(pipeline, Fitted(sentence=_sentence_part(pipeline, items, sentences)))
    return {item.id: answer.draft for item, answer in answers(seeing, items, progress, "drafting")}


def sentence_rows(pipeline: Pipeline, items: Sequence[GoldItem]) -> RowsOf:
    """The sentences of the papers found for each question, and which of them are its evidence."""
    bare = with_coefficients(pipeline, Fitted())
    return {
        item.id: [(one.features, _is_evidence(item, one)) for one in _found(bare, item).ranked]
        for item in _about_one(items)
        if item.evidence and item.type != "list"
    }


def answers(
    pipeline: Pipeline, items: Sequence[GoldItem], progress: Progress, doing: str
) -> Iterator[tuple[GoldItem, Answer]]:
    """Each question with its answer, in their order; as many are asked at a time as pay with the model."""

    def call(item: GoldItem) -> Call[Answer]:
        return lambda _: answered(pipeline, item)

    jobs = ((item, call(item)) for item in items)
    told = in_order(jobs, getattr(pipeline.model, "concurrency", 1))
    for done, (item, answer) in enumerate(told, start=1):
        assert answer is not None, "every question has a call"
        progress(done, len(items), doing)
        yield item, answer


def answered(pipeline: Pipeline, item: GoldItem) -> Answer:
    """What the assistant answers; a model that fails ends the fit, or its silence would be learnt from."""
    *_, answer = pipeline.run(item.question, _turns(item), _filters(item))
    assert isinstance(answer, Answer)
    if answer.status == "error":
        raise GenerationError(f"question {item.id}: {answer.reason.sentence}")
    return answer


def with_coefficients(pipeline: Pipeline, fitted: Fitted) -> Pipeline:
    """The pipeline with these coefficients in the place of its own."""
    return replace(pipeline, coefficients=fitted)


def _sentence_part(pipeline: Pipeline, items: Sequence[GoldItem], sentences: RowsOf) -> Linear:
    return _ranking_part(pipeline, "sentence", [sentences.get(item.id, ()) for item in items])


def _ranking_part(pipeline: Pipeline, name: str, questions: Sequence[Sequence[Row]]) -> Linear:
    """A part that ranks the candidates of a question; where nothing tells them apart, it stays as it is."""
    if any(len({right for _, right in rows}) == 2 for rows in questions):
        return ranking(questions, _PENALTY[name])
    known: Linear = getattr(pipeline.fitted, name)
    return known


def _part(pipeline: Pipeline, name: str, rows: Sequence[Row]) -> Linear:
    """A part fitted on its rows; without right and wrong ones among them, it stays as it is."""
    if len({right for _, right in rows}) == 2:
        return logistic(rows, _PENALTY[name])
    known: Linear = getattr(pipeline.fitted, name)
    return known


def _about_one(items: Sequence[GoldItem]) -> list[GoldItem]:
    return [item for item in items if item.answerable and len(item.gold_papers) == 1]


def _is_evidence(item: GoldItem, one: RankedSentence) -> bool:
    text = one.sentence.text
    return any(
        evidence.paper_id == one.sentence.paper.id
        and (evidence.quote in text or text in evidence.quote or _shares_sentence(evidence.quote, text))
        for evidence in item.evidence
    )


def _shares_sentence(quote: str, text: str) -> bool:
    return any(part in text for part in re.split(r"(?<=[.!?])\s", quote) if len(part) > _LONG_PART)


def _quantity_rows(
    pipeline: Pipeline, items: Sequence[GoldItem], drafts: Mapping[str, str]
) -> list[list[Row]]:
    questions: list[list[Row]] = []
    for item in _about_one(items):
        if item.answer_type != "number" or item.gold is None:
            continue
        inquiry = _found(pipeline, item)
        rows: list[Row] = []
        for found in pipeline.quantities(inquiry.question, inquiry.ranked, drafts[item.id]):
            unit = "" if found.quantity.written else found.quantity.unit
            right = numbers.matches(FinalAnswer("number", f"{found.text} {unit}"), item.gold)
            there = found.sentence.sentence.paper.id in item.gold_papers[0]
            rows.append((found.features, there and right))
        questions.append(rows)
    return questions


def _label_rows(pipeline: Pipeline, items: Sequence[GoldItem], drafts: Mapping[str, str]) -> list[Row]:
    rows: list[Row] = []
    for item in _about_one(items):
        if item.answer_type != "boolean" or item.gold is None:
            continue
        inquiry = _found(pipeline, item)
        said = label_said(drafts[item.id])
        signals = label_signals(inquiry.question.bare, said, inquiry.ranked)
        rows.append((signals, item.gold.label == "yes"))
    return rows


def _member_rows(pipeline: Pipeline, items: Sequence[GoldItem]) -> list[Row]:
    rows: list[Row] = []
    weigh = pipeline.index.lexical.informativeness
    for item in items:
        if item.answer_type != "list":
            continue
        question = _found(pipeline, item).question
        wanted = criterion(question.text)
        found = pipeline.search(wanted, _filters(item), CANDIDATES)
        right = item.gold.ids if item.gold else ()
        judged = members(question, wanted, found, weigh, pipeline.similarity, Linear())
        rows += [(member.features, member.paper.id in right) for member in judged]
    return rows


def _found(pipeline: Pipeline, item: GoldItem) -> Inquiry:
    return pipeline.found(item.question, _turns(item), _filters(item))


def _turns(item: GoldItem) -> list[Turn]:
    return [Turn(*turn) for turn in item.history]


def _filters(item: GoldItem) -> Filters:
    return Filters(exclude_ids=item.exclude_ids)
