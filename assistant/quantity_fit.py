"""Quantity fit: which quantity of the sentences that fit the question is the one it asks for.

A quantity is judged by its unit and what it counts, by how much of what is asked stands around it, and by how
it is written; what each of that is worth is fitted (`python -m eval fit`), not chosen here.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from assistant.fit import RankedSentence, Weigh, noun_fit, unit_fit
from assistant.fitted import Linear
from assistant.quantities import TIMES, Quantity, quantities
from assistant.question import Asked, Question
from assistant.similarity import Similarity
from assistant.terms import STOP_WORDS, stem, terms

_CLAUSE = re.compile(r"[,;:()]|\b(?:and|while|whereas|but|with)\b")
_CLAUSE_END = re.compile(r"[,;:]\s|\b(?:while|whereas|but)\b")
_PHRASE_END = re.compile(r"[,;:.()]\s|\b(?:while|whereas|but|and|when|compared)\b")
_PHRASE = 4  # content words that are of a quantity
_NEAR = 8.0  # words; how far a quantity's company reaches
_CLAUSE_WORDS = 5  # words that a clause's end counts as
_LEAST_LIKE = 0.2  # likeness to a term, below which a word is no company
_PARTNER = 2  # words that name what a number is for, the last before the comma or "and"
_WORD = re.compile(r"[^\W\d_]\w*")
_RESPECTIVELY = re.compile(r",?\s?\brespectively\b")
_BETWEEN_PARTNERS = re.compile(r",\s(?:and\s)?|\s(?:and|or)\s|\s/\s")
_BRACKET = re.compile(r"[()]")
_UP_TO = re.compile(r"\b(?:up to|at most|over|more than)\s*$")
_UP_TO_REACH = 12  # characters before a quantity that are looked at, the longest such phrase and some
_ASKS_BASE = re.compile(
    r"\b(?:base ?lines?|before|prior|previous(?:ly)?|earlier|former(?:ly)?|original(?:ly)?|initial(?:ly)?"
    r"|conventional|full fine-tuning|plain|started?)\b",
    re.I,
)
# "what accuracy" asks for a level; "by how much", "which gain" for how far apart two of them are.
_ASKS_CHANGE = re.compile(
    r"\bby (?:how|what|which)\b|\bhow (?:much|many \w+) (?:\w+ )?(?:\w+er|less|more|better|worse)\b"
    r"|\b(?:improv|gain|increas|decreas|reduc|drop(?!out)|sav|cut|rais|lift|boost|shrink|shr[au]nk|accelerat|speed-?up)\w*"
    r"|\b(?:ahead|margin|difference|lead|beat\w*|outperform\w*|surpass\w*|fewer|less|more|higher|lower|faster)\b",
    re.I,
)
_CHANGE_AFTER = re.compile(
    r"[\s-]*+(?:points?\b|percent\b)?\s?(?:\([^()]*\)\s?)?(?:[\w-]{1,40}\s){0,3}?"
    r"(?:improv|gain|increas|decreas|reduc|drop|sav|cut|boost|accelerat|speed-?up|fewer|less|more|higher|lower|faster"
    r"|better|smaller|larger|shorter|slower)\w*",
    re.I,
)
_CHANGE_BEFORE = re.compile(
    r"\b(?:by|improv\w*|gains?|increas\w*|reduc\w*|sav\w*|drops?|cuts?|accelerat\w*)"
    r"(?: of)?(?: (?:up to|at least|an? (?:average|mean) of|about|around|over|nearly|\w+ly))?\s?\$?$",
    re.I,
)
_CHANGE_REACH = 40  # characters before a quantity that say so
# What another's value stands after, in a bracket: "outperforming the previous best model (FID=6.47)".
_RIVALS = re.compile(
    r"\b(?:outperform\w*|surpass\w*|exceed(?:s|ed|ing)?|beat(?:s|ing)?|compared (?:to|with)"
    r"|(?<!more )(?<!less )(?<!fewer )than)\b(?!.*(?:[,;]|\b(?:by|while|with)\b))",
    re.I,
)
_OWN_TOO = re.compile(r"\bvs\b|\bversus\b|e\.g\.|\+")  # in a bracket that tells of what is compared, too


@dataclass(frozen=True, slots=True)
class RankedQuantity:
    """A quantity in a sentence, how well it fits the question (log-odds of being its answer), and why."""

    sentence: RankedSentence
    quantity: Quantity
    score: float
    features: dict[str, float]

    @property
    def text(self) -> str:
        """The quantity as it stands in its sentence."""
        return self.sentence.sentence.text[self.quantity.start : self.quantity.end]


def ranked_quantities(
    question: Question,
    sentences: Sequence[RankedSentence],
    draft: str,
    weigh: Weigh,
    similarity: Similarity,
    weights: Linear,
) -> list[RankedQuantity]:
    """The quantities of the sentences, best first.

    Those that the question gives itself are left out, and so are those of what the text compares with, unless
    the question is for them.
    """
    asked = question.asked or Asked(frozenset())
    said = quantities(draft)
    wanted = {stemmed: weigh(stemmed) for stemmed, _ in question.terms}
    asks_base = bool(_ASKS_BASE.search(question.text))
    asks_change = bool(_ASKS_CHANGE.search(question.text))
    found = []
    for ranked in sentences:
        text = ranked.sentence.text
        company = _Company(question, text, wanted, similarity)
        paired = _paired(question, text)
        bracketed = _bracketed(text)
        rivals = _rivals(text, company.quantities, bracketed)
        for n, quantity in enumerate(company.quantities):
            if any(quantity.same_value(own) for own in question.numbers) or _is_year(text, quantity):
                continue
            if rivals[n] and not asks_base:
                continue
            before = text[max(0, quantity.start - _UP_TO_REACH) : quantity.start]
            features = {
                "sentence": ranked.score,
                "unit": unit_fit(asked, quantity),
                "counted": noun_fit(asked, text, quantity),
                "clause": company.in_clause(n),
                "near": company.near(n),
                "nearest": company.nearest(n),
                "after": company.after(n),
                "named_after": company.named_after(n),
                "named_before": company.named_before(n),
                "base": float(quantity.base) * (-1.0 if asks_base else 1.0),
                "spelt": float(_is_spelt(text, quantity) and not (asked.exact and "" in asked.units)),
                "bracketed": float(bracketed[quantity.start]),
                "paired": paired.get(quantity, 0.0),
                "drafted": float(any(quantity.same_value(other) for other in said)),
                "up_to": float(bool(_UP_TO.search(before))),
                "change": _change(text, quantity, asks_change),
            }
            found.append(RankedQuantity(ranked, quantity, weights.score(features), features))
    return sorted(found, key=lambda ranked: -ranked.score)


class _Company:
    """How much of what is asked stands around each quantity of one sentence, told by its place in order."""

    def __init__(
        self, question: Question, text: str, weights: Mapping[str, float], similarity: Similarity
    ) -> None:
        self.quantities = quantities(text)
        self._text = text
        self._weights = weights
        self._total = sum(weights.values()) or 1.0
        self._brackets = [_bracket_end(text, quantity) for quantity in self.quantities]
        self._clauses = [match.span() for match in _CLAUSE.finditer(text)]
        self._clause_ends = [match.span() for match in _CLAUSE_END.finditer(text)]
        found = [(match.start(), match.group().casefold()) for match in _WORD.finditer(text)]
        found = [(place, word) for place, word in found if word not in STOP_WORDS]
        matrix = similarity.of_words([word for _, word in question.terms], [word for _, word in found])
        self._places: list[int] = []  # where each content word stands, and its likeness to the question
        self._likeness: list[float] = []
        self._akin: list[tuple[int, dict[str, float]]] = []  # words that are like some term: place, likeness
        for column, (place, word) in enumerate(found):
            likeness = {
                term: 1.0 if stem(word) == term else float(matrix[row, column])
                for row, (term, _) in enumerate(question.terms)
            }
            self._places.append(place)
            self._likeness.append(max(likeness.values(), default=0.0))
            akin = {term: value for term, value in likeness.items() if value > _LEAST_LIKE}
            if akin:
                self._akin.append((place, akin))
        numbers = range(len(self.quantities))
        self._nearest = {
            place: min(numbers, key=lambda n: self._distance(place, n), default=None)
            for place, _ in self._akin
        }

    def in_clause(self, n: int) -> float:
        """The share of the terms' weight in the quantity's own clause."""
        quantity = self.quantities[n]
        before = bisect_right(self._clauses, quantity.start, key=lambda span: span[1])
        after = bisect_left(self._clauses, quantity.end, key=lambda span: span[0])
        start = self._clauses[before - 1][1] if before else 0
        end = self._clauses[after][0] if after < len(self._clauses) else len(self._text)
        return self._sum(lambda place: 1.0 if start <= place < end else 0.0)

    def near(self, n: int) -> float:
        """The share of the terms' weight, falling with the distance from the quantity."""
        return self._sum(lambda place: self._nearness(place, n))

    def nearest(self, n: int) -> float:
        """As `near`, of the terms that stand nearer to this quantity than to any other of its sentence."""
        return self._sum(lambda place: float(self._nearest[place] == n))

    def after(self, n: int) -> float:
        """As `near`, of what stands after the quantity alone, within its bracket: "62% of the memory"."""
        end = self.quantities[n].end
        stop = self._brackets[n]
        return self._sum(lambda place: self._nearness(place, n) if end < place < stop else 0.0)

    def named_after(self, n: int) -> float:
        """How much of what the text says right after the quantity the question says too.

        "a 40% training time and 55% FLOPs reduction": the first is of "training time", the second of "FLOPs".
        """
        start = self.quantities[n].end
        stop = self.quantities[n + 1].start if n + 1 < len(self.quantities) else len(self._text)
        end = _PHRASE_END.search(self._text, start, stop)
        return _mean(self._said(start, end.start() if end else stop)[:_PHRASE])

    def named_before(self, n: int) -> float:
        """As `named_after`, of what the text says right before the quantity."""
        stop = self.quantities[n].start
        start = self.quantities[n - 1].end if n else 0
        ends = [match.end() for match in _PHRASE_END.finditer(self._text, start, stop)]
        return _mean(self._said(max(ends, default=start), stop)[-_PHRASE:])

    def _said(self, start: int, end: int) -> list[float]:
        """The likeness to the question of each content word that begins there."""
        return self._likeness[bisect_left(self._places, start) : bisect_left(self._places, end)]

    def _nearness(self, place: int, n: int) -> float:
        return math.exp(-self._distance(place, n) / _NEAR)

    def _distance(self, place: int, n: int) -> float:
        """Words between; a clause's end counts as five."""
        quantity = self.quantities[n]
        low, high = sorted((place, quantity.start if place < quantity.start else quantity.end))
        first = bisect_left(self._clause_ends, low, key=lambda span: span[0])
        last = bisect_right(self._clause_ends, high, key=lambda span: span[1])
        return self._text.count(" ", low, high) + _CLAUSE_WORDS * max(0, last - first)

    def _sum(self, of: Callable[[int], float]) -> float:
        """The share of the terms' weight, each term counted by its best word, and a word by its place."""
        if not self._akin:
            return 0.0
        best: dict[str, float] = {}
        for place, likeness in self._akin:
            here = of(place)
            for term, value in likeness.items():
                best[term] = max(best.get(term, 0.0), value * here)
        return sum(self._weights[term] * value for term, value in best.items()) / self._total


