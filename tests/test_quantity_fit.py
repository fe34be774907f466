from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pytest

from assistant.arrays import Vectors
from assistant.fit import RankedSentence, SourceSentence
from assistant.fitted import Linear
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity, ranked_quantities
from assistant.question import understood
from assistant.records import Paper
from assistant.similarity import Similarity
from assistant.testing import HashingEmbedder

FAR = 4096  # dimensions, in which the vectors of different terms are nearly orthogonal: their likeness is 0


ALIKE = {"trims": "cuts", "memories": "recollections"}


class Thesaurus(HashingEmbedder):
    """Takes some words for others, and lets no quantities be remembered."""

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        quantities.cache_clear()
        return super().encode([ALIKE.get(text, text) for text in texts], progress)


def even(term: str) -> float:
    """All terms tell the same."""
    return 1.0


def sentence(text: str, score: float = 0.0) -> RankedSentence:
    return RankedSentence(SourceSentence(Paper("p", "Work", text), 0, len(text), 0), score, {})


def read(
    question: str,
    *texts: str,
    draft: str = "",
    weights: Mapping[str, float] | None = None,
    weigh: Callable[[str], float] = even,
) -> list[RankedQuantity]:
    found = [sentence(text, score) for score, text in enumerate(texts)]
    similarity = Similarity(Thesaurus(FAR))
    return ranked_quantities(
        understood(question), found, draft, weigh, similarity, Linear(weights=weights or {})
    )


def away(distance: float) -> float:
    """What a word counts that stands so many words from a quantity."""
    return math.exp(-distance / 8)


HOW_MUCH = "By how much is cache memory cut?"  # terms: cach, memori, cut
MEMORY = "How much memory?"  # terms: memori

