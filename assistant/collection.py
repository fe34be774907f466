"""Greetings, and questions about the collection itself, answered by rule from the papers' own metadata."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import accumulate, compress, pairwise
from textwrap import shorten
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.arrays import Mask, Rows
from assistant.columns import NO_VENUE, NO_YEAR, Columns
from assistant.papers import StoredPapers
from assistant.question import EVERYTHING, POLITE
from assistant.records import Final, Paper
from assistant.terms import STOP_WORDS, words

MOST_PAPERS = 20
_MOST_ITEMS = 8
_MOST_WORDS = 24  # of a series, so that a text stays under 60


@dataclass(frozen=True, slots=True)
class CollectionAnswer:
    """An answer without citations, and the papers it lists; `final` is None where metadata does not tell."""

    text: str
    final: Final | None
    papers: tuple[Paper, ...] = ()


@dataclass(frozen=True, slots=True)
class _Facts:
    """The papers, at `rows` of all, that a question is about, and what their columns say.

    `question` is what the question asks without its restrictions of `fields`, which are `said`: "from 2023".
    """

    question: str
    papers: Sequence[Paper]
    columns: Columns
    rows: Rows
    fields: tuple[str, ...] = ()
    said: str = ""

    def counts(self, field: str) -> Counter[Any]:
        """How many of the papers have each value of the field, one of a list being a value."""
        columns = self.columns
        if field == "authors":
            chosen = np.zeros(len(columns), dtype=np.bool_)
            chosen[self.rows] = True
            codes = columns.authors[chosen[columns.author_papers]]
            return _named(codes, columns.author_names)
        if field == "venue":
            codes = columns.venues[self.rows]
            return _named(codes[codes != NO_VENUE], columns.venue_names)
        if field == "year":
            years = columns.years[self.rows]
            values, counts = np.unique(years[~_lacks(columns, "year")[self.rows]], return_counts=True)
            return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        return Counter(filter(None, self.titles))

    @property
    def titles(self) -> list[str]:
        """The papers' titles."""
        titles = self.columns.titles
        return [titles[row] for row in self.rows]

    @property
    def head(self) -> str:
        """How many there are: "Papers by Noether: 1 of 3 (1 without authors)"."""
        total = len(self.columns)
        if not self.fields:
            return f"This collection has {_counted(total, 'paper')}"
        without = [(int(_lacks(self.columns, field).sum()), field) for field in self.fields]
        notes = [f"{count:,} without {field}" for count, field in without if count]
        of_all = f"{len(self.rows):,} of {total:,}"
        return f"Papers {self.said}: {of_all}{' (' + ', '.join(notes) + ')' if notes else ''}"

    def where(self, field: str, said: str, span: tuple[int, int], passing: Mask) -> _Facts:
        """These facts with one more restriction, which the question says at `span`."""
        rest = " ".join(f"{self.question[: span[0]]} {self.question[span[1] :]}".split())
        return replace(
            self,
            question=rest,
            rows=self.rows[passing[self.rows]],
            fields=(*self.fields, field),
            said=f"{self.said} {said}".strip(),
        )


def _columns(papers: Sequence[Paper]) -> Columns:
    """The papers' columns, which those of an index have already."""
    return papers.columns if isinstance(papers, StoredPapers) else Columns.of(papers)


def _lacks(columns: Columns, field: str) -> Mask:
    """Which papers have no value of the field."""
    if field == "authors":
        return np.asarray(np.diff(columns.author_ends, prepend=0) == 0)
    if field == "venue":
        return np.asarray(columns.venues == NO_VENUE)
    if field == "year":
        return np.asarray((columns.years == NO_YEAR) | (columns.years == 0))
    return np.array([not title for title in columns.titles], dtype=np.bool_)


def _named(codes: NDArray[np.int32], names: Sequence[str]) -> Counter[Any]:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return Counter({name: count for name, count in zip(names, counts, strict=True) if count})


def greeting(text: str, papers: Sequence[Paper]) -> CollectionAnswer:
    """The reply to a hello, thanks or goodbye."""
    if re.search(r"\b(?:(?:good)?bye|good night|see (?:you|ya)|ciao)\b", text, re.I):
        return _text("Goodbye. The papers are here when you have another question.")
    if re.search(r"\b(?:thanks?|thank you|thx|cheers)\b", text, re.I):
        return _text("You're welcome. Is there another question about the papers?")
    if not papers:
        return _text("Hello. There are no papers in this collection yet.")
    return _text(f"Hello. Ask me something about the {_counted(len(papers), 'paper')} in this collection.")


