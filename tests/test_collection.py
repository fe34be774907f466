from __future__ import annotations

import re

import pytest

from assistant.collection import MOST_PAPERS, about_collection, greeting
from assistant.records import Final, Paper

BARE = tuple(Paper(f"b{n}", title, "An abstract.") for n, title in enumerate(("Fast LLMs", "Slow Fish")))

GREETINGS = {
    "Hello!": "Hello. Ask me something about the 3 papers in this collection.",
    "good morning :)": "Hello. Ask me something about the 3 papers in this collection.",
    "thanks a lot, that helped": "You're welcome. Is there another question about the papers?",
    "Thanks, bye!": "Goodbye. The papers are here when you have another question.",
}


@pytest.mark.parametrize(("text", "expected"), GREETINGS.items())
def test_greeting(text: str, expected: str, papers: tuple[Paper, ...]) -> None:
    assert greeting(text, papers).text == expected


def test_hello_of_other_collections() -> None:
    assert greeting("hi", ()).text == "Hello. There are no papers in this collection yet."
    assert greeting("hi", BARE[:1]).text == "Hello. Ask me something about the 1 paper in this collection."


# a1 Lovelace and Babbage, ICML 2023; a2 Noether, ACL 2021; a3 2019.
COUNTS = [
    ("How many papers are there?", 3, "This collection has 3 papers."),
    ("what's the total number of abstracts in your collection", 3, "This collection has 3 papers."),
    ("How big is the corpus?", 3, "This collection has 3 papers."),
    ("how many papers from 2023", 1, "Papers from 2023: 1 of 3."),
    ("How many 2023 papers do you have?", 1, "Papers from 2023: 1 of 3."),
    ("how many papers since 2021", 2, "Papers since 2021: 2 of 3."),
    ("how many papers from 2021 onwards", 2, "Papers since 2021: 2 of 3."),
    ("how many papers after 2021", 1, "Papers since 2022: 1 of 3."),
    ("how many papers before 2021", 1, "Papers until 2020: 1 of 3."),
    ("how many papers between 2019 and 2021", 2, "Papers from 2019 to 2021: 2 of 3."),
    ("how many papers from 2021-2023?", 2, "Papers from 2021 to 2023: 2 of 3."),
    ("how many papers from 1999", 0, "Papers from 1999: 0 of 3."),
    ("how many papers by noether", 1, "Papers by noether: 1 of 3 (1 without authors)."),
    ("how many papers did Emmy Noether write?", 1, "Papers by Emmy Noether: 1 of 3 (1 without authors)."),
    ("How many papers by Lovelace and Babbage since 2022", 1, "since 2022: 1 of 3 (1 without authors)."),
    ("How many papers by Noether before 2020?", 0, "until 2019: 0 of 3"),
    ("how many icml papers", 1, "Papers in icml: 1 of 3 (1 without venue)."),
    ("How many papers are from ACL in 2021?", 1, "Papers from 2021 in ACL: 1 of 3 (1 without venue)."),
]


@pytest.mark.parametrize(("question", "count", "text"), COUNTS)
def test_counts(question: str, count: int, text: str, papers: tuple[Paper, ...]) -> None:
    answer = about_collection(question, papers)
    assert answer is not None
    assert text in answer.text
    said = f"{count} paper" if count == 1 else f"{count} papers"
    assert answer.final == Final("number", said, value=count, unit="papers")


