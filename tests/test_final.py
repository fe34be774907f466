from __future__ import annotations

import pytest

from assistant.final import boolean_final, label_of, list_final, number_final, text_final, without_label
from assistant.fit import RankedSentence, SourceSentence
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity
from assistant.question import understood
from assistant.records import Citation, Final, Paper


def found(text: str, place: int = 0) -> RankedQuantity:
    """A quantity of a sentence, as fitting the question best."""
    sentence = SourceSentence(Paper("a", "", text), 0, len(text), 0)
    return RankedQuantity(RankedSentence(sentence, 0.0, {}), quantities(text)[place], 0.0, {})


NUMBERS: dict[str, tuple[str, str, float | None, str | None]] = {
    "percent sign": ("It falls by 62%.", "62%", 62.0, "%"),
    "percent in words": ("It falls by 62 percent.", "62%", 62.0, "%"),
    "percent in LaTeX": (r"It falls by 62\%.", "62%", 62.0, "%"),
    "percent in LaTeX's dollars": (r"It falls by $62\%$.", "62%", 62.0, "%"),
    "plus": ("It gains +5.3%.", "5.3%", 5.3, "%"),
    "percentage points": (
        "It gains 5.75 percentage points.",
        "5.75 percentage points",
        5.75,
        "percentage points",
    ),
    "points with a hyphen": ("A 3.5-point lead.", "3.5-point", 3.5, "point"),
    "factor": ("It is 1.4x faster.", "1.4x", 1.4, "x"),
    "factor with its sign": ("It is 4 × faster.", "4x", 4.0, "x"),
    "factor in words": ("It is 3 times faster.", "3x", 3.0, "x"),
    "factor in LaTeX": (r"It is $5.18\times$ faster.", "5.18x", 5.18, "x"),
    "fold": ("A 3-fold gain.", "3x", 3.0, "x"),
    "spelt fold": ("A two-fold gain.", "2x", 2.0, "x"),
    "twice": ("It is twice as fast.", "2x", 2.0, "x"),
    "thousands": ("It reads 1,234.5 words.", "1,234.5", 1234.5, None),
    "minus sign": ("It changes by −0.5 points.", "−0.5 points", -0.5, "points"),
    "hyphen for minus": ("It changes by -0.5.", "-0.5", -0.5, None),
    "range has no one value": ("It saves 10-20% of it.", "10-20%", None, "%"),
    "range with both signs": ("It saves 10% to 20%.", "10% to 20%", None, "%"),
    "range in words": ("It saves 3 to 4 times the cost.", "3 to 4x", None, "x"),
    "range in LaTeX": (r"It saves $10 \sim 20\%$.", "10-20%", None, "%"),
    "spelt range": ("It takes two to three hours.", "2-3 hours", None, "hours"),
    "fraction": ("It keeps 2/3 of them.", "2/3", 2 / 3, None),
    "half": ("It keeps half of them.", "0.5", 0.5, None),
    "spelt number": ("It keeps seven of them.", "7", 7.0, None),
    "spelt number with a unit": ("It takes two hours.", "2 hours", 2.0, "hours"),
    "spelt million": ("It has two million rows.", "2000000", 2e6, None),
    "magnitude": ("It has 1.5B rows.", "1.5B", 1.5e9, None),
    "magnitude in words": ("It has 1.5 billion rows.", "1.5 billion", 1.5e9, None),
    "power of ten": (r"A rate of $2\times10^{-4}$.", "2×10^{-4}", 2e-4, None),
    "unit that is not the base unit": ("It takes 250 ms.", "250 ms", 250.0, "ms"),
    "unit without a space": ("It takes 12h.", "12h", 12.0, "h"),
    "gigabytes of memory": ("It has 11G memory.", "11G", 11.0, "G"),
    "white space is one blank": ("It takes 12\u00a0hours.", "12 hours", 12.0, "hours"),
    "what is not asked for is no unit": ("It keeps 5 cats.", "5", 5.0, None),
}


@pytest.mark.parametrize(("text", "bare", "value", "unit"), NUMBERS.values(), ids=NUMBERS)
def test_number_in_the_unit_it_is_written_with(
    text: str, bare: str, value: float | None, unit: str | None
) -> None:
    assert number_final(found(text), understood("What is it?")) == Final(
        "number", bare, value=value, unit=unit
    )


# What is written once for several numbers is of each of them.
SHARED = {
    "first of three": ("It takes 4, 8 and 16 hours.", 0, "4 hours", 4.0, "hours"),
    "last of three": ("It takes 4, 8 and 16 hours.", 2, "16 hours", 16.0, "hours"),
    "points": ("It gains 3.2 and 1.9 points.", 0, "3.2 points", 3.2, "points"),
    "factors": ("It is 1.7/1.9 times faster.", 0, "1.7x", 1.7, "x"),
    "magnitude": ("It has 7 and 70 billion rows.", 0, "7000000000", 7e9, None),
    "whole magnitude": ("It has 7 and 70 billion rows.", 1, "70 billion", 7e10, None),
}


