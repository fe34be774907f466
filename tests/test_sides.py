from __future__ import annotations

from collections.abc import Sequence

import pytest

from assistant.question import understood
from assistant.records import Paper, ScoredPaper
from assistant.sides import MOST_SIDES, Side, sides
from assistant.terms import terms

TEXTS = {
    "gen": ("LongGen: Long Contexts on a Budget", "We present LongGen. It cuts memory and beats BERT."),
    "tune": ("SlimTune: Tuning without Gradients", "SlimTune reaches 91% on SentiBank. BERT does not."),
    "beacon": ("Activation Beacon: Reading More", "We read more of a text. It takes 9 hours."),
    "rim": ("Inference Machines", "We introduce Recurrent Inference Machines (RIM)."),
    "speech": ("A Survey of Speech Recognition", "We survey 140 papers on data."),
    "rival": ("NewGen: Beyond the Budget", "NewGen is faster than LongGen."),
    "dot": ("Octrees that Adapt", "We propose the octree DOT."),
    "product": ("Dot Products", "A dot product is fast."),
    "fast": ("FastNet: Nets", "We propose FastNet."),
    "deep": ("DeepNet: Nets", "We propose DeepNet."),
    "wide": ("WideNet: Nets", "We propose WideNet."),
    "tiny": ("TinyNet: Nets", "We propose TinyNet."),
    "paca": ("PaCA: Partial PEFT", "We propose PaCA for PEFT."),
    "quote": ("Verifiable by Design", "We propose Quote-Tuning."),
    "light": ("Light-PEFT: Early Pruning", "We propose Light-PEFT."),
}
PAPERS = {key: ScoredPaper(Paper(key, title, text), 0.0, ()) for key, (title, text) in TEXTS.items()}


def even(term: str) -> float:
    """All terms tell the same."""
    return 1.0


def search(text: str) -> list[ScoredPaper]:
    """The papers with most of the terms of the text, three at most, `rival` never."""
    wanted = set(terms(text))

    def shared(paper: ScoredPaper) -> int:
        return len(wanted & set(terms(f"{paper.paper.title} {paper.paper.abstract}")))

    found = [paper for paper in PAPERS.values() if paper.paper.id != "rival" and shared(paper)]
    return sorted(found, key=shared, reverse=True)[:3]


def nowhere(text: str) -> list[ScoredPaper]:
    return []


def split(question: str, *found: str) -> tuple[Side, ...]:
    return sides(understood(question), [PAPERS[key] for key in found], search, even)


