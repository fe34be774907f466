from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assistant.api import Assistant
from assistant.fitted import FITTED, PACKAGED, Fitted, Gate, Linear, fitted_to_plain
from assistant.generations import current_generation, read_manifest
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Paper
from assistant.settings import Settings
from assistant.storage import sha256_of
from assistant.testing import HashingEmbedder, ScriptedModel
from eval import runs
from eval.__main__ import app
from eval.asking import asking, closed_book, controls, with_attacks
from eval.experiments import ATTACKED, Configuration, perform, read_material
from eval.headline import CLEAN, NO_HISTORY, STANDALONE
from eval.records import Evidence, FinalAnswer, GoldItem, Nugget, QuestionScore, SystemAnswer
from eval.runs import RunError, log_test_run, read_run, run, write_scores

SPEED = GoldItem(
    "n1",
    "dev",
    "a1",
    "numeric",
    "By how much does LongCache reduce cache memory?",
    answerable=True,
    answer_type="number",
    gold_papers=(("a1",),),
)
FOLLOW_UP = replace(
    SPEED,
    id="f1",
    type="follow_up",
    turn=2,
    history=(("What does LongCache shrink?", "The cache."),),
    question="By how much does it reduce memory?",
    standalone="By how much does LongCache reduce memory?",
)
ABOUT = {
    "model": "scripted",
    "index": "abc",
    "gold_sha256": "f00",
    "settings": {"papers": 5},
    "split": "dev",
    "fitted": {"questions_sha256": "0a", "sha256": "0b"},
}
# Sentences and numbers by the words they share with the question; every gate is open.
OPEN = Fitted(sentence=Linear(0.0, {"share": 5.0}), quantity=Linear(0.0, {"clause": 5.0}))
SHUT = Gate(threshold=0.9)  # every probability is a half


def answered(item: GoldItem) -> SystemAnswer:
    return SystemAnswer(
        item.id,
        "answered",
        text="By 62%.",
        final=FinalAnswer("number", "62%", value=62.0, unit="%"),
        retrieved=(("a1", 2.5),),
        context_text={"a1": "LongCache reduces cache memory by 62%."},
        ms={"total": 12.5},
    )


def assistant_saying(
    index: Index, *replies: str, fitted: Fitted = OPEN, settings: Settings | None = None
) -> Assistant:
    decide_by(fitted, index.folder)
    model = ScriptedModel(*replies) if replies else None
    return Assistant(index, HashingEmbedder(), model, settings or Settings(papers=2))


def decide_by(fitted: Fitted, folder: Path) -> None:
    (folder / FITTED).write_text(json.dumps(fitted_to_plain(fitted)), encoding="utf-8")


def prompts(assistant: Assistant) -> list[str]:
    model = assistant._pipeline.model
    assert isinstance(model, ScriptedModel)
    return [messages[-1].content for messages in model.prompts]


