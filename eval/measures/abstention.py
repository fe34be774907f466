"""What is credited where the papers do not answer: silence, or putting a false premise right."""

from __future__ import annotations

from eval.claims import answered, cited, said
from eval.measures.correctness import nugget_credit, within_length
from eval.records import Corpus, GoldItem, SystemAnswer

FALSE_PREMISE = "false_premise"
BARE_ABSTENTION = 0.5


def abstention_credit(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> float:
    """1 for a right abstention or correction, 0 for an answer or an error.

    On a false premise an abstention that does not name it, by its reason code, is worth a half. An empty
    list that cites nothing answers a question of which papers there are none.
    """
    if answer.status == "error":
        return 0.0
    if answered(answer, corpus):
        return float(corrected(item, answer, corpus) or _lists_none(item, answer))
    return BARE_ABSTENTION if is_bare(item, answer) else 1.0


def corrected(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> bool:
    """Whether the answer says what the false premise should have been, not buried in copied text."""
    if item.correction is None or nugget_credit(item.correction, said(answer)) < 1:
        return False
    return within_length(said(answer), [corpus.abstracts[paper_id] for paper_id in _papers(item)])


def is_bare(item: GoldItem, answer: SystemAnswer) -> bool:
    """Whether an abstention leaves a false premise unnamed."""
    return item.unanswerable_reason == FALSE_PREMISE and answer.reason != FALSE_PREMISE


def _lists_none(item: GoldItem, answer: SystemAnswer) -> bool:
    if item.answer_type != "list" or answer.final is None or cited(answer):
        return False
    return answer.final.kind == "list" and not answer.final.ids


def _papers(item: GoldItem) -> list[str]:
    return [evidence.paper_id for evidence in item.evidence]
