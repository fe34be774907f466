from __future__ import annotations

import pytest

from eval.measures.correctness import (
    copy_ratio,
    correct,
    exact_match,
    grounded_nuggets,
    id_f1,
    is_forbidden,
    label,
    length_factor,
    nugget_credit,
    nugget_scores,
    token_f1,
)
from eval.records import (
    AnswerSentence,
    AnswerType,
    Corpus,
    FinalAnswer,
    GoldItem,
    GoldValue,
    Nugget,
    SystemAnswer,
)

SPARSE = Nugget("n1", "vital", "p1", (("sparse", "sparsity"), ("adapter",)))
FAST = Nugget("n2", "okay", "p2", (("1.4",),))


def item(answer_type: AnswerType, gold: GoldValue | None = None, **more: object) -> GoldItem:
    return GoldItem("q", "dev", "p1", "x", "Q?", True, answer_type, gold=gold, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("final", "text", "expected"),
    [
        (FinalAnswer("boolean", "Yes", label="yes"), "No.", "yes"),
        (FinalAnswer("boolean", ""), "No, it is slow. Yes?", "no"),
        (FinalAnswer("boolean", "yes no"), "", None),
        (FinalAnswer("boolean", ""), "I know nothing.", None),
        (FinalAnswer("boolean", label="yes or no"), "", None),
    ],
)
def test_one_label_is_read_and_both_are_none(final: FinalAnswer, text: str, expected: str | None) -> None:
    assert label(final, text) == expected


@pytest.mark.parametrize(
    ("text", "em", "f1"),
    [
        ("the Pitch contour", 1, 1),
        ("pitch-contour", 1, 1),
        # said: pitch contour of speech (4), wanted: pitch contour (2), shared 2: 2*2/6
        ("pitch contour of speech", 0, 2 / 3),
        ("energy", 0, 0),
        ("pitch pitch", 0, 0.5),
        (" ".join(["word"] * 15 + ["pitch", "contour"]), 0, 0),
    ],
)
def test_short_answers_by_alias(text: str, em: float, f1: float) -> None:
    aliases = ("the pitch contour", "F0")
    assert exact_match(text, aliases) == em
    assert token_f1(text, aliases) == pytest.approx(f1)


def test_lists_by_ids() -> None:
    assert id_f1(("a", "b", "x"), ("a", "b", "c", "d")) == pytest.approx((2 / 3, 0.5, 4 / 7))
    assert id_f1((), ("a",)) == (0, 0, 0)
    assert id_f1((), ()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("text", "credit"),
    [
        ("Sparse adapters", 1),
        ("sparsity alone", 0.5),
        ("neither", 0),
    ],
)
def test_a_nugget_needs_all_its_groups(text: str, credit: float) -> None:
    assert nugget_credit(SPARSE, text) == credit


@pytest.mark.parametrize(
    ("option", "text", "found"),
    [
        ("reparam", "by re-parameterization or reparameterisation", True),
        ("62", "cut by 62%", True),
        ("62", "cut by 0.62 or 162 or 620", False),
        ("1.4", "1.41 times", False),
        ("connect", "disconnected", False),
        ("real ", "really", False),
        ("real ", "the real.", True),
        ("cross-view", "cross view", True),
    ],
)
def test_an_alternative_begins_at_a_word_and_a_number_ends_there(option: str, text: str, found: bool) -> None:
    assert (nugget_credit(Nugget("n", "vital", None, ((option,),)), text) == 1) is found


def test_nugget_means_worked_by_hand() -> None:
    scores = nugget_scores((SPARSE, FAST), (), "sparsity, 1.4x")
    assert scores == {"V": 0.5, "V_strict": 0, "A": 0.75, "A_strict": 0.5}


def test_a_forbidden_pattern_makes_all_nuggets_nothing() -> None:
    assert is_forbidden(("ratio of (the )?actual",), "The Ratio of the actual size")
    assert set(nugget_scores((FAST,), ("slower",), "1.4x slower").values()) == {0.0}


def test_a_grounded_nugget_is_in_a_sentence_that_cites_its_paper() -> None:
    answer = SystemAnswer(
        "q",
        "answered",
        sentences=(AnswerSentence("A sparse adapter.", ("p1",)), AnswerSentence("It is 1.4x.", ("p1",))),
    )
    corpus = Corpus({}, {"p1": "", "p2": ""})
    assert grounded_nuggets(item("free", nuggets=(SPARSE, FAST)), answer, corpus) == 0.5


@pytest.mark.parametrize(("length", "factor"), [(10, 1), (80, 1), (120, 0.5), (160, 0), (300, 0)])
def test_long_answers_lose(length: int, factor: float) -> None:
    assert length_factor("word " * length) == factor


def test_copy_ratio_worked_by_hand() -> None:
    source = "a b c d e f g h i j"
    assert copy_ratio("a b c d e f g h x y", [source]) == 0.8  # one 8-gram of ten words
    assert copy_ratio("a b c d e f g", [source]) == 0
    assert copy_ratio("", [source]) == 0


@pytest.mark.parametrize(
    ("asked", "final", "text", "right"),
    [
        (item("boolean", GoldValue(label="no")), FinalAnswer("boolean", "No", label="no"), "", True),
        (item("number", GoldValue(value=62, unit="%")), FinalAnswer("number", "62 %"), "", True),
        (item("number", GoldValue(value=62, unit="%")), None, "It is 62 %.", False),
        (item("number", GoldValue(value=62, unit="%")), FinalAnswer("number", "36 62 %"), "", False),
        (item("short", GoldValue(aliases=("SNLI",))), FinalAnswer("text", "SNLI"), "", True),
        (item("list", GoldValue(ids=("a", "b"))), FinalAnswer("list", ids=("b", "a")), "", True),
        (item("list", GoldValue(ids=("a", "b"))), FinalAnswer("list", ids=("a",)), "", False),
        (item("list", GoldValue()), None, "None.", False),
        (item("free", nuggets=(SPARSE, FAST)), None, "A sparse adapter.", True),
        (item("free", nuggets=(SPARSE, FAST)), None, "A sparse model.", False),
        (item("free", nuggets=(SPARSE,), forbidden=("dense",)), None, "A sparse, dense adapter.", False),
        (item("free", nuggets=(SPARSE,)), None, "Sparse adapter " + "word " * 119, False),
    ],
)
def test_correct_by_answer_type(asked: GoldItem, final: FinalAnswer | None, text: str, right: bool) -> None:
    assert correct(asked, final, text, ()) is right


def test_a_long_copied_answer_is_wrong_and_a_short_one_is_not() -> None:
    asked = item("free", nuggets=(SPARSE,))
    abstract = "sparse adapter " + " ".join(f"w{n}" for n in range(98))
    assert not correct(asked, None, abstract, [abstract])
    assert correct(asked, None, abstract, [])
    assert correct(asked, None, " ".join(abstract.split()[:60]), [abstract])