class Asked:
    """A system that answers everything alike and remembers what it was asked; it may give up."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.ids: list[str] = []
        self._stop_after = stop_after

    def __call__(self, item: GoldItem) -> SystemAnswer:
        if len(self.ids) == self._stop_after:
            raise KeyboardInterrupt
        self.ids.append(item.id)
        return answered(item)


# What an assistant says becomes what the scorer reads.


def test_an_answer_is_recorded_with_its_final_citations_and_context(
    index: Index, papers: tuple[Paper, ...]
) -> None:
    said = asking(assistant_saying(index, "LongCache reduces cache memory by 62% [1]."))(SPEED)
    assert (said.id, said.status) == ("n1", "answered")
    assert said.text == "LongCache reduces cache memory by 62%."
    assert said.final == said.draft_final == FinalAnswer("number", "62%", value=62.0, unit="%")
    (sentence,) = said.sentences
    assert sentence.cites == ("a1",)
    assert sentence.quotes == (("a1", "LongCache reduces cache memory by 62%, and decoding is 1.4x faster."),)
    # A question for a number shows three sentences; the last one has no word of it.
    assert said.context_text == {"a1": papers[0].abstract.removesuffix(" Training takes 36 hours on 8 GPUs.")}
    assert (said.context_tokens > 50, said.completion_tokens) == (True, 7)
    assert {"retrieve", "generate", "total"} <= set(said.ms)


def test_the_ranking_goes_beyond_the_papers_that_are_used(index: Index) -> None:
    said = asking(assistant_saying(index, "By 62%."))(SPEED)
    assert said.retrieved[0][0] == "a1"
    assert {paper for paper, _ in said.retrieved} == {"a1", "a2", "a3"}


def test_only_what_was_in_the_prompt_counts_as_context(index: Index) -> None:
    assistant = assistant_saying(index, "By 62%.", settings=Settings(context_sentences=1))
    said = asking(assistant)(SPEED)
    assert said.context_text == {"a1": "LongCache reduces cache memory by 62%, and decoding is 1.4x faster."}
    assert said.context_text["a1"] in prompts(assistant)[0]


def test_without_a_model_the_abstracts_looked_at_count_as_context(
    index: Index, papers: tuple[Paper, ...]
) -> None:
    said = asking(assistant_saying(index, settings=Settings(papers=1, context_sentences=1)))(SPEED)
    assert said.context_text == {"a1": papers[0].abstract}
    assert (said.context_tokens, said.draft_text) == (0, "")


def test_of_a_comparison_both_prompts_are_context(index: Index) -> None:
    both = replace(SPEED, question="What do both LongCache and SlimTune require?")
    assistant = assistant_saying(index, "It needs little.", settings=Settings(context_sentences=1))
    said = asking(assistant)(both)
    assert len(prompts(assistant)) == 2
    assert set(said.context_text) == {"a1", "a2"}
    assert said.context_text["a2"] == "SlimTune requires no gradient computation."


def test_of_a_comparison_that_was_broken_off_what_was_shown_is_context(index: Index) -> None:
    both = replace(SPEED, question="What do both LongCache and SlimTune require?")
    declining = "The excerpts do not mention it."
    said = asking(assistant := assistant_saying(index, declining, settings=Settings(context_sentences=1)))(
        both
    )
    assert (said.status, len(prompts(assistant))) == ("abstained", 1)
    assert set(said.context_text) == {"a1"}


def test_an_abstention_keeps_the_answer_that_was_withheld(index: Index) -> None:
    said = asking(assistant_saying(index, "The excerpts do not mention it, it may be 40%."))(SPEED)
    assert (said.status, said.reason, said.final) == ("abstained", "not_in_abstracts", None)
    # A number is read off the abstract's sentence, whatever the draft says.
    assert said.draft_final == FinalAnswer("number", "62%", value=62.0, unit="%")
    assert said.draft_text == "The excerpts do not mention it, it may be 40%."


def test_an_abstention_before_the_draft_had_no_answer_and_showed_nothing(index: Index) -> None:
    assistant = assistant_saying(index, "By 62%.", fitted=replace(OPEN, before=SHUT))
    said = asking(assistant)(SPEED)
    assert (said.status, said.draft_text, said.draft_final) == ("abstained", "", None)
    assert (said.context_text, prompts(assistant)) == ({}, [])
    assert said.retrieved[0][0] == "a1"


def test_papers_left_out_are_not_used(index: Index) -> None:
    said = asking(assistant_saying(index, "By 62%."))(replace(SPEED, exclude_ids=("a1",)))
    assert "a1" not in {paper for paper, _ in said.retrieved} | set(said.context_text)


def test_the_history_is_told(index: Index) -> None:
    assistant = assistant_saying(index, "By 62%.")
    asking(assistant)(FOLLOW_UP)
    assert "By how much does LongCache reduce memory?" in prompts(assistant)[0]


def test_an_exception_is_an_answer_with_the_status_error(index: Index) -> None:
    class Broken(ScriptedModel):
        def count_tokens(self, text: str) -> int:
            raise ZeroDivisionError("tokens")

    said = asking(Assistant(index, HashingEmbedder(), Broken(""), Settings()))(SPEED)
    assert (said.status, said.reason) == ("error", "ZeroDivisionError: tokens")
    assert asking(assistant_saying(index, "x"))(replace(SPEED, question=" ")).reason.startswith(
        "the question is"
    )


def test_questions_about_attacked_abstracts_go_to_their_own_index(index: Index) -> None:
    clean, attacked = assistant_saying(index, "Clean."), assistant_saying(index, "Attacked.")
    ask = asking(clean, attacked)
    item = replace(SPEED, type="injection_override")
    assert ask(item).draft_text == "Attacked."
    assert ask(replace(item, id=item.id + CLEAN)).draft_text == ask(SPEED).draft_text == "Clean."


def test_attacked_papers_replace_their_originals() -> None:
    papers = [Paper("a1", "", "one"), Paper("a2", "", "two")]
    assert with_attacks(papers, [Paper("a2x", "", "bad")]) == [papers[0], Paper("a2x", "", "bad")]


def test_a_closed_book_is_shown_no_passages() -> None:
    model = ScriptedModel("By 62%.", "I do not know.")
    ask = closed_book(model, Settings())
    said, unknown = ask(SPEED), ask(SPEED)
    assert [message.content for message in model.prompts[0]][1] == SPEED.question
    assert said.final == FinalAnswer("number", "62%", value=62.0, unit="%")
    assert (said.status, unknown.status, unknown.final) == ("answered", "abstained", None)
    assert (said.retrieved, said.context_text) == ((), {})


@pytest.mark.parametrize(
    ("question", "draft", "final"),
    [
        (
            "How much memory does LongCache save?",
            "In 2023, it saved 62%.",
            FinalAnswer("number", "62%", 62, "%"),
        ),
        (
            "How many hours does training take?",
            "On 8 GPUs 36 hours.",
            FinalAnswer("number", "36 hours", 36, "hours"),
        ),
        ("How much faster is it than the 2x of Flash?", "Not 2x, 3x.", FinalAnswer("number", "3x", 3, "x")),
        ("How much faster is it?", "From 2 to 3x.", FinalAnswer("number", "2 to 3x", None, "x")),
        ("How many layers are kept?", "Two layers.", FinalAnswer("number", "2", 2, "layers")),
        ("How many layers are kept?", "Most of them.", FinalAnswer("text", "Most of them")),
        ("Does it need gradients?", "No, it does not.", FinalAnswer("boolean", "no", label="no")),
        ("What does KV mean?", "KV stands for key-value.", FinalAnswer("text", "key-value")),
        ("What does KV mean?", "", None),
    ],
)
def test_a_closed_book_s_final_is_read_off_its_first_sentence(
    question: str, draft: str, final: FinalAnswer | None
) -> None:
    said = closed_book(ScriptedModel(draft), Settings())(replace(SPEED, question=question))
    assert said.final == said.draft_final == final


# Controls.


def test_a_follow_up_is_asked_without_its_history_and_as_rewritten() -> None:
    bare, rewritten = controls([SPEED, FOLLOW_UP])
    assert (bare.id, bare.question, bare.history) == ("f1" + NO_HISTORY, FOLLOW_UP.question, ())
    assert (rewritten.id, rewritten.question) == ("f1" + STANDALONE, FOLLOW_UP.standalone)
    assert rewritten.history == ()


def test_an_attacked_question_has_a_twin_about_the_clean_paper() -> None:
    item = replace(
        SPEED,
        type="injection_override",
        gold_papers=(("a1x",),),
        evidence=(Evidence("a1x", "by 62%"),),
        nuggets=(Nugget("n", "vital", "a1x", (("62",),)), Nugget("m", "okay", None, (("1",),))),
    )
    (twin,) = controls([item])
    assert (twin.id, twin.gold_papers) == ("n1" + CLEAN, (("a1",),))
    assert twin.evidence == (Evidence("a1", "by 62%"),)
    assert [nugget.paper_id for nugget in twin.nuggets] == ["a1", None]


# The folder.


def test_every_question_and_control_is_answered_once_and_read_back(tmp_path: Path) -> None:
    ask = Asked()
    done: list[tuple[int, int]] = []
    found = run(
        [SPEED, FOLLOW_UP], ask, tmp_path / "r", ABOUT, progress=lambda n, of, _: done.append((n, of))
    )
    assert set(found.answers) == {"n1", "f1", "f1" + STANDALONE, "f1" + NO_HISTORY}
    assert found.answers["n1"] == answered(SPEED)
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert ask.ids[0] == ask.ids[1]  # the first is asked before, to load everything
    assert found.manifest["first_ms"] == 12.5
    assert found.manifest["ended"] and found.manifest["peak_rss_mb"] > 0
    assert found.scores == ()


def test_a_run_that_was_stopped_goes_on_where_it_ended(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run([SPEED, FOLLOW_UP], Asked(stop_after=3), tmp_path, ABOUT)
    before = (tmp_path / "answers.jsonl").read_text(encoding="utf-8")
    assert before.count("\n") == 2
    with (tmp_path / "answers.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "n1", "stat')  # torn by a kill
    assert len(read_run(tmp_path).answers) == 2
    ask = Asked()
    found = run([SPEED, FOLLOW_UP], ask, tmp_path, ABOUT, resume=True)
    assert len(found.answers) == 4
    assert len(ask.ids) == 1 + 2
    assert (tmp_path / "answers.jsonl").read_text(encoding="utf-8").startswith(before)
    finished = (tmp_path / "manifest.json").read_bytes()
    run([SPEED, FOLLOW_UP], Asked(stop_after=0), tmp_path, ABOUT, resume=True)
    assert (tmp_path / "manifest.json").read_bytes() == finished


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    run([SPEED], answered, tmp_path, ABOUT)
    with pytest.raises(RunError, match="holds a run already; go on with --resume, or name another folder"):
        run([SPEED], answered, tmp_path, ABOUT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "other"}, "model scripted, now it is other"),
        ({"index": "def"}, "index abc, now it is def"),
        ({"gold_sha256": "bad"}, "gold_sha256 f00, now it is bad"),
        ({"settings": {"papers": 6}}, "settings {'papers': 5}, now it is {'papers': 6}"),
        ({"limit": 3}, "limit None, now it is 3"),
        (
            {"fitted": {"questions_sha256": "0a", "sha256": "0c"}},
            "fitted {'sha256': '0b'}, now it is {'sha256': '0c'}",
        ),
    ],
)
def test_a_run_of_something_else_is_not_gone_on_with(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    run([SPEED], answered, tmp_path, ABOUT)
    with pytest.raises(RunError) as caught:
        run([SPEED], answered, tmp_path, {**ABOUT, **change}, resume=True)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"id": "a"}\n', "line 1 is damaged: status is missing"),
        ('{"id": "a", "status": "answered"}\nnonsense\n', "line 2 is damaged"),
        ('{"id": "a", "status": "maybe"}\n', "line 1 is damaged: status is 'maybe'"),
    ],
)
def test_a_damaged_answer_is_named_by_its_line(tmp_path: Path, content: str, fault: str) -> None:
    run([SPEED], answered, tmp_path, ABOUT)
    (tmp_path / "answers.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=fault):
        read_run(tmp_path)


def test_a_folder_without_a_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"holds no run: there is no manifest\.json; make one by `python -m eval run`"
    ):
        read_run(tmp_path)


def test_scores_are_read_back(tmp_path: Path) -> None:
    run([SPEED], answered, tmp_path, ABOUT)
    score = QuestionScore("n1", "a1", "numeric", True, 1.0, None, {"correct": 1.0})
    write_scores(tmp_path, [score], {"n": 1})
    assert read_run(tmp_path).scores == (score,)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8")) == {"n": 1}


def test_the_order_is_fixed_and_not_that_of_the_file() -> None:
    items = [replace(SPEED, id=f"q{n}") for n in range(20)]
    shuffled = runs.in_fixed_order(items)
    assert shuffled == runs.in_fixed_order(items[::-1]) != items
    assert sorted(shuffled, key=items.index) == items


def test_the_manifest_tells_all_but_the_secret(tmp_path: Path) -> None:
    gold = tmp_path / "g.jsonl"
    gold.write_bytes(b"abc")
    about = runs.describe(
        Settings.load(api_key="secret"), model="m", index="i", gold=[gold], split="dev", limit=7
    )
    assert "secret" not in json.dumps(about)
    assert "api_key" not in about["settings"]
    # The SHA-256 of "abc", as in FIPS 180.
    assert about["gold_sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert about["model_sha256"] == "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
    assert (about["model"], about["index"], about["limit"]) == ("m", "i", 7)
    assert about["threads"] >= 1


def test_the_manifest_tells_the_coefficients_by_their_questions_and_their_file(tmp_path: Path) -> None:
    decide_by(replace(OPEN, provenance={"questions_sha256": "0123456789abcdef", "model": "m"}), tmp_path)
    about = runs.describe(Settings(), model="m", index="i", gold=[], split="dev", fitted=tmp_path / FITTED)
    sha256 = sha256_of(tmp_path / FITTED)[:16]
    assert about["fitted"] == {"questions_sha256": "0123456789abcdef", "sha256": sha256}
    assert runs.describe(Settings(), model="m", index="i", gold=[], split="dev")["fitted"] is None


def test_outside_a_checkout_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    about = runs.describe(Settings(), model="m", index="i", gold=[], split="dev")
    assert (about["commit"], about["dirty"]) == (None, None)


# The list of runs on the test split.


def test_a_run_on_the_test_split_is_listed_once(tmp_path: Path) -> None:
    about = {**ABOUT, "split": "test", "commit": "0123456789abcdef", "dirty": True, "started": "2030-01-02"}
    found = run([SPEED], answered, tmp_path / "r", about)
    listed = tmp_path / "TEST_RUNS.md"
    items = [SPEED, replace(SPEED, id="n2", split="test")]
    log_test_run(found, items, 0.5, listed)
    log_test_run(found, items, 0.5, listed)
    assert listed.read_text(encoding="utf-8").splitlines()[2:] == [
        "| date | commit | model | gold | questions | TAR |",
        "|---|---|---|---|---:|---:|",
        "| 2030-01-02 | 0123456789 (dirty) | scripted | f00 | 1 | 0.500 |",
    ]


@pytest.mark.parametrize("split", ["dev", "all"])
def test_a_run_without_a_question_of_test_is_not_listed(tmp_path: Path, split: str) -> None:
    found = run([SPEED], answered, tmp_path / "r", {**ABOUT, "split": split})
    log_test_run(found, [SPEED], 0.5, tmp_path / "TEST_RUNS.md")
    assert not (tmp_path / "TEST_RUNS.md").exists()


# The commands, on a gold file and an index of one's own.

GOLD = [
    {
        "id": "q1",
        "split": "dev",
        "cluster": "a1",
        "type": "numeric",
        "question": "By how much does LongCache reduce cache memory?",
        "answerable": True,
        "answer_type": "number",
        "gold": {"value": 62, "unit": "%"},
        "gold_papers": [["a1"]],
        "evidence": [{"paper_id": "a1", "quote": "LongCache reduces cache memory by 62%"}],
    },
    {
        "id": "q2",
        "split": "dev",
        "cluster": "a2",
        "type": "numeric",
        "question": "What accuracy does SlimTune reach on SentiBank?",
        "answerable": True,
        "answer_type": "number",
        "gold": {"value": 91.5, "unit": "%"},
        "gold_papers": [["a2"]],
        "evidence": [{"paper_id": "a2", "quote": "It reaches 91.5% accuracy on SentiBank"}],
    },
]


@pytest.fixture
def own(tmp_path: Path, index_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    """Options for a gold file and an index of one's own, answered with extracts."""
    monkeypatch.setattr("eval.experiments.open_embedder", lambda settings: HashingEmbedder())
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(item) + "\n" for item in GOLD), encoding="utf-8")
    return ["--gold", str(gold), "--index", str(index_folder)]