def _paired(question: Question, text: str) -> dict[Quantity, float]:
    """Of "5% and 11% for A and B, respectively", 1 for the number whose partner the question names, -1 for
    the other; nothing where it names none.
    """
    ending = _RESPECTIVELY.search(text)
    paired: dict[Quantity, float] = {}
    if not ending:
        return paired
    asked = {term for term, _ in question.terms}
    compared = [quantity for quantity in quantities(text) if not quantity.base]
    for unit in {quantity.unit for quantity in compared}:
        found = [quantity for quantity in compared if quantity.unit == unit]
        after = text[found[-1].end : ending.start()] or text[ending.end() :]
        partners = [part for part in _BETWEEN_PARTNERS.split(after) if part.strip()][-len(found) :]
        shared = [len(asked & {*terms(" ".join(part.split()[-_PARTNER:]))}) for part in partners]
        if len(shared) == len(found) and max(shared) > min(shared):
            meant = shared.index(max(shared))
            paired |= {quantity: 1.0 if n == meant else -1.0 for n, quantity in enumerate(found)}
    return paired


def _change(text: str, quantity: Quantity, asked: bool) -> float:
    """1 where a change is asked for and this is one, or a level and this is none; else -1; 0 for a factor."""
    if quantity.unit == TIMES:
        return 0.0
    before = text[max(0, quantity.start - _CHANGE_REACH) : quantity.start]
    said = _CHANGE_AFTER.match(text, quantity.end) or _CHANGE_BEFORE.search(before)
    return 1.0 if bool(said) == asked else -1.0


