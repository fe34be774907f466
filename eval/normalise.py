"""The scorer's own view of text: quotes, words, sentences, content stems, names.

Nothing here is shared with the system under test: a fault in its text handling must not hide itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import Stemmer

_STRAIGHT = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "\u00ad": None}
)
_DASH = re.compile("[‐‑‒–—―−]")
# A minus sign, decimals and a percent sign belong to their number; a hyphen between words is a space.
_WORD = re.compile(r"(?:(?<![\w.%])-)?\d+(?:\.\d+)*%|(?:(?<![\w.%])-)?\d+(?:\.\d+)+|(?<![\w.%])-\d+|\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|etc|vs|cf|resp|approx|fig|eq|sec|no|dr|st)|\b[A-Z])\.$", re.I
)
_NAME = re.compile(r"(?<![A-Za-z0-9])(?<!\d\.)(?=\d*[A-Za-z])[A-Za-z0-9]+(?:[-/][A-Za-z0-9]+)*")
_NUMBER_WITH_UNIT = re.compile(r"\d+(?:[A-Za-z]{1,2}|[a-z]+)|[KMGT]B")
_STEMMER = Stemmer.Stemmer("english")
_CACHED = 16_384  # the same abstracts are read for every claim that cites them
STOP_WORDS = frozenset(
    "a about above after again all also although an and any are as at be because been before being"
    " between both but by can could did do does doing due during each either etc few for from further"
    " had has have having he her here hers him his how however i if in into is it its itself just may"
    " might more most much must of off on once only or other our ours out over own per rather s same she"
    " should since so some such than that the their them then there therefore these they this those"
    " through thus to too under until up upon us very via was we were what when where whether which"
    " while who whom whose why will with within would you your according abstract abstracts paper papers"
    " author authors".split()
)


def norm(text: str) -> str:
    """Text as quotes are compared: NFKC, straight quotes, plain dashes, single spaces; case kept.

    >>> norm("“low–rank” ﬁne\\u00adtuning")
    '"low-rank" finetuning'
    """
    return " ".join(_DASH.sub("-", unicodedata.normalize("NFKC", text).translate(_STRAIGHT)).split())


@lru_cache(maxsize=_CACHED)
def words(text: str) -> tuple[str, ...]:
    """Words as answers are compared: case folded, hyphens as spaces, decimals and signs kept.

    >>> words("A 2,048-GPU run isn't -0.2 % or 92.3\\\\%")
    ('a', '2048', 'gpu', 'run', 'is', 'not', '-0.2%', 'or', '92.3%')
    """
    text = norm(text).casefold()
    text = re.sub(r"\\(?=[%$&#_])|\$|(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"n't\b", " not", re.sub(r"(?<=\d)\s+%", "%", text))
    return tuple(_WORD.findall(re.sub(r"'s\b", "", text)))


@lru_cache(maxsize=_CACHED)
def sentences(text: str) -> tuple[str, ...]:
    """Split text into sentences, at line ends too; an abbreviation's full stop ends none.

    >>> sentences("It works, e.g. On BEIR. See Fig. 2!")
    ('It works, e.g. On BEIR.', 'See Fig. 2!')
    """
    return tuple(found for line in text.splitlines() for found in _of_line(norm(line)) if found)


def _of_line(line: str) -> Iterator[str]:
    start = 0
    for match in _SENTENCE_END.finditer(line):
        if not _ABBREVIATION.search(line[start : match.start()]):
            yield line[start : match.end()].strip()
            start = match.end()
    yield line[start:].strip()


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The Snowball stem of one word."""
    return str(_STEMMER.stemWord(word))


def stems(text: str) -> tuple[str, ...]:
    """The stems of the content words in order; numbers are left to the number matcher."""
    return tuple(
        stem(word) for word in words(text) if word not in STOP_WORDS and word[-1] not in "0123456789%"
    )


def names(text: str) -> tuple[str, ...]:
    """Acronyms, CamelCase, words with digits, and words capitalised within a sentence.

    >>> names("Here LongGen on A100 beats the KV cache of Llama.")
    ('LongGen', 'A100', 'KV', 'Llama')
    """
    return tuple(name for sentence in sentences(text) for name in _names_of(sentence))


def _names_of(sentence: str) -> Iterator[str]:
    for match in _NAME.finditer(sentence):
        name = match[0]
        if _NUMBER_WITH_UNIT.fullmatch(name):
            continue
        first = not any(character.isalnum() for character in sentence[: match.start()])
        marked = any(character.isupper() for character in name[1:]) or any(map(str.isdigit, name))
        if marked or (
            name[0].isupper() and not first and name.casefold() not in STOP_WORDS and len(name) > 1
        ):
            yield name
