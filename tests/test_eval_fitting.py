from __future__ import annotations

import json
import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from assistant.answering import Pipeline
from assistant.embedding import Embedder
from assistant.errors import AssistantError, GenerationError
from assistant.fitted import FITTED, GATES, PACKAGED, Fitted, Gate, Linear, load_fitted
from assistant.generation.base import Delta, LanguageModel
from assistant.index import Index
from assistant.progress import silent
from assistant.records import Message, Paper
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel
from eval.__main__ import app
from eval.fitting import (
    Choice,
    Outcome,
    Row,
    balanced,
    calibrated,
    choose,
    early_threshold,
    fit,
    fit_to_file,
    gate,
    logistic,
    out_of_fold,
    outcomes,
    provenance,
    with_gates,
    with_thresholds,
)
from eval.records import Corpus, Evidence, GoldItem, GoldValue

LN3 = math.log(3)  # the log-odds of 3/4
SIGNAL = Linear(0.0, {"s": 1.0})


def signal(one: Outcome) -> dict[str, float]:
    return dict(one.after)


def outcome(
    probability: float, *, right: bool = False, answerable: bool = True, cluster: str = "p"
) -> Outcome:
    """An outcome whose one signal has this probability by SIGNAL."""
    signals = {"s": math.log(probability / (1 - probability))}
    return Outcome(cluster, answerable, right, signals, signals)


# The regression. Two points at -1 and 1, scaled: the penalised slope w solves w = C · n · σ(-w), and for
# w = ln 3, where σ(-w) = 1/4, and n = 2 that is C = 2 ln 3. The middle has a half.


@pytest.mark.parametrize("far", [1.0, 1000.0, -0.01])
def test_a_separable_table_is_learnt_whatever_its_scale(far: float) -> None:
    model = logistic([({"x": 0.0}, False), ({"x": far}, True)], 2 * LN3)
    found = [model.probability({"x": share * far}) for share in (0, 0.5, 1)]
    assert found == pytest.approx([0.25, 0.5, 0.75], abs=1e-4)


def test_a_weight_counts_as_often_as_the_row_is_there() -> None:
    rows: list[Row] = [({"x": 0.0}, False), ({"x": 1.0}, True)]
    once = logistic(rows * 2, LN3)
    assert once.probability({"x": 1.0}) == pytest.approx(0.75, abs=1e-4)
    weighted = logistic(rows, LN3, np.array([2.0, 2.0]))
    assert weighted.weights == pytest.approx(once.weights, abs=1e-3)


def test_a_feature_that_is_left_out_of_a_row_is_0_there_and_a_constant_one_is_worth_nothing() -> None:
    model = logistic([({"always": 5.0}, False), ({"x": 1.0, "always": 5.0}, True)], 2 * LN3)
    assert model.weights["x"] == pytest.approx(2 * LN3, abs=1e-3)
    assert model.weights["always"] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no rows"),
        pytest.param([({}, True), ({}, False)], id="no features"),
        pytest.param([({"x": 1.0}, True), ({"x": 2.0}, True)], id="all right"),
    ],
)
def test_nothing_is_learnt_where_there_is_nothing_to_tell_apart(rows: list[Row]) -> None:
    assert logistic(rows, 1.0) == Linear()


# Thresholds, unanswerable questions weighted to 0.38.


@pytest.mark.parametrize(
    ("answerable", "unanswerable", "weights"),
    [(3, 2, (0.62 / 0.6, 0.38 / 0.4)), (1, 3, (0.62 / 0.25, 0.38 / 0.75)), (2, 0, (1, 1)), (0, 2, (1, 1))],
)
def test_unanswerable_questions_weigh_as_much_as_in_the_gold(
    answerable: int, unanswerable: int, weights: tuple[float, float]
) -> None:
    found = [outcome(0.5)] * answerable + [outcome(0.5, answerable=False)] * unanswerable
    expected = [weights[0]] * answerable + [weights[1]] * unanswerable
    assert balanced(found).tolist() == pytest.approx(expected)


