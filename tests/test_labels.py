from __future__ import annotations

import pytest

from assistant.final import Label
from assistant.fit import RankedSentence, SourceSentence
from assistant.labels import label_said, label_signals, null_finding
from assistant.question import understood
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


ABSTRACT = (
    "We asked whether statins lower pain. ",
    "We did not change the dose. ",
    "Pain was measured weekly. ",
    "Statins and placebo did not differ in pain. ",
    "Sleep was better.",
)
NULL: dict[str, tuple[str, str]] = {
    "of what is asked": ("Do statins lower pain?", ABSTRACT[3]),
    "of something else": ("Do vaccines lower mortality?", ""),
}


def of_one(paper: Paper, *order: int) -> list[RankedSentence]:
    """The sentences of ABSTRACT by number, in that order of fit."""
    starts = [sum(map(len, ABSTRACT[:n])) for n in range(len(ABSTRACT))]
    return [
        RankedSentence(SourceSentence(paper, starts[n], starts[n] + len(ABSTRACT[n]), n), 0.0, {})
        for n in order
    ]


@pytest.mark.parametrize(("question", "expected"), NULL.values(), ids=NULL)
def test_a_finding_of_no_effect_is_one_about_what_is_asked(question: str, expected: str) -> None:
    paper = Paper("p", "", "".join(ABSTRACT))
    found = null_finding(understood(question), of_one(paper, 0, 1, 2, 3, 4))
    assert (found.sentence.text if found else "") == expected


def test_a_finding_is_among_an_abstract_s_last_three_sentences_and_of_the_nearest_paper() -> None:
    paper = Paper("p", "", "".join(ABSTRACT))
    asked = understood("Did they change the dose, or the pain?")
    assert null_finding(asked, of_one(paper, 1, 0, 2)) is not None
    assert null_finding(asked, of_one(paper, 1, 0, 2, 4, 3)) == of_one(paper, 3)[0]
    assert null_finding(asked, [*of_one(Paper("q", "", "".join(ABSTRACT)), 0), *of_one(paper, 3)]) is None
    assert null_finding(asked, []) is None


@pytest.mark.parametrize(
    ("finding", "is_null"),
    [
        ("There was no significant difference in pain.", True),
        ("Pain was not associated with age.", True),
        ("The groups were similar in pain (p = 0.31), P > .2.", True),
        ("Statins failed to lower pain.", True),
        ("A nonsignificant trend in pain was seen.", True),
        ("It not only reduces pain but also cost.", False),
        ("Pain fell (P < .001).", False),
        ("Pain needs no treatment.", False),
    ],
)
def test_what_is_a_finding_of_no_effect(finding: str, is_null: bool) -> None:
    assert (null_finding(understood("Is pain lower?"), ranked(finding)) is not None) == is_null