def _rivals(text: str, found: Sequence[Quantity], bracketed: Sequence[bool]) -> list[bool]:
    """Of each quantity in order, whether it stands in a bracket that tells of what the text compares with."""
    rivals: list[bool] = []
    for n, quantity in enumerate(found):
        before = text[found[n - 1].end if n else 0 : quantity.start]
        opens = before.rfind("(")
        goes_on = n > 0 and rivals[-1] and ")" not in before
        begins = (
            opens > 0
            and _RIVALS.search(before[:opens])
            and not _OWN_TOO.search(text[quantity.start - len(before) + opens : _bracket_end(text, quantity)])
        )
        rivals.append(bracketed[quantity.start] and (goes_on or bool(begins)))
    return rivals


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _is_year(text: str, quantity: Quantity) -> bool:
    whole = text[quantity.start : quantity.end]
    return whole.isdecimal() and 1900 <= quantity.low <= 2100 and not quantity.nouns


def _bracketed(text: str) -> list[bool]:
    """Of each place in the text, whether a bracket is open before it."""
    depths = accumulate(((letter == "(") - (letter == ")") for letter in text), initial=0)
    return [depth > 0 for depth in depths]


def _bracket_end(text: str, quantity: Quantity) -> int:
    """Where the bracket ends that the quantity stands in; the end of the text where it stands in none."""
    edge = _BRACKET.search(text, quantity.end)
    return edge.start() if edge and edge.group() == ")" else len(text)


def _is_spelt(text: str, quantity: Quantity) -> bool:
    return not any(map(str.isdigit, text[quantity.start : quantity.end]))
