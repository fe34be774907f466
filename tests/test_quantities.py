from __future__ import annotations

import pytest

from assistant.quantities import Quantity, quantities, unit_class

# What is written, and the values it has, in base units: %, points, x, seconds, bytes.
ONE: dict[str, tuple[str, float, str]] = {
    "percent": ("It falls by 62%.", 62, "%"),
    "percent after a space": ("It falls by 62 %.", 62, "%"),
    "percent in words": ("It reaches 92.30 percent.", 92.3, "%"),
    "percent in LaTeX": (r"It gains +5.3\% there.", 5.3, "%"),
    "percent in LaTeX's dollars": ("It saves $42.9\\%$ energy.", 42.9, "%"),
    "no leading zero": ("It falls by .5%.", 0.5, "%"),
    "percentage points": ("It gains 5.75 percentage points.", 5.75, "points"),
    "percentage-point": ("A 2-percentage-point gain.", 2, "points"),
    "% points": ("It gains 3.7% points.", 3.7, "points"),
    "pp": ("It gains 2.1 pp.", 2.1, "points"),
    "points": ("It gains 2.1 points.", 2.1, "points"),
    "a hyphen before the unit": ("A 3.5-point lead.", 3.5, "points"),
    "times": ("It is 3 times faster.", 3, "x"),
    "times without a space": ("It cuts latency by 3.09times for training.", 3.09, "x"),
    "times in LaTeX": (r"It is $5.18\times$ faster.", 5.18, "x"),
    "times in LaTeX, apart": (r"It is 5.18 $\times$ faster.", 5.18, "x"),
    "x": ("It is 1.4x faster.", 1.4, "x"),
    "capital X": ("It is 10X cheaper.", 10, "x"),
    "multiplication sign": ("It is 4 × faster.", 4, "x"),
    "fold": ("A 3-fold gain.", 3, "x"),
    "milliseconds": ("It takes 250 ms.", 0.25, "time"),
    "microseconds": ("It takes 50 µs.", 5e-5, "time"),
    "seconds": ("It takes 1.5s.", 1.5, "time"),
    "minutes": ("It takes 720 minutes.", 43_200, "time"),
    "hours": ("It takes 12 h.", 43_200, "time"),
    "hours without a space": ("It takes 12h.", 43_200, "time"),
    "days": ("A 2-day run.", 172_800, "time"),
    "kilobytes": ("It needs 5 KB.", 5_000, "bytes"),
    "gigabytes": ("It fits into 80GB.", 80e9, "bytes"),
    "gigabytes in words": ("It fits into 80 gigabytes.", 80e9, "bytes"),
    "gigabytes of memory": ("A GPU with 11G memory.", 11e9, "bytes"),
    "one byte": ("It sends one byte.", 1, "bytes"),
    "thousands": ("It reads 1,234,567.5 words.", 1_234_567.5, ""),
    "K": ("It reads 128K tokens.", 128_000, ""),
    "K with a hyphen": ("A 128K-long context.", 128_000, ""),
    "M": ("It has 1,500M weights.", 1.5e9, ""),
    "B": ("It has 1.5B weights.", 1.5e9, ""),
    "B after a space": ("It has 1.5 B params.", 1.5e9, ""),
    "T of tokens": ("It saw 2T tokens.", 2e12, ""),
    "billion": ("It has 1.5 billion weights.", 1.5e9, ""),
    "spelt magnitude and number": ("It has two hundred weights.", 200, ""),
    "minus": ("It changes by −0.2.", -0.2, ""),
    "hyphen for a minus": ("It changes by -0.2.", -0.2, ""),
    "e-notation": ("A rate of 1e-4.", 1e-4, ""),
    "power of ten": ("A rate of 10^{-4}.", 1e-4, ""),
    "power of ten, no brackets": ("It has 10^5 rows.", 100_000, ""),
    "times a power of ten": (r"A rate of $2\times10^{-4}$.", 2e-4, ""),
    "times a power of ten with x": ("A rate of 2 x 10^3.", 2_000, ""),
    "fraction": ("It keeps 2/3 of them.", 2 / 3, ""),
    "one of many": ("It keeps 1/16 of them.", 1 / 16, ""),
    "spelt number": ("It has two parts.", 2, ""),
    "spelt number at the start": ("Seven parts are kept.", 7, ""),
    "spelt number with a unit": ("It is three times faster.", 3, "x"),
    "spelt fold": ("A two-fold gain.", 2, "x"),
    "twice": ("It is twice as fast.", 2, "x"),
    "half": ("It keeps half of them.", 0.5, ""),
    "number in brackets": ("It is accurate (up to 62).", 62, ""),
    "equals sign": ("It is good (AUC=0.75).", 0.75, ""),
    "lines of video": ("It reaches 720p resolution.", 720, ""),
    "LaTeX's sim without its backslash": ("It adds (sim2%) of them.", 2, "%"),
}


