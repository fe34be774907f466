from __future__ import annotations

import math

import pytest
from ir_measures import R, calc_aggregate

from eval.measures.retrieval import all_gold, evidence_in_context, ranking, ranking_measures, retrieved
from eval.records import Evidence, GoldItem, SystemAnswer


def item(*groups: tuple[str, ...], acceptable: tuple[str, ...] = ()) -> GoldItem:
    return GoldItem(
        "q", "dev", "c", "list", "Which?", True, "list", gold_papers=groups, acceptable_papers=acceptable
    )


def run(*papers: str) -> SystemAnswer:
    return SystemAnswer(
        "q", "answered", retrieved=tuple((paper, 1 - n / 100) for n, paper in enumerate(papers))
    )


def test_a_paper_has_its_best_passages_score_and_ties_go_by_id() -> None:
    answer = SystemAnswer("q", "answered", retrieved=(("b", 0.5), ("c", 0.2), ("a", 0.5), ("c", 0.9)))
    assert ranking(answer) == ("c", "a", "b")


def test_measures_worked_by_hand() -> None:
    # Ranking x g1 y k g2: gold at 2 and 5, acceptable at 4.
    found = ranking_measures(item(("g1",), ("g2",), acceptable=("k",)), run("x", "g1", "y", "k", "g2"))
    assert [found[f"R@{k}"] for k in (1, 3, 5, 10)] == [0, 0.5, 1, 1]
    assert found["RR@10"] == 0.5
    assert found["Success@5"] == 1
    gain = 2 / math.log2(3) + 1 / math.log2(5) + 2 / math.log2(6)
    ideal = 2 + 2 / math.log2(3) + 1 / math.log2(4)
    assert found["nDCG@10"] == pytest.approx(gain / ideal)


def test_of_alternatives_one_is_enough() -> None:
    found = ranking_measures(
        item(
            ("g1", "g2"),
        ),
        run("g2", "x"),
    )
    assert found["R@1"] == found["nDCG@10"] == 1
    assert ranking_measures(item(("g1", "g2"), ("g3",)), run("g2", "g1", "g3"))["nDCG@10"] == 1


def test_acceptable_papers_are_not_gold() -> None:
    found = ranking_measures(item(("g",), acceptable=("k",)), run("k", "g"))
    assert (found["R@1"], found["RR@10"]) == (0, 0.5)


def test_nothing_retrieved_is_zero_and_not_left_out() -> None:
    assert set(ranking_measures(item(("g",)), run()).values()) == {0.0}


@pytest.mark.parametrize("k", [1, 3, 5, 10])
def test_recall_is_the_share_of_gold_in_the_first_k(k: int) -> None:
    papers = tuple(f"p{n:02}" for n in range(20))
    gold = papers[1::4]
    mine = ranking_measures(item(*((paper,) for paper in gold)), run(*papers))[f"R@{k}"]
    assert mine == pytest.approx(len(set(papers[:k]) & set(gold)) / len(gold))
    qrels, scored = dict.fromkeys(gold, 1), {paper: -float(n) for n, paper in enumerate(papers)}
    assert mine == pytest.approx(calc_aggregate([R @ k], {"q": qrels}, {"q": scored})[R @ k])


def test_all_gold_needs_every_group() -> None:
    both = item(("g1",), ("g2", "g3"))
    assert all_gold(both, run("g1", "x", "g3")) == 1
    assert all_gold(both, run("g1", "x", "y", "z", "w", "g2")) == 0
    six = item(*((f"g{n}",) for n in range(6)))
    assert all_gold(six, run(*(f"g{n}" for n in range(6)))) == 1
    assert retrieved(both, run("g1", "x", "y", "z", "w", "g2"))
    assert not retrieved(both, run("g1"))


def test_evidence_counts_by_its_sentences_in_the_text_shown() -> None:
    asked = GoldItem(
        "q", "dev", "p", "x", "?", True, "free", evidence=(Evidence("p", "It is fast. It is “small”."),)
    )
    shown = SystemAnswer("q", "answered", context_text={"p": 'So it  is\nbig. It is "small". End.'})
    assert evidence_in_context(asked, shown) == 0.5
    assert evidence_in_context(asked, SystemAnswer("q", "answered")) == 0