RIGHT, WRONG, NONE = "right", "wrong", "unanswerable"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # At 0.6, 2 of 3 answerable ones are right and 1 of 2 others is withheld: 0.62 · 2/3 + 0.38 · 1/2.
        # At 0.5: 0.62 · 2/3. From 0.7 on, a third of the answerable ones and more would be withheld.
        pytest.param(
            [(0.9, RIGHT), (0.6, WRONG), (0.7, RIGHT), (0.5, NONE), (0.8, NONE)],
            Choice(0.6, 0.62 * 2 / 3 + 0.38 / 2),
            id="a mixture",
        ),
        # Unweighted, withholding two of four at 0.9 would be better than answering one of four.
        pytest.param(
            [(0.3, RIGHT), (0.4, NONE), (0.4, NONE), (0.9, NONE)], Choice(0.3, 0.62), id="many unanswerable"
        ),
        # Answering all would be 0.62, though nine of ten are right.
        pytest.param([(0.2, NONE), *[(0.7, RIGHT)] * 9], Choice(0.7, 1.0), id="few unanswerable"),
        # At 0.2 a tenth of the answerable ones is abstained from, which is the most that may be.
        pytest.param(
            [(0.1, WRONG), (0.2, NONE), *[(0.9, RIGHT)] * 9],
            Choice(0.9, 0.62 * 9 / 10 + 0.38),
            id="a tenth withheld",
        ),
        # Here it would be a fifth, so all are answered: 0.62 · 8/10.
        pytest.param(
            [(0.1, WRONG), (0.1, WRONG), (0.2, NONE), *[(0.9, RIGHT)] * 8],
            Choice(0.1, 0.62 * 8 / 10),
            id="a fifth withheld",
        ),
        # 0.7996 passes a threshold of its own.
        pytest.param([(0.7996, RIGHT), (0.5, NONE)], Choice(0.799, 1.0), id="rounded down"),
        pytest.param([(0.2, WRONG), (0.7, RIGHT)], Choice(0.2, 0.5), id="all answerable"),
        pytest.param([(0.2, NONE), (0.7, NONE)], Choice(0.7, 0.5), id="none answerable"),
    ],
)
def test_the_threshold_is_the_one_with_the_most_trust(
    found: list[tuple[float, str]], expected: Choice
) -> None:
    given = [outcome(p, right=kind == RIGHT, answerable=kind != NONE) for p, kind in found]
    chosen = choose(given, np.array([probability for probability, _ in found]))
    assert (chosen.threshold, chosen.trusted) == pytest.approx((expected.threshold, expected.trusted))


@pytest.mark.parametrize(
    ("right", "wrong", "lost", "threshold"),
    [
        ([0.2, 0.5, 0.8], [0.1], 0, 0.2),
        ([0.3 + n / 1000 for n in range(100)], [], 0, 0.3),
        # Of 101 the first hundredth lies at the second: one is lost, which is less than one in a hundred.
        ([0.3 + n / 1000 for n in range(101)], [0.01], 1, 0.301),
        ([], [0.5], 0, 0.0),
    ],
    ids=["few", "a hundred", "one more", "none right"],
)
def test_the_early_threshold_loses_one_right_answer_in_a_hundred_at_most(
    right: list[float], wrong: list[float], lost: int, threshold: float
) -> None:
    found = [outcome(p, right=True) for p in right] + [outcome(p) for p in wrong]
    least = early_threshold(found, SIGNAL)
    assert least == pytest.approx(threshold, abs=1.1e-4)
    assert sum(SIGNAL.probability(one.before) < least for one in found if one.right) == lost


# Gates.


def test_a_gate_is_shifted_to_how_often_the_answers_are_right() -> None:
    """All have the same signals, so three of four is what every one of them must get."""
    found = [outcome(0.9, right=right) for right in (True, True, True, False)]
    model = calibrated(Gate(SIGNAL, 0.99), found, signal).model
    assert model.probability(found[0].after) == pytest.approx(0.75, abs=1e-3)
    assert model.weights == pytest.approx({"s": 0.1})


def test_a_gate_is_stretched_where_its_probabilities_are_too_timid() -> None:
    """The slope w of log-odds 0 and 2 with C = 10 solves w = 20 σ(-w): 2.128 · (1 + e^2.128) = 20.0."""
    found = [Outcome("p", True, right, {}, {"s": s}) for s, right in ((-1.5, False), (0.5, True))]
    model = calibrated(Gate(Linear(1.5, {"s": 1.0})), found, signal).model
    assert model.weights["s"] == pytest.approx(2.128, abs=0.01)
    assert model.probability({"s": -0.5}) == pytest.approx(0.5, abs=1e-3)


