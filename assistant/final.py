"""The bare answer to a typed question: a number with its unit, yes or no, ids, or a few words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from assistant.placing import ARTICLES, MOST_WORDS, TOKEN, bare, ends_phrase, placed
from assistant.quantities import PERCENT, POINTS, TIMES, quantities
from assistant.quantity_fit import RankedQuantity
from assistant.question import Question
from assistant.records import Citation, Final
from assistant.terms import STOP_WORDS, stem, words

Label = Literal["yes", "no"]

_REPEATED = 2  # words of the question; a short sentence with fewer is all answer
_SIGNS = {PERCENT: "%", TIMES: "x", POINTS: " points"}
# "No.", "No, it …", "No It …" and "Yes LongGen …", but not "No gradient is needed", "No GPU is needed" or
# "No-one". Only a "Yes" ends in s.
_LABEL = re.compile(
    r"^\W*([Yy]es|[Nn]o|YES|NO)(?:\s*[,.:;!–—]+\s*|\s+-\s+|(?<=[sS])\s+(?=[A-Z])|[^\S\n]*\n\s*(?=[A-Z])"
    r"|\s+(?=(?:The|This|That|These|They|There|It|We|In|An?|According|Based|However|Instead)\s)|\W*$)"
)
_COPULA = re.compile(r"\b(?:is|are|was|were)\s")
_MOST_VERBS = 8  # of a sentence that are looked at; far more than any answer has before it
_TAKEN_UP = 0.6  # of the words before the verb that are the question's
_STANDS_FOR = re.compile(
    r"\b(?:stands? for|short for|refers? to|is an? (?:abbreviation|acronym) (?:of|for)|means?|defined as"
    r"|is called|are called|called|named|abbreviat\w+)\b",
    re.I,
)
# Words that lead to an answer, and with them all that no short answer begins or ends with.
_LEADING = frozenset(
    "use uses used using include includes called named refers refer stands short means based according"
    " namely".split()
)
_EDGES = STOP_WORDS | _LEADING | frozenset("across via within towards toward among onto".split())
_SIM = re.compile(r"\s?\\?sim\s?")  # "10 \sim 20" is LaTeX for a range
_TIMES_POWER = re.compile(r"\s?\\?(?:times|cdot)\s?(?=10)")
_SIGN_AT_END = re.compile(r"\s?(?:percent|%|times|×|-?fold|[xX])$")


def number_final(found: RankedQuantity, question: Question) -> Final:
    """The quantity in the unit it is written with; `value` is None for a range."""
    quantity = found.quantity
    number = _in_digits(found)
    unit: str | None = quantity.written.strip("\\$- ") or None
    asked = question.asked
    if not quantity.unit and asked and POINTS in asked.units and asked.exact:
        number, unit = f"{number}{_SIGNS[POINTS]}", "points"
    elif quantity.unit in (PERCENT, TIMES):
        unit = quantity.unit
        number = _SIGN_AT_END.sub("", number).strip() + _SIGNS[quantity.unit]
    elif unit and not number.endswith(unit):
        number = f"{number} {unit}"
    elif unit is None and asked and quantity.nouns and stem(quantity.nouns[0].rstrip("s")) in asked.nouns:
        unit = quantity.nouns[0]
    value = None if quantity.is_range else quantity.low / quantity.factor
    return Final("number", number, value=value, unit=unit)


def boolean_final(label: Label) -> Final:
    """Yes or no."""
    return Final("boolean", label, label=label)


def list_final(citations: Sequence[Citation]) -> Final:
    """The ids of the papers cited, in order of first use."""
    ids = tuple(dict.fromkeys(citation.paper_id for citation in citations))
    return Final("list", ";".join(ids), ids=ids)


def text_final(said: str, question: Question) -> Final:
    """What of a sentence is news to who asked.

    That is what stands where the question asks, or after the verb of a sentence that takes the question up,
    or else the longest run of words that the question does not have.

    >>> from assistant.question import understood
    >>> text_final("PoLMs stands for post-trained models.", understood("What does PoLMs mean?")).text
    'post-trained models'
    """
    asked = {stem(word) for word in words(question.text)}
    marked = _STANDS_FOR.search(said)
    explains = marked is not None and any(stem(word) in asked for word in words(said[: marked.start()]))
    repeated = sum(stem(word) in asked for word in words(said))
    if len(said.split()) <= MOST_WORDS and repeated < _REPEATED and not explains:
        return Final("text", bare(said))
    if stated := placed(said, question.bare) or _stated(said, asked):
        return Final("text", stated)
    tokens = list(TOKEN.finditer(said, marked.end() if marked else 0)) or list(TOKEN.finditer(said))
    runs = [trimmed for run in _runs(tokens, asked) if (trimmed := _trimmed(run))]
    if not runs:
        return Final("text", said)
    best = max(runs, key=lambda run: sum(not _is_common(token.group()) for token in run[:MOST_WORDS]))
    best = best[:MOST_WORDS]
    return Final("text", bare(said[best[0].start() : best[-1].end()]))


def _runs(tokens: Sequence[re.Match[str]], asked: set[str]) -> list[list[re.Match[str]]]:
    """The words between those of the question; a name is not torn, though the question has a word of it."""
    runs: list[list[re.Match[str]]] = [[]]
    for n, token in enumerate(tokens):
        own = words(token.group())
        around = tokens[n - 1 : n + 2] if n else []
        is_inside = bool(runs[-1]) and len(around) == 3 and all(one.group()[:1].isupper() for one in around)
        if own and all(stem(word) in asked or word in _LEADING for word in own) and not is_inside:
            runs.append([])
        else:
            runs[-1].append(token)
            if ends_phrase(token.group()):
                runs.append([])
    return runs


def _stated(said: str, asked: set[str]) -> str | None:
    """What follows the verb of a sentence that takes up the question: "The bottleneck is X" gives X."""
    for verb in islice(_COPULA.finditer(said), _MOST_VERBS):
        before = [stem(word) for word in words(said[: verb.start()]) if word not in STOP_WORDS]
        if not before or sum(word in asked for word in before) < _TAKEN_UP * len(before):
            continue
        tokens = list(TOKEN.finditer(said, verb.end()))
        end = next(
            (n for n, token in enumerate(tokens, 1) if re.search(r"[;:]$|\.$", token.group())), len(tokens)
        )
        rest = tokens[:end]
        while rest and rest[0].group().casefold() in ARTICLES | _LEADING:
            rest = rest[1:]
        if 0 < len(rest) <= MOST_WORDS:
            return bare(said[rest[0].start() : rest[-1].end()])
    return None


def label_of(text: str) -> Label | None:
    """`yes` or `no` where the text begins with it."""
    match = _LABEL.match(text)
    if not match:
        return None
    return "yes" if match[1].casefold() == "yes" else "no"


def without_label(text: str) -> str:
    """The text after a leading yes or no.

    >>> without_label("No, it needs none."), without_label("Yes."), without_label("Nobody knows.")
    ('it needs none.', '', 'Nobody knows.')
    """
    return _LABEL.sub("", text)


def unlabelled(text: str) -> str:
    """The text after a leading yes or no, as a sentence of its own.

    >>> unlabelled("No, it needs none."), unlabelled("Yes, vLLM does."), unlabelled("It does.")
    ('It needs none.', 'vLLM does.', 'It does.')
    """
    rest = without_label(text)
    first = rest.split(" ", 1)[0]
    return rest[:1].upper() + rest[1:] if first.islower() else rest


def _in_digits(found: RankedQuantity) -> str:
    """The number as it is written, without LaTeX's marks; in digits where it is spelt or written in part.

    Of "7, 13 and 70 billion" only the last is whole.
    """
    quantity = found.quantity
    text = _TIMES_POWER.sub("×", _SIM.sub("-", found.text)).replace("\\", "").replace("$", "")
    with_unit = bool(quantity.written) and found.text.endswith(quantity.written)
    is_whole = with_unit or any(quantity.same_value(alone) for alone in quantities(found.text))
    if is_whole and any(map(str.isdigit, text)):
        return re.sub(r"\s+", " ", text).removeprefix("+")
    ends = dict.fromkeys((quantity.low / quantity.factor, quantity.high / quantity.factor))
    return "-".join(f"{end:.15g}" for end in ends)


def _trimmed(run: list[re.Match[str]]) -> list[re.Match[str]]:
    telling = [place for place, token in enumerate(run) if not _is_common(token.group())]
    return run[telling[0] : telling[-1] + 1] if telling else []


def _is_common(token: str) -> bool:
    return all(word in _EDGES for word in words(token))
