"""Whether an answer is right, by the type of answer that its question asks for.

A typed question is judged by the one final answer, never by what else the text holds; a free answer by
its nuggets, its length, and how much of it is copied.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from eval import numbers
from eval.claims import claims
from eval.normalise import norm, sentences, words
from eval.records import Corpus, FinalAnswer, GoldItem, GoldValue, Nugget, SystemAnswer

SHORT_WORDS = 15
SHORT_F1 = 0.8
FREE_WORDS = 120
COPY_RATIO = 0.8
COPIED_FREELY = 60
_FULL_LENGTH = 80
_GRAM = 8
_ARTICLES = frozenset(("a", "an", "the"))


def correct(item: GoldItem, final: FinalAnswer | None, text: str, sources: Sequence[str]) -> bool:
    """Whether the final answer, or for a free question the text, is right; `sources` may be copied from."""
    final = final or FinalAnswer("")
    gold = item.gold or GoldValue()
    if item.answer_type == "boolean":
        return label(final, text) == gold.label
    if item.answer_type == "number":
        return numbers.matches(final, gold)
    if item.answer_type == "short":
        return exact_match(final.text, gold.aliases) == 1 or token_f1(final.text, gold.aliases) >= SHORT_F1
    if item.answer_type == "list":
        return final.kind != "" and id_f1(final.ids, gold.ids)[2] == 1
    return free_correct(item.nuggets, item.forbidden, text, sources)


def free_correct(
    nuggets: Sequence[Nugget], forbidden: Sequence[str], text: str, sources: Sequence[str]
) -> bool:
    """Every vital nugget, nothing forbidden, at most 120 words, and short where mostly copied."""
    strict = nugget_scores(nuggets, forbidden, text)["V_strict"]
    return strict == 1 and within_length(text, sources)


def within_length(text: str, sources: Sequence[str]) -> bool:
    """At most 120 words, and where more than 0.8 of it is copied at most 60: no dump of an abstract."""
    length = len(words(text))
    if length > FREE_WORDS:
        return False
    return length <= COPIED_FREELY or copy_ratio(text, sources) <= COPY_RATIO


def label(final: FinalAnswer, text: str) -> str | None:
    """The one label of an answer: the final's, else the first sentence's; None for none or several."""
    said = final.label or " ".join(sentences(final.text or text)[:1])
    found = set(words(said)) & {"yes", "no", "maybe"}
    return found.pop() if len(found) == 1 else None


def exact_match(text: str, aliases: Sequence[str]) -> float:
    """EM: 1 where the text's first 15 words are an alias, articles aside (Rajpurkar et al. 2016)."""
    return float(any(_capped(text) == _without_articles(words(alias)) for alias in aliases))


def token_f1(text: str, aliases: Sequence[str]) -> float:
    """Bag-of-words F1 of the text's first 15 words, the best alias's (Rajpurkar et al. 2016)."""
    said = _capped(text)
    return max((_f1(said, _without_articles(words(alias))) for alias in aliases), default=0.0)


def id_f1(ids: Sequence[str], gold: Sequence[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the listed paper ids; an empty list is right where gold is empty."""
    said, wanted = set(ids), set(gold)
    if not wanted:
        return (1.0, 1.0, 1.0) if not said else (0.0, 1.0, 0.0)
    hits = len(said & wanted)
    precision = hits / len(said) if said else 0.0
    return precision, hits / len(wanted), 2 * hits / (len(said) + len(wanted))


def nugget_scores(nuggets: Sequence[Nugget], forbidden: Sequence[str], text: str) -> dict[str, float]:
    """V, V_strict, A, A_strict: mean credit of the vital nuggets and of all (AutoNuggetizer, TREC RAG 2024).

    A nugget with half of its groups counts 0.5, in the strict means 0. A forbidden pattern makes all 0.
    """
    credits = [(nugget, nugget_credit(nugget, text)) for nugget in nuggets]
    vital = [credit for nugget, credit in credits if nugget.importance == "vital"]
    every = [credit for _, credit in credits]
    scores = {
        "V": _mean(vital),
        "V_strict": _mean([float(credit == 1) for credit in vital]),
        "A": _mean(every),
        "A_strict": _mean([float(credit == 1) for credit in every]),
    }
    return dict.fromkeys(scores, 0.0) if is_forbidden(forbidden, text) else scores


def nugget_credit(nugget: Nugget, text: str) -> float:
    """1 for all groups, 0.5 for at least half of them, else 0."""
    haystack = f" {' '.join(words(text))} "
    satisfied = sum(any(_occurs(option, haystack) for option in group) for group in nugget.all_of)
    if satisfied == len(nugget.all_of):
        return 1.0
    return 0.5 if 2 * satisfied >= len(nugget.all_of) else 0.0


def grounded_nuggets(item: GoldItem, answer: SystemAnswer, corpus: Corpus) -> float:
    """A_strict where a nugget counts only within the sentences that cite its paper, if it has one."""
    found = []
    for nugget in item.nuggets:
        citing = " ".join(
            part.text
            for part in claims(answer, corpus)
            if nugget.paper_id is None or nugget.paper_id in part.cites
        )
        found.append(float(nugget_credit(nugget, citing) == 1))
    return _mean(found)


def is_forbidden(forbidden: Sequence[str], text: str) -> bool:
    """Whether the text contradicts the gold, by one of the question's patterns."""
    return any(re.search(pattern, norm(text), re.I) for pattern in forbidden)


def length_factor(text: str) -> float:
    """1 up to 80 words, falling to 0 at 160."""
    return 1 - min(max((len(words(text)) - _FULL_LENGTH) / _FULL_LENGTH, 0.0), 1.0)


def copy_ratio(text: str, sources: Sequence[str]) -> float:
    """Share of the words that are inside an 8-gram copied from a source."""
    said = words(text)
    inside = {
        position + offset
        for position, gram in enumerate(_grams(said))
        if any(gram in _grams_of(source) for source in sources)
        for offset in range(_GRAM)
    }
    return len(inside) / len(said) if said else 0.0


def _occurs(option: str, haystack: str) -> bool:
    """Whether an alternative begins at a word of the padded text; it may end within one, a number may not."""
    stem = " ".join(words(option))
    ends = " " if option.endswith(" ") else r"(?![\d.])" if stem[-1:].isdigit() else ""
    return re.search(f" {re.escape(stem)}{ends}", haystack) is not None


def _capped(text: str) -> tuple[str, ...]:
    return _without_articles(words(text)[:SHORT_WORDS])


def _without_articles(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in found if word not in _ARTICLES)


def _f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted)) if shared else 0.0


def _grams(found: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [found[start : start + _GRAM] for start in range(len(found) - _GRAM + 1)]


@lru_cache(maxsize=4096)
def _grams_of(source: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_grams(words(source)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
