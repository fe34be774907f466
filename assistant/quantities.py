"""Numbers with their units, as abstracts write them: what is counted, measured or compared, and where.

"3.09times", "+5.3\\%", "$5.18\\times$", "2.4-2.9x", "from 4K to 128K", "1.7/1.9 times", "two": each becomes
a Quantity in its class's base unit. Digits inside names (GPT-4, INT8, S^{2}FT, 3D) and list marks are none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

PERCENT, POINTS, TIMES, DURATION, BYTES = "%", "points", "x", "time", "bytes"

# A unit by its key (see `_key`), its class, and the factor to the class's base unit (%, points, x, s, bytes).
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("%", "percent"), (PERCENT, 1.0)),
    **dict.fromkeys(("%point", "%points", "percentagepoint", "percentagepoints"), (POINTS, 1.0)),
    **dict.fromkeys(("point", "points", "pp"), (POINTS, 1.0)),
    **dict.fromkeys(("x", "×", "times", "fold"), (TIMES, 1.0)),
    **dict.fromkeys(("µs", "μs"), (DURATION, 1e-6)),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), (DURATION, 1e-3)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (DURATION, 1.0)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), (DURATION, 60.0)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), (DURATION, 3600.0)),
    **dict.fromkeys(("day", "days"), (DURATION, 86_400.0)),
    **dict.fromkeys(("week", "weeks"), (DURATION, 604_800.0)),
    **dict.fromkeys(("month", "months"), (DURATION, 2_629_800.0)),
    **dict.fromkeys(("year", "years"), (DURATION, 31_557_600.0)),
    **dict.fromkeys(("byte", "bytes"), (BYTES, 1.0)),
    **dict.fromkeys(("kb", "kilobyte", "kilobytes"), (BYTES, 1e3)),
    **dict.fromkeys(("mb", "megabyte", "megabytes"), (BYTES, 1e6)),
    **dict.fromkeys(("g", "gb", "gigabyte", "gigabytes"), (BYTES, 1e9)),
    **dict.fromkeys(("tb", "terabyte", "terabytes"), (BYTES, 1e12)),
}
_MAGNITUDES = {"k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12}
_MAGNITUDES |= {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_SPELT = {
    word: float(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
        " sixteen seventeen eighteen nineteen twenty".split()
    )
} | {"half": 0.5, "twice": 2.0, "double": 2.0, "doubles": 2.0, "doubling": 2.0, "triple": 3.0}
_FACTORS = frozenset("twice double doubles doubling triple".split())
_FILLERS = frozenset("in on of to at by for and or the a an with than over from is are was as while".split())

_NUMBER = r"(?:(?<![-–])[-+−])?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
_POWER = r"10\^?\{?(?P<power>[-+−]?\d{1,3})\}?"
_MAGNITUDE = (
    r"[\s-]?(?:hundred|thousand|million|billion|trillion|bn)\b|[kKMB](?![A-Za-z0-9])"
    r"|\s?[KMBT](?=\s?(?:tokens|param))"
)
_UNIT = (
    r"\s?\\?%(?:[\s-]points?\b)?|[\s-]?per[\s-]?cent(?:age[\s-]points?)?\b|\s?pp\b|[\s-]points?\b"
    r"|\s?\$?\s?\\times\$?(?!\$?\s?\d)|\s?×(?!\s?\d)|\s?[xX](?![A-Za-z0-9]|\s\d)|\s?-?fold\b|\s?times\b"
    r"|\s?[mµμ]s\b|(?<![12]\d\d0)\s?[sh]\b(?!-)"
    r"|[\s-](?:(?:milli)?seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)\b"
    r"|\s?[kKMGT]B\b|G(?=\s(?:GPU\s)?(?:memory|V?RAM)\b)|[\s-](?:kilo|mega|giga|tera)?bytes?\b|p\b"
)
_IN_DIGITS = re.compile(
    r"(?:(?<![\w.^@])|(?<=\bsim))(?<![\^_]\{)(?<!\d,)"  # "sim2%" is LaTeX's "\sim" without its backslash
    rf"(?:10\^\{{?(?P<ten>[-+−]?\d{{1,3}})\}}?|(?P<number>{_NUMBER})"
    rf"(?:[eE](?P<e>[-+]?\d{{1,3}})|\s?(?:x|×|\*|·|\\times|\\cdot)\s?{_POWER})?)"
    rf"(?P<magnitude>{_MAGNITUDE})?(?P<unit>{_UNIT})?"
)
_IN_WORDS = re.compile(
    rf"\b(?P<number>{'|'.join(_SPELT)})(?:\b|(?=fold\b))(?P<magnitude>{_MAGNITUDE})?(?P<unit>{_UNIT})?", re.I
)
_INSIDE_NAME = re.compile(r"(?:[\w)\]}]|[\^_]\{?)[-−–_/+]$")  # Llama-2-7B, S^{-1}
_GOES_ON = re.compile(r"[A-Za-z_^{@]|\.\d")  # 3DGS, 1.5.2
# [38], [1, 2], (1), and "1) " outside brackets.
_MARK = re.compile(
    r"\[\d{1,3}(?:(?:,\s?|[-–])\d{1,3})*\s?\]|\(\d{1,2}\)|(?<![^\s(])(?P<open>\d{1,2}\))(?=\s)"
)
_BRACKET_REACH = 200  # characters that a bracket's contents have at most
_NOUNS = re.compile(r"\$?[\s-]*((?:[A-Za-z][\w-]*\s){0,3}[A-Za-z][\w-]*)")
_NOUN_WORDS = 4

# What stands between two numbers, LaTeX's dollars and backslashes left out.
_RANGE = re.compile(r"\s?(?:-{1,3}|–|—|~|sim|to|and)\s?")
_SLASH = re.compile(r"\s?/\s?")
_ARROW = re.compile(r"\s?(?:rightarrow|→|-+>)\s?")
_VERSUS = re.compile(r".{0,8}\b(?:vs\.?|versus|compared (?:to|with))\s?(?:the\s)?")
_LIST = re.compile(r",\s?(?:(?:and|or)\s)?|\s(?:and|or|to|vs\.?|versus)\s")
_TO = re.compile(r"[^.;,]{0,30}\bto\s(?:\w+\s)?")
_FROM = re.compile(r"[^.;,]{0,30}\bfrom\s(?:\w+\s)?")
_LEADING = 24  # characters before a number that are looked at
_AFTER_COPULA = re.compile(r"\b(?:is|are|was|were)\s(?:\w+\s)?$", re.I)
_AFTER_FACTOR = re.compile(r"\bfactors? of\s(?:\w+\s)?\$?$")
_AFTER_FROM = re.compile(r"\bfrom\s(?:\w+\s)?$")
_AFTER_RANGING = re.compile(r"\b(?:rang(?:e|es|ed|ing) from|between)\s(?:\w+\s)?$")
_AFTER_TO = re.compile(r"\bto\s(?:\w+\s)?$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, or a range of two, written at `text[start:end]`.

    `unit` is a class of measured units (%, points, x, time, bytes) with `low` and `high` in its base unit,
    or "" for a count; `written` is the unit as it stands there, `nouns` the words that follow. `base` is a
    value that the text gives only to leave it: "from 37 to 24", "58.9 -> 61.7", "(90.7 vs. 88.5)".
    """

    start: int
    end: int
    low: float
    high: float
    unit: str = ""
    written: str = ""
    nouns: tuple[str, ...] = ()
    base: bool = False
    _magnitude: float = field(default=1.0, repr=False, compare=False)

    @property
    def is_range(self) -> bool:
        """Whether it has two different ends."""
        return self.low != self.high

    @property
    def factor(self) -> float:
        """What the unit as it is written was multiplied by to get to the base unit."""
        return _known(self.written)[1]

    def same_value(self, other: Quantity) -> bool:
        """Whether both say the same number, in units that do not contradict each other."""
        alike = all(
            abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-12)
            for a, b in ((self.low, other.low), (self.high, other.high))
        )
        return alike and (self.unit == other.unit or "" in (self.unit, other.unit))

    def same(self, other: Quantity) -> bool:
        """Whether both say the same number in the same unit, so that either bears the other out.

        A number that counts nothing may stand for one with its unit left out.

        >>> layers, share, percent = quantities("62 layers, 62%, and 62 percent")
        >>> layers.same(share), layers.same_value(share), share.same(percent)
        (False, True, True)
        """
        bare = not (self.unit or self.nouns) or not (other.unit or other.nouns)
        return self.same_value(other) and (bare or self.unit == other.unit)


