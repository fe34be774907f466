from __future__ import annotations

import pytest

from eval.normalise import names, norm, sentences, stems, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“Fine–tuned”  ‘it’", "\"Fine-tuned\" 'it'"),
        ("soft\u00adhyphen", "softhyphen"),
        ("ﬁne\n x²", "fine x2"),
        ("Case Kept", "Case Kept"),
    ],
)
def test_quotes_are_compared_in_one_form(text: str, expected: str) -> None:
    assert norm(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("State-of-the-Art", "state of the art"),
        ("62 % or 92.3\\%", "62% or 92.3%"),
        ("-0.2, 10-20 and 1,500", "-0.2 10 20 and 1500"),
        ("it doesn't; the model's", "it does not the model"),
        ("1.41x, 8xA800", "1.41 x 8xa800"),
    ],
)
def test_words_keep_decimals_and_signs(text: str, expected: str) -> None:
    assert " ".join(words(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two!", ["One.", "Two!"]),
        ("We use e.g. BERT. Good.", ["We use e.g. BERT.", "Good."]),
        ("See Smith et al. The end.", ["See Smith et al. The end."]),
        ("It is 3.5 times faster.", ["It is 3.5 times faster."]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("", []),
    ],
)
def test_sentences_end_at_full_stops_that_end_them(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected


def test_stems_leave_out_stop_words_and_numbers() -> None:
    assert stems("The models reduce 62% of caching") == ("model", "reduc", "cach")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Training uses LoRA and BERT.", ["LoRA", "BERT"]),
        ("Here the Transformer wins.", ["Transformer"]),
        ("Models run on A100 with 40GB or 3.11times more.", ["A100"]),
        ("Nothing here.", []),
        ("Our Mixer-B/16 is small.", ["Mixer-B/16"]),
    ],
)
def test_names_are_capitals_and_digits_in_words(text: str, expected: list[str]) -> None:
    assert list(names(text)) == expected