def test_a_gate_is_not_turned_round_by_odd_questions() -> None:
    found = [outcome(0.1, right=True), outcome(0.9, right=False)]
    model = calibrated(Gate(SIGNAL), found, signal).model
    assert model.weights == pytest.approx({"s": 0.1})
    assert model.probability({"s": 0.0}) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("right", [True, False])
def test_a_gate_stays_as_it_is_where_all_answers_are_alike(right: bool) -> None:
    found = [outcome(0.6, right=right), outcome(0.8, right=right)]
    known = Gate(Linear(0.5, {"s": 2.0}), 0.3)
    assert calibrated(known, found, signal).model == known.model


def test_a_threshold_is_chosen_by_the_calibrated_probabilities() -> None:
    found = [outcome(0.9, right=True), outcome(0.8, right=True), outcome(0.7, answerable=False)]
    shifted = calibrated(Gate(SIGNAL), found, signal)
    lowest_right = shifted.model.probability(found[1].after)
    assert shifted.threshold == pytest.approx(lowest_right, abs=1e-3)


def test_a_probability_is_out_of_fold_where_the_paper_was_not_seen() -> None:
    """Each paper has a feature of its own, which tells all about it and nothing about another."""
    papers = [("a", True), ("b", True), ("c", False), ("d", False), ("e", False)]
    found = [Outcome(name, True, right, {}, {name: 1.0}) for name, right in papers for _ in range(4)]
    rows: list[Row] = [(one.after, one.right) for one in found]
    weights = np.ones(len(found))
    seen = logistic(rows, 10.0)
    unseen = out_of_fold(found, rows, weights)
    assert all(seen.probability(one.after) > 0.5 for one in found if one.right)
    # Without paper a, four of sixteen are right, and its feature says nothing.
    assert all(p < 0.5 for p, one in zip(unseen, found, strict=True) if one.right)
    # Without paper c, d or e, eight of sixteen are.
    assert unseen[8:].tolist() == pytest.approx([0.5] * 12, abs=1e-3)


def test_a_gate_of_few_papers_is_fitted_in_fewer_folds() -> None:
    found = [outcome(p, right=p > 0.5, cluster=c) for p in (0.2, 0.4, 0.6, 0.8) for c in "ab"]
    shut = gate(found, signal)
    assert shut.model.weights["s"] > 0
    assert shut.model.probability({"s": -1.0}) < shut.threshold < shut.model.probability({"s": 2.0})


# What is answered, about the three papers.


def item(id: str, question: str, paper: str = "", **more: object) -> GoldItem:
    """A question with an answer in `paper`; without one in none."""
    given = {"type": "numeric", "answer_type": "number", "answerable": bool(paper), **more}
    groups = ((paper,),) if paper else ()
    return GoldItem(id=id, split="dev", cluster=paper or id, question=question, gold_papers=groups, **given)  # type: ignore[arg-type]


def number(id: str, question: str, paper: str, value: float, unit: str | None, quote: str) -> GoldItem:
    gold = GoldValue(value=value, unit=unit)
    return item(id, question, paper, gold=gold, evidence=(Evidence(paper, quote),))


def yes_no(id: str, question: str, paper: str, label: str) -> GoldItem:
    gold = GoldValue(label=label)  # type: ignore[arg-type]
    return item(id, question, paper, type="yes_no", answer_type="boolean", gold=gold)


NUMBERS = (
    number(
        "n1",
        "By how much does LongCache reduce cache memory?",
        "a1",
        62,
        "%",
        "LongCache reduces cache memory by 62%, and decoding is 1.4x faster.",
    ),
    number(
        "n2",
        "How many hours does training LongCache take?",
        "a1",
        36,
        "hours",
        "Training takes 36 hours on 8 GPUs.",
    ),
    number(
        "n3",
        "What accuracy does SlimTune reach on SentiBank?",
        "a2",
        91.5,
        "%",
        "It reaches 91.5% accuracy on SentiBank, 2.1 points above full fine-tuning.",
    ),
)
UNANSWERED = (
    item("u1", "How much faster is SlimTune?"),
    item("u2", "By how much does SlimTune reduce memory?"),
    item("u3", "What accuracy does LongCache reach on phones?"),
)
LABELS = (
    yes_no("y1", "Does SlimTune require gradient computation?", "a2", "no"),
    yes_no("y2", "Does LongCache reduce cache memory?", "a1", "yes"),
)
LISTS = (
    item(
        "l1",
        "Which papers reduce cache memory?",
        "a1",
        type="list",
        answer_type="list",
        gold=GoldValue(ids=("a1",)),
    ),
)
REPLIES = {
    NUMBERS[0].question: "LongCache reduces cache memory by 62%.",
    NUMBERS[1].question: "Training LongCache takes 36 hours.",
    NUMBERS[2].question: "SlimTune reaches 91.5% accuracy on SentiBank.",
    LABELS[0].question: "No, it requires no gradient computation.",
    LABELS[1].question: "Yes, it reduces cache memory.",
}
OPEN = Fitted(sentence=Linear(0.0, {"share": 5.0}), quantity=Linear(0.0, {"clause": 5.0, "unit": 5.0}))