@lru_cache(maxsize=16_384)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The quantities written in `text`, in order.

    >>> [(q.low, q.high, q.unit) for q in quantities("62\\\\% less in 12-24 h at 3.1times the cost of GPT-4")]
    [(62.0, 62.0, '%'), (43200.0, 86400.0, 'time'), (3.1, 3.1, 'x')]
    """
    found = sorted([*_in_digits(text), *_in_words(text)], key=lambda quantity: quantity.start)
    return tuple(_with_roles(text, _sharing_units(text, _joined(text, found))))


def unit_class(word: str) -> str | None:
    """The class of measured units that a word names, such as `time` for "hours"; None if it names none."""
    return _known(word)[0] or None


@lru_cache(maxsize=1024)
def _known(unit: str) -> tuple[str, float]:
    """The class and the factor of a unit as it is written."""
    return _UNITS.get(re.sub(r"[\s\\$-]+", "", unit).casefold(), ("", 1.0))


def _in_digits(text: str) -> Iterator[Quantity]:
    marks = set(_list_marks(text))
    taken = -1  # where the last quantity ended
    for match in _IN_DIGITS.finditer(text):
        start, end = match.span()
        if start in marks:
            continue
        if not (match["magnitude"] or match["unit"]) and _GOES_ON.match(text, end):
            continue
        if start - 1 != taken and _INSIDE_NAME.search(text[max(0, start - 3) : start]):
            continue
        power = match["ten"] or match["e"] or match["power"] or "0"
        value = float(f"{match['number'] or 1}e{power}".replace(",", "").replace("−", "-"))
        if math.isfinite(value):
            taken = end
            yield _quantity(text, match, value, match["unit"])


def _list_marks(text: str) -> Iterator[int]:
    """Where the numbers of list marks and of references start."""
    for match in _MARK.finditer(text):
        around = max(0, match.start() - _BRACKET_REACH), match.start()
        if match["open"] and text.count("(", *around) > text.count(")", *around):
            continue
        yield from (match.start() + number.start() for number in re.finditer(r"\d+", match.group()))


def _in_words(text: str) -> Iterator[Quantity]:
    for match in _IN_WORDS.finditer(text):
        word = match["number"].casefold()
        if "-" in (text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]):
            continue  # zero-shot, two-stage, multi-two
        if word == "one" and not (match["unit"] or match["magnitude"]):
            continue  # a word more often than a number
        if match.group().casefold() == "twofold" and _AFTER_COPULA.search(_leading(text, match.start())):
            continue  # "our contributions are twofold": of two kinds
        if not (match["number"].islower() or match["number"].istitle()):
            continue  # a name: ZeRO
        yield _quantity(text, match, _SPELT[word], match["unit"] or (TIMES if word in _FACTORS else ""))


def _quantity(text: str, match: re.Match[str], value: float, unit: str | None) -> Quantity:
    magnitude = _MAGNITUDES.get((match["magnitude"] or "").strip(" -").casefold(), 1.0)
    is_factor = not unit and _AFTER_FACTOR.search(_leading(text, match.start()))
    written = TIMES if is_factor else (unit or "").strip()
    kind, factor = _known(written)
    following = _NOUNS.match(text, match.end())
    nouns: list[str] = []
    for word in re.split(r"[\s-]+", following[1].casefold())[:_NOUN_WORDS] if following else ():
        if word in _FILLERS:
            break
        nouns.append(word)
    value *= magnitude * factor
    return Quantity(
        match.start(), match.end(), value, value, kind, written, tuple(nouns), _magnitude=magnitude
    )


def _between(text: str, first: Quantity, second: Quantity) -> str:
    return text[first.end : second.start].replace("$", "").replace("\\", "")


def _before(text: str, quantity: Quantity) -> str:
    return _leading(text, quantity.start).rstrip("$")


def _leading(text: str, start: int) -> str:
    return text[max(0, start - _LEADING) : start]


def _joined(text: str, found: list[Quantity]) -> list[Quantity]:
    """Ranges and fractions made one quantity."""
    joined: list[Quantity] = []
    for quantity in found:
        previous = joined[-1] if joined else None
        whole = _as_one(text, previous, quantity) if previous and not previous.is_range else None
        if whole:
            joined[-1] = whole
        else:
            joined.append(quantity)
    return joined


def _as_one(text: str, first: Quantity, second: Quantity) -> Quantity | None:
    """Two numbers as one range or fraction, if they are one."""
    between = _between(text, first, second)
    if _SLASH.fullmatch(between):
        return _fraction(first, second)
    if not _RANGE.fullmatch(between) or first.unit not in ("", second.unit):
        return None
    before = _before(text, first)
    apart = between.strip() == "and" or (between.strip() == "to" and _AFTER_FROM.search(before))
    if apart and not _AFTER_RANGING.search(before):
        return None
    low = first.low if first.unit else _scaled(first, second)
    return replace(second, start=first.start, low=low) if low < second.low else None


def _fraction(first: Quantity, second: Quantity) -> Quantity | None:
    """1/3, 7/10 and 1/16, but not 8/16 GPUs or 1.7/1.9 times."""
    if first.unit or second.unit or first.low % 1 or second.low % 1 or not 0 < first.low < second.low:
        return None
    if first.low != 1 and second.low > 10:
        return None
    value = first.low / second.low
    return replace(second, start=first.start, low=value, high=value)


def _scaled(first: Quantity, second: Quantity) -> float:
    """The first number with the second's unit, and with its magnitude too unless that makes it the larger."""
    value = first.low * second.factor
    return value * second._magnitude if value * second._magnitude <= second.low else value