# A question, the papers found for it, and those that it asks something of.
MEANT: dict[str, tuple[str, list[str], list[str]]] = {
    "two names": ("How do LongGen and SlimTune cut memory?", ["gen", "tune"], ["gen", "tune"]),
    "in the question's order": ("How do SlimTune and LongGen cut memory?", ["gen", "tune"], ["tune", "gen"]),
    "not among those found": ("How do LongGen and SlimTune cut memory?", ["gen"], ["gen", "tune"]),
    "a list": ("Why are FastNet, DeepNet and WideNet deep?", [], ["fast", "deep", "wide"]),
    "either": ("Does LongGen or SlimTune cut memory?", [], ["gen", "tune"]),
    "versus": ("LongGen vs. SlimTune in memory", [], ["gen", "tune"]),
    "with words between": ("Memory of LongGen and of the SlimTune?", [], ["gen", "tune"]),
    "one name": ("How does LongGen cut memory?", ["gen", "tune"], []),
    "one paper by two names": ("How do LongGen and long gen cut memory?", ["gen", "tune"], []),
    "no name": ("How is memory cut?", ["gen", "tune"], []),
    "names that nothing joins": ("Does LongGen use SlimTune?", ["gen", "tune"], []),
    "no joining word, but several asked": (
        "Compare LongGen with SlimTune.",
        ["gen", "tune"],
        ["gen", "tune"],
    ),
    "a name of one other paper": ("What do LongGen and SentiBank have?", [], ["gen", "tune"]),
    "capitals are no common word": ("What do LongGen and DOT have?", [], ["gen", "dot"]),
    "a name of two other papers": ("What do RIM and BERT have?", [], []),
    "compared with the other": ("Are LongGen and NewGen fast?", ["gen", "rival"], []),
    "compared with the other of three": (
        "Are LongGen, NewGen and SlimTune fast?",
        ["gen", "rival", "tune"],
        ["rival", "tune"],
    ),
    "mentioned by another": ("Are LongGen and SlimTune new?", ["rival", "gen", "tune"], ["gen", "tune"]),
    "first of its names": ("What do SlimTune, LongGen and SentiBank have?", [], ["tune", "gen"]),
    "short form": ("Do RIM and LongGen read data?", [], ["rim", "gen"]),
    "name of two words": ("Do Activation Beacon and LongGen read?", ["beacon", "gen"], ["beacon", "gen"]),
    "names written apart": ("do long gen and slim tune read", ["tune", "gen"], ["gen", "tune"]),
    "described": (
        "What do both the survey of speech recognition and LongGen say?",
        ["gen"],
        ["speech", "gen"],
    ),
    "described, but beside no other": ("What does the survey of speech recognition say?", ["gen"], []),
    "set against a name": (
        "What does the survey of speech recognition, as opposed to LongGen, say?",
        ["gen"],
        ["speech", "gen"],
    ),
    "two named and one described": (
        "Are LongGen and SlimTune, unlike the survey of speech recognition, new?",
        ["gen"],
        ["gen", "tune", "speech"],
    ),
    "compared with one described": (
        "Compare LongGen with the survey of speech recognition.",
        ["gen"],
        ["gen", "speech"],
    ),
    "described, joined by more words": (
        "What is said by the authors of LongGen and by those behind the recurrent inference machines?",
        ["gen"],
        ["gen", "rim"],
    ),
    "the one": (
        "What is new in the paper on long contexts and in the one on speech recognition?",
        [],
        ["gen", "speech"],
    ),
    "a name in the description": ("What does the LongGen paper, and what do we, cut?", ["gen"], []),
    "described after it was named": (
        "What do both LongGen, SlimTune and contexts on a budget cost?",
        [],
        ["gen", "tune"],
    ),
    # One of three terms, and less than 0.6 of them.
    "described otherwise": ("What do both the survey of protein folding and LongGen say?", ["gen"], []),
    "described by two words": ("What do both the speech data and LongGen say?", ["gen"], []),
    "described by two words of a title": (
        "What do both the speech survey and LongGen say?",
        ["gen"],
        ["speech", "gen"],
    ),
    "which, one or the other": (
        "Which is better: a survey of speech recognition, or LongGen?",
        ["gen"],
        ["speech", "gen"],
    ),
    "described by words that are asked of one named before": (
        "How does LongGen cut memory, and how does it survey speech recognition data?",
        ["gen"],
        [],
    ),
    "described by one word": ("What do both the survey and LongGen say?", ["gen"], []),
    "described twice": (
        "How does the speech recognition survey, and how does the survey of speech end?",
        [],
        [],
    ),
    "a name of two words with a hyphen": (
        "At which point do LongGen and Quote-Tuning wander roam?",
        ["gen"],
        ["gen", "quote"],
    ),
    "of two, which": ("Of LongGen and speech survey, which costs more?", ["gen"], ["gen", "speech"]),
    "in contrast to": ("In contrast to speech recognition data, how does LongGen cut memory?", ["gen"], []),
    "two things, of which one paper": (
        "Of speech recognition data and memory, which does LongGen cut?",
        ["gen"],
        [],
    ),
    "a scene that is set": (
        "I need speech recognition data. How do LongGen and SlimTune compare?",
        ["gen", "tune"],
        ["gen", "tune"],
    ),
    "contrasted": (
        "Contrast the memory of LongGen with the gradients of SlimTune.",
        ["gen", "tune"],
        ["gen", "tune"],
    ),
    # Three of seven terms, but all of those before "both".
    "described before what is said of both": (
        "LongGen and the speech recognition data both wander roam stray climb. What does each find?",
        ["gen"],
        ["gen", "speech"],
    ),
    "asked of each time": (
        "How does LongGen cut memory, and what speech recognition data each wander roam stray climb?",
        ["gen"],
        [],
    ),
    "described in a sentence of its own": (
        "We know LongGen. Speech recognition data wander. Do both roam?",
        ["gen"],
        ["gen", "speech"],
    ),
    "more than are asked": (
        "Do FastNet, DeepNet, WideNet, TinyNet, LongGen and SlimTune read?",
        [],
        ["fast", "deep", "wide", "tiny", "gen"],
    ),
}


@pytest.mark.parametrize(("question", "found", "expected"), MEANT.values(), ids=MEANT)
def test_papers_that_something_is_asked_of(question: str, found: list[str], expected: list[str]) -> None:
    meant = split(question, *found)
    assert [side.paper.paper.id for side in meant] == expected
    assert len(meant) <= MOST_SIDES


