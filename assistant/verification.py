"""Whether, and where, the abstracts support a sentence: lexical support, not entailment.

A claim is aligned to the sentence of the context that has most of its terms, or to two of one paper where it
takes two. Their share is its support. What denies it, whatever the share: a number that is not there with
that unit, a name that is nowhere in the paper, a negation or a direction on one side alone. What a paper
says to a language model counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assistant.context import ContextPaper
from assistant.fit import sentences_of
from assistant.names import mentions, names, normalised, normalised_names, own_names
from assistant.polarity import opposed
from assistant.quantities import Quantity, quantities
from assistant.records import Paper, Passage, Verdict
from assistant.terms import terms

SUPPORTED = 0.6
PARTIAL = 0.35

_LABELS = {"yes", "no"}
_LONGEST_QUOTE = 40  # words
_QUESTION_WEIGHT = 0.25  # how much fitting the question counts beside containing the claim
_DENIED = 0.5  # what a span loses in the choice for lacking a number or a name, or saying the opposite


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
    """The spans of one paper that support a claim best, the share of its terms in them, and the verdict."""

    spans: tuple[Span, ...]
    share: float
    verdict: Verdict
    opposed: bool = False  # the spans have the claim's words and say the opposite

    @property
    def strength(self) -> float:
        """How much speaks for the claim, in [-0.5, 1]: its share, a half less where the spans oppose it."""
        return self.share - 0.5 * self.opposed


class Verifier:
    """Checks claims against one context; made once a question."""

    def __init__(self, context: Sequence[ContextPaper], question: str) -> None:
        self._spans = [span for entry in context for span in _spans(entry)]
        names_of = {entry.paper.id: _own_terms(entry.paper) for entry in context}
        self._terms = [frozenset(terms(span.text)) | names_of[span.paper.id] for span in self._spans]
        self._own_words = [frozenset(filter(str.isalpha, terms(span.text))) for span in self._spans]
        self._texts = {entry.paper.id: reported(entry.paper) for entry in context}
        self._question_terms = frozenset(terms(question))

    def support(self, claim: str, among: Iterable[int] | None = None) -> Support:
        """The best support for `claim`, among the context papers numbered `among` if given.

        An empty claim, which is what a bare "Yes." leaves, stands for what the question says.
        """
        wanted = None if among is None else set(among)
        candidates = [i for i, span in enumerate(self._spans) if wanted is None or span.n in wanted]
        claimed = frozenset(terms(claim)) if claim else self._question_terms
        one = self._best(claim, claimed, [(i,) for i in candidates])
        if one is None:
            return Support((), 0.0, "unsupported")
        found = self._judged(claim, claimed, one)
        if found.verdict == "supported" or not claim:
            return found
        two = self._best(claim, claimed, self._pairs(claimed, one[0], candidates))
        joined = self._judged(claim, claimed, two) if two else found
        return joined if _ORDER[joined.verdict] > _ORDER[found.verdict] else found

    def span_at(self, paper: Paper, start: int) -> Span | None:
        """The sentence of a context paper that a place is in."""
        return next(
            (span for span in self._spans if span.paper.id == paper.id and span.start <= start < span.end),
            None,
        )

    def quoted(self, span: Span, claim: str) -> Span:
        """What of the span to quote for a claim; for a bare label or the span itself, for the question."""
        own = claim != span.text and set(terms(claim)) - _LABELS
        return narrowed(span, own or set(self._question_terms))

    def _pairs(self, claimed: frozenset[str], first: int, candidates: Sequence[int]) -> list[tuple[int, int]]:
        """The sentences of one paper that a sentence of the draft may join with the best one.

        Each must have a word of the claim itself: a number alone would let one from anywhere in the abstract
        do for any claim.
        """
        paper = self._spans[first].paper
        fits = [i for i in candidates if self._spans[i].paper is paper and self._own_words[i] & claimed]
        return [(first, i) for i in fits if i != first] if first in fits else []

    def _best(
        self, claim: str, claimed: frozenset[str], candidates: Sequence[tuple[int, ...]]
    ) -> tuple[int, ...] | None:
        def merit(rows: tuple[int, ...]) -> float:
            there = self._there(claim, rows)
            fit = _share(self._question_terms, there)
            return _share(claimed, there) + _QUESTION_WEIGHT * fit - _DENIED * bool(self._denied(claim, rows))

        shared = [rows for rows in candidates if any(claimed & self._terms[i] for i in rows)]
        return max(shared, key=merit, default=None)

    def _judged(self, claim: str, claimed: frozenset[str], rows: tuple[int, ...]) -> Support:
        share = _share(claimed, self._there(claim, rows))
        verdict: Verdict = "supported" if share >= SUPPORTED else "partial"
        if share < PARTIAL or self._denied(claim, rows):
            verdict = "unsupported"
        spans = sorted((self._spans[i] for i in rows), key=lambda span: span.start)
        against = any(opposed(claim, span.text) for span in spans)
        return Support(tuple(spans), share, verdict, against)

    def _there(self, claim: str, rows: tuple[int, ...]) -> frozenset[str]:
        """The terms of the spans, with the claim's own for a number there: "3 times" where they have "3x"."""
        known = self._quantities(rows)
        borne = (said for said in quantities(claim) if any(said.same(other) for other in known))
        written = (terms(claim[said.start : said.end]) for said in borne)
        return frozenset().union(*(self._terms[i] for i in rows), *written)

    def _quantities(self, rows: tuple[int, ...]) -> list[Quantity]:
        text = " ".join(self._spans[i].text for i in rows)
        return [*quantities(text), *quantities(self._spans[rows[0]].paper.title)]

    def _denied(self, claim: str, rows: tuple[int, ...]) -> bool:
        """Whether a number or a name of the claim is not there, or one of the spans says the opposite."""
        paper = self._spans[rows[0]].paper
        there = self._quantities(rows)
        return (
            not all(any(said.same(other) for other in there) for said in quantities(claim))
            or not all(mentions(self._texts[paper.id], name) for name in names(claim))
            or any(opposed(claim, self._spans[i].text) for i in rows)
        )


def reported(paper: Paper) -> str:
    """The title and the abstract of a paper, without what is addressed to a language model."""
    return f"{paper.title}. {_told(paper)}"


def _told(paper: Paper) -> str:
    return " ".join(sentence.text for sentence in sentences_of(paper))


def _own_terms(paper: Paper) -> frozenset[str]:
    """The terms of what the paper calls its own: a sentence of it may say "our method" instead."""
    own = own_names(paper.title, _told(paper))
    # As they are written, for a name such as F3D-Gaus is two terms.
    written = [name for name in names(reported(paper)) if normalised_names(name) <= own]
    before_colon = paper.title.partition(":")[0]
    if normalised(before_colon) in own:
        written.append(before_colon)
    return frozenset(terms(" ".join(written)))


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


_ORDER: dict[Verdict, int] = {"unsupported": 0, "partial": 1, "supported": 2}


def _spans(entry: ContextPaper) -> Iterable[Span]:
    for sentence in sentences_of(entry.paper):
        passage = next(passage for passage in reversed(entry.passages) if passage.start <= sentence.start)
        yield Span(entry.n, entry.paper, passage, sentence.start, sentence.end)


def _share(wanted: frozenset[str], found: frozenset[str]) -> float:
    return len(wanted & found) / len(wanted) if wanted else 0.0
