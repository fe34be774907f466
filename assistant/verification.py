"""Whether, and where, the context supports a sentence: lexical support, not entailment.

A claim's terms are compared with those of each sentence of the context, its title included. The share of
them found there is the sentence's support; a number of the claim that is not found there, or a name that
is nowhere in the paper, denies it, whatever the rest says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assistant.context import ContextPaper
from assistant.records import Paper, Passage, Verdict
from assistant.sentences import sentence_spans
from assistant.terms import terms, words

SUPPORTED = 0.6
PARTIAL = 0.35
_LEAST_FIT = 1 / 3  # of a question's terms; a sentence with fewer is not an answer to it

_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,]\d+)*")
_NAME = re.compile(r"\b\w*[a-z]\w*[A-Z]\w*\b")
_SPELT = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_LABELS = {"yes", "no"}
_LONGEST_QUOTE = 40  # words
_QUESTION_WEIGHT = 0.25  # how much fitting the question counts beside containing the claim


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence of an abstract, or a part of one: `paper.abstract[start:end]`."""

    n: int
    paper: Paper
    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        """What stands there, verbatim."""
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
        self._names = {
            entry.paper.id: _names(f"{entry.paper.title} {entry.paper.abstract}") for entry in context
        }
        self._question_terms = set(terms(question))
        self._fits = [_share(self._question_terms, found) for found in self._terms]

    def support(self, claim: str, among: Iterable[int] | None = None) -> Support:
        """The best support for `claim`, among the context papers numbered `among` if given.

        An empty claim, which is what a bare "Yes." leaves, stands for what the question says.
        """
        claim_terms = set(terms(claim)) if claim else self._question_terms
        claim_numbers = numbers(claim)
        claim_names = _names(claim)
        wanted = None if among is None else set(among)
        best = Support(None, 0.0, "unsupported")
        best_score = 0.0
        for i, span in enumerate(self._spans):
            if wanted is not None and span.n not in wanted:
                continue
            share = _share(claim_terms, self._terms[i])
            found = claim_numbers <= self._numbers[i] and claim_names <= self._names[span.paper.id]
            score = share + _QUESTION_WEIGHT * self._fits[i] + found
            if share > 0 and score > best_score:
                best_score = score
                best = Support(span, share, _verdict(share, found))
        return best

    def quoted(self, span: Span, claim: str) -> Span:
        """What of the span to quote for a claim; for a bare label or the span itself, for the question."""
        own = claim != span.text and set(terms(claim)) - _LABELS
        return narrowed(span, own or self._question_terms)

    def best_for_question(self, count: int) -> list[tuple[Span, float]]:
        """The `count` spans that share most with the question, and the share of its terms in each.

        Best first; papers shown earlier win ties; spans that share less than a third are not among them.
        """
        order = sorted(range(len(self._spans)), key=lambda i: (-self._fits[i], i))
        return [(self._spans[i], self._fits[i]) for i in order[:count] if self._fits[i] >= _LEAST_FIT]


def narrowed(span: Span, wanted: set[str]) -> Span:
    """The span, or of a long one the 40 words in a row that have most of the wanted terms.

    A quote is to be read at a glance, and 40 words is what evaluations of quotes allow.
    """
    found = list(re.finditer(r"\S+", span.text))
    if len(found) <= _LONGEST_QUOTE:
        return span
    shared = [bool(wanted & set(terms(word.group()))) for word in found]
    first = max(
        range(len(found) - _LONGEST_QUOTE + 1),
        key=lambda i: (sum(shared[i : i + _LONGEST_QUOTE]), -i),
    )
    last = first + _LONGEST_QUOTE - 1
    return replace(span, start=span.start + found[first].start(), end=span.start + found[last].end())


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


def _names(text: str) -> frozenset[str]:
    """Names that stand out by a capital inside a word, such as LongGen, without regard to case."""
    return frozenset(match.group().casefold() for match in _NAME.finditer(text))


def _verdict(share: float, found: bool) -> Verdict:
    if not found or share < PARTIAL:
        return "unsupported"
    return "supported" if share >= SUPPORTED else "partial"
