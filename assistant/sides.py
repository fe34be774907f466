"""Questions about several papers: which papers they are, and what is asked of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from assistant.clauses import ASKS, BETWEEN, IS_QUESTION
from assistant.fit import Weigh, written_name
from assistant.names import mentions, normalised, own_names
from assistant.question import Question, understood
from assistant.records import ScoredPaper
from assistant.terms import STOP_WORDS, terms, words

MOST_SIDES = 5
_LEAST_TERMS = 3  # of a segment that can name a paper
_LEAST_SHARE = 0.6  # of the weight of its terms that the paper must have

_OPPOSED = r"\b(?:versus|vs\b\.?|as opposed to|in contrast (?:to|with)|unlike|compared (?:to|with))"
_SEGMENT = re.compile(rf"\s?(?:[,;:?]|\.(?=\s)|\band\b|\bor\b|{_OPPOSED}|\bwhile\b|\bwhereas\b)\s?", re.I)
_ASKED = re.compile(rf"(?:\w+ )?{ASKS}", re.I)
# "… and the runtime dissection of LLMs both ask …": what follows "both" describes none of them.
_SAID_OF_ALL = re.compile(r"(?<=\w)\s(?:both|each)\s.*")
_LINKS = r"(?:(?:the|of|for|in|on|by|with|from|to|at|those|behind|one|authors) )*"
_JOINING = re.compile(rf"(?:,|\band\b|\bor\b|{_OPPOSED})\s?{_LINKS}$", re.I)
_JOINED_NEXT = re.compile(rf"^\s?(?:,|\band\b|\bor\b|{_OPPOSED})\s", re.I)
_BETWEEN_OPPOSED = re.compile(_OPPOSED, re.I)
_COMPARED_WITH = re.compile(r"\b((?:compare|(?<!in )contrast)\b[^?,;:]*?) (?:with|to) ", re.I)
# "Quote-Tuning" within a sentence; at its beginning the capital tells nothing.
_COMPOUND = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+(?:-[A-Za-z]+)*-[A-Z][a-z]+\b")
# "The egocentric action recognition study", "the one on long videos", "those proposing sparse training".
_DESCRIBED = re.compile(
    r"(?:\b(?:the|that|a) (?P<by>(?:(?!(?:of|on|in|for|by|with|from|to)\b)[\w^{}+-]+ ){0,5}?)"
    r"(?:paper|study|work|note|review|survey|overview|article|one|method|approach|family)(?:['’]s)?\b"
    r"|\bthose(?= (?:behind|proposing|who|that)\b)|\bthe authors(?= of\b))"
    r"(?P<about>(?: (?:on|about|that|which|with|for|of|from|behind|proposing|who|by)\b[^?,;:]*)?)",
    re.I,
)
_EACH_OF_THEM = re.compile(
    r"\b(?P<verb>does|did|can) each(?: of them)?(?! of\b)\b"
    r"|\b(?P<joint>is|has|in|of|for|by|with) each(?: of them\b|(?=\s?[?.,;:]|$))",
    re.I,
)
_TOGETHER = re.compile(r"\b(?:both|each(?: of them)?|either|respectively)\b ?")
_DANGLING = re.compile(r",(?=\s?[?.:;])|\s(?=[?,.])|\b(of|in|on|for|by|with|from|the) (?=\1\b)", re.I)
_LEANS = re.compile(r"\b(?:it|its|they|their|them)\b", re.I)  # a clause about a paper named before it
_CONJUNCTIONS = frozenset("and or versus vs vs.".split())
_PREPOSITIONS = frozenset("of in on for by with from".split())
_MOST_NAMES = 10  # of a question that are looked up; each costs a search
_NAME_WORDS = 4  # that a name may be written in, "YOLOE v8 S"

Search = Callable[[str], Sequence[ScoredPaper]]


@dataclass(frozen=True, slots=True)
class _Meant:
    """A paper that a question means: where that is said, and the words that describe it without a name."""

    paper: ScoredPaper
    at: int
    description: str = ""


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
    text = _COMPARED_WITH.sub(r"\1 and ", question.text)
    found = _named(replace(question, text=text), papers, search)
    if len(found) < MOST_SIDES and (question.several or _DESCRIBED.search(text)):
        found = _with_described(text, found, search, weigh, several=question.several)
    if len(found) < 2 or not (question.several or _are_coordinated(text, found)):
        return ()
    ordered = sorted(found.values(), key=lambda meant: meant.at)[:MOST_SIDES]
    if listed := _listed(text, ordered):
        return tuple(Side(one.paper, understood(asked)) for one, asked in zip(ordered, listed, strict=True))
    return tuple(
        Side(
            one.paper,
            understood(_put_to(one, [other for other in ordered if other is not one], text, question)),
        )
        for one in ordered
    )


def described(text: str, search: Search, weigh: Weigh) -> ScoredPaper | None:
    """The one paper that a question describes, "the paper on long-tail knowledge", if enough tells it."""
    found = _DESCRIBED.search(text)
    return _told(_told_by(found), search, weigh) if found else None


def _told_by(description: re.Match[str]) -> str:
    return f"{description['by'] or ''} {description['about']}"


def _named(question: Question, papers: Sequence[ScoredPaper], search: Search) -> dict[str, _Meant]:
    """Papers by id that a name of the question means, and where it stands.

    A name means the paper that calls it its own, else the only one found that has it.
    """
    found: dict[str, _Meant] = {}
    meant: dict[str, list[str]] = {}
    own = {name for paper in papers for name in own_names(paper.paper.title, paper.paper.abstract)}
    for name in (
        *_names(question)[:_MOST_NAMES],
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
            at = _place(question.text, name)
            if paper.paper.id not in found or at < found[paper.paper.id].at:
                found[paper.paper.id] = _Meant(paper, at)
            meant.setdefault(paper.paper.id, []).append(name)
    compared = {
        one
        for one, some in meant.items()
        for other, rival in found.items()
        if one != other and any(_has(rival.paper, name) for name in some)
    }
    return {paper_id: one for paper_id, one in found.items() if paper_id not in compared}


def _names(question: Question) -> tuple[str, ...]:
    return (*question.names, *_COMPOUND.findall(question.text))


def _has(paper: ScoredPaper, name: str) -> bool:
    """Whether the paper mentions the name; one of capitals alone in capitals, as DOT is no dot product."""
    text = f"{paper.paper.title}. {paper.paper.abstract}"
    if name.isalpha() and name.isupper() and not re.search(rf"(?<![A-Za-z]){name}s?(?![A-Za-z])", text):
        return False
    return mentions(text, name)


def _with_described(
    text: str, named: dict[str, _Meant], search: Search, weigh: Weigh, *, several: bool
) -> dict[str, _Meant]:
    """The papers named, and the best one for each part of the question that names none but describes one."""
    found = dict(named)
    first = min((one.at for one in named.values()), default=0)
    position = 0
    for piece in _SEGMENT.split(text):
        begins = text.find(piece, position)
        position = begins + len(piece)
        description = _DESCRIBED.search(piece)
        if not (description or several) or any(begins <= one.at < position for one in named.values()):
            continue
        if named and _LEANS.search(_part_at(begins, BETWEEN.split(text), text)) and not description:
            continue
        asks = _ASKED.match(piece)
        if len(named) > 1 and not description and (asks or begins < first):
            continue  # a scene that is set, or what is asked, and no paper beside those named
        told = _told_by(description) if description else ""
        shortened = "" if asks else _SAID_OF_ALL.sub("", piece)
        for wanted in (told, shortened, piece) if several else (told,):
            best = _told(wanted, search, weigh)
            if best is not None and best.paper.id not in found:
                at = begins + (description.start() if description else 0)
                found[best.paper.id] = _Meant(best, at, description.group() if description else "")
                break
    return found


def _told(wanted: str, search: Search, weigh: Weigh) -> ScoredPaper | None:
    """The best paper for the words, if they are enough to tell it by.

    It has most of their terms; where those are few, its title has all.
    """
    asked = set(terms(wanted))
    best = next(iter(search(wanted)), None) if asked else None
    if best is None:
        return None
    if len(asked) < _LEAST_TERMS:
        return best if len(asked) > 1 and asked <= set(terms(best.paper.title)) else None
    there = set(terms(f"{best.paper.title} {best.paper.abstract}"))
    total = sum(map(weigh, asked))
    return best if total and sum(map(weigh, asked & there)) / total >= _LEAST_SHARE else None


def _are_coordinated(text: str, found: dict[str, _Meant]) -> bool:
    """Whether the papers stand side by side: "A and B", "A, B and C", "A or B", "A as opposed to B"."""
    places = sorted(one.at for one in found.values())
    between = text[places[0] : places[-1]]
    return bool(_JOINING.search(between) or _BETWEEN_OPPOSED.search(between))


def _place(text: str, name: str) -> int:
    """Where the name stands, letters and digits compared alone."""
    words = list(re.finditer(r"\S+", text))
    for more in range(_NAME_WORDS):
        for first, last in zip(words, words[more:], strict=False):
            if mentions(text[first.start() : last.end()], name):
                return first.start()
    return len(text)


def _clause_of(at: int, clauses: Sequence[str], text: str) -> str:
    """The clause that the paper is named in, where it is a question of its own; else the whole question."""
    clause = _part_at(at, clauses, text)
    return clause if len(clauses) > 1 and IS_QUESTION.match(clause) else text


def _part_at(at: int, parts: Sequence[str], text: str) -> str:
    """The one of consecutive parts of the text that stands at a place; "" between two of them."""
    start = 0
    for part in parts:
        start = text.find(part, start)
        if start <= at < start + len(part):
            return part
        start += len(part)
    return ""


def _listed(text: str, ordered: Sequence[_Meant]) -> list[str] | None:
    """What each paper is asked where the question lists them in a row, "A, B and C": itself for the list."""
    told: list[str] = []
    for one, following in pairwise(ordered):
        between = text[one.at : following.at]
        joint = _JOINING.search(between)
        said = between[: joint.start()].strip() if joint else ""
        if not said or (said != one.description and not _is_mention(said)):
            return None
        told.append(said)
    last = ordered[-1]
    told.append(last.description or _own_words(text[last.at :], last.paper))
    before, after = text[: ordered[0].at], text[last.at + len(told[-1]) :]
    if not told[-1] or not terms(before + after):
        return None
    return [_without_each(before + said + after) for said in told]


def _is_mention(said: str) -> bool:
    """Whether it is short enough for a name, and says nothing of what it names."""
    return len(said.split()) <= _NAME_WORDS and not (STOP_WORDS - _PREPOSITIONS) & set(words(said))


def _own_words(text: str, paper: ScoredPaper) -> str:
    """The words at the beginning of the text that are the paper's name, or of its title."""
    own = own_names(paper.paper.title, paper.paper.abstract) | frozenset(terms(paper.paper.title))
    end = 0
    for word in re.finditer(r"\S+", text):
        known = {written_name(word.group()), *terms(word.group())} & own
        if not known and end:
            break
        end = word.start() + len(word.group().rstrip("?!.,:;"))
        if word.end() != end:
            break
    return text[:end]


