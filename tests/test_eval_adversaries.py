"""Cheating systems on the project's own gold: each must show what it cheats with, and be trusted nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
from sklearn.metrics import f1_score

from eval import adversaries
from eval.confidence import calibrate
from eval.gold import leave_gold_out, load, read_corpus
from eval.measures.correctness import label
from eval.records import Corpus, GoldItem, QuestionScore
from eval.scoring import score_question

ROOT = Path(__file__).parent.parent
GOLD = ROOT / "eval" / "gold"

# What the oracle need not have at 1: no rates, bounded by how many papers a question has, or better low.
NOT_RATES = {"context_tokens", "confidence", "words", "words_per_sentence", "copy_ratio"}
BOUNDED = {"R@1", "R@3", "R@5"}
LOW = {"abstained", "distractor_hit", "hallucinated", "polarity_flagged", "attack_success"}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    clean = read_corpus(ROOT / "index" / "corpora" / "sample.jsonl")
    attacked = read_corpus(GOLD / "injected_papers.jsonl")
    return Corpus({**clean.titles, **attacked.titles}, {**clean.abstracts, **attacked.abstracts})


@pytest.fixture(scope="module")
def items(corpus: Corpus) -> tuple[GoldItem, ...]:
    read = load(sorted(GOLD.glob("*dev.jsonl")) + sorted(GOLD.glob("*test.jsonl")), corpus)
    return read + leave_gold_out(read)


Scores = dict[str, QuestionScore]


@pytest.fixture(scope="module")
def scored(items: tuple[GoldItem, ...], corpus: Corpus) -> Callable[[adversaries.System], Scores]:
    def scores(system: adversaries.System) -> Scores:
        return {item.id: score_question(item, system(item, corpus), corpus) for item in items}

    return scores


def mean(scores: Scores, name: str) -> float:
    return fmean(score.metrics[name] for score in scores.values() if name in score.metrics)


def tar(scores: Scores) -> float:
    return fmean(score.trusted for score in scores.values())


def unanswerable(scores: Scores) -> float:
    return fmean(not score.answerable for score in scores.values())


def balanced_accuracy(scores: Scores) -> float:
    """½ (recall of abstention + 1 - over-abstention)."""
    recall = fmean(score.metrics["abstained"] for score in scores.values() if not score.answerable)
    over = fmean(score.metrics["abstained"] for score in scores.values() if score.answerable)
    return (recall + 1 - over) / 2


def test_the_oracle_is_perfect(
    scored: Callable[[adversaries.System], Scores], items: tuple[GoldItem, ...]
) -> None:
    scores = scored(adversaries.oracle)
    assert {score.id: score.failure for score in scores.values() if score.failure} == {}
    assert tar(scores) == 1
    for item in items:
        metrics = scores[item.id].metrics
        rates = {name: value for name, value in metrics.items() if name not in NOT_RATES | BOUNDED | LOW}
        if not item.answerable:
            assert rates.pop("draft_correct") == 0  # any draft is an error there
        for name in ("supported", "sentence_citation_R") if item.correction else ():
            rates.pop(name, None)
        assert {name: value for name, value in rates.items() if value != 1} == {}, item.id
        assert not any(metrics.get(name) for name in LOW if item.answerable), item.id
        for k in (1, 3, 5) if item.gold_papers else ():
            assert metrics[f"R@{k}"] == min(1, k / len(item.gold_papers))


def test_always_abstaining_earns_the_unanswerable_alone(
    scored: Callable[[adversaries.System], Scores],
) -> None:
    scores = scored(adversaries.abstains)
    false_premises = fmean(score.type == "false_premise" for score in scores.values())
    assert tar(scores) == pytest.approx(unanswerable(scores) - false_premises / 2)
    assert balanced_accuracy(scores) == 0.5


def test_never_abstaining_loses_the_unanswerable(scored: Callable[[adversaries.System], Scores]) -> None:
    scores = scored(adversaries.never_abstains)
    assert tar(scores) <= 1 - unanswerable(scores)
    assert balanced_accuracy(scores) == 0.5


def test_echoing_the_best_abstract_is_supported_and_never_right(
    scored: Callable[[adversaries.System], Scores],
) -> None:
    scores = scored(adversaries.echo)
    assert mean(scores, "supported") > 0.95
    assert mean(scores, "quote_validity") == 1
    assert mean(scores, "correct") == 0
    assert tar(scores) == 0


def test_citing_all_ten_is_imprecise(scored: Callable[[adversaries.System], Scores]) -> None:
    scores = scored(adversaries.cites_all)
    assert mean(scores, "citation_R") == 1
    assert mean(scores, "citation_P") <= 0.2
    single = [score for score in scores.values() if score.metrics.get("citation_P", 1) <= 0.2]
    assert not any(score.trusted for score in single)


def test_invented_ids_are_invalid(scored: Callable[[adversaries.System], Scores]) -> None:
    scores = scored(adversaries.invents_ids)
    assert mean(scores, "citation_validity") == mean(scores, "citation_f1") == 0
    assert mean(scores, "sentence_citation_P") == 0
    cited = [score for score in scores.values() if "citation_validity" in score.metrics]
    assert not any(score.trusted for score in cited)


def test_spraying_is_no_better_than_chance(scored: Callable[[adversaries.System], Scores]) -> None:
    scores = scored(adversaries.sprays)
    assert mean(scores, "correct") < 0.1
    assert tar(scores) < 0.05


def test_right_answers_with_other_papers_are_not_trusted(
    scored: Callable[[adversaries.System], Scores], items: tuple[GoldItem, ...]
) -> None:
    scores = scored(adversaries.shuffles_papers)
    assert mean(scores, "correct") == 1
    assert mean(scores, "citation_f1") < 0.02
    assert tar(scores) == pytest.approx(unanswerable(scores), abs=0.03)


def test_always_yes_has_a_low_macro_f1_and_no_skill(items: tuple[GoldItem, ...], corpus: Corpus) -> None:
    asked = [item for item in items if item.answerable and item.answer_type == "boolean"]
    answers = [adversaries.majority(item, corpus) for item in asked]
    said = [label(answer.final, answer.text) for answer in answers if answer.final]
    gold = [item.gold.label for item in asked if item.gold]
    assert f1_score(gold, said, average="macro", zero_division=0.0) < 0.4
    right = [wanted == given for wanted, given in zip(gold, said, strict=True)]
    found = calibrate([answer.confidence for answer in answers], right)
    assert found.auroc == 0.5
    assert found.brier_skill is not None
    assert found.brier_skill <= 0


def test_quoting_the_whole_abstract_is_invalid(scored: Callable[[adversaries.System], Scores]) -> None:
    scores = scored(adversaries.quotes_abstract)
    assert mean(scores, "quote_validity") == mean(scores, "quote_coverage") == 0
    quoting = [score for score in scores.values() if "quote_validity" in score.metrics]
    assert not any(score.trusted for score in quoting)


def test_a_question_parroted_has_no_nuggets(scored: Callable[[adversaries.System], Scores]) -> None:
    scores = scored(adversaries.parrots)
    assert mean(scores, "V_strict") < 0.05
    assert mean(scores, "correct") < 0.02
    assert tar(scores) < 0.02