class Knowing(ScriptedModel):
    """A model that answers some questions rightly, and guesses at the others."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        question = messages[-1].content.rpartition("Question: ")[2]
        self._replies = [REPLIES.get(question, "It may be 5%.")]
        yield from super().stream(messages, max_tokens=max_tokens)


class Failing(ScriptedModel):
    """A model that is out of order."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        yield from ()
        raise GenerationError("the server is gone")


@pytest.fixture
def corpus(papers: tuple[Paper, ...]) -> Corpus:
    """The three papers as the scorer knows them."""
    return Corpus({paper.id: paper.title for paper in papers}, {paper.id: paper.abstract for paper in papers})


def pipeline(index: Index, model: LanguageModel | None = None, fitted: Fitted = OPEN) -> Pipeline:
    return Pipeline(index, HashingEmbedder(), model, Settings(), fitted)


def test_an_outcome_says_whether_the_answer_was_right(index: Index, corpus: Corpus) -> None:
    found = outcomes(pipeline(index, Knowing("")), [*NUMBERS[:2], *UNANSWERED[:1]], corpus, silent)
    assert [(one.cluster, one.answerable, one.right) for one in found] == [
        ("a1", True, True),
        ("a1", True, True),
        ("u1", False, False),
    ]
    for one in found:
        assert {name for name in one.after if name not in one.before} == {
            name for name in one.after if name.startswith("draft_")
        }
    assert not any(name.startswith("draft_") for one in found for name in one.before)


@pytest.mark.parametrize(
    "left_out",
    [
        item("c", "How many papers are there?"),
        item("g", "Hello!"),
        item("p", "Why does LongCache reduce cache memory by 80%?"),
        item("q", "How many hours does SlimTune take?"),
        item("n", "How many A100 does LongCache need?"),
        LISTS[0],
    ],
    ids=["about the collection", "a greeting", "a false premise", "no such number", "a name", "a list"],
)
def test_what_no_gate_decides_is_left_out(index: Index, corpus: Corpus, left_out: GoldItem) -> None:
    assert outcomes(pipeline(index, Knowing("")), [left_out], corpus, silent) == []


def test_papers_left_out_are_not_answered_from(index: Index, corpus: Corpus) -> None:
    asked = replace(NUMBERS[0], question="What makes the cache large?")
    assert len(outcomes(pipeline(index), [asked], corpus, silent)) == 1
    # Nothing else is about caches, which no gate need decide.
    assert outcomes(pipeline(index), [replace(asked, exclude_ids=("a1",))], corpus, silent) == []


def test_a_follow_up_is_asked_as_rewritten_by_hand(index: Index, corpus: Corpus) -> None:
    follow_up = replace(NUMBERS[0], question="And the memory?", standalone=NUMBERS[0].question)
    as_asked, rewritten = outcomes(pipeline(index), [NUMBERS[0], follow_up], corpus, silent)
    assert as_asked == rewritten


def test_a_model_that_fails_ends_the_fit(index: Index, corpus: Corpus) -> None:
    with pytest.raises(GenerationError, match="question n1: the server is gone"):
        outcomes(pipeline(index, Failing("")), NUMBERS, corpus, silent)


def test_progress_is_told_of_every_question(index: Index, corpus: Corpus) -> None:
    told: list[tuple[int, int, str]] = []
    outcomes(pipeline(index), NUMBERS, corpus, lambda *done: told.append(done))
    assert told == [(1, 3, "answering"), (2, 3, "answering"), (3, 3, "answering")]


# Fitting.

ALL = (*NUMBERS, *UNANSWERED, *LABELS, *LISTS)