@pytest.mark.parametrize(("text", "place", "bare", "value", "unit"), SHARED.values(), ids=SHARED)
def test_number_with_a_unit_that_it_shares(
    text: str, place: int, bare: str, value: float, unit: str | None
) -> None:
    final = number_final(found(text, place), understood("What is it?"))
    assert final == Final("number", bare, value=value, unit=unit)


ASKED = {
    "what is counted": ("How many whales are kept?", "It keeps 5 whales.", "5", "whales"),
    "another thing": ("How many whales are kept?", "It keeps 5 cats.", "5", None),
    "one of them": ("How many whales are kept?", "It keeps 1 whale.", "1", "whale"),
    "points left out": ("By how many AP points is it better?", "It gains 3.5 AP.", "3.5 points", "points"),
    "points are one guess of several": ("How much better is it?", "It gains 3.5 AP.", "3.5", None),
    "percent for points": ("By how many points is it better?", "It gains 3.5%.", "3.5%", "%"),
    "hours": ("How many hours does it take?", "It takes 36 hours.", "36 hours", "hours"),
}


@pytest.mark.parametrize(("question", "text", "bare", "unit"), ASKED.values(), ids=ASKED)
def test_the_question_names_the_unit_that_is_left_out(
    question: str, text: str, bare: str, unit: str | None
) -> None:
    final = number_final(found(text), understood(question))
    assert (final.text, final.unit) == (bare, unit)


def test_yes_or_no() -> None:
    assert boolean_final("yes") == Final("boolean", "yes", label="yes")
    assert boolean_final("no") == Final("boolean", "no", label="no")


def test_list_is_of_the_papers_cited_in_order_of_first_use() -> None:
    citations = [
        Citation(n, paper_id, f"{paper_id}:0", 0, 1, "x")
        for n, paper_id in enumerate(("b", "a", "b"), start=1)
    ]
    assert list_final(citations) == Final("list", "b;a", ids=("b", "a"))
    assert list_final([]) == Final("list", "")