def about_collection(question: str, papers: Sequence[Paper]) -> CollectionAnswer | None:
    """The answer to a question about the collection; None where metadata cannot answer it."""
    question = question.strip().rstrip("?!. ")
    for pattern, replacement in _REWORDED.items():
        question = pattern.sub(replacement, question)
    if re.fullmatch(_SOURCE, question, re.I):
        return _text("From the abstracts and their titles, not from the full papers.")
    if re.fullmatch(_PURPOSE, question, re.I):
        return _text(f"I answer from {_counted(len(papers), 'abstract')}; every sentence cites its paper.")
    if not re.search(_SUBJECT, question, re.I):
        return None  # before all papers are looked at for an author
    facts = _restricted(question, papers)
    rows = (row for row in _ANSWERS if facts and re.search(row[0], facts.question, re.I))
    if facts is None or (row := next(rows, None)) is None:
        return None
    _, field, answer = row
    missing = [name for name in facts.fields if _lacks(facts.columns, name).all()]
    if field and len(facts.rows) and not facts.counts(field):
        missing.append(field)
    if len(papers) and missing:
        return CollectionAnswer(f"The papers' metadata has no {missing[0]}, so I can't tell.", None)
    return answer(facts, field) if len(facts.rows) or not field else CollectionAnswer(f"{facts.head}.", None)


# What is asked in other words than those that are looked for below.
_REWORDED = {
    re.compile(rf"^{POLITE}", re.I): "",
    re.compile(r"\s*\bet al\b\.?", re.I): "",
    re.compile(rf"^(?:{EVERYTHING}|paper list)$", re.I): "list papers",
    re.compile(r"^(?:how many are there|how (?:big|large) is (?:it|this))$", re.I): "how many papers",
    re.compile(r"^(?:do you have|have you|is there) (?:any|some)thing\b", re.I): "list papers",
    re.compile(r"\btitles\b(?: of)?(?: all)?(?: the)?(?: papers)?", re.I): "papers",
    re.compile(r"^what (?=(?:did|has|have) .+ (?:write|written|publish(?:ed)?)$)", re.I): "which papers ",
    re.compile(r"^who (?:has|wrote|published) (?:the )?most papers$", re.I): "who are the frequent authors",
    re.compile(r"\b(?:most )?(newest|latest|recent|oldest|frequent|prolific)(?: paper)?\b", re.I): r"\1",
    re.compile(r"\bwhat(?: is|'s| are)\b(.*) about$", re.I): r"what topics\1",
    re.compile(
        r"^(?:give (?:me|us) )?(?:(?:an )?overview|(?:summari[sz]e|describe)(?=.* (?:papers|collection)$))",
        re.I,
    ): "what topics",
}
_PAPERS = r"(?:papers|works|studies|articles|abstracts|publications|documents)"
_PLACE = r"(?:collection|corpus|database|library|index)"
# A question with other words is not about the collection alone, and one with "paper" is about one of them.
_RELATING = """about above after again against and before below between both by each few for further more most
    on once or over own same than their through under until while why with""".split()
_PLAIN = STOP_WORDS - set(_RELATING) | set(_PAPERS[3:-1].split("|")) | set(_PLACE[3:-1].split("|"))
_PLAIN |= set(
    """total number count size big large many please list show name give find see roughly exactly
    contain cover covers covered span available got kind kinds sort sorts type types published publish
    appeared presented accepted write wrote written conference journal author authors researchers venue
    venues journals conferences year years different distinct main top common frequent prolific topic
    topics subjects areas themes newest latest recent oldest""".split()
)
_YEAR = r"((?:19|20)\d\d)\b"
_IN = r"(?:\b(?:in|from|of|for|during)\s+)?(?:\bthe\s+)?(?:\byears?\s+)?\b"
# (pattern, what it adds to its first year, what to its last): None leaves an end open.
_YEARS: tuple[tuple[str, int | None, int | None], ...] = (
    (rf"\bbetween\s+{_YEAR}\s+and\s+{_YEAR}", 0, 0),
    (rf"{_IN}{_YEAR}\s*(?:to|until|through|[-–])\s*{_YEAR}", 0, 0),
    (rf"\bsince\s+{_YEAR}", 0, None),
    (rf"{_IN}{_YEAR}\s+(?:on|onwards?|(?:or|and) (?:later|newer))\b", 0, None),
    (rf"\b(?:after|later than|newer than)\s+{_YEAR}", 1, None),
    (rf"\b(?:before|earlier than|older than)\s+{_YEAR}", None, -1),
    (rf"\b(?:until|up to|by)\s+{_YEAR}", None, 0),
    (rf"{_IN}{_YEAR}", 0, 0),
)
# Small letters are a name only where no plain word is: "by He", but not "by the authors".
_NAME = rf"(?!(?:{'|'.join(sorted(STOP_WORDS | _PLAIN | {'since'}))})\b)[^\W\d_][\w'’-]+"
_NAMES = rf"({_NAME}(?:(?:,? and |, | & | ){_NAME}){{0,4}})"
_AUTHORS = rf"\b[Bb]y {_NAMES}|\b(?:did|has|have) {_NAMES} (?:write|written|publish(?:ed)?)\b"


