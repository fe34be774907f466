from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.progress import silent
from assistant.records import Paper
from assistant.settings import Settings
from assistant.testing import HashingEmbedder
from eval.external import Query
from eval.passages import Trial, compare_units
from eval.records import Evidence, GoldItem

NUMBER = GoldItem(
    "n1",
    "dev",
    "a1",
    "numeric",
    "By how much does LongCache reduce cache memory?",
    answerable=True,
    answer_type="number",
    gold_papers=(("a1",),),
    evidence=(Evidence("a1", "LongCache reduces cache memory by 62%, and decoding is 1.4x faster."),),
)
TEXT = replace(NUMBER, id="t1", question="What does LongCache do about key-value cache memory?")
YES_NO = replace(NUMBER, id="y1", question="Does LongCache reduce cache memory?")
ABSENT = replace(NUMBER, id="u1", evidence=(Evidence("a3", "We survey 140 papers."),))


@pytest.fixture
def trial(tmp_path: Path, papers: tuple[Paper, ...]) -> Trial:
    """The three papers, one of them to be found; tokens are sentences."""
    return Trial(
        pool=papers,
        queries=[Query("q1", "Speech recognition data quality", ("a3",))],
        corpus=papers,
        items=[NUMBER],
        settings=Settings(papers=1, context_sentences=4),
        embedder=HashingEmbedder(),
        count_tokens=lambda text: len(re.findall(r"\.(?=\s|$)", text)),
        cache=tmp_path / "cache",
        progress=silent,
    )


def test_every_unit_is_a_row_and_an_index_of_the_pool_and_of_the_corpus(trial: Trial) -> None:
    table = compare_units(trial, ((160, 0), (40, 0), (40, 20)))
    assert list(table.rows) == ["160 tokens", "40 tokens", "40 tokens, overlap 20"]
    counts = [int(row["passages"]) for row in table.rows.values()]
    assert counts[0] == 3 < counts[1] < counts[2]
    assert {row["R@1"] for row in table.rows.values()} == {1.0}
    assert len(list(trial.cache.iterdir())) == 6


def test_the_title_tells_what_was_tried(trial: Trial) -> None:
    more = replace(trial, items=[NUMBER, ABSENT, replace(NUMBER, evidence=())])
    assert compare_units(more, ((160, 0),)).title == (
        "1 queries, 3 papers; 2 gold questions, 450 tokens of context"
    )


@pytest.mark.parametrize(
    "left_out",
    [
        replace(NUMBER, id="x", evidence=()),
        replace(NUMBER, id="x", answerable=False),
        replace(NUMBER, id="x", history=(("What is it?", "A cache."),)),
    ],
    ids=["without evidence", "unanswerable", "a follow-up"],
)
def test_only_answerable_questions_with_evidence_count(trial: Trial, left_out: GoldItem) -> None:
    assert "; 1 gold questions," in compare_units(replace(trial, items=[NUMBER, left_out]), ((160, 0),)).title


@pytest.mark.parametrize(
    ("item", "sentences"), [(TEXT, 4), (NUMBER, 3), (YES_NO, 3)], ids=["text", "number", "yes or no"]
)
def test_as_many_sentences_are_shown_as_the_assistant_shows(
    trial: Trial, item: GoldItem, sentences: int
) -> None:
    row = compare_units(replace(trial, items=[item]), ((160, 0),)).rows["160 tokens"]
    assert (row["tokens shown"], row["papers shown"]) == (sentences, 1)


def test_a_question_about_something_else_is_shown_nothing(trial: Trial) -> None:
    item = replace(NUMBER, question="What did Napoleon eat at Waterloo?")
    assert compare_units(replace(trial, items=[item]), ((160, 0),)).rows["160 tokens"]["papers shown"] == 0


def test_evidence_counts_where_its_sentence_is_shown(trial: Trial) -> None:
    row = compare_units(replace(trial, items=[NUMBER, ABSENT]), ((160, 0),)).rows["160 tokens"]
    assert row["evidence in context"] == 0.5  # one of two


def test_papers_left_out_are_not_shown(trial: Trial) -> None:
    item = replace(NUMBER, exclude_ids=("a1",))
    assert (
        compare_units(replace(trial, items=[item]), ((160, 0),)).rows["160 tokens"]["evidence in context"]
        == 0
    )
