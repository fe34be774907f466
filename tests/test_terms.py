from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant.terms import STOP_WORDS, stem, terms, words

WORDS = {
    "case": ("KV Cache", ["kv", "cache"]),
    "decimals stay whole": ("5.75x at 0.5", ["5.75x", "at", "0.5"]),
    "versions stay whole": ("v1.5.2", ["v1.5.2"]),
    "a full stop ends a word": ("works. Now", ["works", "now"]),
    "hyphens and underscores separate": ("key-value GPT_4", ["key", "value", "gpt", "4"]),
    "thousands lose their commas": ("1,024 of 1,2 and 12,500.5", ["1024", "of", "1", "2", "and", "12500.5"]),
    "percent signs and currency are left": ("62% of $5", ["62", "of", "5"]),
    "accents and sharp s": ("Café Straße", ["café", "strasse"]),
    "other scripts": ("注意力 внимание", ["注意力", "внимание"]),
    "emoji alone": ("👍", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), WORDS.values(), ids=WORDS)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reduces reducing reduced", ["reduc", "reduc", "reduc"]),
        ("What is the memory of it?", ["memori"]),
        ("It does not, nor never", ["not", "nor", "never"]),  # negations carry the subject
        ("of the and", []),
    ],
)
def test_terms_are_stems_without_stop_words(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_stop_words_are_words() -> None:
    assert all(words(word) == [word] for word in STOP_WORDS)


def test_stemming_is_the_same_from_many_threads() -> None:
    many = [f"reducing{number}s" for number in range(2_000)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(stem, many))
    stem.cache_clear()
    assert together == [stem(word) for word in many]
