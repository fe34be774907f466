from __future__ import annotations

import pytest
from growth import assert_linear

from assistant.final import Label
from assistant.fit import RankedSentence, SourceSentence
from assistant.labels import label_said, label_signals
from assistant.records import Paper

SAID: dict[str, tuple[str, Label | None]] = {
    "at the beginning": ("No, it needs none.", "no"),
    "at the end": ("It needs no training. Yes.", "yes"),
    "at the end in small letters": ("So the answer is no", "no"),
    "in capitals": ("It needs none. NO!", "no"),
    "in marks of emphasis": ("It needs none. **No.**", "no"),
    "before a mark of a source": ("It needs none. No [1].", "no"),
    "before several marks": ("It needs none. No [1] [2].", "no"),
    "alone before a mark": ("Yes [1].", "yes"),
    "beginning before end": ("Yes. Is it slow? No.", "yes"),
    "on a line of its own": ("It needs none.\n\nNo\n", "no"),
    "in the middle": ("The answer is yes because it is fast.", None),
    "of a word": ("It casts an eno. It is casino.", None),
    "no of something": ("No gradient is needed.", None),
    "neither": ("Perhaps.", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("draft", "expected"), SAID.values(), ids=SAID)
def test_label_that_the_draft_says(draft: str, expected: Label | None) -> None:
    assert label_said(draft) == expected


def ranked(*texts: str) -> list[RankedSentence]:
    """Sentences in order of fit; of the question's words the first has 0.9, the second 0.8, and so on."""
    papers = [Paper(f"p{n}", "", text) for n, text in enumerate(texts)]
    return [
        RankedSentence(SourceSentence(paper, 0, len(paper.abstract), 0), 0.0, {"soft_share": 0.9 - n / 10})
        for n, paper in enumerate(papers)
    ]


NEUTRAL = {
    "said": 0.0,
    "opposed": 0.0,
    "opposed_next": 0.0,
    "negated": 0.0,
    "asked_negated": 0.0,
    "share": 0.9,
}
ASKED = "Does it need labels?"
SIGNALS: dict[str, tuple[str, Label | None, tuple[str, ...], dict[str, float]]] = {
    "sentence says the same": (ASKED, None, ("It needs labels.",), {}),
    "model says yes": (ASKED, "yes", ("It needs labels.",), {"said": 1.0}),
    "model says no": (ASKED, "no", ("It needs labels.",), {"said": -1.0}),
    "sentence denies it": (ASKED, None, ("It needs no labels.",), {"opposed": 1.0, "negated": 1.0}),
    "sentence denies something else": (ASKED, None, ("It has labels, not code.",), {"negated": 1.0}),
    "question denies it": (
        "Does it need no labels?",
        None,
        ("It needs labels.",),
        {"opposed": 1.0, "negated": 1.0, "asked_negated": 1.0},
    ),
    "both deny it": ("Does it need no labels?", None, ("It needs no labels.",), {"asked_negated": 1.0}),
    "sentence goes the other way": ("Is it faster?", None, ("It is slower.",), {"opposed": 1.0}),
    "next sentence denies it": (
        ASKED,
        None,
        ("It needs labels.", "It needs no labels."),
        {"opposed_next": 1.0},
    ),
    "third sentence does not count": (ASKED, None, ("Labels.", "Labels.", "It needs no labels."), {}),
    "no sentence": (ASKED, "yes", (), {"said": 1.0, "share": 0.0}),
    "no sentence for a denial": ("Is it not fast?", None, (), {"asked_negated": 1.0, "share": 0.0}),
}


@pytest.mark.parametrize(("question", "said", "texts", "expected"), SIGNALS.values(), ids=SIGNALS)
def test_signals_that_differ_from_neutral(
    question: str, said: Label | None, texts: tuple[str, ...], expected: dict[str, float]
) -> None:
    assert label_signals(question, said, ranked(*texts)) == NEUTRAL | expected


@pytest.mark.parametrize(
    "piece", ["a ", "1 ", "((((", "A-A-", "no ", "no. ", "[1] ", "no [1] ", "yes [", " "]
)
def test_long_draft_is_read_in_no_time(piece: str) -> None:
    def read(draft: str) -> None:
        label_said(f"no {draft}a")
        label_signals(draft, None, ranked(f"{draft}z", draft))

    assert_linear(read, piece)
