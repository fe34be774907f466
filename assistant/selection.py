"""Questions for papers: which of the collection belong to the list.

The papers nearest to the criterion are judged one by one, by how much of it their title and abstract have and
how near their sentences come to it; what each of that is worth is fitted, and the list ends where a paper is
less likely in than out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.fit import SourceSentence, Weigh, sentences_of, term_share
from assistant.fitted import Linear
from assistant.names import mentions
from assistant.question import PLURALS, THESE, Question
from assistant.records import Paper, ScoredPaper
from assistant.similarity import Similarity
from assistant.terms import STOP_WORDS, stem, terms, words

CANDIDATES = 40  # papers that are judged
MOST_LISTED = 20
_MOST_BEHIND = 8.0  # by which a paper's score counts as behind the best one's
_LAST_RANK = 20  # papers found later count as found there

_FRAME = re.compile(
    r"^(?:(?:please\s)?(?:can you\s)?(?:list|name|find|show|give|collect|enumerate)(?:\s(?:me|us))?(?:\sall)?"
    r"(?:\sof)?(?:\sthe)?"
    r"|which(?:\sof\s(?:the|these))?|what|in which|by which"
    r"|(?:are there|is there|do you have|have you got|any|some)(?:\s(?:any|some|more|all|other|recent|new))*"
    r"|(?:more|all|other|recent|new)(?:\s(?:more|other|recent|new))*)\s",
    re.I,
)
_HEAD = re.compile(
    r"\b(?:research\s|scientific\s)?(?:papers?|works?|stud(?:y|ies)|articles?|abstracts?|publications?"
    r"|anything|something|research(?=\s(?:on|about)))\b"
    r"(?:\s(?:here|in (?:here|the collection|this collection))\b)?"
    r"(?:\s(?:that|which|who|are|is|on|about|do|does|deals? with|discuss(?:es)?|presents?|address(?:es)?"
    r"|proposes?|study|studies|uses?|using)(?![\w-]))*",
    re.I,
)
_OR = re.compile(r",?\s+or\s+|,\s+(?=(?:be it|either)\b)|/")
_THE_PAPERS = re.compile(
    rf"\b(?:(?P<verb>do|did|have|can|could|are|were) (?:{THESE} )?(?:{PLURALS})|{THESE} (?:{PLURALS}|works)"
    rf"|(?:{PLURALS})(?= here\b))\b(?: here\b)?",
    re.I,
)
_SINGULAR = {"do": "does", "have": "has", "are": "is", "were": "was"}
_SURVEY = re.compile(
    r"^(?:(?:and|so),? )?(?:what|how|why) "
    rf"(?:{_THE_PAPERS.pattern}(?: (?:say|tell(?: us)?|report|find|do|know|show) (?:about|on|of|for)\b)?"
    r"|is known (?:about|of|on)\b|do (?:we|you) know (?:about|of)\b"
    r"|(?:\w+ ){1,3}(?:are there|exist)(?: (?:for|on|about|to|of)\b)?)"
    rf"|,? (?:according to|across|among|in|from|by) (?:the|these|those|all) (?:{PLURALS})\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A candidate for the list: the log-odds that it belongs there, why, and its sentence that says so."""

    paper: Paper
    score: float
    features: dict[str, float]
    sentence: SourceSentence


def criterion(question: str) -> str:
    """What the papers asked for have in common.

    >>> criterion("Which papers use contrastive learning?")
    'contrastive learning'
    """
    bare = _HEAD.sub(" ", _FRAME.sub("", question), count=1)
    return re.sub(r"\s+", " ", bare).strip(" ?.,:;") or question


def topic(question: str) -> str:
    """What a question to the papers at large is about.

    >>> topic("How do papers here speed up NeRF?"), topic("What is known about pruning?")
    ('speed up NeRF', 'pruning')
    """
    return _SURVEY.sub("", question).strip(" ?.,:;") or question


def of_one(question: str) -> str:
    """A question to the papers at large, put to one of them.

    >>> of_one("How do papers here speed up NeRF?"), of_one("What helps, according to these papers?")
    ('How does this paper speed up NeRF?', 'What helps, according to this paper?')
    """

    def singular(match: re.Match[str]) -> str:
        verb = match["verb"]
        return f"{_SINGULAR.get(verb.casefold(), verb)} this paper" if verb else "this paper"

    return _THE_PAPERS.sub(singular, question)


def members(
    question: Question,
    wanted: str,
    found: Sequence[ScoredPaper],
    weigh: Weigh,
    similarity: Similarity,
    weights: Linear,
) -> list[Member]:
    """The candidates for what is wanted, the likeliest first."""
    alternatives = [part for part in _OR.split(wanted) if terms(part)] or [wanted]
    whole = _weights(wanted, weigh)
    parts = [_weights(part, weigh) for part in alternatives]
    best = max((paper.score for paper in found), default=0.0)
    top = max((passage.dense for paper in found for passage in paper.passages), default=0.0)
    papers = [scored for scored in found if sentences_of(scored.paper)]
    nearest = [_nearest(scored.paper, whole) for scored in papers]
    cosines = similarity.cosines([sentence.text for sentence in nearest], [wanted])
    judged = []
    for position, scored in enumerate(papers):
        paper = scored.paper
        sentences = [frozenset(terms(sentence.text)) for sentence in sentences_of(paper)]
        here = frozenset(terms(f"{paper.title} {paper.abstract}"))
        title = frozenset(terms(paper.title))
        closest = max((passage.dense for passage in scored.passages), default=0.0)
        features = {
            "share": max(term_share(part, here) for part in parts),
            "share_all": term_share(whole, here),
            "title": max(term_share(part, title) for part in parts),
            "sentence": max(term_share(part, sentence) for part in parts for sentence in sentences),
            "soft": max(_soft(part, paper, weigh, similarity) for part in alternatives),
            "dense": closest,
            "dense_behind": top - closest,
            "cosine": float(cosines[position, 0]),
            "behind": min(best - scored.score, _MOST_BEHIND),
            "names": max(
                (float(mentions(f"{paper.title}. {paper.abstract}", name)) for name in question.names),
                default=0.0,
            ),
            "has_names": float(bool(question.names)),
            "rank": min(position, _LAST_RANK) / 10,
        }
        judged.append(Member(paper, weights.score(features), features, nearest[position]))
    return sorted(judged, key=lambda member: -member.score)


def _weights(text: str, weigh: Weigh) -> dict[str, float]:
    """The terms of the text, each once, and how much each tells."""
    return {term: weigh(term) for term in terms(text)}


def _nearest(paper: Paper, wanted: Mapping[str, float]) -> SourceSentence:
    """The sentence of the paper that has the most of the criterion."""
    return max(sentences_of(paper), key=lambda sentence: term_share(wanted, frozenset(terms(sentence.text))))


def _soft(text: str, paper: Paper, weigh: Weigh, similarity: Similarity) -> float:
    """The share of the text that the paper has, each word counted by the most similar one there."""
    wanted = list(dict.fromkeys(word for word in words(text) if word not in STOP_WORDS))
    there = list(
        dict.fromkeys(word for word in words(f"{paper.title} {paper.abstract}") if word not in STOP_WORDS)
    )
    weights = [weigh(stem(word)) for word in wanted]
    if not sum(weights):
        return 0.0
    likeness = similarity.of_words(wanted, there).max(axis=1, initial=0.0)
    return float(sum(weight * like for weight, like in zip(weights, likeness, strict=True)) / sum(weights))