TEXTS = {
    "short and new": ("What is lost?", "Very little.", "Very little"),
    "short but for one word of the question": (
        "What does tuning need?",
        "It needs labels.",
        "It needs labels",
    ),
    # "tuning" and "needs" are the question's.
    "two words of the question": ("What does tuning need?", "Tuning needs labels.", "labels"),
    "after what stands for": (
        "What does PoLMs mean?",
        "PoLMs stands for post-trained models.",
        "post-trained models",
    ),
    "long before what stands for": (
        "What does RIM mean?",
        "In this paper on whales and sharks, RIM stands for machines.",
        "machines",
    ),
    "no name before what stands for": (
        "What is lost?",
        "This means that memory falls.",
        "This means that memory falls",
    ),
    # What stands before the verb is the question's, at least three words of five.
    "called": ("What is the method called?", "The method is called LongCache.", "LongCache"),
    "stated": (
        "What is the main bottleneck of decoding long texts?",
        "The main bottleneck of decoding is the memory bandwidth, not compute.",
        "memory bandwidth, not compute",
    ),
    "stated by the second verb": (
        "What is the bottleneck of decoding?",
        "What we find is that the bottleneck of decoding is memory; the rest is fast.",
        "memory",
    ),
    # One of three words is the question's.
    "too little taken up before the verb": (
        "What limits decoding?",
        "Decoding speed of phones is limited by memory bandwidth of caches.",
        "memory bandwidth of caches",
    ),
    "stop words before the verb": (
        "What is the bottleneck of decoding?",
        "In all of this our bottleneck is memory of phones.",
        "memory of phones",
    ),
    "stated at too great a length": (
        "What is the bottleneck?",
        f"The bottleneck is {' '.join(f'w{n}' for n in range(1, 14))}.",
        " ".join(f"w{n}" for n in range(1, 13)),
    ),
    # The runs are "zeroth-order steps", "random search" and "low-rank adapters of layers".
    "longest run": (
        "How does SlimTune tune large models?",
        "SlimTune tunes large models with zeroth-order steps, a random search, low-rank adapters of layers.",
        "low-rank adapters of layers",
    ),
    "first of equal runs": ("What does SlimTune use?", "SlimTune uses fish, and uses whales.", "fish"),
    "dots within end no run": (
        "What does SlimTune use?",
        "SlimTune uses sparse, e.g. random masks.",
        "e.g. random masks",
    ),
    "the question's words end a run": (
        "What beats models?",
        "Fish of SlimTune models beat whale models.",
        "Fish of SlimTune",
    ),
    "words that lead to an answer end a run": (
        "What helps tuning?",
        "Tuning helps whales using fish and krill.",
        "fish and krill",
    ),
    "no stop words at the ends": (
        "What does SlimTune use in models?",
        "SlimTune uses the fish of seas across models.",
        "fish of seas",
    ),
    # Of the first run, which has four names, the first twelve words have one.
    "what is cut off does not count": (
        "What does SlimTune use?",
        f"SlimTune uses w1 {'of the ' * 6}w2 w3 w4, fish and whales.",
        "fish and whales",
    ),
    "nothing new": (
        "What reduces the memory of the method?",
        "The method reduces memory.",
        "The method reduces memory.",
    ),
    # w1 to w20 are new, of which the first 12 are a short answer.
    "long run": (
        "What does SlimTune use?",
        f"SlimTune uses {' '.join(f'w{n}' for n in range(1, 21))}.",
        " ".join(f"w{n}" for n in range(1, 13)),
    ),
    "quotes": ("What is lost?", "“Very little.”", "Very little"),
    "a name with words of the question": (
        "What does YOLO use for visual prompts?",
        "YOLO uses Semantic Visual Prompt Encoders (SVPE) for visual prompts.",
        "Semantic Visual Prompt Encoders (SVPE)",
    ),
    # What is asked for stands after the same word as in the question.
    "on which": (
        "On which card was SlimTune tried?",
        "SlimTune was tried with whales on a P40 of NVIDIA in 2021.",
        "P40 of NVIDIA",
    ),
    "with at the end": (
        "What software are the kernels written with?",
        "The kernels are written and tuned with TVM.",
        "TVM",
    ),
    "not what the question has after the word": (
        "On which data is SlimTune tuned?",
        "SlimTune is tuned on data and tested on MNIST.",
        "MNIST",
    ),
    "from one to the other": (
        "From what period are the papers of SlimTune?",
        "The papers are from 2017 to 2023.",
        "2017 to 2023",
    ),
    "where": ("Where is the cache kept?", "The cache is kept in its layers without a copy.", "its layers"),
    "at what stage": (
        "At what stage are tokens dropped?",
        "Tokens are dropped during the early part of training, not later.",
        "early part of training",
    ),
    "who does it": (
        "What decides which token the memory keeps?",
        "Which token the memory keeps is chosen by a router network, which is small.",
        "router network",
    ),
    "several names": (
        "On which datasets was SEAL tested?",
        "SEAL was tested on Natural Questions, TriviaQA and KILT, and it won.",
        "Natural Questions, TriviaQA and KILT",
    ),
    "what stands in brackets after it": (
        "On which data was it trained?",
        "It was trained on MNIST (digits and letters) for long.",
        "MNIST (digits and letters)",
    ),
    "between two": (
        "Where is the adapter inserted?",
        "The adapter is inserted between the encoder and the decoder.",
        "encoder and the decoder",
    ),
    "not what only sets the scene": (
        "Where does SlimTune fall short?",
        "In the experiments, SlimTune falls short on very long documents.",
        "very long documents",
    ),
    "what sets the scene, where nothing else is said": (
        "At what stage are tokens dropped?",
        "In the early part of training, tokens are dropped.",
        "early part of training",
    ),
    "who does it, not by how much": (
        "What reduces memory?",
        "A compressed cache reduces memory by 62%.",
        "compressed cache",
    ),
    "when in a clause": (
        "What does SlimTune do when memory is scarce?",
        "SlimTune offloads layers of its memory in a chunk.",
        "offloads layers",
    ),
    "no such word": (
        "On which card was SlimTune tried?",
        "In autumn SlimTune tried whales of the northern seas.",
        "whales of the northern seas",
    ),
    # Of thirteen words after "on", the first twelve are a short answer.
    "too much after the word": (
        "On which card was SlimTune tried?",
        f"SlimTune was tried on {' '.join(f'w{n}' for n in range(1, 14))}.",
        " ".join(f"w{n}" for n in range(1, 13)),
    ),
}


@pytest.mark.parametrize(("question", "said", "bare"), TEXTS.values(), ids=TEXTS)
def test_text_is_what_the_question_does_not_have(question: str, said: str, bare: str) -> None:
    assert text_final(said, understood(question)) == Final("text", bare)


LABELS = {
    "Yes.": ("yes", ""),
    "yes, it is": ("yes", "it is"),
    "NO": ("no", ""),
    "No: it is not.": ("no", "it is not."),
    "NO – never.": ("no", "never."),
    "no - never.": ("no", "never."),
    "“Yes”": ("yes", ""),
    "Yes LongCache does.": ("yes", "LongCache does."),
    "No It does not.": ("no", "It does not."),
    "No\nLongCache does not.": ("no", "LongCache does not."),
    "Yesterday it was.": (None, "Yesterday it was."),
    "Not so.": (None, "Not so."),
    "Nobody knows.": (None, "Nobody knows."),
    "No gradient is needed.": (None, "No gradient is needed."),
    "No GPU is needed.": (None, "No GPU is needed."),
    "No A100 is needed.": (None, "No A100 is needed."),
    "No-one knows.": (None, "No-one knows."),
    "It is: yes.": (None, "It is: yes."),
    "": (None, ""),
}


@pytest.mark.parametrize(("text", "expected"), LABELS.items(), ids=repr)
def test_label_and_what_follows_it(text: str, expected: tuple[str | None, str]) -> None:
    assert (label_of(text), without_label(text)) == expected
