from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from eval import fitting
from eval.__main__ import app
from eval.fitting import What, about_anew, fit, fit_to_file, outcomes, provenance, recalibrated
from eval.records import Corpus, Evidence, GoldItem, GoldValue

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
# Of these no other paper has a word.
NAMELESS = (
    yes_no("k1", "Does shrinking the key-value cache reduce memory?", "a1", "yes"),
    yes_no("k2", "Does tuning without gradients reach accuracy on SentiBank?", "a2", "yes"),
    yes_no("k3", "Has speech recognition moved to neural networks?", "a3", "yes"),
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


@pytest.fixture
def nothing_is_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three papers, the two that are left when one is gone are far from every question about it."""
    monkeypatch.setattr("assistant.abstention.is_far", lambda *given: False)


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


@pytest.mark.usefixtures("nothing_is_far")
def test_papers_left_out_are_not_answered_from(index: Index, corpus: Corpus) -> None:
    asked = replace(NUMBERS[0], question="What shrinks the key-value cache?")
    without = replace(asked, exclude_ids=("a1",))
    there, gone = outcomes(pipeline(index), [asked, without], corpus, silent)
    # Its paper has all of these words, and no other one has any.
    assert (there.before["covered"], gone.before["covered"]) == (1.0, 0.0)


def test_a_follow_up_is_asked_in_its_conversation(index: Index, corpus: Corpus) -> None:
    alone = replace(NUMBERS[0], question="And the memory?")
    follow_up = replace(alone, history=(("What is LongCache?", "A cache."),))
    found = outcomes(pipeline(index), [follow_up], corpus, silent)
    assert [one.after["focused"] for one in found] == [1.0]


def test_a_model_that_fails_ends_the_fit(index: Index, corpus: Corpus) -> None:
    with pytest.raises(GenerationError, match="question n1: the server is gone"):
        outcomes(pipeline(index, Failing("")), NUMBERS, corpus, silent)


def test_progress_is_told_of_every_question(index: Index, corpus: Corpus) -> None:
    told: list[tuple[int, int, str]] = []
    outcomes(pipeline(index), NUMBERS, corpus, lambda *done: told.append(done))
    assert told == [(1, 3, "answering"), (2, 3, "answering"), (3, 3, "answering")]


# Fitting.

ALL = (*NUMBERS, *UNANSWERED, *LABELS, *NAMELESS, *LISTS)


PARTS = ("sentence", "quantity", "label", "member")


@pytest.mark.usefixtures("nothing_is_far")
def test_every_part_is_fitted_and_thresholds_alone_depend_on_what_is_held_out(
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


def test_the_gate_before_the_draft_knows_nothing_of_the_draft(index: Index, corpus: Corpus) -> None:
    """Whether the best number was drafted is known after the draft alone."""
    fitted = fit(pipeline(index, Knowing("")), ALL, corpus, silent)
    assert fitted.after.model.weights["quantity_drafted"] != 0
    assert fitted.before.model.weights["quantity_drafted"] == 0


def test_gates_learn_from_answers_about_papers_that_the_parts_have_not_seen(
    index: Index, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever questions are answered for a gate, the parts were fitted on those about other papers."""
    learnt: list[set[str]] = []
    answered: list[tuple[set[str], set[str]]] = []

    def parts(asked: Pipeline, items: Sequence[GoldItem], *more: Any) -> Fitted:
        learnt.append({one.cluster for one in items})
        return OPEN

    def open_gates(asked: Pipeline, fitted: Fitted, items: Sequence[GoldItem], *more: Any) -> list[Any]:
        answered.append((learnt[-1], {one.cluster for one in items}))
        return real(asked, fitted, items, *more)

    def there_and_gone(asked: Pipeline, fitted: Fitted, items: Sequence[GoldItem], *more: Any) -> list[Any]:
        answered.append((learnt[-1], {one.cluster for one in items}))
        return there(asked, fitted, items, *more)

    real, there = fitting._with_open_gates, fitting._there_and_gone
    monkeypatch.setattr(fitting, "parts", parts)
    monkeypatch.setattr(fitting, "_with_open_gates", open_gates)
    monkeypatch.setattr(fitting, "_there_and_gone", there_and_gone)
    fit(pipeline(index, Knowing("")), ALL, corpus, silent)
    assert all(not seen & asked for seen, asked in answered)
    assert set().union(*(asked for _, asked in answered)) == {one.cluster for one in ALL}


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
    fitted = recalibrated(pipeline(index, Knowing(""), known), questions, corpus, silent)
    assert (fitted.sentence, fitted.quantity) == (known.sentence, known.quantity)
    assert set(fitted.before.model.weights) == {"covered"}
    assert set(fitted.after.model.weights) == {"draft_supported"}
    assert fitted.after.model.weights["draft_supported"] > 0
    assert fitted.after.threshold > 0


@pytest.mark.usefixtures("nothing_is_far")
def test_what_papers_are_about_is_learnt_from_questions_without_their_paper(
    index: Index, corpus: Corpus
) -> None:
    fitted = about_anew(pipeline(index, Knowing("")), [*NAMELESS, *UNANSWERED], corpus, silent)
    assert replace(fitted, about=Gate()) == OPEN
    asked = NAMELESS[0]
    there, gone = outcomes(pipeline(index), [asked, replace(asked, exclude_ids=("a1",))], corpus, silent)
    told = fitted.about.model.probability
    assert told(gone.before) < min(fitted.about.threshold, told(there.before))


def test_where_no_paper_is_known_to_answer_that_can_t_be_learnt(index: Index, corpus: Corpus) -> None:
    for few in (UNANSWERED, NAMELESS[:1], NUMBERS):  # without their papers, the numbers' names decide
        with pytest.raises(AssistantError, match="hardly a question can be asked without its paper"):
            about_anew(pipeline(index), few, corpus, silent)
    known = replace(OPEN, about=Gate(Linear(0.0, {"dense": 1.0}), 0.25))
    asked = [*UNANSWERED, replace(NUMBERS[0], acceptable_papers=("a2",))]
    assert recalibrated(pipeline(index, Knowing(""), known), asked, corpus, silent).about == known.about


def test_without_a_model_the_gate_after_the_draft_stays_as_it_is(index: Index, corpus: Corpus) -> None:
    known = replace(OPEN, after=Gate(Linear(0.25, {"draft_supported": 3.0}), 0.4))
    fitted = recalibrated(pipeline(index, None, known), [*NUMBERS, *UNANSWERED], corpus, silent)
    assert fitted.after == known.after
    assert fitted.extracts.threshold > 0


def test_questions_that_no_gate_decides_can_fit_none(index: Index, corpus: Corpus) -> None:
    with pytest.raises(AssistantError, match="none of the questions is one that could be abstained from"):
        recalibrated(pipeline(index), LISTS, corpus, silent)


def test_provenance_tells_the_questions_in_any_order() -> None:
    made = provenance(ALL, {"papers": 5}, {"model": "m"})
    assert (made["questions"], made["model"], made["settings"]) == (12, "m", {"papers": 5})
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
    own: tuple[Path, Path], model: str = "m", what: What = "gates", out: Path | None = None
) -> tuple[Path, list[str]]:
    drafts = own[0].parent / "drafts.jsonl"
    settings = Settings(model=model)
    return fit_to_file(*own, settings, what=what, out=out, drafts=drafts, progress=silent)


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
    assert [line.split(":")[0] for line in lines] == ["about", "before", "after", "extracts"]
    assert lines[2] == f"after: opens at a probability of {fitted.after.threshold:.3f}"


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
    ("table", "model", "what", "fault"),
    [
        pytest.param(
            TABLE,
            "m",
            "all",
            "there are 11 questions, 4 of them with an answer; "
            "fitting takes 200 or more, with and without answers",
            id="too few for everything",
        ),
        pytest.param(
            HEAD + "".join(ROWS[:4]),
            "m",
            "gates",
            "there are 8 questions, 4 of them with an answer; fitting takes 10 or more",
            id="too few",
        ),
        pytest.param(
            HEAD + MANY,
            "m",
            "gates",
            "there are 200 questions, 0 of them with an answer",
            id="none with an answer",
        ),
        pytest.param(
            TABLE + MANY,
            "none",
            "all",
            "fitting everything takes a model, whose drafts count; name one by --model",
            id="no model for everything",
        ),
        pytest.param(
            HEAD + "".join(f"Is {n} fast?,{paper},yes,\n" for n in range(100) for paper in ("a1", "a2")),
            "m",
            "all",
            "the questions are about 2 papers; fitting anew takes 5 or more",
            id="too few papers for everything",
        ),
    ],
)
def test_questions_that_will_not_do_are_one_line(
    own: tuple[Path, Path], table: str, model: str, what: What, fault: str
) -> None:
    own[0].write_text(table, encoding="utf-8")
    with pytest.raises(AssistantError) as caught:
        fitted_file(own, model, what)
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
    assert (code, len(lines)) == (0, 5)
    assert lines[4] == str(own[1] / FITTED)
    assert json.loads((own[1] / FITTED).read_text(encoding="utf-8"))["provenance"]["model"] == "scripted"
    assert (own[0].parent / "drafts.jsonl").exists()


