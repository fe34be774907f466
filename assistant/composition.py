"""What the answer says: which sentences of the draft stay, and which sentences of the abstracts stand in.

A sentence of the draft stays where an abstract supports it. One that is supported in part, or is no sentence
but a bare "62%", gives way to the sentence it was drawn from. Where nothing is left, or the draft took
another number than the one that fits the question, the best fitting sentences speak for themselves. An
answer has 60 words at most: of long sentences the main clause stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from assistant.citations import DraftSentence
from assistant.fit import RankedSentence, SourceSentence
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity
from assistant.terms import words
from assistant.verification import Span, Support

MOST_WORDS = 60  # of an answer's sentences: an answer, no abstract
_NEXT_BEST = 2.5  # log-odds; a second sentence that fits much worse than the first is not quoted beside it
_SENTENCE = 5  # words; what has fewer is no sentence
_BEFORE_NUMBER = 20  # characters; with these a number is told from the same number elsewhere
_CLAUSE_WORDS = 8  # that what is left of a sentence has at least
# What a sentence can do without: "…, thus ensuring both", "…, and then runs". What limits it, "but only",
# "without", "when", is none of that.
_CLAUSE = re.compile(
    r",\s(?=(?:and (?:then|thus|also|we|it|they|achieves?|shows?|performs?|improves?|reduces?|outperforms?"
    r"|surpasses)|while|whereas|which|where|thus|thereby|therefore|resulting|leading|making|enabling|ensuring"
    r"|allowing|achieving|reducing|improving|outperforming|surpassing|creating|generating|demonstrating"
    r"|showing|suggesting)\b)"
)
_RELATIVE = re.compile(r",\s(?:which|where|while|whereas)\b[^,]*,")  # the main clause goes on after it
# A beginning that needs what comes after its comma, and what is left hanging by a cut.
_SUBORDINATE = re.compile(
    r"(?:as|while|although|since|when|if|with|for|in|by|unlike|to|after|before|given)\b[^,]*$", re.I
)
_HANGING = re.compile(
    r"\bnot only\b|\b(?:and|or|but|only|of|the|an?|to|in|by|with|for|e\.g\.|i\.e\.)$",
    re.I,
)
# What only leads up to what is said: "To this end, we …", "Extensive experiments demonstrate that …".
_LEAD_UP = re.compile(
    r"(?:(?:to this end|to address th(?:is|ese)(?: \w+)?|in this (?:paper|work|study|article)|in particular"
    r"|in addition|as a result|specifically|however|moreover|furthermore|additionally|finally|recently"
    r"|notably|interestingly|consequently|therefore|here), "
    r"|(?:extensive |comprehensive |our )?(?:experiments|experimental results|results|evaluations)"
    r"(?: on [\w -]{1,40})? (?:show|demonstrate|indicate|reveal|suggest) that )(?=\w)",
    re.I,
)

Part = DraftSentence | SourceSentence
_Place = tuple[str, int]  # a paper's id, and where a sentence of its abstract begins


@dataclass(frozen=True, slots=True)
class Drafted:
    """A sentence of the draft and the best support for it.

    It `parrots` where it says nothing that the question does not, and `repeats` where it says hardly anything
    that the turn before did not; what repeats is left out where something else is said.
    """

    sentence: DraftSentence
    support: Support
    parrots: bool = False
    repeats: bool = False

    @property
    def stands(self) -> bool:
        """Whether it is supported, a sentence, and news to who asked."""
        return self.support.verdict == "supported" and not self.is_fragment and not self.parrots

    @property
    def is_fragment(self) -> bool:
        """Whether it is a bare number or name and no sentence."""
        return len(self.sentence.text.split()) < _SENTENCE


@dataclass(frozen=True, slots=True)
class Composed:
    """The parts of an answer in order."""

    parts: tuple[Part, ...]

    @property
    def extracts(self) -> bool:
        """Whether all of it is quoted from the abstracts."""
        return not any(isinstance(part, DraftSentence) for part in self.parts)


def composed(
    drafted: Sequence[Drafted],
    ranked: Sequence[RankedSentence],
    *,
    keep_unsupported: bool,
    most_words: int = MOST_WORDS,
) -> Composed:
    """The answer to a question for words: what stands of the draft, else what that was drawn from.

    The sentences that fit best are said too, where the draft was drawn from others of their abstract: the
    draft and the ranking are wrong about different questions. What there is no room for is left out.
    """
    standing = [one for one in drafted if one.stands]
    if not standing:
        sources = _sources(drafted, ranked)
        kept = _within(sources, range(len(sources)), most_words)
        return Composed(tuple(kept.values()) or tuple(extracts(ranked, most_words)))
    rests = [_places(one.support.spans) for one in standing]
    drawn_from = {place for places in rests for place in places}
    papers = {paper_id for paper_id, _ in drawn_from}
    leading = [one.sentence for one in ranked if one.leads and papers == {one.sentence.paper.id}]
    # What both take comes first, then what the model says, then what only the ranking takes.
    agreed = [n for n, places in enumerate(rests) if places & _places(leading)]
    said: list[Part] = [one.sentence for one in standing]
    said += [best for best in leading if not _places([best]) & drawn_from]
    kept = _within(said, [*agreed, *range(len(said))], most_words)
    if keep_unsupported:
        places = iter(range(len(standing)))
        drafts = [kept.get(next(places)) if one.stands else one.sentence for one in drafted]
        added = [part for n, part in kept.items() if n >= len(standing)]
        return Composed((*(part for part in drafts if part), *added))
    return Composed(tuple(kept.values()))


def composed_number(
    drafted: Sequence[Drafted],
    found: RankedQuantity,
    *,
    keep_unsupported: bool,
    most_words: int = MOST_WORDS,
) -> Composed:
    """The answer to a question for a number: what the draft says with it, else the sentence it is from."""
    saying = [
        one
        for one in drafted
        if one.stands and any(found.quantity.same(said) for said in quantities(one.sentence.text))
    ]
    if not saying or sum(len(words(one.sentence.text)) for one in saying) > most_words:
        source, number = found.sentence.sentence, found.quantity
        keep = source.text[max(0, number.start - _BEFORE_NUMBER) : number.end]
        return Composed(tuple(_within([source], [0], most_words, keep).values()))
    kept = [one for one in drafted if keep_unsupported and one.support.verdict == "unsupported"]
    return Composed(tuple(one.sentence for one in drafted if one in (*saying, *kept)))


def fragment(drafted: Sequence[Drafted]) -> str | None:
    """The bare answer, where the draft is one and a sentence of an abstract has it word for word."""
    if not drafted or not drafted[0].is_fragment or drafted[0].support.verdict == "unsupported":
        return None
    bare = drafted[0].sentence.text.strip(" .\"'")
    whole = re.compile(rf"(?<!\w){re.escape(bare)}(?!\w)")
    return bare if any(whole.search(span.text) for span in drafted[0].support.spans) else None


def extracts(ranked: Sequence[RankedSentence], most_words: int = MOST_WORDS) -> list[SourceSentence]:
    """The best sentence, and the next of the same paper where it fits nearly as well and there is room.

    Of several questions in one, the best sentence for each.
    """
    if not ranked:
        return []
    best, *others = ranked
    taken = [best.sentence, *(one.sentence for one in others if one.leads)]
    near = [
        one.sentence
        for one in others[:2]
        if one.sentence.paper is best.sentence.paper and one.score > best.score - _NEXT_BEST
    ]
    tried = [taken] if taken[1:] else [[best.sentence, one] for one in near] or [taken]
    # Of those that fit nearly as well, the first for which there is room.
    found = [_within(some, range(len(some)), most_words).values() for some in tried]
    kept = max(found, key=len)
    return sorted(
        (one for one in kept if isinstance(one, SourceSentence)), key=lambda sentence: sentence.start
    )


def _within(parts: Sequence[Part], order: Iterable[int], most_words: int, keep: str = "") -> dict[int, Part]:
    """Of the parts, by their places, those that there is room for: taken in that order, the first anyway.

    Where there is not room for all, what follows a sentence's main clause goes first, but never `keep`.
    """
    taken: dict[int, Part] = {}
    for n in dict.fromkeys(order):
        tried = taken | {n: parts[n]}
        while _length(tried) > most_words and (shorter := _shortened(tried, keep)):
            tried = shorter
        if not taken or _length(tried) <= most_words:
            taken = tried
    return dict(sorted(taken.items()))


def _length(parts: Mapping[int, Part]) -> int:
    return sum(len(words(part.text)) for part in parts.values())


def _shortened(parts: Mapping[int, Part], keep: str) -> dict[int, Part] | None:
    """The parts with the longest one that can be cut a clause shorter; None where none can."""
    for n in sorted(parts, key=lambda n: -len(words(parts[n].text))):
        part = parts[n]
        if (left := _main_clause(part.text, keep)) is None:
            continue
        if isinstance(part, SourceSentence):
            return {**parts, n: replace(part, start=part.start + left.start, end=part.start + left.stop)}
        text = part.text[left]
        return {**parts, n: replace(part, text=f"{text[0].upper()}{text[1:].rstrip('.')}.")}
    return None


def _main_clause(text: str, keep: str) -> slice | None:
    """The text without its last clause; without one, without what leads up to it; None of what is bare."""
    left = [
        slice(0, cut.start())
        for cut in reversed(list(_CLAUSE.finditer(text)))
        if not _RELATIVE.match(text, cut.start()) and _is_whole(text[: cut.start()])
    ]
    left += [slice(lead.end(), len(text)) for lead in [_LEAD_UP.match(text)] if lead]
    return next((one for one in left if keep in text[one] and len(words(text[one])) >= _CLAUSE_WORDS), None)


def _is_whole(text: str) -> bool:
    """Whether what is left of a sentence may stand by itself."""
    is_open = any(text.count(left) > text.count(right) for left, right in ("()", "[]", "{}"))
    return not (is_open or _SUBORDINATE.match(text) or _HANGING.search(text))


def _places(sentences: Iterable[SourceSentence | Span]) -> set[_Place]:
    return {(one.paper.id, one.start) for one in sentences}


def _sources(drafted: Sequence[Drafted], ranked: Sequence[RankedSentence]) -> list[SourceSentence]:
    """The sentences that the supported parts of the draft were drawn from, two at most."""
    spans = [span for one in drafted if one.support.verdict != "unsupported" for span in one.support.spans]
    by_place = {(one.sentence.paper.id, one.sentence.start): one.sentence for one in ranked}
    places = dict.fromkeys((span.paper.id, span.start) for span in spans)
    return [by_place[place] for place in places if place in by_place][:2]
