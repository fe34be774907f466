"""Whether the quotes of an answer are in the abstracts that they name, and on the point."""

from __future__ import annotations

import re

from eval import numbers
from eval.claims import claims
from eval.normalise import norm, words
from eval.records import Corpus, FinalAnswer, GoldItem, GoldValue, SystemAnswer

SHORTEST, LONGEST, SHORTEST_PART = 5, 40, 4
COUNTED = 3
RELEVANT_IOU = 0.5
_NUMBER_WORDS = 5
_ELLIPSIS = re.compile(r"\s*(?:\.\.\.|\[\.\.\.\])\s*")


def emitted(answer: SystemAnswer) -> tuple[tuple[str, str], ...]:
    """Every quote with the paper it names, in order."""
    return tuple(quote for sentence in answer.sentences for quote in sentence.quotes)


def is_valid(paper_id: str, quote: str, corpus: Corpus) -> bool:
    """Whether a quote of 5 to 40 words is, case and all, in the abstract of the paper that it names.

    An ellipsis parts it: the parts have at least 4 words each and follow in order.
    """
    if not SHORTEST <= len(norm(quote).split()) <= LONGEST:
        return False
    parts = _ELLIPSIS.split(norm(quote))
    if len(parts) > 1 and any(len(part.split()) < SHORTEST_PART for part in parts):
        return False
    rest = norm(corpus.abstracts.get(paper_id, ""))
    for part in parts:
        _, found, rest = rest.partition(part)
        if not found:
            return False
    return True


def quote_validity(answer: SystemAnswer, corpus: Corpus) -> float:
    """QV: valid quotes / quotes."""
    quotes = emitted(answer)
    return sum(is_valid(paper_id, quote, corpus) for paper_id, quote in quotes) / len(quotes)


def quote_coverage(answer: SystemAnswer, corpus: Corpus) -> float:
    """QCov: share of the claims with at least one valid quote; 0 without claims."""
    parts = claims(answer, corpus)
    quoted = [any(is_valid(paper_id, quote, corpus) for paper_id, quote in part.quotes) for part in parts]
    return sum(quoted) / len(quoted) if quoted else 0.0


def quote_relevance(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> float:
    """QRel: share of the first three quotes that are valid and on the point.

    Three, as SciFact takes three sentences (Wadden et al. 2020): quoting everything gains nothing.
    """
    quotes = emitted(answer)[:COUNTED]
    relevant = [is_valid(*quote, corpus) and is_relevant(item, *quote) for quote in quotes]
    return sum(relevant) / len(relevant) if relevant else 0.0


def is_relevant(item: GoldItem, paper_id: str, quote: str) -> bool:
    """Whether a quote shares half of its words with a gold evidence of its paper, or holds the gold value."""
    spans = [evidence.quote for evidence in item.evidence if evidence.paper_id == paper_id]
    if any(_iou(quote, span) >= RELEVANT_IOU for span in spans):
        return True
    gold_papers = {paper for group in item.gold_papers for paper in group}
    return paper_id in gold_papers and item.gold is not None and holds_value(quote, item.gold)


def holds_value(text: str, gold: GoldValue) -> bool:
    """Whether a gold number or alias is somewhere in the text."""
    padded = f" {' '.join(words(text))} "
    if any(alias and f" {' '.join(words(alias))} " in padded for alias in gold.aliases):
        return True
    return holds_number(text, gold)


def holds_number(text: str, gold: GoldValue) -> bool:
    """Whether the gold number is somewhere in the text, written in at most five words."""
    starts = [match.start() for match in re.finditer(r"(?<![\w.])\S", text)]
    candidates = {
        " ".join(text[start:].split()[:length]) for start in starts for length in range(1, _NUMBER_WORDS + 1)
    }
    return any(numbers.matches(FinalAnswer("number", candidate), gold) for candidate in candidates)


def _iou(first: str, second: str) -> float:
    one, other = set(words(first)), set(words(second))
    return len(one & other) / len(one | other) if one | other else 0.0
