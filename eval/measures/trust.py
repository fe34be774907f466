"""The Trusted-Answer Rate of one question, and the first step at which trust was lost.

An answer is trusted that is right, cites the right papers with valid ids, has every sentence supported by
what it cites, and quotes nothing that is not there. Each of these alone is easily won (echoing and citing
the best abstract has near-perfect citations); all together are not.
"""

from __future__ import annotations

from eval.claims import answered, cited, claims, said
from eval.measures import abstention, citations, quotes, retrieval
from eval.measures.correctness import correct
from eval.normalise import norm, sentences, stems
from eval.records import Corpus, GoldItem, SystemAnswer

LEAST_PRECISION = 0.5


def is_correct(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> bool:
    """Whether an answerable question was answered, and rightly."""
    return answered(answer, corpus) and correct(item, answer.final, said(answer), sources(answer, corpus))


def sources(answer: SystemAnswer, corpus: Corpus) -> list[str]:
    """The abstracts that an answer may have been copied from: those cited and those shown."""
    known = dict.fromkeys((*cited(answer), *answer.context_text))
    return [corpus.abstracts[paper_id] for paper_id in known if paper_id in corpus.abstracts]


def trusted(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> float:
    """A question's share of TAR; a bare abstention on a false premise has a half."""
    if not item.answerable:
        sound = _ids_valid(answer, corpus) and _quotes_valid(answer, corpus)
        return abstention.abstention_credit(item, answer, corpus) if sound else 0.0
    return float(failure(item, answer, corpus) is None)


def failure(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> str | None:
    """The first step that was missed: retrieval, context, answer, citation, support, quotes."""
    if answer.status == "error":
        return "error"
    if not item.answerable:
        return _wrongly_answered(item, answer, corpus)
    missed = _of_answer(item, answer, corpus)
    if missed is None:
        return None
    if not retrieval.retrieved(item, answer):
        return "not_retrieved"
    if item.evidence and retrieval.evidence_in_context(item, answer) < 1:
        return "not_in_context"
    return missed


def _of_answer(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> str | None:
    if not answered(answer, corpus):
        return "wrongly_abstained"
    if not is_correct(item, answer, corpus):
        return "wrong_sentence" if _wrong_sentence(item, answer, corpus) else "wrong"
    if not (_ids_valid(answer, corpus) and _rightly_cited(item, answer)):
        return "miscited"
    if item.gold_papers and not _all_supported(item, answer, corpus):
        return "unsupported"
    return None if _quotes_valid(answer, corpus) else "bad_quote"


def _wrongly_answered(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> str | None:
    credit = trusted(item, answer, corpus)
    if credit == 1:
        return None
    return "wrongly_answered" if credit == 0 else "bare_abstention"


def _rightly_cited(item: GoldItem, answer: SystemAnswer) -> bool:
    if not item.gold_papers:
        return True
    precise = citations.paper_precision(item, answer) >= LEAST_PRECISION
    return precise and citations.paper_recall(item, answer) == 1


def _all_supported(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> bool:
    return citations.sentence_recall(item, answer, corpus) == 1


def _ids_valid(answer: SystemAnswer, corpus: Corpus) -> bool:
    return not citations.cites_anything(answer) or citations.validity(answer, corpus) == 1


def _quotes_valid(answer: SystemAnswer, corpus: Corpus) -> bool:
    return not quotes.emitted(answer) or quotes.quote_validity(answer, corpus) == 1


def _wrong_sentence(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> bool:
    """Whether all gold papers are cited, but what is said comes from none of their evidence sentences."""
    if not item.evidence or citations.paper_recall(item, answer) < 1:
        return False
    drawn = [
        _drawn_from(text, corpus.abstracts[paper_id])
        for part in claims(answer, corpus)
        for paper_id, text in part.quotes or [(cite, part.text) for cite in part.cites]
        if paper_id in corpus.abstracts
    ]
    return not any(_overlaps(item, sentence) for sentence in drawn)


def _drawn_from(text: str, abstract: str) -> str:
    """The sentence of an abstract that shares the most content words with a quote or claim."""
    about = set(stems(text))
    return max(sentences(" ".join(abstract.split())), key=lambda sentence: len(about & set(stems(sentence))))


def _overlaps(item: GoldItem, sentence: str) -> bool:
    """Whether an evidence is in the sentence, or has a sentence of its own there."""
    found = [norm(evidence.quote) for evidence in item.evidence]
    return any(part in sentence for quote in found for part in (quote, *sentences(quote)))
