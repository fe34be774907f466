"""Numbers with their units, as papers write them, and when two of them say the same.

The usual normaliser of question answering takes 92.3 % for 9.23 and 1.5B for 15B, so numbers have a matcher
of their own. It shares nothing with the system under test.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from eval.records import FinalAnswer, GoldValue

# Units of one class measure the same thing; the factor leads to the class's base unit.
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("%", "percent", "per cent"), ("percent", 1.0)),
    **dict.fromkeys(("pp", "point", "points", "percentage point", "percentage points"), ("points", 1.0)),
    **dict.fromkeys(("x", "times", "fold", "-fold"), ("times", 1.0)),
    **dict.fromkeys(("second", "seconds", "s", "sec"), ("time", 1.0)),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), ("time", 1e-3)),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), ("time", 60.0)),
    **dict.fromkeys(("hour", "hours", "h", "hr", "hrs"), ("time", 3600.0)),
    **dict.fromkeys(("day", "days"), ("time", 86_400.0)),
    **dict.fromkeys(("week", "weeks"), ("time", 604_800.0)),
    **dict.fromkeys(("month", "months"), ("months", 1.0)),
    **dict.fromkeys(("year", "years"), ("months", 12.0)),
    **dict.fromkeys(("kb",), ("bytes", 1e3)),
    **dict.fromkeys(("mb",), ("bytes", 1e6)),
    **dict.fromkeys(("gb", "g memory"), ("bytes", 1e9)),
    **dict.fromkeys(("tb",), ("bytes", 1e12)),
}
_MAGNITUDES = {
    **dict.fromkeys(("k", "thousand"), 1e3),
    **dict.fromkeys(("m", "million"), 1e6),
    **dict.fromkeys(("b", "bn", "billion"), 1e9),
    **dict.fromkeys(("t", "trillion"), 1e12),
}
_WORDS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
} | {"half": 0.5, "twice": 2, "double": 2, "doubles": 2, "doubled": 2, "triple": 3}
_STRICT = frozenset({"percent", "points", "times"})  # classes whose unit may not be left out

_PLAIN = r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+]?\.\d+"
_SCALED = (
    rf"(?P<mantissa>{_PLAIN})\s*(?:x|\*|\\times)\s*10\s*\^?\s*\{{?(?P<power>[-+]?\d+)\}}?"
    r"|10\s*\^\s*\{?(?P<bare_power>[-+]?\d+)\}?"
    rf"|(?P<e>{_PLAIN})[eE](?P<e_power>[-+]?\d+)"
)
_MAGNITUDE = r"(?:(?:thousand|million|billion|trillion)\b|bn\b|[kKMBT]\b(?!B))"
_UNIT = r"(?:%|percentage points?\b|percent\b|per cent\b|-?fold\b|x\b|[A-Za-z]+\b)"
# What follows the lower end of a range follows its upper end too: "2.4x to 2.9x", "1 hour to 2 hours".
_REPEATED = (
    rf"\s*(?P<repeated>{_MAGNITUDE}(?:\s*{_UNIT})?|{_UNIT})"
    rf"(?=\s*(?:-|to|and)\s*(?:{_PLAIN})\s*(?P=repeated)s?(?!\w))"
)
_QUANTITY = re.compile(
    rf"(?<![\w.])(?:{_SCALED}|(?P<low>{_PLAIN})(?:(?:{_REPEATED})?\s*(?:-|to|and)\s*(?P<high>{_PLAIN}))?)"
    rf"\s*(?P<magnitude>{_MAGNITUDE})?"
    rf"\s*(?P<unit>{_UNIT})?"
)
_WORD = re.compile(rf"\b({'|'.join(_WORDS)})\b(?:\s*(?P<unit>-?[a-z]+))?", re.I)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or range in its class's base unit; `unit` is "" for a bare count, else class or noun."""

    low: float
    high: float
    unit: str
    decimals: int

    @property
    def is_range(self) -> bool:
        """Whether it has two different ends."""
        return self.low != self.high


def plain(text: str) -> str:
    """NFKC, one kind of minus and dash, LaTeX's escapes and dollar signs removed."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub("[−–—‐‑]", "-", text).replace("×", "x")
    text = re.sub(r"\\times\b", " x ", text)
    return re.sub(r"\\(?=[%$&#_])|\$", "", text)


def quantities(text: str) -> Iterator[Quantity]:
    """Every quantity written in `text`, in order; two numbers that "and" joins are read as a range.

    >>> [(q.low, q.unit) for q in quantities("92.3\\\\% in 12 h, 1.5B parameters")]
    [(92.3, 'percent'), (43200.0, 'time'), (1500000000.0, 'parameters')]
    """
    text = plain(text)
    found = [(match.start(), _quantity(match)) for match in _QUANTITY.finditer(text)]
    found += [(match.start(), _spelt(match)) for match in _WORD.finditer(text)]
    yield from (quantity for _, quantity in sorted(found, key=lambda pair: pair[0]))


def matches(answer: FinalAnswer, gold: GoldValue) -> bool:
    """Whether the answer's final value says what the gold value says, unit included."""
    said = _said(answer)
    if said is None:
        return False
    accepted = (_gold(gold), *_parsed(gold.equiv), *_parsed(gold.aliases))
    return any(_same(said, wanted, gold) for wanted in accepted if wanted)