PURPOSE = "I answer from 3 abstracts; every sentence cites its paper."
SOURCE = "From the abstracts and their titles, not from the full papers."
AUTHORS = "Ada Lovelace (1); Charles Babbage (1); Emmy Noether (1)"
LISTED = "LongCache: Shrinking the Key-Value Cache (a1)", "SlimTune: Tuning without Gradients (a2)"
OLD = "A Survey of Speech Recognition (a3)"
ANSWERS = {
    "What can I ask you about?": (PURPOSE, Final("text", PURPOSE)),
    "What can you do for me?": (PURPOSE, Final("text", PURPOSE)),
    "Who are you?": (PURPOSE, Final("text", PURPOSE)),
    "Do you work from the full papers or only from their abstracts?": (SOURCE, Final("text", SOURCE)),
    "Have you read the full text?": (SOURCE, Final("text", SOURCE)),
    "Which years do the papers cover?": (
        "This collection has 3 papers; years: 2019 to 2023.",
        Final("text", "2019 to 2023"),
    ),
    "Which venues are the papers from?": (
        "The venues, most frequent first: ACL (1); ICML (1).",
        Final("text", "ACL (1); ICML (1)"),
    ),
    "How many authors are there?": (
        "This collection has 3 papers, with 3 authors.",
        Final("number", "3 authors", value=3, unit="authors"),
    ),
    "Who wrote the papers in here?": (
        f"The authors, most frequent first: {AUTHORS}.",
        Final("text", AUTHORS),
    ),
    "which is the newest paper?": (
        f"The newest, 1 from 2023: {LISTED[0]}.",
        Final("list", "a1", ids=("a1",)),
    ),
    "What is the oldest paper?": (f"The oldest, 1 from 2019: {OLD}.", Final("list", "a3", ids=("a3",))),
    "list the papers since 2021": (
        f"Papers since 2021: 2 of 3: {LISTED[0]}; {LISTED[1]}.",
        Final("list", "a1;a2", ids=("a1", "a2")),
    ),
    "What did Noether write?": (
        f"Papers by Noether: 1 of 3 (1 without authors): {LISTED[1]}.",
        Final("list", "a2", ids=("a2",)),
    ),
    "which venues published papers in 1999?": ("Papers from 1999: 0 of 3.", None),
    "What is this collection about?": (
        f"This collection has 3 papers: {LISTED[0]}; {LISTED[1]}; {OLD}.",
        Final("list", "a1;a2;a3", ids=("a1", "a2", "a3")),
    ),
}
LISTINGS = {
    "a1;a2;a3": """Which papers are there?|papers?|all papers|What's in here?|what is here|show me all papers
        list everything|what have you got?|Can you list the papers?|I want to see all papers.|paper list
        Give me a list of all the papers|What are the titles?|titles of all papers|What is in the index?
        What can I read here?|What are the papers about?|Give me an overview|Summarize the collection
        What kind of papers are there?""",
    "a2": """papers from 2021?|2021 papers|list the papers of 2021|any papers in 2021?|ACL papers
        papers at ACL?|Do you have anything from 2021?|could you show me the papers from 2021?
        papers by Noether|Which papers were published in 2021?|Are there any papers by Emmy Noether?
        What has Noether written?""",
    "1 paper": "how many papers by Noether?|How many papers did Noether publish?",
    "3 papers": """How many are there?|Count the papers|how large is this?|What's the size of the collection?
        How many documents?""",
    AUTHORS: """Who are the authors?|list the authors|Who wrote these?|Who has the most papers?
        who is the most prolific author?""",
    "2019 to 2023": "What years do they span?|what years?|When were they published?",
}
ASKED = [(asked.strip(), bare) for bare, many in LISTINGS.items() for asked in re.split(r"[|\n]", many)]


@pytest.mark.parametrize(("question", "bare"), ASKED)
def test_many_ways_to_ask_for_the_same(question: str, bare: str, papers: tuple[Paper, ...]) -> None:
    answer = about_collection(question, papers)
    assert answer is not None and answer.final is not None
    assert answer.final.text == bare


@pytest.mark.parametrize(("question", "expected"), ANSWERS.items())
def test_answers(question: str, expected: tuple[str, Final | None], papers: tuple[Paper, ...]) -> None:
    answer = about_collection(question, papers)
    assert answer is not None
    assert (answer.text, answer.final) == expected


MISSING = {
    "Which years do the papers cover?": "year",
    "How many papers from 2023?": "year",
    "Which venues?": "venue",
    "Who wrote the papers in here?": "authors",
    "How many papers by Vaswani et al.": "authors",
}


@pytest.mark.parametrize(("question", "field"), MISSING.items())
def test_missing_metadata_is_said_without_a_final(question: str, field: str) -> None:
    answer = about_collection(question, BARE)
    assert answer is not None
    assert (answer.text, answer.final) == (f"The papers' metadata has no {field}, so I can't tell.", None)


UNKNOWN = """How many papers use LoRA?|How many papers are about ICML?|How many papers are not from 2023?
How many studies does the paper include?|How many papers have more than one author?|How many papers per year?
How many papers by distillation?|How many papers by Vaswani?|How many papers in the last 5 years?
List papers on tuning from 2021|Which venue was the paper published in?|Who are the authors of this paper?
Which papers use LoRA?|papers on tuning|papers about tuning from 2021|Which papers are surveys?
Show all methods|List papers by topic|Which papers have code?|What is the latest version?|Who won in 2021?
What are the results?|Are the papers good?|Which papers are not about speech?|Is it optimised by Adam?
What is this paper about?|What do you know about LoRA?|Who wrote LongCache?|Is it fast?|"""


@pytest.mark.parametrize("question", UNKNOWN.replace("\n", "|").split("|"))
def test_what_metadata_cannot_answer(question: str, papers: tuple[Paper, ...]) -> None:
    assert about_collection(question, papers) is None


def test_long_lists_are_capped_and_topics_are_pairs_of_words() -> None:
    title = "A Very Long Title of a Paper That Says All That There Is to Say about Its Many Results"
    papers = tuple(Paper(f"p{n}", title, "", (f"A{n} B{n}",), 2020, f"Venue {n}") for n in range(1500))
    for question in ("List the papers from 2020", "Which venues are there?", "Who are the authors?"):
        answer = about_collection(question, papers)
        assert answer is not None
        assert answer.text.endswith(" more.") and len(answer.text.split()) < 60
        assert answer.papers == (papers[:MOST_PAPERS] if question.startswith("List") else ())
    answer = about_collection("Roughly, what topics do your documents cover?", papers)
    assert answer is not None and "long title" in answer.text
    answer = about_collection("How many papers are there?", ())
    assert answer is not None and answer.text == "This collection has 0 papers."


def test_what_is_counted_of_many() -> None:
    papers = tuple(Paper(str(n), "A", "", ("Ada Lovelace",), 2000 + n % 20, "ACL") for n in range(2_000))
    answer = about_collection("How many papers from 2019?", papers)
    assert answer is not None and answer.final is not None and answer.final.value == 100
