"""What can be wrong with a gold question: each check says in a few words what and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from eval import numbers
from eval.measures.correctness import is_forbidden
from eval.measures.quotes import holds_number
from eval.normalise import sentences
from eval.records import Corpus, Evidence, GoldItem, GoldValue, Nugget

_WITHOUT_PAPERS = frozenset(("about",))  # types of question that no paper need be cited for


def faults(item: GoldItem, corpus: Corpus) -> Iterator[str]:
    """What is wrong with one item, seen by itself."""
    if not item.id or not item.question.strip():
        yield "id and question may not be empty"
    if (item.turn > 1) != bool(item.history):
        yield f"turn {item.turn} has a history of {len(item.history)} turns"
    if item.turn > 1 and not item.standalone:
        yield "a follow-up needs `standalone`, the same question rewritten to stand alone"
    for paper_id in _named(item):
        if paper_id not in corpus.abstracts:
            yield f"paper {paper_id!r} is not among the {len(corpus.abstracts)} papers"
    yield from _faults_of_evidence(item, corpus)
    yield from _faults_of_answerable(item) if item.answerable else _faults_of_unanswerable(item)
    yield from _faults_of_patterns(item)
    if item.canary and item.canary.casefold() in f"{item.question} {item.history}".casefold():
        yield f"the canary {item.canary!r} is in the question"


def _faults_of_evidence(item: GoldItem, corpus: Corpus) -> Iterator[str]:
    about = papers_of(item) | set(item.acceptable_papers)
    for evidence in item.evidence:
        if not evidence.quote or evidence.quote not in corpus.abstracts[evidence.paper_id]:
            yield f"not word for word in the abstract of {evidence.paper_id}: {evidence.quote!r}"
        if item.answerable and evidence.paper_id not in about:
            yield f"the evidence is of {evidence.paper_id}, which is not among the gold papers"


def _faults_of_answerable(item: GoldItem) -> Iterator[str]:
    gold = item.gold or GoldValue()
    if item.unanswerable_reason or item.correction:
        yield "an answerable question has neither `unanswerable_reason` nor `correction`"
    if not item.gold_papers and item.type not in _WITHOUT_PAPERS:
        yield "an answerable question needs the papers that answer it, `gold_papers`"
    if any(not group for group in item.gold_papers):
        yield "a group of `gold_papers` is empty"
    if item.answer_type == "free" and not any(nugget.importance == "vital" for nugget in item.nuggets):
        yield "a free answer needs a vital nugget"
    if item.answer_type == "boolean" and not gold.label:
        yield "a yes/no question needs `gold.label`"
    if item.answer_type == "short" and not gold.aliases:
        yield "a short answer needs `gold.aliases`"
    if item.answer_type == "list" and set(gold.ids) - papers_of(item):
        yield f"listed but not among the gold papers: {', '.join(sorted(set(gold.ids) - papers_of(item)))}"
    if item.answer_type == "number":
        yield from _faults_of_number(gold, item.evidence)


def _faults_of_number(gold: GoldValue, evidence: Sequence[Evidence]) -> Iterator[str]:
    written = [text for text in (*gold.aliases, *gold.equiv) if any(numbers.quantities(text))]
    if gold.value is None and (gold.low is None or gold.high is None) and not written:
        yield "a number needs `gold.value`, `gold.low` and `gold.high`, or an alias that holds one"
    unit_or_none = replace(gold, unit_optional=True)
    if evidence and not any(holds_number(found.quote, unit_or_none) for found in evidence):
        yield f"the gold value {_shown(gold)} can't be read from the evidence {evidence[0].quote!r}"
    if any(wrong in (gold.value, gold.low, gold.high) for wrong in gold.wrong_values):
        yield f"a wrong value is the gold value {_shown(gold)}"


def _faults_of_unanswerable(item: GoldItem) -> Iterator[str]:
    if item.gold or item.gold_papers:
        yield "an unanswerable question has neither `gold` nor `gold_papers`"
    if not item.unanswerable_reason:
        yield "an unanswerable question needs `unanswerable_reason`"
    if item.unanswerable_reason == "false_premise" and not item.correction:
        yield "a false premise needs `correction`, what a correcting answer must contain"


def _faults_of_patterns(item: GoldItem) -> Iterator[str]:
    for nugget in (*item.nuggets, *([item.correction] if item.correction else [])):
        if not nugget.all_of or any(not any(map(str.strip, group)) for group in nugget.all_of):
            yield f"nugget {nugget.id} has an empty group"
    for pattern in item.forbidden:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"the forbidden pattern {pattern!r} is no regular expression: {error}"
    for evidence in item.evidence:
        if is_forbidden(item.forbidden, evidence.quote):
            yield f"a forbidden pattern is in the evidence {evidence.quote!r}"


def indivisible(item: GoldItem, corpus: Corpus) -> Iterator[str]:
    """What may be on one side of the split only: the paper of a single-paper item, else the evidence."""
    papers = papers_of(item)
    if len(papers) <= 1:
        yield from papers or {item.cluster} & set(corpus.abstracts)
        return
    for evidence in item.evidence:
        for sentence in sentences(corpus.abstracts[evidence.paper_id]):
            if sentence in evidence.quote or evidence.quote in sentence:
                yield f"the sentence of {evidence.paper_id} {sentence!r}"


def papers_of(item: GoldItem) -> set[str]:
    """The gold papers of all groups."""
    return {paper_id for group in item.gold_papers for paper_id in group}


def _named(item: GoldItem) -> Iterator[str]:
    yield from papers_of(item)
    yield from item.acceptable_papers
    yield from item.exclude_ids
    yield from item.gold.ids if item.gold else ()
    yield from (evidence.paper_id for evidence in item.evidence)
    nuggets: tuple[Nugget, ...] = (*item.nuggets, *([item.correction] if item.correction else []))
    yield from (nugget.paper_id for nugget in nuggets if nugget.paper_id)


def _shown(gold: GoldValue) -> str:
    value = gold.aliases[0] if gold.value is None and gold.aliases else gold.value
    return f"{value} {gold.unit or ''}".strip() if gold.low is None else f"{gold.low} to {gold.high}"