PARTS = ("sentence", "quantity", "label", "member")


def test_every_part_is_fitted_always_alike_and_thresholds_alone_depend_on_what_is_held_out(
    index: Index, corpus: Corpus
) -> None:
    asked = pipeline(index, Knowing(""))
    fitted = fit(asked, ALL, corpus, silent)
    assert all(getattr(fitted, name).weights for name in PARTS)
    assert all(getattr(fitted, name).model.weights for name in GATES)
    # A sentence that shares words with the question is its evidence; a number that was drafted is the answer.
    assert fitted.sentence.weights["share"] > 0
    assert fitted.quantity.weights["drafted"] > 0
    assert fitted.label.weights["said"] > 0
    assert fitted.member.weights["share"] > 0
    held = fit(asked, ALL, corpus, silent, [*NUMBERS, item("c", "How many papers are there?", type="about")])
    assert [getattr(held, name) for name in PARTS] == [getattr(fitted, name) for name in PARTS]
    assert [getattr(held, name).model for name in GATES] == [getattr(fitted, name).model for name in GATES]
    assert held == with_thresholds(asked, fitted, NUMBERS, corpus, silent)


def test_the_gate_before_the_draft_knows_nothing_of_the_draft(index: Index, corpus: Corpus) -> None:
    """Whether the best number was drafted tells right from wrong, and is known after the draft alone."""
    fitted = with_gates(pipeline(index, Knowing("")), OPEN, [*NUMBERS, *UNANSWERED], corpus, silent)
    assert fitted.after.model.weights["quantity_drafted"] > 0
    assert fitted.before.model.weights["quantity_drafted"] == 0


def test_a_part_without_questions_stays_as_it_is(index: Index, corpus: Corpus) -> None:
    known = replace(OPEN, label=Linear(0.5, {"said": 1.0}), member=Linear(-1.0, {"share": 2.0}))
    fitted = fit(pipeline(index, Knowing(""), known), [*NUMBERS, *UNANSWERED], corpus, silent)
    assert (fitted.label, fitted.member) == (known.label, known.member)
    assert fitted.sentence != known.sentence


def test_calibrating_leaves_all_but_the_gates_and_keeps_their_order(index: Index, corpus: Corpus) -> None:
    known = replace(
        OPEN, before=Gate(Linear(0.0, {"covered": 3.0})), after=Gate(Linear(0.0, {"draft_supported": 3.0}))
    )
    questions = [*NUMBERS, *UNANSWERED]
    fitted = with_gates(pipeline(index, Knowing("")), known, questions, corpus, silent, calibrate=True)
    assert (fitted.sentence, fitted.quantity) == (known.sentence, known.quantity)
    assert set(fitted.before.model.weights) == {"covered"}
    assert set(fitted.after.model.weights) == {"draft_supported"}
    assert fitted.after.model.weights["draft_supported"] > 0
    assert fitted.after.threshold > 0


def test_thresholds_are_chosen_on_questions_held_out(index: Index, corpus: Corpus) -> None:
    """All of them have an answer, so the one least sure of is answered; the early gate only opens further."""
    sure = Linear(0.0, {"covered": 1.0})
    asked, known = pipeline(index, Knowing("")), replace(OPEN, before=Gate(sure, 0.1), after=Gate(sure, 0.99))
    held = with_thresholds(asked, known, NUMBERS, corpus, silent)
    lowest = min(sure.probability(one.after) for one in outcomes(asked, NUMBERS, corpus, silent))
    assert (held.before.threshold, held.before.model) == (0.1, sure)
    assert (held.after.threshold, held.after.model) == (math.floor(lowest * 1e3) / 1e3, sure)
    assert (held.sentence, held.quantity) == (known.sentence, known.quantity)


def test_without_a_model_the_gate_after_the_draft_stays_as_it_is(index: Index, corpus: Corpus) -> None:
    known = replace(OPEN, after=Gate(Linear(0.25, {"draft_supported": 3.0}), 0.4))
    fitted = with_gates(pipeline(index), known, [*NUMBERS, *UNANSWERED], corpus, silent, calibrate=True)
    assert fitted.after == known.after
    assert fitted.extracts.threshold > 0


def test_questions_that_no_gate_decides_can_fit_none(index: Index, corpus: Corpus) -> None:
    with pytest.raises(AssistantError, match="none of the questions is one that could be abstained from"):
        with_gates(pipeline(index), OPEN, LISTS, corpus, silent)


