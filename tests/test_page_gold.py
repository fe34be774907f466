from __future__ import annotations

import json
from pathlib import Path

import pytest
from asker import Asker
from conftest import PAPERS

from assistant.errors import PageError
from assistant.page.correction import correction_html
from assistant.page.exchange import Exchange
from assistant.page.gold import Approval, Correction, keep
from assistant.records import Paper, ScoredPaper
from eval.gold import load
from eval.records import Corpus, Evidence, GoldItem, GoldValue

CORPUS = Corpus({paper.id: paper.title for paper in PAPERS}, {paper.id: paper.abstract for paper in PAPERS})
QUOTE = "Training takes 36 hours on 8 GPUs."
START = PAPERS[0].abstract.index(QUOTE)
ANSWERED = Correction("How long is training?", " 36 hours ", PAPERS[0], START, START + len(QUOTE))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gold" / "index.jsonl"


def test_the_harness_reads_what_was_kept(path: Path) -> None:
    keep(ANSWERED, path)
    keep(Correction("Is it long?", "No", PAPERS[0], START, START + len(QUOTE)), path)
    keep(Correction("Who paid for it?"), path)
    answered, label, absent = load(path, CORPUS)
    assert (answered.answer_type, answered.gold_papers) == ("short", (("a1",),))
    assert answered.gold is not None
    assert answered.gold.aliases == ("36 hours",)
    assert answered.evidence == (Evidence("a1", QUOTE),)
    assert label.gold is not None
    assert label.gold.label == "no"
    assert (absent.answerable, absent.unanswerable_reason) == (False, "absent_fact")


def test_a_question_corrected_again_is_kept_once(path: Path) -> None:
    keep(ANSWERED, path)
    keep(Correction("How long is TRAINING?"), path)
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["answerable"] is False


@pytest.mark.parametrize(
    ("correction", "message"),
    [
        (Correction("Q?", "36 hours"), "both the right answer and the sentence"),
        (Correction("Q?", " ", PAPERS[0], 0, 9), "both the right answer and the sentence"),
        (Correction("Q?", "36 hours", PAPERS[0], 9, 9), "a sentence of an abstract"),
    ],
)
def test_half_a_correction_is_not_kept(correction: Correction, message: str, path: Path) -> None:
    with pytest.raises(PageError, match=message):
        keep(correction, path)
    assert not path.exists()


def test_a_file_that_is_no_gold_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("not JSON\n", encoding="utf-8")
    with pytest.raises(PageError, match=r"index\.jsonl can't take a gold question"):
        keep(ANSWERED, path)
    assert path.read_text(encoding="utf-8") == "not JSON\n"


def test_every_sentence_can_be_chosen_by_its_offsets_and_is_text() -> None:
    hostile = Paper("p", "<b>T</b>", "One <i>is</i> here. Two is there.")
    html = correction_html(Exchange(3, "Q?", papers=(ScoredPaper(hostile, 1.0, ()),)))
    assert 'value="0 0 19" required> One &lt;i&gt;is&lt;/i&gt; here.</label>' in html
    assert 'value="0 20 33" required> Two is there.</label>' in html
    assert "<b>" not in html


def approved(ask: Asker, question: str, reply: str | None, path: Path) -> GoldItem:
    """The gold question that the approval of an answer makes, as the harness reads it."""
    keep(Approval(question, ask(question, reply)), path)
    (item,) = load(path, CORPUS)
    return item


def test_an_approved_answer_is_kept_with_its_verified_quote(ask: Asker, path: Path) -> None:
    item = approved(ask, "How long is training LongCache?", "Training takes 36 hours.", path)
    assert item.gold == GoldValue(aliases=("36 hours",))
    assert (item.cluster, item.gold_papers) == ("a1", (("a1",),))
    assert item.evidence == (Evidence("a1", QUOTE),)


def test_an_approved_yes_or_no_is_kept_as_a_label(ask: Asker, path: Path) -> None:
    question = "Does SlimTune require gradient computation?"
    item = approved(ask, question, "No. SlimTune requires no gradient computation.", path)
    assert (item.answer_type, item.gold) == ("boolean", GoldValue(label="no"))
    assert item.evidence == (Evidence("a2", "SlimTune requires no gradient computation."),)


def test_an_approved_list_is_kept_as_its_papers(ask: Asker, path: Path) -> None:
    item = approved(ask, "Which papers are about speech recognition?", None, path)
    assert (item.answer_type, item.gold) == ("list", GoldValue(ids=("a3",)))
    assert item.gold_papers == (("a3",),)


def test_an_approved_abstention_is_kept_as_a_question_without_an_answer(ask: Asker, path: Path) -> None:
    item = approved(ask, "Where do whales sing at night?", "The excerpts do not mention it.", path)
    assert (item.answerable, item.gold, item.evidence) == (False, None, ())


def test_an_answer_that_cites_nothing_is_not_kept(ask: Asker, path: Path) -> None:
    with pytest.raises(PageError, match="give one by Not right"):
        keep(Approval("How many papers are there?", ask("How many papers are there?", None)), path)
    assert not path.exists()