@pytest.mark.parametrize(("text", "low", "unit"), ONE.values(), ids=ONE)
def test_quantity_is_in_its_base_unit(text: str, low: float, unit: str) -> None:
    [found] = quantities(text)
    assert found.low == pytest.approx(low, rel=1e-12)
    assert (found.unit, found.is_range) == (unit, False)


RANGES: dict[str, tuple[str, float, float, str]] = {
    "hyphen": ("It is 2.4-2.9x faster.", 2.4, 2.9, "x"),
    "dash": ("It saves 10–20 %.", 10, 20, "%"),
    "two hyphens": ("It saves 10--20%.", 10, 20, "%"),
    "tilde": ("It saves 10~20%.", 10, 20, "%"),
    "LaTeX's sim": (r"It saves $10 \sim 20\%$.", 10, 20, "%"),
    "to": ("It saves 10 to 20 %.", 10, 20, "%"),
    "both with the unit": ("It saves 10% to 20%.", 10, 20, "%"),
    "both with letters": ("It is 2x-3x faster.", 2, 3, "x"),
    "both with a magnitude": ("It has 4K-128K rows.", 4_000, 128_000, ""),
    "magnitude of both": ("It has 2 to 3 million rows.", 2e6, 3e6, ""),
    "magnitude of the second alone": ("It has 500-1K rows.", 500, 1_000, ""),
    "unit that makes both smaller": ("It takes 500-1,000 ms.", 0.5, 1.0, "time"),
    "unit that makes both larger": ("It takes 12-24 h.", 43_200, 86_400, "time"),
    "spelt": ("It takes two to three hours.", 7_200, 10_800, "time"),
    "between": ("It saves between 10 and 20%.", 10, 20, "%"),
    "ranging from": ("It is faster, ranging from 9x to 53x.", 9, 53, "x"),
    "e-notation": ("A rate of 2e-4 to 5e-4.", 2e-4, 5e-4, ""),
}


@pytest.mark.parametrize(("text", "low", "high", "unit"), RANGES.values(), ids=RANGES)
def test_range_is_one_quantity(text: str, low: float, high: float, unit: str) -> None:
    [found] = quantities(text)
    assert [found.low, found.high] == pytest.approx([low, high])
    assert (found.unit, found.is_range) == (unit, True)


NONE = {
    "version with a hyphen": "We run GPT-4 and GPT-3.5.",
    "version and size": "We run Llama-2-7B and LLaMA3.2-1B.",
    "bit widths": "We use INT8, FP16 and W4A8.",
    "LaTeX's superscript": "We run S^{2}FT and S$^{2}$FT.",
    "negative superscript": "We use x^{-1}.",
    "subscript": "We use T_2 and T_{1}.",
    "dimensions": "A 3D and a 2D scene, 3DGS too.",
    "cut-off": "We report nDCG@10 and pass@1.",
    "model of a card": "We use an A100-40GB.",
    "patch size": "We run ViT-B/16.",
    "size of an image": "We use 256x256 and 512times512.",
    "version of three parts": "We use v1.5.2 and 1.5.2.",
    "list marks": "We (1) prune and (2) tune.",
    "list marks with one bracket": "We 1) prune and 2) tune.",
    "reference": "As others do [38].",
    "references": "As others do [3, 12].",
    "ordinals": "The 1st, 2nd, 3rd and 4th.",
    "shots": "In zero-shot use.",
    "stages": "A two-stage method.",
    "spelt name": "We use ZeRO.",
    "one as a pronoun": "The first one is best, no one doubts.",
    "word with a number in it": "It is often done.",
    "decade": "Since the 1990s.",
    "address": "See https://example.org/2401.01 for it.",
    "too large to be a number": f"It is 1e999 or {'9' * 400}.",
    "nothing": "",
}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_digits_that_are_no_quantity(text: str) -> None:
    assert quantities(text) == ()