def _put_to(one: _Meant, others: Sequence[_Meant], text: str, question: Question) -> str:
    """What the question asks of one of the papers."""
    asked = _clause_of(one.at, BETWEEN.split(text), text)
    for other in others:
        asked = _without_description(asked, other.description)
    return _without_others(asked, one.paper, [other.paper for other in others], _names(question))


def _without_description(text: str, description: str) -> str:
    """The text without the words that describe another paper, and what joined them."""
    before, found, after = text.partition(description) if description else (text, "", "")
    joined = _JOINING.sub("", before)
    left = joined.rstrip() + after if joined != before else before + _JOINED_NEXT.sub("", after)
    # What follows the description may be what is asked: "… and the study of facts say about size?"
    return left if found and len(terms(left)) >= _LEAST_TERMS else text


def _without_others(
    text: str, paper: ScoredPaper, rivals: Sequence[ScoredPaper], asked: Sequence[str]
) -> str:
    """The text without the words that are another paper's title or name and not in this paper.

    What joined those to this paper, "and" or "both", goes with them; what ended a sentence stays.
    """
    own = _terms_of(paper)
    there = f"{paper.paper.title}. {paper.paper.abstract}"
    others = [rival.paper for rival in rivals]
    told = (normalised(name) for name in asked if any(_has(rival, name) for rival in rivals))
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
    return _without_each(" ".join(kept))


def _without_each(text: str) -> str:
    """The text without what tells that it is about several."""
    return _DANGLING.sub(
        "", _TOGETHER.sub("", _EACH_OF_THEM.sub(lambda found: f"{found['verb'] or found['joint']} it", text))
    )


def _terms_of(paper: ScoredPaper) -> frozenset[str]:
    text = f"{paper.paper.title} {paper.paper.abstract}"
    return frozenset(terms(text)) | own_names(paper.paper.title, paper.paper.abstract)