def _restricted(question: str, papers: Sequence[Paper]) -> _Facts | None:
    """The papers of the authors, years and venue that the question says; None if it says anything else."""
    columns = _columns(papers)
    facts = _Facts(question, papers, columns, np.arange(len(papers), dtype=np.int64))
    if match := re.search(_AUTHORS, question):
        said = match[1] or match[2]
        passing = np.ones(len(columns), dtype=np.bool_)
        for name in re.split(r",|&|\band\b", said):
            if name.strip():
                passing &= columns.written_by(_authors_called(words(name), columns.author_names))
        if not passing.any() and (said == said.casefold() or len(columns.authors)):
            return None  # "by distillation", or Kaiming He, whom the metadata may call K. He
        facts = facts.where("authors", f"by {said}", match.span(), passing)
    for pattern, add_first, add_last in _YEARS:
        if match := re.search(pattern, facts.question, re.I):
            first = 0 if add_first is None else int(match[1]) + add_first
            last = 9999 if add_last is None else int(match[match.re.groups]) + add_last
            said = f"from {first}" if first == last else f"from {first} to {last}"
            said = f"until {last}" if not first else f"since {first}" if last == 9999 else said
            passing = ~_lacks(columns, "year") & (columns.years >= first) & (columns.years <= last)
            facts = facts.where("year", said, match.span(), passing)
            break
    left = set(words(facts.question)) - _PLAIN
    return _in_venue(facts, left) if left else facts


def _in_venue(facts: _Facts, name: set[str]) -> _Facts | None:
    """The papers in the venues that have all words of the name, if it is said as one: ICML, icml, Nature."""
    spelled = [match for match in re.finditer(r"[^\W_]+", facts.question) if match[0].casefold() in name]
    called = [name <= set(words(venue)) - _PLAIN for venue in facts.columns.venue_names]
    venues = list(compress(facts.columns.venue_names, called))
    is_acronym = any(word.isupper() and word.casefold() in name for word in " ".join(venues).split())
    if not spelled or not venues or not (is_acronym or any(match[0][0].isupper() for match in spelled)):
        return None
    span = spelled[0].start(), spelled[-1].end()
    passing = np.array([*called, False])[facts.columns.venues]  # NO_VENUE is the last
    return facts.where("venue", f"in {facts.question[slice(*span)]}", span, passing)


def _authors_called(name: Sequence[str], authors: Sequence[str]) -> list[int]:
    """The codes of the authors whose names have all these words."""
    last = name[-1]  # looked for first, since few have it
    likely = (code for code, author in enumerate(authors) if last in author.casefold())
    return [code for code in likely if set(name) <= set(words(authors[code]))]


def _count(facts: _Facts, field: str) -> CollectionAnswer:
    count = len(facts.counts(field) if field else facts.rows)
    noun = field.rstrip("s") or "paper"
    final = Final("number", _counted(count, noun), value=float(count), unit=f"{noun}s")
    return CollectionAnswer(f"{facts.head}, with {final.text}." if field else f"{facts.head}.", final)


def _years_covered(facts: _Facts, field: str) -> CollectionAnswer:
    first, last = min(facts.counts(field)), max(facts.counts(field))
    bare = str(first) if first == last else f"{first} to {last}"
    return _text(f"{facts.head}; years: {bare}.", bare)


def _most_frequent(facts: _Facts, field: str) -> CollectionAnswer:
    counts = facts.counts(field)
    shown = nsmallest(_MOST_ITEMS, counts.items(), key=lambda item: (-item[1], item[0]))
    series = _series([f"{shorten(name, 80)} ({count:,})" for name, count in shown], len(counts))
    return _text(f"The {field.rstrip('s')}s, most frequent first: {series}.", series)


def _newest(facts: _Facts, field: str) -> CollectionAnswer:
    oldest = re.search(r"\boldest\b", facts.question, re.I)
    year = (min if oldest else max)(facts.counts(field))
    found = facts.rows[facts.columns.years[facts.rows] == year]
    return _listing(
        f"The {'oldest' if oldest else 'newest'}, {len(found):,} from {year}", facts.papers, found
    )


