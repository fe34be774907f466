"""What the answer says: which sentences of the draft stay, and which sentences of the abstracts stand in.

A sentence of the draft stays where an abstract supports it. One that is supported in part, or is no sentence
but a bare "62%", gives way to the sentence it was drawn from. Where nothing is left, or the draft took
another number than the one that fits the question, the best fitting sentences speak for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.citations import DraftSentence
from assistant.fit import RankedSentence, SourceSentence
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity
from assistant.verification import Support

_EXTRACT_WORDS = 60  # of an extractive answer: an answer, no abstract
_NEXT_BEST = 2.5  # log-odds; a second sentence that fits much worse than the first is not quoted beside it
_SENTENCE = 5  # words; what has fewer is no sentence

Part = DraftSentence | SourceSentence


@dataclass(frozen=True, slots=True)
class Drafted:
    """A sentence of the draft and the best support for it."""

    sentence: DraftSentence
    support: Support
    parrots: bool = False  # says nothing that the question does not

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
    drafted: Sequence[Drafted], ranked: Sequence[RankedSentence], *, keep_unsupported: bool
) -> Composed:
    """The answer to a question for words: what stands of the draft, else what that was drawn from."""
    standing = [one for one in drafted if one.stands]
    if standing:
        said = [one.sentence for one in (drafted if keep_unsupported else standing)]
        return Composed((*said, *_unsaid(standing, ranked)))
    return Composed(tuple(_sources(drafted, ranked) or extracts(ranked)))


def composed_number(drafted: Sequence[Drafted], found: RankedQuantity, *, keep_unsupported: bool) -> Composed:
    """The answer to a question for a number: what the draft says with it, else the sentence it is from."""
    saying = [
        one
        for one in drafted
        if one.stands and any(found.quantity.same(said) for said in quantities(one.sentence.text))
    ]
    if not saying:
        return Composed((found.sentence.sentence,))
    kept = [one for one in drafted if keep_unsupported and one.support.verdict == "unsupported"]
    return Composed(tuple(one.sentence for one in drafted if one in (*saying, *kept)))


def fragment(drafted: Sequence[Drafted]) -> str | None:
    """The bare answer, where the draft is one and a sentence of an abstract has it word for word."""
    if not drafted or not drafted[0].is_fragment or drafted[0].support.verdict == "unsupported":
        return None
    bare = drafted[0].sentence.text.strip(" .\"'")
    whole = re.compile(rf"(?<!\w){re.escape(bare)}(?!\w)")
    return bare if any(whole.search(span.text) for span in drafted[0].support.spans) else None


def extracts(ranked: Sequence[RankedSentence]) -> list[SourceSentence]:
    """The best sentence, and the next of the same paper where it fits nearly as well and there is room."""
    if not ranked:
        return []
    best, *others = ranked
    taken = [best.sentence]
    for other in others[:2]:
        same = other.sentence.paper is best.sentence.paper
        words = sum(len(sentence.text.split()) for sentence in (*taken, other.sentence))
        if same and other.score > best.score - _NEXT_BEST and words <= _EXTRACT_WORDS:
            taken.append(other.sentence)
            break
    return sorted(taken, key=lambda sentence: sentence.start)


def _unsaid(standing: Sequence[Drafted], ranked: Sequence[RankedSentence]) -> list[SourceSentence]:
    """The sentence that fits best, where the draft was drawn from others of its abstract and there is room.

    The draft and the ranking are wrong about different questions, so where they differ both are heard.
    """
    if not ranked:
        return []
    best = ranked[0].sentence
    spans = [span for one in standing for span in one.support.spans]
    places = {(span.paper.id, span.start) for span in spans}
    words = sum(len(text.split()) for text in (best.text, *(one.sentence.text for one in standing)))
    same = all(span.paper.id == best.paper.id for span in spans)
    return [best] if same and (best.paper.id, best.start) not in places and words <= _EXTRACT_WORDS else []


def _sources(drafted: Sequence[Drafted], ranked: Sequence[RankedSentence]) -> list[SourceSentence]:
    """The sentences that the supported parts of the draft were drawn from, two at most."""
    spans = [span for one in drafted if one.support.verdict != "unsupported" for span in one.support.spans]
    by_place = {(one.sentence.paper.id, one.sentence.start): one.sentence for one in ranked}
    places = dict.fromkeys((span.paper.id, span.start) for span in spans)
    return [by_place[place] for place in places if place in by_place][:2]
