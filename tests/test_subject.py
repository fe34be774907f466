"""Questions that ask what a thing is, and the paper that the thing is the subject of."""

from __future__ import annotations

import pytest

from assistant.records import Paper
from assistant.subject import is_defined, is_subject_of, subject_of


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What is LongGen?", "LongGen"),
        ("what's longgen", "longgen"),
        ("LongGen?", "LongGen"),
        ("So, what is the LongGen method about?", "LongGen"),
        ("What's RecLoRA for?", "RecLoRA"),
        ("What does STORM do?", "STORM"),
        ("How does Dynamic Sparse Learning work?", "Dynamic Sparse Learning"),
        ("Could you explain the densing law, please?", "densing law"),
        ("Tell me more about STORM", "STORM"),
        ("Give me a short summary of PyramidDrop.", "PyramidDrop"),
        ("What is FIRST in LLM reranking?", "FIRST"),
        ("What is DOT, the dynamic PlenOctree?", "DOT"),
    ],
)
def test_a_thing_is_all_that_is_asked_about(question: str, subject: str) -> None:
    assert subject_of(question) == subject


@pytest.mark.parametrize(
    "question",
    [
        "What is the word error rate on LibriSpeech?",
        "What is LongGen's batch size?",
        "What is HiRED an acronym of?",
        "What is MGU short for?",
        "How does LongGen reduce memory?",
        "What does LongGen reduce?",
        "Why is STORM slow?",
        "What is it about?",
        "What is the purpose of LongGen?",
        "What is the difference between LongGen and QLoRA?",
        "What is LongGen used for?",
        "LongGen speedup",
        "How do papers here work?",
        "What is the largest cut in energy that a vision transformer of shifts and adds reports?",
        "",
    ],
)
def test_something_more_is_asked(question: str) -> None:
    assert subject_of(question) == ""


def paper(title: str, abstract: str) -> Paper:
    return Paper(id="p1", title=title, abstract=abstract)


@pytest.mark.parametrize(
    ("title", "abstract", "subject"),
    [
        ("BigMac: A Structure of Experts", "It is fast.", "bigmac"),
        ("ModernBERT is More Efficient", "It is fast.", "ModernBERT"),
        ("Densing Law of LLMs", "Capacity doubles.", "densing law"),
        ("On rewards", "We propose Contrast Instructions, a benchmark.", "contrast instructions"),
        ("Ranking", "We propose a focused loss (Margin-MSE) for it.", "Margin-MSE"),
    ],
)
def test_a_paper_is_about_what_it_names_its_own(title: str, abstract: str, subject: str) -> None:
    assert is_subject_of(paper(title, abstract), subject)


@pytest.mark.parametrize(
    ("title", "abstract", "subject"),
    [
        ("BigMac: A Structure of Experts", "It outperforms Tutel.", "Tutel"),
        ("BERT for Reports", "We compare it.", "BERT"),
        ("Ranking", "We propose the first method.", "FIRST"),
        ("Efficient Training", "We train.", "training"),
        ("Fast Law", "The densing of a law.", "densing law"),
        ("Decoders", "We propose a decoder on top of BERT.", "BERT"),
        ("PCA", "The number of terms in PCA grows.", "PCA"),
    ],
)
def test_a_paper_is_not_about_what_it_only_mentions(title: str, abstract: str, subject: str) -> None:
    assert not is_subject_of(paper(title, abstract), subject)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LVIS is a data set.", True),
        ("We use LVIS (v1), a data set.", True),
        ("A large vocabulary set (LVIS) is used.", True),
        ("On LVIS, the model gains 3.5 AP.", False),
        ("On LVIS, it gains 3.5 AP.", False),
        ("It is tested on LVIS and COCO.", False),
        ("It is tested on LVISA, a data set.", False),
        ("", False),
    ],
)
def test_a_text_defines_what_it_does_not_only_mention(text: str, expected: bool) -> None:
    assert is_defined("LVIS", text) is expected
