"""Whether, and where, the context supports a sentence: lexical support, not entailment.

A claim's terms are compared with those of each sentence of the context, its title included. The share of
them found there is the sentence's support; a number of the claim that is not found there denies it,
whatever the rest says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistant.context import ContextPaper
from assistant.records import Paper, Passage, Verdict
from assistant.sentences import sentence_spans
from assistant.terms import terms, words

SUPPORTED = 0.6
PARTIAL = 0.35
_LEAST_FIT = 1 / 3  # of a question's terms; a sentence with fewer is not an answer to it

_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,]\d+)*")
_SPELT = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_QUESTION_WEIGHT = 0.25  # how much fitting the question counts beside containing the claim


@dataclass(frozen=True, slots=True)
class Span:
    """One sentence of an abstract: `paper.abstract[start:end]`."""

    n: int
    paper: Paper
    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        """The sentence, verbatim."""
        return self.paper.abstract[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Support:
    """The span that supports a claim best, the share of the claim's terms in it, and the verdict."""

    span: Span | None
    share: float
    verdict: Verdict


class Verifier:
    """Checks claims against one context; made once a question."""

    def __init__(self, context: Sequence[ContextPaper], question: str) -> None:
        self._spans = list(_spans(context))
        self._terms = [set(terms(f"{span.paper.title} {span.text}")) for span in self._spans]
        self._numbers = [_numbers_said(f"{span.paper.title} {span.text}") for span in self._spans]
        self._question_terms = set(terms(question))
        self._fits = [_share(self._question_terms, found) for found in self._terms]

    def support(self, claim: str, among: Iterable[int] | None = None) -> Support:
        """The best support for `claim`, among the context papers numbered `among` if given.

        An empty claim, which is what a bare "Yes." leaves, stands for what the question says.
        """
        claim_terms = set(terms(claim)) if claim else self._question_terms
        claim_numbers = numbers(claim)
        wanted = None if among is None else set(among)
        best = Support(None, 0.0, "unsupported")
        best_score = 0.0
        for i, span in enumerate(self._spans):
            if wanted is not None and span.n not in wanted:
                continue
            share = _share(claim_terms, self._terms[i])
            numbers_found = claim_numbers <= self._numbers[i]
            score = share + _QUESTION_WEIGHT * self._fits[i] + numbers_found
            if share > 0 and score > best_score:
                best_score = score
                best = Support(span, share, _verdict(share, numbers_found))
        return best

    def best_for_question(self, count: int) -> list[tuple[Span, float]]:
        """The `count` spans that share most with the question, and the share of its terms in each.

        Best first; papers shown earlier win ties; spans that share less than a third are not among them.
        """
        order = sorted(range(len(self._spans)), key=lambda i: (-self._fits[i], i))
        return [(self._spans[i], self._fits[i]) for i in order[:count] if self._fits[i] >= _LEAST_FIT]


def numbers(text: str) -> frozenset[str]:
    """The numbers written in `text` as digits, in one form.

    >>> sorted(numbers("from 1,000 to −0.50, or 62.0%"))
    ['-0.5', '1000', '62']
    """
    found = (re.sub(r",(?=\d{3}(\D|$))", "", match.group()) for match in _NUMBER.finditer(text))
    return frozenset(_in_one_form(number.replace("−", "-")) for number in found)


def _in_one_form(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number and "," not in number else number


def _numbers_said(text: str) -> frozenset[str]:
    """The numbers of a source, those spelt out included."""
    return numbers(text) | {_SPELT[word] for word in words(text) if word in _SPELT}


def _spans(context: Sequence[ContextPaper]) -> Iterable[Span]:
    for entry in context:
        for passage in entry.passages:
            for start, end in sentence_spans(passage.text):
                yield Span(entry.n, entry.paper, passage, passage.start + start, passage.start + end)


def _share(wanted: set[str], found: set[str]) -> float:
    return len(wanted & found) / len(wanted) if wanted else 0.0


def _verdict(share: float, numbers_found: bool) -> Verdict:
    if not numbers_found or share < PARTIAL:
        return "unsupported"
    return "supported" if share >= SUPPORTED else "partial"
