"""The terms of a text: what lexical search indexes and lexical support compares."""

from __future__ import annotations

import re
import threading
from functools import lru_cache

import Stemmer

_WORD = re.compile(r"[^\W_]+(?:,\d{3}(?!\d)|\.\d+[^\W_]*)*")
_STEMMER = Stemmer.Stemmer("english")
_STEMMER_LOCK = threading.Lock()  # a PyStemmer object must not be shared by threads unguarded

# Words that carry the grammar of a question or a sentence, not its subject. Negations are not among them.
STOP_WORDS = frozenset(
    "a about above after again against all also am an and any are as at be because been before being "
    "below between both but by can could did do does doing during each few for from further had has have "
    "having he her here hers him his how i if in into is it its itself just let me more most much my of "
    "off ok okay on once only or other our ours out over own same she should so some such than that the "
    "their theirs them then there these they this those through to too under until up upon us very was we "
    "were what when where which while who whom why will with would you your s t".split()
)


def words(text: str) -> list[str]:
    """The words of `text`, case-folded; decimals stay whole, thousands lose commas, hyphens separate.

    >>> words("KV-cache memory: 5.75x less, by LongGen_2!")
    ['kv', 'cache', 'memory', '5.75x', 'less', 'by', 'longgen', '2']
    """
    return [word.replace(",", "") for word in _WORD.findall(text.casefold())]


def terms(text: str) -> list[str]:
    """The stems of the words of `text`, stop words left out.

    >>> terms("What reduces the memory of caches?")
    ['reduc', 'memori', 'cach']
    """
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of one case-folded word (Porter2, the Snowball project's English stemmer)."""
    with _STEMMER_LOCK:
        return str(_STEMMER.stemWord(word))