@pytest.mark.usefixtures("nothing_is_far")
def test_the_command_fits_what_papers_are_about_alone(
    own: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of few questions and papers, which it does not take otherwise."""
    monkeypatch.setattr("eval.fitting._LEAST_ANEW", 3)
    monkeypatch.setattr("eval.fitting.FOLDS", 3)
    own[0].write_text(
        HEAD + "".join(f"{one.question},{one.cluster},yes,\n" for one in NAMELESS) + "How old is it?,,,\n",
        encoding="utf-8",
    )
    code, lines, _ = fit_command(own, "--about", "--model", "m")
    fitted, program = load_fitted(own[1] / FITTED), load_fitted()
    assert (code, len(lines)) == (0, 5)
    assert not (own[0].parent / "drafts.jsonl").exists()
    assert fitted.about.model.weights["dense"] > 0
    assert fitted.about != program.about
    assert (fitted.sentence, fitted.before, fitted.after) == (program.sentence, program.before, program.after)
    # The file tells what the rest was fitted on, and what this was.
    assert fitted.provenance["questions"] == program.provenance["questions"]
    about = fitted.provenance["about"]
    # Three of the four are asked again without their paper.
    assert (about["questions"], about["parts"], about["model"], about["model_sha256"]) == (
        7,
        "about",
        "none",
        None,
    )


def test_the_command_fits_for_answers_without_a_model(own: tuple[Path, Path]) -> None:
    assert fit_command(own, "--model", "none")[0] == 0
    assert load_fitted(own[1] / FITTED).after == load_fitted().after


def test_the_command_s_mistakes_are_one_line(own: tuple[Path, Path]) -> None:
    code, lines, errors = fit_command(own, "--all")
    assert (code, lines) == (1, [])
    assert errors.strip().startswith("Error: there are 11 questions")
    assert errors.strip().count("\n") == 0


def test_everything_and_one_gate_are_not_fitted_together(own: tuple[Path, Path]) -> None:
    code, lines, errors = fit_command(own, "--all", "--about")
    assert (code, lines) == (2, [])
    assert "--all fits what --about does, too; name one of them" in errors
    assert not (own[1] / FITTED).exists()
