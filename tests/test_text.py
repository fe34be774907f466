from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text import canonical, plain

SAMPLE = Path(__file__).parent.parent / "index" / "corpora" / "sample.jsonl"

CASES = {
    "whitespace runs": (" a \t\r\n b\u00a0\u2003c\u2028\u0085d ", "a b c d"),
    "decomposed accents": ("cafe\u0301", "café"),
    "compatibility forms are kept": ("10² ﬁne ½", "10² ﬁne ½"),
    "controls": ("a\x00b\x07c\x1b[31md\x9be", "abc[31mde"),
    "zero width and byte order mark": ("\ufeffa\u200bb\u200cc\u2060d", "abcd"),
    "bidirectional controls": ("\u202eevil\u202c \u2067x\u2069\u200f\u061c", "evil x"),
    "soft hyphen": ("in\u00adfer\u00adence", "inference"),
    "lone surrogates": ("a\ud800b\udfff", "ab"),
    "tag characters": ("cite\U000e0063\U000e0069 this", "cite this"),
    "a mark that meets its letter once the unseen is gone": ("e\u200b\u0301", "é"),
    "a space that appears once the unseen is gone": ("a \u200b b", "a b"),
    "angstrom and quads have canonical twins": ("\u212b\u2000x", "Å x"),
    "emoji": ("👍🏽 ok ☕️", "👍🏽 ok ☕️"),
    "right to left": ("שלום عليكم", "שלום عليكم"),
    "nothing seen": ("\u200b\n\ufeff", ""),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_canonical_form(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize("text", [text for text, _ in CASES.values()], ids=CASES)
def test_canonical_of_canonical_changes_nothing(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


def test_sample_corpus_is_canonical_already() -> None:
    papers = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    assert len(papers) == 109
    assert [value for paper in papers for value in paper.values() if canonical(value) != value] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("H<sub>2</sub>O in <i>vitro</i><br/>x", "H2O in vitro x"),
        ("<jats:p>One.</jats:p><jats:p>Two <jats:italic>x</jats:italic>.</jats:p>", "One. Two x."),
        ("<span class=\"a b\">x</span><p style='c'>y</p>", "x y"),
        ("&lt;i&gt;x&lt;/i&gt; &amp;amp;lt; &#945; &#x3B1; &eacute; &nbsp;&mdash; &#150;", "x < α α é — –"),
        ("R&amp;D", "R&D"),
    ],
)
def test_markup_is_decoded(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a < b and c > d, p<0.05, x<y>z",
        "R&D, AT&T;, &copy 2020, &notanentity; & co; &#;",
        "<mask>, <s> and </s>, <think>, <a b>, a <b and c> d, <i and>, <code>, <p, q>",
        "$O(n^2)$, 100\\% of {x}, \\emph{x}, ~5, ``q''",
    ],
)
def test_plain_text_is_not_touched(text: str) -> None:
    assert plain(text) == text


def test_markup_that_only_decoding_reveals_is_decoded_too() -> None:
    assert plain("&lt;su<i></i>b>2") == plain(plain("&lt;su<i></i>b>2")) == "2"
    assert plain("&am\u200bp;") == "&"


def test_markup_within_markup_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="markup is nested more than 8 deep"):
        plain("<" * 9 + "i>" * 9)
    assert plain("&amp;#38;#x26;AMP;lt;" * 3) == "<<<"


PARTS = "< > & ; / i sub p amp lt gt #38 #x26 <i> </i> &amp; &lt; <p> e".split()
UNSEEN = [" ", "\n", "\u00a0", "\u0301", "\u0338", "\u200b", "\ud800", "\x00"]
MARKUP = st.lists(st.sampled_from(PARTS + UNSEEN) | st.text(max_size=4), max_size=30).map("".join)


@given(MARKUP)
def test_canonical_form_of_anything_is_its_own(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once


@given(MARKUP)
def test_plain_text_of_anything_is_its_own(text: str) -> None:
    try:
        once = plain(text)
    except ValueError:
        return
    assert plain(once) == once


def test_sample_corpus_is_plain_already() -> None:
    papers = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    assert [value for paper in papers for value in paper.values() if plain(value) != value] == []