def is_distractor(answer: FinalAnswer, gold: GoldValue) -> bool:
    """Whether the answer gives one of the gold's listed wrong values."""
    said = _said(answer)
    wanted = _gold(gold)
    if said is None or matches(answer, gold):
        return False
    factor = _unit_of(gold.unit or "")[1] if wanted and said.unit == wanted.unit else 1.0
    return any(said.low in (wrong, wrong * factor) for wrong in gold.wrong_values)


def _said(answer: FinalAnswer) -> Quantity | None:
    """The first quantity of the final's text, in digits if any is; a bare value where the text has none.

    A final answer is one quantity, so "and" joins a range in it only after "between".
    """
    text = plain(answer.text)
    if "between" not in text:
        text = re.sub(r"\s+and\s+(?=[-+.\d])", " ; ", text)
    in_digits = next(map(_quantity, _QUANTITY.finditer(text)), None)
    first = in_digits or next(map(_spelt, _WORD.finditer(text)), None)
    if first or answer.value is None:
        return first
    unit, factor = _unit_of(answer.unit or "")
    return Quantity(answer.value * factor, answer.value * factor, unit, 6)


def _gold(gold: GoldValue) -> Quantity | None:
    unit, factor = _unit_of(gold.unit or "")
    if gold.low is not None and gold.high is not None:
        return Quantity(gold.low * factor, gold.high * factor, unit, 0)
    if gold.value is None:
        return None
    return Quantity(gold.value * factor, gold.value * factor, unit, _decimals(repr(gold.value)))


def _parsed(texts: tuple[str, ...]) -> Iterator[Quantity]:
    for text in texts:
        yield from list(quantities(text))[:1]


def _same(said: Quantity, wanted: Quantity, gold: GoldValue) -> bool:
    if not _same_unit(said.unit, wanted.unit, gold):
        return False
    if said.is_range != wanted.is_range:
        return False
    if said.unit == "":
        wanted = _in_the_unit_asked_for(wanted, gold)
    ends = ((said.low, wanted.low), (said.high, wanted.high))
    return all(_close(*pair, said, wanted, gold) for pair in ends)


def _in_the_unit_asked_for(wanted: Quantity, gold: GoldValue) -> Quantity:
    """`wanted` in the gold's unit, which a bare number is in: 16 for 57,600 seconds and "hours"."""
    unit, factor = _unit_of(gold.unit or "")
    if unit != wanted.unit:
        return wanted
    return replace(wanted, low=wanted.low / factor, high=wanted.high / factor)


def _same_unit(said: str, wanted: str, gold: GoldValue) -> bool:
    if said == wanted:
        return True
    if said == "":
        return gold.unit_optional or wanted not in _STRICT | {"time", "bytes", "months"}
    measured = {unit for unit, _ in _UNITS.values()}
    return said not in measured and wanted not in measured  # nouns: counted things under other names


def _close(said: float, wanted: float, quantity: Quantity, gold_quantity: Quantity, gold: GoldValue) -> bool:
    tolerance = max(gold.abs_tol, gold.rel_tol * abs(wanted), 1e-9 * abs(wanted))
    if abs(said - wanted) <= tolerance:
        return True
    one_digit_dropped = quantity.decimals == gold_quantity.decimals - 1
    if not (gold.allow_rounding and one_digit_dropped and said * wanted > 0):
        return False
    return abs(said - wanted) <= 0.5 * 10.0**-quantity.decimals + 1e-12


def _quantity(match: re.Match[str]) -> Quantity:
    unit, factor = _unit_of(match["unit"] or "")
    factor *= _MAGNITUDES.get((match["magnitude"] or "").casefold(), 1.0)
    if match["mantissa"] or match["bare_power"] or match["e"]:
        mantissa = _number(match["mantissa"] or match["e"] or "1")
        power = int(match["power"] or match["bare_power"] or match["e_power"])
        value = float(f"{mantissa!r}e{power}") * factor
        return Quantity(value, value, unit, 6)
    low = _number(match["low"]) * factor
    high = _number(match["high"]) * factor if match["high"] else low
    return Quantity(low, high, unit, _decimals(match["low"]))


def _spelt(match: re.Match[str]) -> Quantity:
    unit, factor = _unit_of(match["unit"] or "")
    value = _WORDS[match[1].casefold()] * factor
    return Quantity(value, value, unit, 0)


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _decimals(text: str) -> int:
    fraction = text.partition(".")[2]
    return 0 if fraction in ("", "0") else len(fraction)


def _unit_of(text: str) -> tuple[str, float]:
    name = plain(text).strip().casefold()
    if name in _UNITS:
        return _UNITS[name]
    return ("" if name in _FILLERS else name), 1.0


_FILLERS = frozenset(
    "in on of to at by for and or the a an with than over more less compared from is are".split()
)
