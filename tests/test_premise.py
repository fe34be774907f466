from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.fit import RankedSentence, sentences_of
from assistant.premise import false_number, supposes
from assistant.question import understood
from assistant.records import Paper

SUPPOSES = {
    "Why is it fast?": True,
    "And why is it fast?": True,
    "How does it cut memory by 80%?": True,
    "How come it is fast?": True,
    "By what means does it cut memory by 80%?": True,
    "What makes it 3 times faster?": True,
    "Which layers save 80%?": True,
    "When does it save 80%?": True,
    "What percentage does the 3 times faster one save?": True,
    "How much memory does it save?": False,  # asks for the number itself
    "Does it cut memory by 80%?": False,
    "Is it fast, and why?": False,
    "Which papers cut memory by 80%?": False,  # asks for a list
    "Hello!": False,
    "80% less memory": False,
}


@pytest.mark.parametrize(("question", "expected"), SUPPOSES.items())
def test_question_that_takes_something_for_granted(question: str, expected: bool) -> None:
    assert supposes(understood(question)) is expected


def ranked(*papers: Paper) -> list[RankedSentence]:
    """The sentences of the papers as they stand."""
    return [RankedSentence(sentence, 0.0, {}) for paper in papers for sentence in sentences_of(paper)]


CACHE = "It reduces memory by 62.3%. Decoding is 3.09 times faster."
REVIEW = "We review 65 papers out of 983 from 2017 to 2023."
# What the question supposes, what the abstract says, and what is put right: supposed, instead.
CORRECTIONS: dict[str, tuple[str, str, tuple[str, str] | None]] = {
    "another percentage": ("Why does it cut memory by 80%?", CACHE, ("80%", "62.3%")),
    "another factor": ("Why is it 5x faster?", CACHE, ("5x", "3.09 times")),
    "another count of the same": ("Why does it use 16 GPUs?", "It uses 8 GPUs.", ("16", "8")),
    "another count, singular": ("Why does it use 16 GPU boards?", "It uses 8 GPUs.", ("16", "8")),
    "another time": ("Why does it take 30 hours?", "It takes 2 days.", ("30 hours", "2 days")),
    "LaTeX": ("Why is it $5\\times$ faster?", "It is $3\\times$ faster.", ("5times", "3times")),
    "the same": ("Why does it cut memory by 62.3%?", CACHE, None),
    "the same in another unit": ("Why does it take 48 hours?", "It takes 2 days.", None),
    "no number": ("Why does it cut memory?", CACHE, None),
    "none of that unit": ("Why does it take 30 hours?", CACHE, None),
    "small counts are no premise": ("Why does it use two GPUs?", "It uses 8 GPUs.", None),
    "other thing counted": ("Why does it use 16 layers?", "It uses 80 GPUs.", None),
    "thing counted unknown": ("Why does it stop after 16?", "It uses 80 GPUs.", ("16", "80")),
    "unknown, but few": ("Why does it stop after 16?", "It uses 8 GPUs.", None),
    "a condition claims nothing": (
        "What is its accuracy with 50% of the data?",
        "Its accuracy is 91.5%.",
        None,
    ),
    "a measure of something else": ("Why did the stock fall by 12%?", "Its accuracy is 91.5%.", None),
    "words of grammar name nothing": (
        "How were 983 papers cut to the 120 that it covers?",
        REVIEW,
        ("120", "65"),
    ),
    "number that the question has too": (
        "Why is it 62.3% smaller and 80% faster?",
        "It is 62.3% smaller.",
        None,
    ),
    "the first false one of several": ("Why 62.3% and 3.09x and 80% and 90%?", CACHE, None),
    "yes/no question": ("Does it cut memory by 80%?", CACHE, None),
    # A year is compared with a year.
    "year is no count": ("Why was it fast in 2020?", "It uses 80 GPUs.", None),
    "count is no year": ("Why does it stop at 16?", "It is from 2017.", None),
    "another year": ("Why leave out what is from before 2020?", REVIEW, ("2020", "2017")),
    "year of the abstract": ("Why leave out what is from before 2017?", REVIEW, None),
    "number like a year": ("Why does it read 2048 tokens?", "It reads 1024 tokens.", ("2048", "1024")),
    # Rounding: 3.09 is 3, and 62.3 is 62, but neither is 61 nor 62.1.
    "rounded": ("Why is it 3 times faster?", CACHE, None),
    "rounded percentage": ("Why does it cut memory by 62%?", CACHE, None),
    "rounded to another": ("Why does it cut memory by 61%?", CACHE, ("61%", "62.3%")),
    "as exact and another": ("Why does it cut memory by 62.1%?", CACHE, ("62.1%", "62.3%")),
    "rounded with its magnitude": ("Why has it 13B weights?", "It has 12.9B weights.", None),
    "counts are not rounded": ("Why review 980 papers?", "We review 983 papers.", ("980", "983")),
    # What stands before the number.
    "more than less": ("Why does it cut memory by more than 60%?", CACHE, None),
    "more than more": ("Why does it cut memory by more than 70%?", CACHE, ("70%", "62.3%")),
    "at least": ("Why is it at least 3.05 times faster?", CACHE, None),
    "less than more": ("Why does it cut memory by less than 70%?", CACHE, None),
    "less than less": ("Why does it cut memory by less than 60%?", CACHE, ("60%", "62.3%")),
    # 10% of 60 are 6, of 50 are 5: 62.3 is within 54 to 66, and not within 45 to 55.
    "about, near": ("Why does it cut memory by about 60%?", CACHE, None),
    "about, far": ("Why does it cut memory by about 50%?", CACHE, ("50%", "62.3%")),
    "up to is exact": ("Why does it cut memory by up to 80%?", CACHE, ("80%", "62.3%")),
    "within a range": ("Why is it 2x faster?", "It is 1.5-2.7x faster.", None),
    "beside a range": ("Why is it 5x faster?", "It is 1.5-2.7x faster.", ("5x", "1.5-2.7x")),
    "another range": ("Why is it 2-3x faster?", "It is 1.5-2.7x faster.", ("2-3x", "1.5-2.7x")),
}


