"""Questions about several papers: which papers they are, and what is asked of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.fit import Weigh, written_name
from assistant.names import mentions, normalised, own_names
from assistant.question import Question, understood
from assistant.records import ScoredPaper
from assistant.terms import terms

MOST_SIDES = 5
_LEAST_TERMS = 3  # of a segment that can name a paper
_LEAST_SHARE = 0.6  # of the weight of its terms that the paper must have

_ASKS = r"(?:how|what|which|who|where|why|when)\b"
# "…, and by how much can MrT5 …": what follows is a question of its own.
_CLAUSE = re.compile(
    r"(?:[,;:]\s(?:and\s)?|\sand\s)"
    rf"(?=(?:(?:by|on|for|at|in|to|of|with|from|down to|up to)\s)?{_ASKS})",
    re.I,
)
_IS_QUESTION = re.compile(
    rf"(?:is|are|was|were|does|do|did|can|could|has|have|had|will|would)\b|.*\b{_ASKS}", re.I
)
_SEGMENT = re.compile(r"\s?(?:[,;:?]|\band\b|\bor\b|\bversus\b|\bvs\.?|\bwhile\b|\bwhereas\b)\s?", re.I)
_JOINING = re.compile(r"(?:,|\band\b|\bor\b|\bversus\b|\bvs\b\.?)\s?(?:(?:the|of|for|in|on) )*$", re.I)
_TOGETHER = re.compile(r"\b(?:both|each(?: of them)?|either|respectively)\b ?")
_DANGLING = re.compile(r",(?=\s?[?.:;])|\s(?=[?,.])|\b(of|in|on|for|by|with|from) (?=\1\b)")
_LEANS = re.compile(r"\b(?:it|its|they|their|them)\b", re.I)  # a clause about a paper named before it
_CONJUNCTIONS = frozenset("and or versus vs vs.".split())
_PREPOSITIONS = frozenset("of in on for by with from".split())
_MOST_NAMES = 10  # of a question that are looked up; each costs a search
_NAME_WORDS = 4  # that a name may be written in, "YOLOE v8 S"

Search = Callable[[str], Sequence[ScoredPaper]]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the papers a question is about, and the question to put to it."""

    paper: ScoredPaper
    question: Question


def sides(
    question: Question, papers: Sequence[ScoredPaper], search: Search, weigh: Weigh
) -> tuple[Side, ...]:
    """The papers that the question asks something of each of, in its order; none where it is about one.

    A paper is meant whose own name is there, unless another one meant only compares itself with it; and,
    where the wording says that there are several, the best paper for each part of the question.
    """
    clauses = _CLAUSE.split(question.text)
    found = _named(question, papers, search)
    if question.several and len(found) < MOST_SIDES:
        found = _with_described(question, found, search, weigh)
    if len(found) < 2 or not (question.several or _are_coordinated(question.text, found)):
        return ()
    ordered = sorted(found.values(), key=lambda place: place[0])[:MOST_SIDES]
    meant = [paper for _, paper in ordered]
    return tuple(
        Side(
            paper,
            understood(_without_others(_clause_of(at, clauses, question), paper, meant, question.names)),
        )
        for at, paper in ordered
    )


def _named(
    question: Question, papers: Sequence[ScoredPaper], search: Search
) -> dict[str, tuple[int, ScoredPaper]]:
    """Papers by id that a name of the question means, and where it stands.

    A name means the paper that calls it its own, else the only one found that has it.
    """
    found: dict[str, tuple[int, ScoredPaper]] = {}
    meant: dict[str, list[str]] = {}
    own = {name for paper in papers for name in own_names(paper.paper.title, paper.paper.abstract)}
    for name in (
        *question.names[:_MOST_NAMES],
        *(name for name in sorted(own) if mentions(question.text, name)),
    ):
        having = [paper for paper in (*papers, *search(name)) if _has(paper, name)]
        owners = [
            paper
            for paper in having
            if normalised(name) in own_names(paper.paper.title, paper.paper.abstract)
        ]
        if owners or len({paper.paper.id for paper in having}) == 1:
            paper = (owners or having)[0]
            at = min(_place(question.text, name), found.get(paper.paper.id, (len(question.text), paper))[0])
            found[paper.paper.id] = (at, paper)
            meant.setdefault(paper.paper.id, []).append(name)
    compared = {
        one
        for one, some in meant.items()
        for other, (_, rival) in found.items()
        if one != other and any(_has(rival, name) for name in some)
    }
    return {paper_id: place for paper_id, place in found.items() if paper_id not in compared}