def test_provenance_tells_the_questions_in_any_order() -> None:
    made = provenance(ALL, {"papers": 5}, {"model": "m"})
    assert (made["questions"], made["model"], made["settings"]) == (9, "m", {"papers": 5})
    assert len(made["questions_sha256"]) == 16
    again = provenance(ALL[::-1], {"papers": 5}, {"model": "m"})
    assert made["questions_sha256"] == again["questions_sha256"]
    changed = (replace(ALL[0], question="Another?"), *ALL[1:])
    assert made["questions_sha256"] != provenance(changed, {}, {})["questions_sha256"]


# The file.

TABLE = """question,paper,answer,evidence
By how much does LongCache reduce cache memory?,a1,62%,LongCache reduces cache memory by 62%
How many hours does training LongCache take?,a1,36 hours,Training takes 36 hours
What accuracy does SlimTune reach on SentiBank?,a2,91.5%,It reaches 91.5% accuracy on SentiBank
How many GPUs does LongCache train on?,a1,8,Training takes 36 hours on 8 GPUs
How much faster is SlimTune?,,,
By how much does SlimTune reduce memory?,,,
What accuracy does LongCache reach on phones?,,,
"""  # four with an answer, asked again without their papers: 4 + 4 + 3 = 11


HEAD, *ROWS = TABLE.splitlines(keepends=True)
MANY = "".join(f"How is {n}?,,,\n" for n in range(200))


