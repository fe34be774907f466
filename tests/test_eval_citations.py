from __future__ import annotations

import pytest

from eval.measures.citations import (
    groundedness,
    paper_f1,
    paper_precision,
    paper_recall,
    sentence_precision,
    sentence_recall,
    validity,
)
from eval.records import AnswerSentence, Corpus, GoldItem, SystemAnswer

CORPUS = Corpus(
    {"p1": "Caches", "p2": "Adapters", "p3": "Speech"},
    {
        "p1": "The cache shrinks by 62%.",
        "p2": "Adapters train in 36 hours.",
        "p3": "Speech recognition moved to neural networks.",
    },
)
ASKED = GoldItem(
    "q", "dev", "q", "x", "How?", True, "free", gold_papers=(("p1",), ("p2",)), acceptable_papers=("p3",)
)
CACHE, ADAPTERS = "The cache shrinks by 62%.", "Adapters train in 36 hours."


def answer(*parts: tuple[str, tuple[str, ...]]) -> SystemAnswer:
    said = tuple(AnswerSentence(text, cites) for text, cites in parts)
    return SystemAnswer("q", "answered", sentences=said, context_text={"p1": "", "p2": ""})


@pytest.mark.parametrize(
    ("cites", "precision", "recall", "f1"),
    [
        (("p1", "p2"), 1, 1, 1),
        (("p1", "p3"), 1, 0.5, 2 / 3),
        (("p1", "invented"), 0.5, 0.5, 0.5),
        ((), 0, 0, 0),
    ],
)
def test_paper_level(cites: tuple[str, ...], precision: float, recall: float, f1: float) -> None:
    given = answer((CACHE, cites))
    assert paper_precision(ASKED, given) == precision
    assert paper_recall(ASKED, given) == recall
    assert paper_f1(ASKED, given) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("parts", "recall", "precision"),
    [
        ([(CACHE, ("p1",)), (ADAPTERS, ("p2",))], 1, 1),
        ([(CACHE, ("p1",)), (ADAPTERS, ())], 0.5, 1),
        ([(CACHE, ("p1", "p2"))], 1, 0.5),  # p2 can be spared
        ([(CACHE, ("p1", "invented"))], 0, 0),  # an invalid id voids the sentence, and both citations count
        ([(CACHE, ("p2",)), (ADAPTERS, ("p2",))], 0.5, 0.5),
        ([], 0, 0),
    ],
)
def test_sentence_level(parts: list[tuple[str, tuple[str, ...]]], recall: float, precision: float) -> None:
    given = answer(*parts)
    assert sentence_recall(ASKED, given, CORPUS) == recall
    assert sentence_precision(ASKED, given, CORPUS) == precision


def test_a_sentence_inherits_no_citation() -> None:
    assert sentence_recall(ASKED, answer((CACHE, ("p1",)), (CACHE, ())), CORPUS) == 0.5


def test_validity_and_groundedness_count_every_emitted_id() -> None:
    given = SystemAnswer(
        "q",
        "answered",
        sentences=(AnswerSentence(CACHE, ("p1", "invented"), (("p3", "Speech"), ("p1", "The cache"))),),
        context_text={"p1": ""},
    )
    assert validity(given, CORPUS) == 0.75
    assert groundedness(given) == 0.5
