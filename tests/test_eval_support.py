from __future__ import annotations

import pytest

from eval.measures.support import (
    best_window,
    coverage,
    names_occur,
    numbers_occur,
    same_polarity,
    support,
)

SOURCE = (
    "LongCache: Shrinking the Cache\nLong contexts make the cache large. LongCache reduces cache memory by "
    "62% and decoding is 1.4x faster on A100 GPUs. Training does not require gradient computation."
)


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("It saves 62 percent.", True),
        ("It saves 62.", True),
        ("It saves 26 %.", False),
        ("It saves 62 points.", False),
        ("It is 1.4 times faster.", True),
        ("It is one of many.", True),
        ("It is fast.", True),
    ],
)
def test_numbers_with_their_units_are_in_the_source(claim: str, found: bool) -> None:
    assert numbers_occur(claim, [SOURCE]) is found


def test_numbers_that_and_joins_keep_their_own_unit_or_share_one() -> None:
    assert numbers_occur("An FID of 5.02.", ["an FID of 5.02 and 15.7M parameters"])
    assert numbers_occur("It gains 33 %.", ["it gains 33 and 13 %"])


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("The LongCache model runs on A100.", True),
        ("With Long Cache it is fast.", False),
        ("With H100 it is fast.", False),
        ("In BERT it is fast.", False),
        ("Llamas are fast.", True),
    ],
)
def test_names_are_in_the_source(claim: str, found: bool) -> None:
    assert names_occur(claim, ["LongCache runs on A100 GPUs."]) is found


def test_a_name_of_the_question_is_no_hallucination() -> None:
    assert support("On SQuAD the cache is large.", [SOURCE], "And on SQuAD?").names
    assert not support("On SQuAD the cache is large.", [SOURCE], "And here?").names


def test_coverage_worked_by_hand() -> None:
    # stems: longcach, reduc, cach, memori, greatli; all but the last are in one window
    window = best_window("LongCache reduces cache memory greatly.", SOURCE)
    assert "62%" in window.text
    assert coverage("LongCache reduces cache memory greatly.", [window]) == 0.8
    assert coverage("It is.", [window]) == 1
    assert coverage("It is.", []) == 0


@pytest.mark.parametrize(
    ("claim", "window", "same"),
    [
        ("Training requires gradients.", "Training does not require gradients.", False),
        ("Training requires no gradients.", "Training requires gradients.", False),
        ("Training needs no gradients.", "Training does not require gradients.", True),
        ("It increases memory.", "It reduces memory.", False),
        ("It lowers memory.", "It reduces memory.", True),
        ("It lowers memory and increases speed.", "It reduces memory and increases speed.", True),
        ("It outperforms LoRA.", "It underperforms LoRA.", False),
        ("It is small.", "It is small and not slow.", True),
    ],
)
def test_polarity_is_not_turned(claim: str, window: str, same: bool) -> None:
    assert same_polarity(claim, window) is same


@pytest.mark.parametrize(
    ("claim", "supported"),
    [
        ("LongCache reduces cache memory by 62%.", True),
        ("Yes, LongCache reduces cache memory by 62%.", True),
        ("No, LongCache reduces cache memory by 62%.", True),
        ("LongCache reduces cache memory by 36%.", False),
        ("LongCache increases cache memory by 62%.", False),
        ("BigCache reduces cache memory by 62%.", False),
        ("Bigger caches reduce cache memory by 62%.", True),  # a capital alone makes no name of a first word
        ("The weather in Lisbon is mild in winter.", False),
        ("Training requires gradient computation.", False),
    ],
)
def test_support_is_all_four(claim: str, supported: bool) -> None:
    assert support(claim, [SOURCE], "How much?").supported is supported


def test_two_papers_may_support_one_sentence() -> None:
    other = "Adapters\nSlimTune tunes adapters without gradients."
    claim = "LongCache reduces cache memory; SlimTune tunes adapters without gradients."
    assert not support(claim, [SOURCE], "").supported
    assert support(claim, [SOURCE, other], "").supported


def test_no_source_supports_nothing() -> None:
    assert not support("It is fast.", [], "Is it fast?").supported