@pytest.fixture
def own(tmp_path: Path, index_folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Someone's questions and index; the model that is opened is Knowing, unless it is `none`."""
    (index_folder / FITTED).unlink()

    def embedder(settings: Settings) -> Embedder:
        return HashingEmbedder()

    def model(settings: Settings) -> LanguageModel | None:
        return None if settings.model == "none" else Knowing("")

    monkeypatch.setattr("eval.fitting.open_embedder", embedder)
    monkeypatch.setattr("eval.fitting.open_model", model)
    gold = tmp_path / "own.csv"
    gold.write_text(TABLE, encoding="utf-8")
    return gold, index_folder


def fitted_file(
    own: tuple[Path, Path], model: str = "m", *, everything: bool = False, out: Path | None = None
) -> tuple[Path, list[str]]:
    drafts = own[0].parent / "drafts.jsonl"
    settings = Settings(model=model)
    return fit_to_file(*own, settings, everything=everything, out=out, drafts=drafts, progress=silent)


def test_a_fit_is_for_its_index_and_leaves_the_program_s_alone(own: tuple[Path, Path]) -> None:
    before = PACKAGED.read_bytes()
    path, lines = fitted_file(own)
    assert path == own[1] / FITTED
    assert PACKAGED.read_bytes() == before
    fitted, program = load_fitted(path), load_fitted()
    assert (
        Pipeline(Index.open(own[1], HashingEmbedder()), HashingEmbedder(), None, Settings()).fitted == fitted
    )
    assert (fitted.sentence, fitted.quantity) == (program.sentence, program.quantity)
    assert set(fitted.after.model.weights) <= set(program.after.model.weights)
    assert [line.split(":")[0] for line in lines] == ["before", "after", "extracts"]
    assert lines[1] == f"after: answers from a probability of {fitted.after.threshold:.3f}"


def test_the_file_tells_what_it_was_fitted_with(own: tuple[Path, Path]) -> None:
    told = load_fitted(fitted_file(own)[0]).provenance
    assert (told["parts"], told["questions"], told["model"], told["model_sha256"]) == (
        "gates",
        11,
        "scripted",
        None,
    )
    assert (told["embedder"], told["passage_tokens"], told["passage_overlap"]) == ("hashing", 160, 0)
    assert told["papers"] == 3
    assert told["settings"]["papers"] == Settings().papers


def test_the_split_test_takes_no_part(own: tuple[Path, Path]) -> None:
    own[0].write_text(
        "split," + HEAD + "".join(f"dev,{row}" for row in ROWS) + "test,Is the survey long?,a3,yes,\n",
        encoding="utf-8",
    )
    told = load_fitted(fitted_file(own)[0]).provenance
    own[0].write_text(TABLE, encoding="utf-8")
    assert told["questions_sha256"] == load_fitted(fitted_file(own)[0]).provenance["questions_sha256"]


def test_another_file_may_be_named(own: tuple[Path, Path], tmp_path: Path) -> None:
    path, _ = fitted_file(own, out=tmp_path / "new" / "mine.json")
    assert path == tmp_path / "new" / "mine.json"
    assert load_fitted(path).provenance["questions"] == 11
    assert not (own[1] / FITTED).exists()


def test_drafts_are_kept_and_the_model_is_not_asked_again(
    own: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_fitted(fitted_file(own, out=own[0].parent / "first.json")[0])
    asleep = Failing("")
    monkeypatch.setattr("eval.fitting.open_model", lambda settings: asleep)
    assert load_fitted(fitted_file(own, out=own[0].parent / "second.json")[0]) == first


def test_a_new_fit_takes_the_place_of_the_one_before(own: tuple[Path, Path]) -> None:
    path, _ = fitted_file(own)
    assert load_fitted(path).provenance["questions"] == 11
    with own[0].open("a", encoding="utf-8") as file:
        file.write("How fast is SlimTune on phones?,,,\n")
    fitted_file(own)
    assert load_fitted(path).provenance["questions"] == 12


def test_a_damaged_file_is_made_anew_from_the_program_s(own: tuple[Path, Path]) -> None:
    path, _ = fitted_file(own)
    fresh = load_fitted(path)
    path.write_text("nonsense", encoding="utf-8")
    load_fitted.cache_clear()
    fitted_file(own)
    assert load_fitted(path) == fresh


@pytest.mark.parametrize(
    ("table", "model", "everything", "fault"),
    [
        pytest.param(
            TABLE,
            "m",
            True,
            "there are 11 questions, 4 of them with an answer; "
            "fitting takes 200 or more, with and without answers",
            id="too few for everything",
        ),
        pytest.param(
            HEAD + "".join(ROWS[:4]),
            "m",
            False,
            "there are 8 questions, 4 of them with an answer; fitting takes 10 or more",
            id="too few",
        ),
        pytest.param(
            HEAD + MANY,
            "m",
            False,
            "there are 200 questions, 0 of them with an answer",
            id="none with an answer",
        ),
        pytest.param(
            TABLE + MANY,
            "none",
            True,
            "fitting everything takes a model, whose drafts count; name one by --model",
            id="no model for everything",
        ),
        pytest.param(
            HEAD + "".join(f"Is {n} fast?,{paper},yes,\n" for n in range(100) for paper in ("a1", "a2")),
            "m",
            True,
            "the questions are about 2 papers; fitting everything takes 5 or more",
            id="too few papers for everything",
        ),
    ],
)
def test_questions_that_will_not_do_are_one_line(
    own: tuple[Path, Path], table: str, model: str, everything: bool, fault: str
) -> None:
    own[0].write_text(table, encoding="utf-8")
    with pytest.raises(AssistantError) as caught:
        fitted_file(own, model, everything=everything)
    assert str(caught.value).startswith(fault)
    assert "\n" not in str(caught.value)
    assert not (own[1] / FITTED).exists()


# The command.


def fit_command(own: tuple[Path, Path], *more: str) -> tuple[int, list[str], str]:
    given = ["--gold", str(own[0]), "--index", str(own[1]), "--cache", str(own[0].parent / "drafts.jsonl")]
    done = CliRunner().invoke(app, ["fit", *given, *more])
    return done.exit_code, done.stdout.splitlines(), done.stderr


def test_the_command_says_what_the_gates_do_and_where_they_are(own: tuple[Path, Path]) -> None:
    code, lines, _ = fit_command(own, "--model", "m")
    assert (code, len(lines)) == (0, 4)
    assert lines[3] == str(own[1] / FITTED)
    assert json.loads((own[1] / FITTED).read_text(encoding="utf-8"))["provenance"]["model"] == "scripted"
    assert (own[0].parent / "drafts.jsonl").exists()


def test_the_command_fits_for_answers_without_a_model(own: tuple[Path, Path]) -> None:
    assert fit_command(own, "--model", "none")[0] == 0
    assert load_fitted(own[1] / FITTED).after == load_fitted().after


def test_the_command_s_mistakes_are_one_line(own: tuple[Path, Path]) -> None:
    code, lines, errors = fit_command(own, "--all")
    assert (code, lines) == (1, [])
    assert errors.strip().startswith("Error: there are 11 questions")
    assert errors.strip().count("\n") == 0