SEVERAL: dict[str, tuple[str, list[tuple[float, str]]]] = {
    "each with its unit": (
        "It is 1.4x faster, 62% smaller and takes 36 hours on 8 GPUs.",
        [(1.4, "x"), (62, "%"), (129_600, "time"), (8, "")],
    ),
    "slash": ("It is 1.7/1.9 times faster.", [(1.7, "x"), (1.9, "x")]),
    "slash between models": ("It has 7B/13B weights.", [(7e9, ""), (13e9, "")]),
    "slash between counts": ("It uses 8/16 GPUs.", [(8, ""), (16, "")]),
    "division by nothing": ("It keeps 5/0 of them.", [(5, ""), (0, "")]),
    "and": ("It gains 3.2 and 1.9 points.", [(3.2, "points"), (1.9, "points")]),
    "list of three": ("It takes 4, 8, and 16 hours.", [(14_400, "time"), (28_800, "time"), (57_600, "time")]),
    "list of magnitudes": ("It has 7, 13 and 70 billion weights.", [(7e9, ""), (13e9, ""), (70e9, "")]),
    "magnitude of the last alone": ("It reads 512 and 4K tokens.", [(512, ""), (4_000, "")]),
    "set in braces": ("It gains {4.2%, 3.1%} on them.", [(4.2, "%"), (3.1, "%")]),
    "measure beside a count": ("An FID of 5.02 and 15.7M weights.", [(5.02, ""), (15.7e6, "")]),
    "counted apart": ("It uses 8 GPUs and 16 hours.", [(8, ""), (57_600, "time")]),
    "year takes no unit": ("In 2023, 12 hours sufficed.", [(2023, ""), (43_200, "time")]),
    "and without between": ("It saves 10% and 20%.", [(10, "%"), (20, "%")]),
    "to, falling": ("It goes 20% to 10%.", [(20, "%"), (10, "%")]),
    "power of ten after another": ("It saves 62% at 10^{-4}.", [(62, "%"), (1e-4, "")]),
    "different units make no range": ("It gains 5 points to 10%.", [(5, "points"), (10, "%")]),
    "words and digits in order": ("Of 12 papers two need 3 GB.", [(12, ""), (2, ""), (3e9, "bytes")]),
}


