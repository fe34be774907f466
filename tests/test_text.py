from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.text import canonical

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
