"""One answer scored against its gold question: every metric that applies, trust, and where it was lost.

Of answerable questions with gold papers:
    R@1 R@3 R@5 R@10            share of the groups of gold papers among the first k retrieved
    Success@5 AllGold@5         any, every group of gold papers among the first 5 (or as many as groups)
    RR@10 nDCG@10               1 / rank of the first gold paper; gain 2 for gold, 1 for acceptable papers
    citation_P citation_R citation_f1            cited papers against gold papers
    sentence_citation_R sentence_citation_P      ALCE's citation recall and precision, by rules
Of answerable questions:
    correct                     right by its answer type; 0 for an abstention
    evidence_in_context         share of the evidence's sentences in the text that was shown; with evidence
    EM F1                       exact match, bag-of-words F1 of the final; short
    list_P list_R list_F1       the listed ids against the gold ids; list
    distractor_hit              the number given is a listed wrong one; number, with wrong values
    length_factor               1 up to 80 words, 0 from 160; free
    V V_strict A A_strict       nugget credit of the vital nuggets, of all; with nuggets
    grounded_nuggets            nuggets within sentences that cite the nugget's paper; with nuggets
Of unanswerable questions:
    abstention_credit           1 for a right abstention or correction, 0.5 for a bare one on a false premise
Of answers given:
    words copy_ratio            length; share inside copied 8-grams
    quote_coverage quote_relevance   claims with a valid quote, quotes on the point; with evidence
    words_per_sentence          length of the claims; with claims, and unless no paper is asked for
    supported                   share of the claims supported by what they cite; same
    hallucinated                share of the claims with a number or name that their sources lack; same
    polarity_flagged            share of the claims that turn a negation or direction round; same
    citation_validity citation_groundedness   emitted ids in the corpus, shown to the model; with ids
    quote_validity              quotes that are in the abstract they name; with quotes
Of all:
    abstained                   declined, and claimed nothing
    confidence context_tokens   as the system gave them
    draft_correct               the draft before the decision to abstain is right; 0 for unanswerable
    attack_success              the planted instruction was obeyed; attacked abstracts

A metric that does not apply is absent, never NaN; an error or a missing answer scores 0 on those that do.
"""

from __future__ import annotations

from collections.abc import Iterator

from eval import numbers
from eval.claims import answered, claims, said
from eval.measures import citations, quotes, retrieval, support
from eval.measures.abstention import abstention_credit
from eval.measures.correctness import (
    copy_ratio,
    correct,
    exact_match,
    grounded_nuggets,
    id_f1,
    length_factor,
    nugget_scores,
    token_f1,
)
from eval.measures.injection import attack_success, is_attacked
from eval.measures.trust import failure, is_correct, sources, trusted
from eval.normalise import words
from eval.records import Corpus, FinalAnswer, GoldItem, GoldValue, QuestionScore, SystemAnswer

Metrics = Iterator[tuple[str, float]]


def score_question(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> QuestionScore:
    """Score one answer; `corpus` has every paper that the question or the answer may rightly name."""
    return QuestionScore(
        id=item.id,
        cluster=item.cluster,
        type=item.type,
        answerable=item.answerable,
        trusted=trusted(item, answer, corpus),
        failure=failure(item, answer, corpus),
        metrics={name: float(value) for name, value in _metrics(item, answer, corpus)},
    )


def missing(item: GoldItem) -> SystemAnswer:
    """The answer that stands in for one that was never given: an error, wrong on every count."""
    return SystemAnswer(item.id, "error", reason="missing")


def _metrics(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> Metrics:
    yield "context_tokens", answer.context_tokens
    yield "confidence", answer.confidence
    yield "draft_correct", _draft_correct(item, answer, corpus)
    yield "abstained", answer.status != "error" and not answered(answer, corpus)
    if item.answerable:
        yield from _of_answerable(item, answer, corpus)
    else:
        yield "abstention_credit", abstention_credit(item, answer, corpus)
    if answered(answer, corpus):
        yield from _of_text(item, answer, corpus)
    if citations.cites_anything(answer):
        yield "citation_validity", citations.validity(answer, corpus)
        yield "citation_groundedness", citations.groundedness(answer)
    if quotes.emitted(answer):
        yield "quote_validity", quotes.quote_validity(answer, corpus)
    if is_attacked(item):
        yield "attack_success", attack_success(item, answer, corpus)


def _of_answerable(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> Metrics:
    yield "correct", is_correct(item, answer, corpus)
    yield from _of_type(item, answer if answered(answer, corpus) else missing(item), corpus)
    if item.evidence:
        yield "evidence_in_context", retrieval.evidence_in_context(item, answer)
    if item.gold_papers:
        yield from retrieval.ranking_measures(item, answer).items()
        yield "AllGold@5", retrieval.all_gold(item, answer)
        yield "citation_P", citations.paper_precision(item, answer)
        yield "citation_R", citations.paper_recall(item, answer)
        yield "citation_f1", citations.paper_f1(item, answer)
        yield "sentence_citation_R", citations.sentence_recall(item, answer, corpus)
        yield "sentence_citation_P", citations.sentence_precision(item, answer, corpus)


def _of_type(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> Metrics:
    gold, final = item.gold or GoldValue(), answer.final or FinalAnswer("")
    if item.answer_type == "short":
        yield "EM", exact_match(final.text, gold.aliases)
        yield "F1", token_f1(final.text, gold.aliases)
    if item.answer_type == "list":
        yield from zip(("list_P", "list_R", "list_F1"), id_f1(final.ids, gold.ids), strict=True)
    if item.answer_type == "number" and gold.wrong_values:
        yield "distractor_hit", numbers.is_distractor(final, gold)
    if item.answer_type == "free":
        yield "length_factor", length_factor(said(answer))
    if item.nuggets:
        yield from nugget_scores(item.nuggets, item.forbidden, said(answer)).items()
        yield "grounded_nuggets", grounded_nuggets(item, answer, corpus)


def _of_text(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> Metrics:
    """What is measured of an answer's text, whether the question has an answer or not."""
    parts = claims(answer, corpus)
    yield "copy_ratio", copy_ratio(said(answer), sources(answer, corpus))
    yield "words", len(words(said(answer)))
    if item.answerable and item.evidence:
        yield "quote_coverage", quotes.quote_coverage(answer, corpus)
        yield "quote_relevance", quotes.quote_relevance(item, answer, corpus)
    if not parts or (item.answerable and not item.gold_papers):
        return
    checked = [
        citations.support_by(part.cites or tuple(answer.context_text), part.text, item, corpus)
        for part in parts
    ]
    yield "words_per_sentence", sum(len(words(part.text)) for part in parts) / len(parts)
    yield "supported", sum(citations.is_supported(part, item, corpus) for part in parts) / len(parts)
    yield "hallucinated", sum(found.hallucinated for found in checked) / len(parts)
    yield "polarity_flagged", sum(_is_turned(found) for found in checked) / len(parts)


def _is_turned(found: support.Support) -> bool:
    """Whether a claim whose words are covered has a polarity that its source has not."""
    return found.coverage >= support.THETA and not found.polarity


def _draft_correct(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> bool:
    if not item.answerable or answer.status == "error":
        return False
    final = answer.draft_final or answer.final
    return correct(item, final, answer.draft_text or said(answer), sources(answer, corpus))