# A feature, a question, a sentence, and what the feature is of each of its quantities.
FEATURES: dict[str, tuple[str, str, str, list[float]]] = {
    "unit asked for": ("unit", "By what percentage is it cut?", "It is 2x faster at 62%.", [-1, 1]),
    "what is counted": ("counted", "How many layers are there?", "It has 8 heads in 12 layers.", [-1, 1]),
    "terms of the clause": (
        "clause",
        HOW_MUCH,
        "It cuts memory by 62%, and decoding is 1.4x faster.",
        [2 / 3, 0],
    ),
    "terms of a clause in brackets": ("clause", MEMORY, "Time (memory 62%) falls by 30%.", [1, 0]),
    "terms of the clause after": ("clause", MEMORY, "It takes 62% of the memory.", [1]),
    "clause of the whole sentence": ("clause", HOW_MUCH, "Cache memory falls by 62%.", [2 / 3]),
    "terms of no question": ("clause", "Why?", "Memory falls by 62%.", [0]),
    "terms near, three words before": ("near", MEMORY, "Memory falls by 62%.", [away(3)]),
    "terms near, three words after": ("near", MEMORY, "So 62% of the memory is left.", [away(3)]),
    "terms near, at two quantities": ("near", MEMORY, "So 62% memory in 3 hours.", [away(1), away(2)]),
    "terms near, counted from a quantity's end": ("near", MEMORY, "So 3 hours of memory.", [away(2)]),
    "the same stem is the same": ("near", MEMORY, "Memories of 62%.", [away(2)]),
    "clause's end counts as five words": ("near", MEMORY, "Memory, it falls by 62%.", [away(4 + 5)]),
    "clause's words count as five too": ("near", MEMORY, "Memory falls while 62% stay.", [away(3 + 5)]),
    "the nearest of two of a term": ("near", MEMORY, "Memory is new, memory of 62%.", [away(2)]),
    "the nearest of two of a term, first": ("near", MEMORY, "So 62% memory is new, memory too.", [away(1)]),
    "each term by its nearest": (
        "near",
        "How much cache memory?",
        "Cache falls and memory falls by 62%.",
        [(away(6) + away(3)) / 2],
    ),
    "terms nearest": ("nearest", HOW_MUCH, "Memory falls by 62% and the cache by 30%.", [1 / 3, 1 / 3]),
    "terms nearest, all of one": ("nearest", HOW_MUCH, "It trims cache memory by 62%, at 3x.", [1, 0]),
    "terms as near to both": ("nearest", MEMORY, "It is 62% of memory of 3 GB.", [1, 0]),
    "terms after": ("after", MEMORY, "So 62% of the memory is left, or 30%.", [away(3), 0]),
    "terms after the bracket it stands in": ("after", MEMORY, "It is fast (2x) with memory.", [0]),
    "terms after in its bracket": ("after", MEMORY, "It is fast (2x memory) or (none).", [away(1)]),
    "terms before": ("after", MEMORY, "Memory falls by 62%.", [0]),
    "words right after": (
        "named_after",
        "How much training time is saved?",
        "It has a 40% training time and 55% FLOPs reduction.",
        [1, 0],
    ),
    "words right after, half of them": (
        "named_after",
        "How much training time is saved?",
        "It has a 40% training cost.",
        [1 / 2],
    ),
    "words right after, the first four": (
        "named_after",
        "How much training time is saved?",
        "It has a 40% training time edge almost everywhere, really.",
        [2 / 4],
    ),
    "words up to the next quantity": ("named_after", MEMORY, "It has 40% memory at 3x less cost.", [1, 0]),
    "words up to the phrase's end": ("named_after", MEMORY, "It has 40% of time, memory is new.", [0]),
    "words of like meaning": ("named_after", "How much is cut?", "It has 40% trims.", [1]),
    "no word right after": ("named_after", MEMORY, "Memory falls by 40%.", [0]),
    "words right before": (
        "named_before",
        "How much training time is saved?",
        "Training time falls by 40%, memory by 55%.",
        [2 / 3, 0],
    ),
    "words right before, the last four": (
        "named_before",
        "How much training time is saved?",
        "Training of some big old model time falls 40%.",
        [1 / 4],
    ),
    "words back to the last quantity": ("named_before", MEMORY, "Memory falls 40% at 3x.", [1 / 2, 0]),
    "words back to the phrase's beginning": ("named_before", MEMORY, "Memory is, time falls 40%.", [0]),
    "no word right before": ("named_before", MEMORY, "So 40% memory stays.", [0]),
    "value that is left": ("base", MEMORY, "It falls from 37 GB to 24 GB.", [1, 0]),
    "value that is left, asked for": (
        "base",
        "What was the original size?",
        "It falls from 37 to 24.",
        [-1, 0],
    ),
    "spelt": ("spelt", MEMORY, "It has two stages of 8 layers.", [1, 0]),
    "spelt, for a count": ("spelt", "How many stages are there?", "It has two stages of 8 layers.", [0, 0]),
    "in brackets": ("bracketed", MEMORY, "So 2x (or 3x, at 62%) and 30%.", [0, 1, 1, 0]),
    "after a bracket that closes alone": ("bracketed", MEMORY, "So a) 2x (3x).", [0, 0]),
    "partner of the second": (
        "paired",
        "What is gained on LVIS?",
        "It gains 5% and 11% on COCO and LVIS, respectively.",
        [-1, 1],
    ),
    "partners after the word": (
        "paired",
        "What is gained on COCO?",
        "It gains 5% and 11%, respectively, on COCO and LVIS.",
        [1, -1],
    ),
    "partners of three": (
        "paired",
        "What is gained on SUN?",
        "It gains 5%, 7%, and 11% on COCO, SUN, and LVIS, respectively.",
        [-1, 1, -1],
    ),
    "partners with the word first": (
        "paired",
        "What is gained on LVIS?",
        "It respectively gains 5% and 11% on COCO and LVIS.",
        [-1, 1],
    ),
    "partners of one sort of number": (
        "paired",
        "What is gained on LVIS?",
        "In 3 hours it gains 5% and 11% on COCO and LVIS, respectively.",
        [0, -1, 1],
    ),
    "partners of what is no base": (
        "paired",
        "What is gained on LVIS?",
        "It gains 5% (vs. 3%) and 11% on COCO and LVIS, respectively.",
        [-1, 0, 1],
    ),
    "partners by their last two words": (
        "paired",
        "What is gained on LVIS?",
        "It gains 5% and 11% with LVIS tuned on COCO and SUN, respectively.",
        [0, 0],
    ),
    "no partner asked about": (
        "paired",
        "What is gained on SUN?",
        "It gains 5% and 11% on COCO and LVIS, respectively.",
        [0, 0],
    ),
    "both partners asked about": (
        "paired",
        "What is gained on COCO and LVIS?",
        "It gains 5% and 11% on COCO and LVIS, respectively.",
        [0, 0],
    ),
    "fewer partners than numbers": (
        "paired",
        "What is gained on LVIS?",
        "It gains 5%, 7% and 11% on COCO and LVIS, respectively.",
        [0, 0, 0],
    ),
    "one number": ("paired", "What is gained on LVIS?", "It gains 5% on COCO and LVIS, respectively.", [0]),
    "partners without the word": (
        "paired",
        "What is gained on LVIS?",
        "It gains 5% and 11% on COCO and LVIS.",
        [0, 0],
    ),
    "change asked for": (
        "change",
        "By how much does accuracy rise?",
        "It gains 11.5% (73.1% vs. 65.6%), improves by 4%, gets a 7 point boost, and is 2x as fast at 90%.",
        [1, -1, -1, 1, 1, 0, -1],
    ),
    "level asked for": (
        "change",
        "What accuracy does it reach?",
        "It gains 11.5% (73.1% vs. 65.6%) improvement.",
        [-1, 1, 1],
    ),
    "limit": (
        "up_to",
        MEMORY,
        "It is up to 62%, over 30%, more than 2x, at most 3x, moreover 4x, from 5x.",
        [1, 1, 1, 1, 0, 0],
    ),
}


