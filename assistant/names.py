"""Names in text: systems, models, data sets, acronyms, whatever stands out by its capitals or digits."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate

from assistant.terms import STOP_WORDS

# LongGen, vLLM, GPT-4, S^{2}FT, YOLOE-v8-S, Mixer-B/16, SmoothQuant+, BEIR, KV, 3DGS.
_PIECE = r"[A-Za-z0-9][\w^{}]*(?:[-/.+&][A-Za-z0-9^{}][\w^{}]*)*\+{0,2}"
_WORD = re.compile(rf"(?<![\w$\\/.])(?<!\w-){_PIECE}")  # not the parts of an address
# Two capitals, a capital inside a word, a digit after a letter. From the start, so that time is linear.
_MARKED = re.compile(r"[^A-Z]*[A-Z].*[A-Z]|.*[a-z0-9][A-Z]|[^A-Za-z]*[A-Za-z].*\d")
_QUANTITY = re.compile(
    r"(?:sim|times)?[\d.,/-]+(?:e[-+]?\d+|(?:x|times)\d+)?(?:[kmgbtx%]|times|fold|bit|th|st|nd|rd|ms|s|h|d|p)?"
    r"(?:-\w+)?|[\d.,/-]*[kmgt]b",
    re.I,
)
_COMPARED = re.compile(
    r"-(?:like|based|style|type|related|only|free|guided|aware|friendly|driven|enabled|trained)$"
)
_COMPOUND = re.compile(r"[A-Z][a-z]+(?:[-/][A-Za-z][a-z]*)+")  # "Next-token": capitals of a sentence's start
_TITLE_NAME = 3  # words before a title's colon, the names among which are the paper's own
_TITLE_PHRASE = 4  # words there that are a name together: "Dynamic Sparse Learning: …"
_MOST_LETTERS = 6  # of an acronym that is looked for in words
_TITLE_SUBJECT = re.compile(rf"({_PIECE}) (?:is|are|can|makes?|improves?|helps?)\b")  # "ModernBERT is …"
# What a paper calls its own: "we propose LongGen", "dubbed F3D-Gaus", "we introduce … Machines (RIM)".
_INTRODUCED = (
    r"\b(?:called|named|dubbed|coined(?: as)?|termed"
    r"|propos(?:e[sd]?|ing)|introduc(?:e[sd]?|ing)|present(?:s|ed|ing)?)\s"
)
_OWN = re.compile(rf"{_INTRODUCED}(?:an?\s|the\s)?[\"'“]?({_PIECE})")
_OWN_SHORT = re.compile(rf"{_INTRODUCED}(?!in\s)(?:(?!,\s(?:an?|the)\s)[^.;:()]){{3,100}}\(({_PIECE})\)")


@lru_cache(maxsize=16_384)
def names(text: str) -> tuple[str, ...]:
    """The names in `text`, in order, each once.

    >>> names("How does LongGen cut the KV cache of Llama-2-7B by 62% in 3D?")
    ('LongGen', 'KV', 'Llama-2-7B')
    """
    found = (_bare(match.group()) for match in _WORD.finditer(text))
    return tuple(dict.fromkeys(name for name in found if _is_name(name)))


@lru_cache(maxsize=16_384)
def normalised(name: str) -> str:
    """One spelling of a name: lower case, letters and digits only, so that S^{2}FT and S2FT are one.

    >>> normalised("S^{2}FT"), normalised("YOLOE-v8-S"), normalised("SmoothQuant+")
    ('s2ft', 'yoloev8s', 'smoothquant+')
    """
    return "".join(character for character in name.casefold() if character.isalnum() or character == "+")


@lru_cache(maxsize=16_384)
def normalised_names(text: str) -> frozenset[str]:
    """The names in `text`, in one spelling; a plural's s is dropped."""
    return frozenset(filter(None, (_singular(name) for name in names(text))))