# A question, and what each of its papers is asked.
ASKED: dict[str, tuple[str, list[str]]] = {
    "the other left out": (
        "How do LongGen and SlimTune cut memory?",
        ["How do LongGen cut memory?", "How do SlimTune cut memory?"],
    ),
    "what joins no papers stays": (
        "How do LongGen and SlimTune cut memory and time?",
        ["How do LongGen cut memory and time?", "How do SlimTune cut memory and time?"],
    ),
    "words of both titles stay": (
        "Do FastNet and DeepNet use nets now?",
        ["Do FastNet use nets now?", "Do DeepNet use nets now?"],
    ),
    "words of another's title": (
        "What do the survey of speech recognition and LongGen both say on data?",
        ["What do the survey of speech recognition say on data?", "What do LongGen say on data?"],
    ),
    "the words that describe the other": (
        "What is new in the paper on long contexts and in the one on speech recognition?",
        ["What is new in the paper on long contexts?", "What is new in the one on speech recognition?"],
    ),
    "what is asked at the end of a description": (
        "How do LongGen and the survey of speech recognition differ?",
        ["How do LongGen and the of differ?", "How do the survey of speech recognition differ?"],
    ),
    "others of three": (
        "How do LongGen, SlimTune and RIM cut memory?",
        [
            "How do LongGen cut memory?",
            "How do SlimTune cut memory?",
            "How do RIM cut memory?",
        ],
    ),
    "the last word": (
        "Which is slower, SlimTune or LongGen?",
        ["Which is slower, SlimTune?", "Which is slower, LongGen?"],
    ),
    "last word of another's title that is no name": (
        "Do LongGen and SlimTune need gradients?",
        ["Do LongGen need gradients?", "Do SlimTune need gradients?"],
    ),
    "both": (
        "Do both LongGen and SlimTune need GPUs?",
        ["Do LongGen need GPUs?", "Do SlimTune need GPUs?"],
    ),
    "each": (
        "How many GPUs do LongGen and SlimTune each need, respectively?",
        ["How many GPUs do LongGen need?", "How many GPUs do SlimTune need?"],
    ),
    "possessives": (
        "How do LongGen's and SlimTune’s costs differ?",
        ["How do LongGen's costs differ?", "How do SlimTune’s costs differ?"],
    ),
    "another's name of two words": (
        "How do LongGen's and Quote-Tuning's costs differ?",
        ["How do LongGen's costs differ?", "How do Quote-Tuning's costs differ?"],
    ),
    "contrasted with a name": (
        "Contrast LongGen with SlimTune in memory.",
        ["Contrast LongGen in memory.", "Contrast SlimTune in memory."],
    ),
    "the same preposition": (
        "What is said of LongGen and of SlimTune?",
        ["What is said of LongGen?", "What is said of SlimTune?"],
    ),
    "another's name with a word that is this paper's too": (
        "How do PaCA and Light-PEFT save time?",
        ["How do PaCA save time?", "How do Light-PEFT save time?"],
    ),
    "what is asked by a word of another's title": (
        "How long do SlimTune and LongGen take?",
        ["How long do SlimTune take?", "How long do LongGen take?"],
    ),
    "a clause each": (
        "By how much does LongGen cut memory, and how long does SlimTune train?",
        ["By how much does LongGen cut memory", "how long does SlimTune train?"],
    ),
    "a clause each, in two words": (
        "How long does Activation Beacon train, and by what does LongGen cut memory?",
        ["How long does Activation Beacon train", "by what does LongGen cut memory?"],
    ),
    "a clause each, yes or no first": (
        "Does LongGen cut memory, and how long does SlimTune train?",
        ["Does LongGen cut memory", "how long does SlimTune train?"],
    ),
    "a clause for both": (
        "On BEIR, what do LongGen and SlimTune gain?",
        ["On BEIR, what do LongGen gain?", "On BEIR, what do SlimTune gain?"],
    ),
    "names before the question": (
        "LongGen and SlimTune: what does each of them need?",
        ["LongGen: what does it need?", "SlimTune: what does it need?"],
    ),
    "names in a sentence before the question": (
        "LongGen and SlimTune are new. Why?",
        ["LongGen are new. Why?", "SlimTune are new. Why?"],
    ),
    "names that end a sentence": (
        "Take LongGen, or SlimTune. Why?",
        ["Take LongGen. Why?", "Take SlimTune. Why?"],
    ),
}


@pytest.mark.parametrize(("question", "expected"), ASKED.values(), ids=ASKED)
def test_question_that_each_paper_is_asked(question: str, expected: list[str]) -> None:
    found = split(question, "gen", "tune", "beacon")
    assert [side.question for side in found] == [understood(text) for text in expected]


def test_best_paper_that_calls_a_name_its_own_is_meant() -> None:
    also = ScoredPaper(Paper("also", "LongGen: Again", "It is another."), 0.0, ())
    found = sides(understood("Are LongGen and SlimTune new?"), [also, *PAPERS.values()], nowhere, even)
    assert [side.paper.paper.id for side in found] == ["also", "tune"]


def test_terms_weigh_what_they_tell() -> None:
    question = understood("What do both the survey of protein folding and LongGen say?")
    # "survey" alone is 3 of 5 parts of "survey", "protein" and "fold".
    found = sides(question, [PAPERS["gen"]], search, lambda term: 3.0 if term == "survey" else 1.0)
    assert [side.paper.paper.id for side in found] == ["speech", "gen"]


@pytest.mark.parametrize("papers", [[], [PAPERS["gen"]]], ids=["no paper", "one paper"])
def test_nothing_to_set_side_by_side(papers: Sequence[ScoredPaper]) -> None:
    assert sides(understood("How do LongGen and SlimTune differ?"), papers, nowhere, even) == ()


def test_a_name_that_only_another_paper_mentions_is_not_asked_of_this_one() -> None:
    gen, tune = split("How good are LongGen and SentiBank?")
    assert [gen.question.names, tune.question.names] == [("LongGen",), ("SentiBank",)]