def _sharing_units(text: str, found: list[Quantity]) -> list[Quantity]:
    """What is written once for several numbers given to each: "4, 8 and 16 hours", "1.7/1.9 times"."""
    shared = found[-1:]
    for first in reversed(found[:-1]):
        second = shared[-1]
        between = _between(text, first, second)
        alone = not (first.unit or first.nouns or first.is_range or _is_year(first))
        counted = second.nouns or second._magnitude != 1
        alike = second.unit or (counted and not first.low % 1)  # not "an FID of 5.02 and 15.7M parameters"
        if alone and alike and any(form.fullmatch(between) for form in (_LIST, _SLASH, _ARROW)):
            value = _scaled(first, second)
            first = replace(second, start=first.start, end=first.end, low=value, high=value)
        shared.append(first)
    return shared[::-1]


def _is_year(quantity: Quantity) -> bool:
    return quantity._magnitude == 1 and 1900 <= quantity.low <= 2100


def _with_roles(text: str, found: list[Quantity]) -> Iterator[Quantity]:
    """Values that are only compared with, or left for another, marked as bases."""
    bases = set()
    for first, second in pairwise(found):
        between, before = _between(text, first, second), _before(text, first)
        if _ARROW.fullmatch(between) or (_TO.fullmatch(between) and _AFTER_FROM.search(before)):
            bases.add(first.start)
        elif _VERSUS.fullmatch(between) or (_FROM.fullmatch(between) and _AFTER_TO.search(before)):
            bases.add(second.start)
    for quantity in found:
        yield replace(quantity, base=True) if quantity.start in bases else quantity