def _has(paper: ScoredPaper, name: str) -> bool:
    """Whether the paper mentions the name; one of capitals alone in capitals, as DOT is no dot product."""
    text = f"{paper.paper.title}. {paper.paper.abstract}"
    if name.isalpha() and name.isupper() and not re.search(rf"(?<![A-Za-z]){name}s?(?![A-Za-z])", text):
        return False
    return mentions(text, name)


def _with_described(
    question: Question,
    named: dict[str, tuple[int, ScoredPaper]],
    search: Search,
    weigh: Weigh,
) -> dict[str, tuple[int, ScoredPaper]]:
    """The papers named, and the best one for each part of the question that names none."""
    found = dict(named)
    position = 0
    for piece in _SEGMENT.split(question.text):
        at = question.text.find(piece, position)
        position = at + len(piece)
        wanted = set(terms(piece))
        if len(wanted) < _LEAST_TERMS or any(at <= place < position for place, _ in named.values()):
            continue
        if named and _LEANS.search(_part_at(at, _CLAUSE.split(question.text), question.text)):
            continue
        best = next(iter(search(piece)), None)
        if best is None or best.paper.id in found:
            continue
        there = set(terms(f"{best.paper.title} {best.paper.abstract}"))
        total = sum(map(weigh, wanted))
        if total and sum(map(weigh, wanted & there)) / total >= _LEAST_SHARE:
            found[best.paper.id] = (at, best)
    return found


def _are_coordinated(text: str, found: dict[str, tuple[int, ScoredPaper]]) -> bool:
    """Whether the names stand side by side: "A and B", "A, B and C", "A or B", "A versus B"."""
    places = sorted(place for place, _ in found.values())
    between = text[places[0] : places[-1]]
    return bool(_JOINING.search(between))


def _place(text: str, name: str) -> int:
    """Where the name stands, letters and digits compared alone."""
    words = list(re.finditer(r"\S+", text))
    for more in range(_NAME_WORDS):
        for first, last in zip(words, words[more:], strict=False):
            if mentions(text[first.start() : last.end()], name):
                return first.start()
    return len(text)


def _clause_of(at: int, clauses: Sequence[str], question: Question) -> str:
    """The clause that the paper is named in, where it is a question of its own; else the whole question."""
    clause = _part_at(at, clauses, question.text)
    return clause if len(clauses) > 1 and _IS_QUESTION.match(clause) else question.text


def _part_at(at: int, parts: Sequence[str], text: str) -> str:
    """The one of consecutive parts of the text that stands at a place; "" between two of them."""
    start = 0
    for part in parts:
        start = text.find(part, start)
        if start <= at < start + len(part):
            return part
        start += len(part)
    return ""


def _without_others(
    text: str, paper: ScoredPaper, papers: Sequence[ScoredPaper], asked: Sequence[str]
) -> str:
    """The text without the words that are another paper's title or name and not in this paper.

    What joined those to this paper, "and" or "both", goes with them; what ended a sentence stays.
    """
    own = _terms_of(paper)
    there = f"{paper.paper.title}. {paper.paper.abstract}"
    others = [other.paper for other in papers if other is not paper]
    told = (normalised(name) for name in asked if any(_has(one, name) for one in papers if one is not paper))
    names = frozenset().union(told, *(own_names(other.title, other.abstract) for other in others))
    titles = frozenset().union(*(terms(other.title) for other in others))

    def is_others(word: str) -> bool:
        name = written_name(word)
        said = {*terms(word), name} - {""}
        if name in names and not mentions(there, name):
            return True  # "Light-PEFT" is another's, though this paper is about PEFT too
        # The last word is what is asked more often than whom, so only a name of another paper goes there.
        theirs = names if word.endswith("?") else names | titles
        return bool(said & theirs) and not said & own

    words = text.split()
    lower = [word.casefold() for word in words]
    known = {word: is_others(word) for word in set(words)}
    gone = [known[word] and lower[n - 1 : n] != ["how"] for n, word in enumerate(words)]  # not "how long"
    for n in range(1, len(words) - 1):
        gone[n] |= gone[n + 1] and lower[n] in _PREPOSITIONS and lower[n - 1] in _CONJUNCTIONS
    kept: list[str] = []
    for n, word in enumerate(words):
        if gone[n]:
            if kept and word[-1] in ".?:;":
                kept[-1] += word[-1]
        elif lower[n] not in _CONJUNCTIONS or not any(gone[max(0, n - 1) : n + 2]):
            kept.append(word)
    return _DANGLING.sub("", _TOGETHER.sub("", " ".join(kept)))


def _terms_of(paper: ScoredPaper) -> frozenset[str]:
    text = f"{paper.paper.title} {paper.paper.abstract}"
    return frozenset(terms(text)) | own_names(paper.paper.title, paper.paper.abstract)