def _list(facts: _Facts, _: str) -> CollectionAnswer:
    return _listing(facts.head, facts.papers, facts.rows)


def _topics(facts: _Facts, field: str) -> CollectionAnswer:
    """The pairs of words that most titles have, at least two of them."""
    titles = (pairwise(words(title)) for title in facts.titles)
    counts = Counter(pair for title in titles for pair in set(title) if not _NO_TOPIC & set(pair))
    topics = ", ".join(" ".join(pair) for pair, count in counts.most_common(_MOST_ITEMS) if count > 1)
    if not topics:
        return _list(facts, field)
    return _text(f"{facts.head}. Frequent in the titles: {topics}.", topics)


_NO_TOPIC = STOP_WORDS | {"via", "using", "based", "toward", "towards", "without", "not"}
_SOURCE = (
    r"(?:do|have|did|are|can) (?:you|your answers) (?:only |just )?(?:work|read|use|see|based|rely)\b"
    r"(?: (?:from|with|on|only|the|in))* (?:full (?:papers?|texts?)|pdfs?|abstracts)(?: or .*\babstracts)?"
)
_PURPOSE = (
    r"what (?:can|could|should|may) (?:i|we) ask(?: you)?(?: about)?|(?:who|what) are you|what is this|help"
    r"|what (?:can|do) you (?:do|answer)(?: for (?:me|us))?|how (?:do|does) (?:you|it|this) work"
)
_HOW_MANY = r"\b(?:how many|number of|count of) (?:different |distinct )?"
_COVERS = rf"\bwhat (?:do|does)\b.*\b(?:{_PAPERS}|{_PLACE}|you) (?:cover|contain|have)\b"
_NO_NOUN = r"^(?!.*\b(?:authors?|who|venues?|years?|topics?)\b)"
_SUBJECT = (
    rf"\b(?:{_PAPERS}|{_PLACE}|you|authors?|researchers|venues|journals|conferences|years?|topics|subjects|areas"
    r"|themes|kinds?|sorts?|types?|newest|latest|recent|oldest)\b|^(?:who|when|where)\b"
)
# What is asked, the field that tells it, and what answers it; the first that fits.
_ANSWERS: tuple[tuple[str, str, Callable[[_Facts, str], CollectionAnswer]], ...] = (
    (rf"{_HOW_MANY}{_PAPERS}\b|\b(?:how (?:big|large)|size)\b.*\b{_PLACE}\b|^count\b", "", _count),
    (rf"{_HOW_MANY}authors\b", "authors", _count),
    (rf"{_HOW_MANY}venues\b", "venue", _count),
    (rf"{_NO_NOUN}.*\b(?:newest|latest|recent|oldest)\b", "year", _newest),
    (
        r"\b(?:authors|researchers|(?:frequent|prolific) author)\b|^who (?:wrote|published)\b",
        "authors",
        _most_frequent,
    ),
    (r"\b(?:venues|journals|conferences)\b|^where were\b", "venue", _most_frequent),
    (r"\b(?:which|what) years?\b|^when (?:were|are)\b", "year", _years_covered),
    (rf"\b(?:topics|subjects|areas|themes|(?:kinds?|sorts?|types?) of)\b|{_COVERS}", "title", _topics),
    (rf"^(?!(?:is|was|were|does|did|can|could|should|would|how|who|when|where)\b).*\b{_PAPERS}\b", "", _list),
)


def _text(text: str, bare: str | None = None) -> CollectionAnswer:
    return CollectionAnswer(text, Final("text", bare or text))


def _listing(head: str, papers: Sequence[Paper], rows: Rows) -> CollectionAnswer:
    """The titles of the papers at `rows`, as many as fit the text."""
    shown = tuple(papers[int(row)] for row in rows[:MOST_PAPERS])
    series = _series([f"{shorten(paper.title, 80)} ({paper.id})" for paper in shown], len(rows))
    ids = tuple(paper.id for paper in shown)
    return CollectionAnswer(f"{head}: {series or 'none'}.", Final("list", ";".join(ids), ids=ids), shown)


def _series(items: Sequence[str], count: int) -> str:
    """The first of `count` items, and how many more there are."""
    lengths = accumulate(len(item.split()) for item in items)
    shown = [item for item, length in zip(items, lengths, strict=True) if length <= _MOST_WORDS]
    return "; ".join(shown) + (f"; and {count - len(shown):,} more" if count > len(shown) else "")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else noun + 's'}"