@pytest.mark.parametrize(("question", "abstract", "expected"), CORRECTIONS.values(), ids=CORRECTIONS)
def test_false_number_and_what_the_abstract_says(
    question: str, abstract: str, expected: tuple[str, str] | None
) -> None:
    found = false_number(understood(question), ranked(Paper("a", "", abstract)))
    assert (found and (found.supposed, found.instead)) == expected


ASKED = understood("Why does it cut memory by 80%?")


def test_the_sentence_that_says_otherwise_is_told() -> None:
    sentences = ranked(Paper("a", "", f"It is new. {CACHE}"))
    found = false_number(ASKED, sentences)
    assert found is not None
    assert found.sentence is sentences[1]


def test_number_of_the_title_is_known() -> None:
    paper = Paper("a", "Cutting 80%", CACHE)
    assert false_number(ASKED, ranked(paper)) is None


def test_year_of_the_paper_is_known() -> None:
    paper = Paper("a", "", "It is from before 2017.", year=2020)
    question = understood("Why did it come in 2020?")
    assert false_number(question, ranked(paper)) is None
    assert false_number(question, ranked(replace(paper, year=2021))) is not None


def test_number_of_a_sentence_that_fits_less_is_known() -> None:
    abstract = f"{CACHE} It is new. It is good. It is small. On BEIR, it saves 80%."
    assert false_number(ASKED, ranked(Paper("a", "", abstract))) is None


def test_only_the_best_three_sentences_are_held_against_the_question() -> None:
    abstract = "It is new. It is good. It is small. It saves 62% of memory."
    sentences = ranked(Paper("a", "", abstract))
    assert false_number(ASKED, sentences) is None
    assert false_number(ASKED, sentences[1:]) is not None


def test_other_papers_neither_confirm_nor_correct() -> None:
    silent, same, other = (
        Paper(paper_id, "", text)
        for paper_id, text in (
            ("a", "It is new."),
            ("b", "It saves 80% of memory."),
            ("c", "It saves 62% of memory."),
        )
    )
    assert false_number(ASKED, ranked(silent, other)) is None
    found = false_number(ASKED, ranked(other, same))
    assert found is not None
    assert found.instead == "62%"


def test_no_sentence_contradicts_nothing() -> None:
    assert false_number(ASKED, []) is None


@pytest.mark.parametrize("piece", ["a ", "1 ", "((((", "A-A-", "13% ", "13 layers ", "more than 9% "])
def test_a_long_abstract_is_searched_like_a_short_one(piece: str) -> None:
    question = understood("Why does it cut 99 layers by about 82%?")
    short, long = (
        false_number(question, ranked(Paper("a", "", (piece * length)[:length]))) for length in (260, 20_020)
    )
    assert (short and short.instead) == (long and long.instead)