@pytest.mark.parametrize(("text", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_several_quantities(text: str, expected: list[tuple[float, str]]) -> None:
    found = quantities(text)
    assert [quantity.low for quantity in found] == pytest.approx([value for value, _ in expected])
    assert [quantity.unit for quantity in found] == [unit for _, unit in expected]


BASES: dict[str, tuple[str, list[tuple[float, bool]]]] = {
    "from and to": ("It grows from 4K to 128K.", [(4_000, True), (128_000, False)]),
    "from and to, falling": ("It falls from 37 to 24 hours.", [(133_200, True), (86_400, False)]),
    "from and to with words": ("It falls from only 37.5% of it to just 24%.", [(37.5, True), (24, False)]),
    "to and from": ("It falls to 24% from 37%.", [(24, False), (37, True)]),
    "rightarrow": ("It gains (58.9 rightarrow 61.7).", [(58.9, True), (61.7, False)]),
    "rightarrow in LaTeX": (r"It gains $58.9 \rightarrow 61.7$.", [(58.9, True), (61.7, False)]),
    "arrow": ("It gains 58.9% → 61.7%.", [(58.9, True), (61.7, False)]),
    "arrow of characters": ("It gains 58.9->61.7.", [(58.9, True), (61.7, False)]),
    "vs. in brackets": ("It is best (90.7 vs. 88.5).", [(90.7, False), (88.5, True)]),
    "vs. in brackets of its own": ("It gets 90.7% (vs. 88.5%).", [(90.7, False), (88.5, True)]),
    "compared with": ("It gets 90.7% compared with 88.5%.", [(90.7, False), (88.5, True)]),
    "neither": ("It gets 90.7% and 88.5%.", [(90.7, False), (88.5, False)]),
}


@pytest.mark.parametrize(("text", "expected"), BASES.values(), ids=BASES)
def test_what_is_left_or_compared_with_is_a_base(text: str, expected: list[tuple[float, bool]]) -> None:
    found = quantities(text)
    assert [quantity.low for quantity in found] == pytest.approx([value for value, _ in expected])
    assert [quantity.base for quantity in found] == [base for _, base in expected]


STANDS: dict[str, tuple[str, list[tuple[str, str, tuple[str, ...]]]]] = {
    "unit and what follows": (
        r"It needs 3.2 times less memory and 62\% of it.",
        [("3.2 times", "times", ("less", "memory")), (r"62\%", r"\%", ())],
    ),
    "what is counted": ("It uses 8 A100 GPUs.", [("8", "", ("a100", "gpus"))]),
    "four words at most": (
        "It has 4 very large old grey cats.",
        [("4", "", ("very", "large", "old", "grey"))],
    ),
    "hyphen": ("A 4-bit format.", [("4", "", ("bit", "format"))]),
    "LaTeX's dollar": (r"It saves $42.9\%$ energy.", [(r"42.9\%", r"\%", ("energy",))]),
    "shared by both": ("It uses 16 and 2,048 GPUs.", [("16", "", ("gpus",)), ("2,048", "", ("gpus",))]),
    "whole range": ("It takes 12-24 h.", [("12-24 h", "h", ())]),
    "two values with one unit": (
        "It is 1.7/1.9 times faster.",
        [("1.7", "times", ("faster",)), ("1.9 times", "times", ("faster",))],
    ),
}


@pytest.mark.parametrize(("text", "expected"), STANDS.values(), ids=STANDS)
def test_place_unit_and_nouns(text: str, expected: list[tuple[str, str, tuple[str, ...]]]) -> None:
    assert [(text[q.start : q.end], q.written, q.nouns) for q in quantities(text)] == expected


FACTORS = {"12 h": 3600.0, "3 GB": 1e9, "250 ms": 1e-3, r"62\%": 1.0, "1.5B": 1.0, "8 cats": 1.0}


@pytest.mark.parametrize(("text", "factor"), FACTORS.items(), ids=FACTORS)
def test_factor_leads_from_the_unit_written_to_the_base_unit(text: str, factor: float) -> None:
    assert quantities(text)[0].factor == factor


SAME = [
    ("92.3%", "92.30 percent", True),
    ("92.3%", "92.3", True),  # a unit left out contradicts nothing
    ("92.3%", "9.23%", False),
    ("92.3%", "92.3 points", False),
    ("-0.2", "−0.2", True),
    ("-0.2", "0.2", False),
    ("1.5 B params", "1.5 billion", True),
    ("1.5B", "1,500M", True),
    ("1.5B", "15B", False),
    ("3.5x", "3.5-fold", True),
    ("3x", "3 times", True),
    ("3x", "threefold", True),
    ("3x", "a factor of three", True),
    ("62%", "62 per cent", True),
    ("36 hours", "36 hrs", True),
    ("1.5B parameters", "a 1.5-billion-parameter model", True),
    ("3.5x", "3.5×", True),
    ("3.5x", "350%", False),
    ("10–20 %", "10 to 20 %", True),
    ("10–20 %", "15 %", False),
    ("10–20 %", "10 %", False),
    ("2.1 points", "2.1 pp", True),
    ("12 hours", "12 h", True),
    ("12 hours", "720 minutes", True),
    ("12 hours", "12 days", False),
    ("1e-4", "10^{-4}", True),
    ("1e-4", "0.0001", True),
    ("1e-4", "1e-3", False),
    ("0", "0.0", True),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_same_value_whatever_the_form(one: str, other: str, same: bool) -> None:
    [first], [second] = quantities(one), quantities(other)
    assert first.same_value(second) is second.same_value(first) is same


# Whether either bears the other out, and not only does not contradict it.
BORNE_OUT = [
    ("62 layers", "62%", False),
    ("62 layers", "62x", False),
    ("62 layers", "62 hours", False),
    ("62 points", "62%", False),
    ("62 layers", "62 heads", True),  # what is counted is for the words to tell
    ("62", "62%", True),  # a unit left out
    ("62", "62 layers", True),
    ("62%", "62 percent", True),
    ("3x", "threefold", True),
    ("3 GB", "3B parameters", False),
]


@pytest.mark.parametrize(("one", "other", "same"), BORNE_OUT)
def test_a_count_does_not_bear_out_a_measure(one: str, other: str, same: bool) -> None:
    [first], [second] = quantities(one), quantities(other)
    assert first.same(second) is second.same(first) is same


def test_contributions_are_twofold_but_a_gain_is_two_times() -> None:
    assert quantities("This challenge is primarily twofold: size and speed.") == ()
    assert [found.low for found in quantities("A twofold gain; costs rise twofold.")] == [2.0, 2.0]


UNITS = {
    "%": "%",
    "Percent": "%",
    "points": "points",
    "percentage points": "points",
    "x": "x",
    "times": "x",
    "hours": "time",
    "GB": "bytes",
    "gigabytes": "bytes",
    "time": None,
    "tokens": None,
    "": None,
}


@pytest.mark.parametrize(("word", "expected"), UNITS.items(), ids=repr)
def test_class_of_a_unit(word: str, expected: str | None) -> None:
    assert unit_class(word) == expected


def test_quantity_is_a_value() -> None:
    assert quantities("It is 62%.") == (Quantity(6, 9, 62.0, 62.0, "%", "%"),)