@pytest.mark.parametrize(("name", "question", "text", "expected"), FEATURES.values(), ids=FEATURES)
def test_feature_of_each_quantity(name: str, question: str, text: str, expected: list[float]) -> None:
    found = [ranked.features[name] for ranked in read(question, text)]
    assert found == pytest.approx(expected, abs=1e-9)


def test_terms_weigh_what_they_tell() -> None:
    weigh = {"cach": 0.5, "memori": 1.0, "cut": 0.5}.__getitem__
    [ranked] = read(HOW_MUCH, "Memory falls by 62%.", weigh=weigh)
    assert ranked.features["clause"] == 1 / 2


def test_quantity_of_the_draft_is_drafted() -> None:
    ranked = read(
        MEMORY, "It falls by 62%, or 3x, or 30 points.", draft="It falls 3.0 times, by 62 hours and 30."
    )
    assert [one.features["drafted"] for one in ranked] == [0, 1, 1]  # 62% is no 62 hours, 30 may be 30 points


def test_sentence_counts_by_its_fit() -> None:
    ranked = read(MEMORY, "It falls by 62%.", "It falls by 30%.")
    assert [(one.text, one.features["sentence"]) for one in ranked] == [("62%", 0), ("30%", 1)]


def test_score_is_the_weighted_sum_and_best_is_first() -> None:
    weights = {"sentence": 1, "clause": 2}
    ranked = read(MEMORY, "Memory falls by 62%, time 30%.", "Time falls 3x.", weights=weights)
    assert [(one.text, one.score) for one in ranked] == [("62%", 2), ("3x", 1), ("30%", 0)]


def test_quantity_reads_as_it_stands() -> None:
    [ranked] = read(MEMORY, r"It falls by $2.4-2.9\times$.")
    assert ranked.text == r"2.4-2.9\times$"


LEFT_OUT: dict[str, tuple[str, str, list[str]]] = {
    "the question's own": ("Why is memory cut by 62%?", "It cuts 62% in 3 hours.", ["3 hours"]),
    "the question's own, in another unit": ("Why 1 hour?", "It takes 60 minutes or 2 hours.", ["2 hours"]),
    "year": (MEMORY, "In 2019, it cut 62%.", ["62%"]),
    "count like a year": (MEMORY, "It read 2019 papers.", ["2019"]),
    "number like a year": (MEMORY, "It reached 2,019 at 62%.", ["2,019", "62%"]),
    "number beyond years": (MEMORY, "It reached 2119.", ["2119"]),
    "nothing": (MEMORY, "It falls.", []),
}


@pytest.mark.parametrize(("question", "text", "expected"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_numbers_that_are_no_answer_are_left_out(question: str, text: str, expected: list[str]) -> None:
    assert [one.text for one in read(question, text)] == expected


def test_no_sentences() -> None:
    assert read(MEMORY) == []


RIVAL = "It has an FID of 5.02 and 15.7M weights, outperforming the previous best (FID=6.47, 19.4M weights)."


@pytest.mark.parametrize(
    ("question", "text", "values"),
    [
        ("What FID does it get?", RIVAL, [5.02, 15.7e6]),
        ("What was the previous FID?", RIVAL, [5.02, 6.47, 15.7e6, 19.4e6]),
        ("What FID does it get?", "It beats the best by far (5.02) and so on (6.47).", [5.02, 6.47]),
        ("What FID does it get?", "It is better than 6.47.", [6.47]),
        ("What accuracy does it get?", "It is better than LoRA (91.2% vs. 88.0%).", [88.0, 91.2]),
        ("What share is it?", "It is fast, thanks to decoupling (1.7% of the FLOPs).", [1.7]),
        ("What is gained?", "It surpasses other methods (e.g., +4.6 on MLVU).", [4.6]),
    ],
)
def test_the_value_of_a_rival_in_a_bracket_is_no_answer(
    question: str, text: str, values: list[float]
) -> None:
    assert sorted(ranked.quantity.low for ranked in read(question, text)) == values
