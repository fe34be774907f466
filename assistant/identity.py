"""Which records are of one paper, and the one paper that they make.

Records are of one paper when they have the same DOI or the same arXiv id. Where no such key connects them
they are of one paper when their titles are the same, but for accents, case, punctuation and LaTeX, and
either their abstracts are similar, or the family names of their first authors are the same and their years
at most one apart. Titles that many papers have ("Editorial") connect nothing; nor does a title connect
records with two DOIs or two arXiv ids. The DOI that arXiv gives each of its papers (10.48550/arXiv.…)
counts as an arXiv id and not as a DOI, so that a preprint and its published version are one paper.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote

from assistant.records import Paper
from assistant.resemblance import containment, shingles

_SIMILAR = 0.5  # of the shorter abstract's runs of three words; unrelated abstracts share a hundredth

_DOI = re.compile(r"10\.\d{4,9}/\S*[^\s.,;)\]}>\"']")
_ARXIV_ID = r"(\d\d(?:0[1-9]|1[0-2])\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?!\w)"
_ARXIV_PLACE = r"\barxiv\.org/[a-z-]+/|\b10\.48550/arxiv\.|\barxiv\s*:\s*"
_ARXIV = re.compile(rf"(?:{_ARXIV_PLACE}){_ARXIV_ID}", re.I)
_ARXIV_FIELD = re.compile(rf"(?:{_ARXIV_PLACE}|^\s*){_ARXIV_ID}", re.I)
_SUBJECT_CLASS = re.compile(r"\.[a-z]{2}(?=/)")

_TAG = re.compile(r"</?[a-z][^<>]{0,40}>", re.I)
_FORMATTING = re.compile(r"\\(?:text|math|emph|bf|it|tt|sc|rm|sf|em|cal)[a-z]*(?![a-zA-Z])")
_GREEK = re.compile(r"[α-ω]")

_GENERIC = frozenset(
    """abstract abstracts acknowledgements acknowledgments addendum announcement announcements appendix
    authorindex authorsreply awards bookreview bookreviews calendar comment commentary comments
    conclusion conclusions contents contributors correction corrections correspondence corrigenda
    corrigendum cover demo demos discussion editorial editorialboard editorials editorsnote errata
    erratum foreword forum forums frontmatter fromtheeditor fromtheeditors guesteditorial inbrief index
    inmemoriam inthisissue introduction invitedtalk invitedtalks keynote keynotes letter letters
    lettertotheeditor masthead message na nan news none notes notitle null obituary opinion overview
    panel panels paper perspective plenaries plenarysession plenarysessions plenarytalk plenarytalks
    poster posters preface program proceedings programme publishersnote reply report response retracted
    retraction review reviews session specialissue specialsession specialsessions summary symposium
    tableofcontents title titlepage tutorial tutorials unknown untitled viewpoint welcome withdrawn
    workshop workshops""".split()
)
_AFTER_FAMILY = re.compile(r"(?:[A-Z]\.?-?){1,3}|[JS]r\.?")  # initials, as PubMed puts them
_PREPRINT = re.compile(r"\b(?:arxiv|corr|(?:bio|med|chem|psy)rxiv|preprints?|ssrn|research square)\b", re.I)


@dataclass(frozen=True, slots=True)
class Keys:
    """What a paper is recognised by; `title` is empty where many papers have it."""

    doi: str | None
    arxiv_id: str | None
    title: str


@lru_cache(maxsize=1024)
def keys(paper: Paper) -> Keys:
    """The keys of a paper; its arXiv id may stand in its URL or DOI alone."""
    title = title_key(paper.title)
    generic = re.sub(r"\d", "", title) in _GENERIC | {""}
    return Keys(_doi(paper), _arxiv_id(paper), "" if generic else title)


def doi_key(text: str) -> str | None:
    """The DOI in a text, as it compares; None for arXiv's own, which name preprints.

    >>> doi_key("https://doi.org/10.1145/ABC.12"), doi_key("doi: 10.1145/abc.12.")
    ('10.1145/abc.12', '10.1145/abc.12')
    >>> doi_key("10.48550/arXiv.2101.00001"), doi_key("n/a")
    (None, None)
    """
    found = _DOI.search(unquote(text))
    return None if found is None or _ARXIV.match(found.group()) else found.group().casefold()


def arxiv_key(text: str, place: re.Pattern[str] = _ARXIV_FIELD) -> str | None:
    """The arXiv id in a field that holds one, an arXiv URL or DOI; without version and subject class.

    >>> arxiv_key("arXiv:2101.00001v2 [cs.CL]"), arxiv_key("https://arxiv.org/pdf/2101.00001v1.pdf")
    ('2101.00001', '2101.00001')
    >>> arxiv_key("math.GT/0309136"), arxiv_key("10.48550/arXiv.hep-th/9901001"), arxiv_key("hal-0123")
    ('math/0309136', 'hep-th/9901001', None)
    """
    found = place.search(text)
    return _SUBJECT_CLASS.sub("", found.group(1).casefold()) if found else None


def title_key(title: str) -> str:
    r"""The letters and digits of a title; without accents, case, HTML tags and LaTeX.

    >>> title_key(r"On the {\'E}tude of \emph{$\alpha$-Trees}"), title_key("On the Étude of α Trees")
    ('ontheetudeofalphatrees', 'ontheetudeofalphatrees')
    """
    bare = _FORMATTING.sub("", _TAG.sub("", html.unescape(title)))
    letters = unicodedata.normalize("NFKD", bare.casefold())
    return "".join(filter(str.isalnum, _GREEK.sub(_spelled, letters)))


def same(one: Paper, other: Paper) -> str | None:
    """What makes two records one paper, in words; None if nothing does."""
    mine, others = keys(one), keys(other)
    if mine.doi and mine.doi == others.doi:
        return f"DOI {mine.doi}"
    if mine.arxiv_id and mine.arxiv_id == others.arxiv_id:
        return f"arXiv {mine.arxiv_id}"
    if not mine.title or mine.title != others.title or _apart(mine, others):
        return None
    if similar(one.abstract, other.abstract):
        return "the same title, a similar abstract"
    if _written_by_one(one, other):
        return "the same title, first author and year"
    return None


def similar(abstract: str, other: str) -> bool:
    """Whether most of the shorter abstract stands in the longer one."""
    return containment(shingles(abstract), shingles(other)) >= _SIMILAR


def merged(records: Sequence[Paper]) -> Paper:
    """One paper of several records of it, the richest of each field; of equals, the first record's.

    The id is the first record's. Title, venue, year and URL are those of published records before preprints';
    the abstract is the longest; the authors are the longest list, of equal ones that with most letters, which
    has the full names; the DOI is the publisher's before arXiv's; DOI and arXiv id are kept though they
    stand in a URL only. `extra` has the values of all.
    """
    if len(records) == 1:
        return records[0]
    ranked = sorted(records, key=_is_preprint)
    given = [paper.doi for paper in ranked if paper.doi]
    dois = [*filter(doi_key, given), *map(_doi, ranked), *given]
    arxiv_ids = [*(paper.arxiv_id for paper in ranked), *map(_arxiv_id, ranked)]
    return Paper(
        id=records[0].id,
        title=next((paper.title for paper in ranked if keys(paper).title), ranked[0].title),
        abstract=max((paper.abstract for paper in records), key=len),
        authors=max((paper.authors for paper in records), key=_fullness),
        year=next((paper.year for paper in ranked if paper.year), None),
        venue=next((paper.venue for paper in ranked if paper.venue), None),
        doi=next(filter(None, dois), None),
        arxiv_id=next(filter(None, arxiv_ids), None),
        url=next((paper.url for paper in ranked if paper.url), None),
        extra={name: value for paper in reversed(ranked) for name, value in paper.extra.items()},
    )


def filled(paper: Paper, older: Paper) -> Paper:
    """The paper, with what it lacks taken from an older version of it, whose id it keeps."""
    return replace(
        paper,
        id=older.id,
        title=paper.title or older.title,
        authors=paper.authors or older.authors,
        year=paper.year or older.year,
        venue=paper.venue or older.venue,
        doi=paper.doi or older.doi,
        arxiv_id=paper.arxiv_id or older.arxiv_id,
        url=paper.url or older.url,
        extra={**older.extra, **paper.extra},
    )


def _doi(paper: Paper) -> str | None:
    url = paper.url or ""
    return doi_key(paper.doi or "") or (doi_key(url) if "doi.org/" in url else None)


def _arxiv_id(paper: Paper) -> str | None:
    elsewhere = (arxiv_key(text, _ARXIV) for text in (paper.doi, paper.url) if text)
    return arxiv_key(paper.arxiv_id or "") or next(filter(None, elsewhere), None)


def _spelled(letter: re.Match[str]) -> str:
    return unicodedata.name(letter.group()).split()[-1].casefold()


def _apart(mine: Keys, others: Keys) -> bool:
    """Whether two papers of one title have keys that tell them apart."""
    by_doi = mine.doi and others.doi and mine.doi != others.doi
    by_arxiv = mine.arxiv_id and others.arxiv_id and mine.arxiv_id != others.arxiv_id
    return bool(by_doi or by_arxiv)


def _written_by_one(one: Paper, other: Paper) -> bool:
    if not (one.authors and other.authors and one.year and other.year) or abs(one.year - other.year) > 1:
        return False
    return _family_name(one.authors[0]) == _family_name(other.authors[0]) != ""


def _family_name(author: str) -> str:
    """The family name of "Ada Lovelace", "Lovelace, Ada" and "Lovelace A", as it compares.

    >>> [_family_name(name) for name in ("Ada Lovelace", "LOVELACE, Ada", "Lovelace AB", "J. von Neumann")]
    ['lovelace', 'lovelace', 'lovelace', 'neumann']
    """
    family, comma, _ = author.partition(",")
    parts = family.split()
    if not comma and len(parts) > 1 and _AFTER_FAMILY.fullmatch(parts[-1]) and not author.isupper():
        parts.pop()
    return title_key(parts[-1]) if parts else ""


def _is_preprint(paper: Paper) -> bool:
    return not _doi(paper) and (not paper.venue or bool(_PREPRINT.search(paper.venue)))


def _fullness(authors: Sequence[str]) -> tuple[int, int]:
    return len(authors), sum(map(str.isalpha, "".join(authors)))