def eval_command(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.stdout, done.stderr


def test_a_run_is_made_scored_compared_and_reported(tmp_path: Path, own: Sequence[str]) -> None:
    first, second = str(tmp_path / "one"), str(tmp_path / "two")
    code, said, _ = eval_command("run", "--model", "none", "--out", first, *own)
    assert code == 0
    assert "Trusted-Answer Rate" in said
    assert "4 questions; the run is in" in said  # two, and each without its paper
    assert {path.name for path in Path(first).iterdir()} >= {
        "manifest.json",
        "answers.jsonl",
        "scores.jsonl",
        "summary.json",
    }
    assert eval_command("score", first)[:2] == (0, said)
    assert eval_command("run", "--model", "none", "--set", "papers=1", "--out", second, *own)[0] == 0
    code, said, _ = eval_command("compare", first, second)
    assert (code, "4 questions" in said) == (0, True)
    assert eval_command("report", first)[0] == eval_command("report", first, second)[0] == 0
    assert (Path(first) / "report.html").exists()
    assert (Path(first) / "against-two.md").exists()


@pytest.mark.parametrize(
    ("settings", "own_index"),
    [
        ({"passage_tokens": 160}, False),
        ({"passage_overlap": 0}, False),
        ({"passage_tokens": 160, "passage_overlap": 0}, False),
        ({"passage_tokens": 16}, True),
        ({"passage_overlap": 40}, True),
        ({"papers": 1}, False),
    ],
    ids=str,
)
def test_a_changed_setting_of_the_index_makes_an_index_of_its_own(
    tmp_path: Path, own: Sequence[str], settings: dict[str, int], own_index: bool
) -> None:
    material = read_material(Path(own[1]), Path(own[3]))
    perform(material, Configuration({"model": "none", **settings}), tmp_path / "r")
    made = read_manifest(current_generation(material.index))
    assert (read_run(tmp_path / "r").manifest["index"] != made.fingerprint) is own_index
    caches = list((tmp_path / "r" / "cache").glob("clean-*"))
    assert len(caches) == own_index
    for cache in caches:
        remade = read_manifest(current_generation(cache))
        unit = {"passage_tokens": remade.passage_tokens, "passage_overlap": remade.passage_overlap}
        assert unit == {"passage_tokens": 160, "passage_overlap": 0} | settings


def test_a_setting_that_is_not_changed_stays_as_the_index_was_made(
    tmp_path: Path, own: Sequence[str], papers: tuple[Paper, ...]
) -> None:
    ingest(papers, Path(own[3]), HashingEmbedder(), passage_tokens=160, passage_overlap=8, progress=silent)
    material = read_material(Path(own[1]), Path(own[3]))
    perform(material, Configuration({"model": "none"}), tmp_path / "as made")
    perform(material, Configuration({"model": "none", "passage_tokens": 32}), tmp_path / "shorter")
    assert not (tmp_path / "as made" / "cache").exists()
    (cache,) = (tmp_path / "shorter" / "cache").iterdir()
    made = read_manifest(current_generation(cache))
    assert (made.passage_tokens, made.passage_overlap) == (32, 8)


def test_an_index_of_its_own_is_decided_by_the_coefficients_of_the_one_it_stands_for(
    tmp_path: Path, own: Sequence[str]
) -> None:
    """The attacked one too; and a run does not go on with others."""
    gold, index = Path(own[1]), Path(own[3])
    (gold.parent / ATTACKED).write_text(
        json.dumps({"id": "a1x", "title": "LongCache", "abstract": "LongCache reduces cache memory by 62%."}),
        encoding="utf-8",
    )
    attacked = {
        **GOLD[0],
        "id": "i1",
        "type": "injection_override",
        "gold_papers": [["a1x"]],
        "evidence": [{"paper_id": "a1x", "quote": "LongCache reduces cache memory by 62%"}],
        "canary": "HACKED",
    }
    with gold.open("a", encoding="utf-8") as file:
        file.write(json.dumps(attacked) + "\n")
    shut = replace(OPEN, before=SHUT)
    decide_by(shut, index)
    once = Configuration({"model": "none", "passage_tokens": 16})
    perform(read_material(gold, index), once, tmp_path / "r")
    found = read_run(tmp_path / "r")
    assert {answer.status for answer in found.answers.values()} == {"abstained"}
    assert found.manifest["fitted"]["sha256"] == sha256_of(index / FITTED)[:16]
    folders = list((tmp_path / "r" / "cache").iterdir())
    assert sorted(folder.name.split("-")[0] for folder in folders) == ["attacked", "clean"]
    assert {(folder / FITTED).read_bytes() for folder in folders} == {(index / FITTED).read_bytes()}
    (index / FITTED).unlink()
    with pytest.raises(RunError, match="was run with fitted"):
        perform(read_material(gold, index), once, tmp_path / "r", resume=True)


def test_a_run_by_the_program_s_coefficients_tells_those(tmp_path: Path, own: Sequence[str]) -> None:
    out = str(tmp_path / "r")
    (Path(own[3]) / FITTED).unlink()
    assert eval_command("run", "--model", "none", "--out", out, *own)[0] == 0
    assert read_run(Path(out)).manifest["fitted"]["sha256"] == sha256_of(PACKAGED)[:16]


def test_changed_gold_is_said_when_a_run_is_scored_again(tmp_path: Path, own: Sequence[str]) -> None:
    out = str(tmp_path / "r")
    eval_command("run", "--model", "none", "--out", out, *own)
    with Path(own[1]).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert "The gold questions are not those that were asked" in eval_command("score", out)[2]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "--split", "train"], 2, "'train' is none of dev, test, all"),
        (["run", "--set", "papers"], 2, "'papers' is not key=value"),
        (["run", "--resume"], 2, "name the run to go on with by --out"),
        (["run", "--set", "paper=3"], 1, "Error: setting paper: unknown setting"),
        (["run", "--split", "test", "--model", "none"], 1, "Error: there are no questions of split 'test'"),
        (["score", "nowhere"], 1, "Error: nowhere holds no run"),
        (["compare", "nowhere", "nowhere"], 1, "Error: nowhere holds no run"),
        (["external", "trec"], 2, "'trec' is none of pubmedqa, scifact, venues"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    own: Sequence[str], arguments: list[str], code: int, said: str
) -> None:
    given = [*arguments, *own] if arguments[0] == "run" else arguments
    found, _, errors = eval_command(*given)
    assert found == code
    assert said in " ".join(errors.replace("│", " ").split())


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("run", " What was answered is kept; go on with --resume."),
        ("leaderboard", " What was answered is kept; the same command goes on."),
        ("fit", " What was drafted is kept; the same command goes on."),
    ],
)
def test_a_command_that_is_stopped_says_what_is_kept(
    own: Sequence[str], monkeypatch: pytest.MonkeyPatch, command: str, kept: str
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eval.gold.load", stop)
    code, _, errors = eval_command(command, *own)
    assert (code, errors.strip()) == (1, f"Stopped.{kept}")


def test_a_faulty_gold_file_is_one_line(own: Sequence[str]) -> None:
    Path(own[1]).write_text("{}\n", encoding="utf-8")
    code, _, errors = eval_command("run", *own)
    assert code == 1
    assert errors.startswith("Error: ")
    assert "line 1" in errors
    assert errors.count("\n") == 1
