"""Questions to begin with, made from the papers of the index: the same papers give the same questions."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from assistant.records import Paper
from assistant.sentences import sentence_spans
from assistant.terms import STOP_WORDS

_MOST = 4
_LOOKED_AT = 2_000  # papers, so that a large collection does not delay the page
_FEWEST_PAPERS = 3  # that share a topic worth listing
# "LongCache: …": what a paper calls its own.
_NAMED = re.compile(r"^(?P<name>[^\W\d_][\w+./-]*(?: [\w+./-]+)?):\s")
_NUMBER = re.compile(r"\d(?:\.\d+)?\s?(?:%|x\b|×|\\times|times\b)")
_WORD = re.compile(r"[^\W\d_][\w-]+")


def suggested(papers: Sequence[Paper]) -> list[str]:
    """At most four questions that the papers are likely to answer."""
    looked_at = papers[:_LOOKED_AT]
    topics = [f"Which papers are about {topic}?" for topic in islice(_topics(looked_at), 1)]
    return [*islice(_about_names(looked_at), _MOST - len(topics)), *topics]


def _about_names(papers: Sequence[Paper]) -> Iterator[str]:
    """Questions about what papers name in their titles, in an order that looks random and never changes."""
    asked: set[str] = set()
    for paper in sorted(papers, key=lambda paper: hashlib.sha256(paper.id.encode()).digest()):
        named = _NAMED.match(paper.title)
        if named and (question := _question(named["name"], paper.abstract)) and named["name"] not in asked:
            asked.add(named["name"])
            yield question


def _question(name: str, abstract: str) -> str | None:
    """What can be asked of a name by what the abstract's sentences with it say."""
    written = rf"(?<!\w){re.escape(name)}(?!\w)"
    said = [abstract[start:end] for start, end in sentence_spans(abstract)]
    own = [sentence for sentence in said if re.search(written, sentence)]
    if any(_NUMBER.search(sentence) for sentence in own):
        return f"What does {name} achieve?"
    is_defined = any(re.search(rf"{written} is an? ", sentence) for sentence in own)
    return f"What is {name}?" if is_defined else None


def _topics(papers: Sequence[Paper]) -> Iterator[str]:
    """Pairs of words that several titles share, those first whose words are rarely apart."""
    pairs: Counter[tuple[str, str]] = Counter()
    alone: Counter[str] = Counter()
    for paper in papers:
        title = re.split(r"[^\w-]+", paper.title.casefold())
        alone.update(set(title))
        pairs.update({pair for pair in pairwise(title) if all(map(_is_telling, pair))})
    shared = [pair for pair, count in pairs.items() if count >= _FEWEST_PAPERS]
    yield from (
        f"{a} {b}" for a, b in sorted(shared, key=lambda p: (-(pairs[p] ** 2) / alone[p[0]] / alone[p[1]], p))
    )


def _is_telling(word: str) -> bool:
    return bool(_WORD.fullmatch(word)) and word not in STOP_WORDS