def is_specific(name: str) -> bool:
    """Whether a name is of one thing: LLaVA-1.5 and LongGen are, the acronyms LLM and GPU are not.

    >>> [is_specific(name) for name in ("LLaVA-1.5", "LongGen", "LLMs", "BEIR")]
    [True, True, False, False]
    """
    return any(map(str.isdigit, name)) or not name.rstrip("s").isupper()


def mentions(text: str, name: str) -> bool:
    """Whether `text` has `name`, whatever its case, hyphens and brackets.

    >>> mentions("the yoloe v8 S detector", "YOLOE-v8-S"), mentions("YOLOE-v8-S", "YOLO")
    (True, False)
    """
    spelt, _ = _spelling(name)
    together, edges = _spelling(text)
    place = together.find(spelt) if spelt else -1
    while place >= 0:
        if place in edges and place + len(spelt) in edges:
            return True
        place = together.find(spelt, place + 1)
    return False


@lru_cache(maxsize=16_384)
def spells_out(text: str, name: str) -> bool:
    """Whether `text` has the words, side by side, that the letters of an acronym begin.

    >>> spells_out("Large language models are large.", "LLMs"), spells_out("It is robust.", "IR")
    (True, False)
    """
    letters = name.rstrip("s")
    if not (1 < len(letters) <= _MOST_LETTERS and letters.isalpha() and letters.isupper()):
        return False
    words = r"[\s-]+".join(rf"{letter}\w+" for letter in letters)
    found = (match[1] for match in re.finditer(rf"\b(?=({words}))", text, re.I))
    return any(STOP_WORDS.isdisjoint(re.split(r"[\s-]+", words.casefold())) for words in found)


@lru_cache(maxsize=16_384)
def own_names(title: str, abstract: str) -> frozenset[str]:
    """What a paper names as its own: before the title's colon, or where it introduces something."""
    before_colon = title.partition(":")[0] if ":" in title else ""
    length = len(before_colon.split())
    # A longer beginning is a phrase, its names what the paper is about: "Long-Context LLMs Meet RAG: …".
    found = set(normalised_names(before_colon)) if length <= _TITLE_NAME else set()
    if 0 < length <= 2 or (length <= _TITLE_PHRASE and _is_term(before_colon)):
        found.add(normalised(before_colon))
    if (first := _TITLE_SUBJECT.match(title)) and _is_name(first[1]) and is_specific(first[1]):
        found.add(normalised(first[1]))
    for form in (_OWN, _OWN_SHORT):
        found.update(_singular(match[1]) for match in form.finditer(abstract) if _is_name(match[1]))
    return frozenset(filter(None, found))


def _is_term(phrase: str) -> bool:
    """Whether every word of it has a capital and none is of grammar: "Dynamic Sparse Learning"."""
    found = phrase.split()
    return bool(found) and all(word[0].isupper() and word.casefold() not in STOP_WORDS for word in found)


def _is_name(word: str) -> bool:
    if not _MARKED.match(word) or _QUANTITY.fullmatch(word) or _COMPOUND.fullmatch(word):
        return False
    return word.casefold() not in STOP_WORDS


def _bare(word: str) -> str:
    """The name in a word: of LLM-based, LLM."""
    return _COMPARED.sub("", _without_stray_braces(word).rstrip(".-/&"))


def _without_stray_braces(word: str) -> str:
    return word if word.count("{") == word.count("}") else re.split("[{}]", word, maxsplit=1)[0]


def _singular(name: str) -> str:
    is_plural = len(name) > 2 and name.endswith("s") and (name[-2].isupper() or name[-2].isdigit())
    stripped = name[:-1] if is_plural else name
    return normalised(stripped)


@lru_cache(maxsize=4_096)
def _spelling(text: str) -> tuple[str, frozenset[int]]:
    """All words of `text` in one spelling, written together, and where one of them starts or ends."""
    pieces = [_singular(match.group()) for match in re.finditer(r"[\w^{}+]+", text)]
    return "".join(pieces), frozenset(accumulate(map(len, pieces), initial=0))
