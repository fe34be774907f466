from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pydantic import SecretStr

from assistant.api import Assistant
from assistant.batch import ADDED, Summary, plan, run
from assistant.errors import BatchError, GenerationError
from assistant.fitted import FITTED, Linear, fitted_to_plain, load_fitted
from assistant.generation.base import Delta
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Message, Paper
from assistant.resources import prompts_folder
from assistant.settings import Settings
from assistant.testing import OPEN_GATES, HashingEmbedder, ScriptedModel

MEMORY = "By how much does LongCache reduce cache memory?"
CUT = "LongCache reduces cache memory by 62%."

Row = dict[str, str]


class StoppingModel(ScriptedModel):
    """Says CUT, and on its `last`-th question raises instead."""

    def __init__(self, last: int, error: BaseException) -> None:
        super().__init__(CUT)
        self._last, self._error = last, error

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        if len(self.prompts) + 1 == self._last:
            self.prompts.append(tuple(messages))
            raise self._error
        yield from super().stream(messages, max_tokens=max_tokens)


class Batch:
    """Runs a batch in a folder of its own over the three papers."""

    def __init__(self, folder: Path, index: Index, embedder: HashingEmbedder) -> None:
        self.source, self.target = folder / "in.csv", folder / "out.csv"
        self.partial, self.conditions = folder / "out.csv.partial", folder / "out.csv.partial.json"
        self.settings = Settings()
        self.index, self.embedder = index, embedder
        self.progress: list[tuple[int, int]] = []

    def assistant(self, model: ScriptedModel) -> Assistant:
        return Assistant(self.index, self.embedder, model, self.settings)

    def summary(
        self, content: str | bytes, model: ScriptedModel | None = None, column: str = "question"
    ) -> Summary:
        self.source.write_bytes(content.encode() if isinstance(content, str) else content)
        assistant = self.assistant(model or ScriptedModel(CUT))
        return run(
            plan(self.source, self.target, column), assistant, lambda *done: self.progress.append(done)
        )

    def __call__(
        self, content: str | bytes, model: ScriptedModel | None = None, column: str = "question"
    ) -> list[Row]:
        self.summary(content, model, column)
        return read(self.target)


def read(path: Path) -> list[Row]:
    """The rows without what differs from run to run."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "latency_ms"} for row in csv.DictReader(file)]


@pytest.fixture
def batch(tmp_path: Path, index: Index, embedder: HashingEmbedder) -> Batch:
    folder = tmp_path / "batch"
    folder.mkdir()
    return Batch(folder, index, embedder)


def test_output_has_the_columns_of_the_input_and_then_the_answer(batch: Batch) -> None:
    (row,) = batch(f"id,question,note\nq7,{MEMORY},keep me\n")
    with batch.target.open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["id", "question", "note", *ADDED]
    quote = "LongCache reduces cache memory by 62%, and decoding is 1.4x faster."
    assert row == {
        "id": "q7",
        "question": MEMORY,
        "note": "keep me",
        "status": "answered",
        "answer": f"{CUT} [1]",
        "final": "62%",
        "citations": "a1",
        "cited_titles": "LongCache: Shrinking the Key-Value Cache",
        "quotes": quote,
        "confidence": "0.993",  # the logistic function of 5: all that is asked for is in that sentence
        "reason": "Every sentence is supported by its citation.",
        "model": "scripted",
        "index": batch.index.manifest.fingerprint,
    }


def test_citations_are_joined_in_order_of_first_use(batch: Batch) -> None:
    reply = f"SlimTune requires no gradient computation. {CUT} SlimTune requires no gradient computation."
    (row,) = batch("question\nWhat do SlimTune and LongCache do?\n", ScriptedModel(reply))
    assert row["citations"] == "a2;a1"
    assert row["cited_titles"].split("; ") == [
        "SlimTune: Tuning without Gradients",
        "LongCache: Shrinking the Key-Value Cache",
    ]
    assert row["quotes"].startswith("SlimTune requires no gradient computation. | LongCache reduces")


def test_summary_counts_rows_by_status_and_progress_is_told(batch: Batch) -> None:
    model = ScriptedModel(CUT)  # not asked about whales
    summary = batch.summary(f"question\n{MEMORY}\nWhere do whales sing at night?\n{MEMORY}\nHello!\n", model)
    assert (summary.statuses, summary.resumed) == ({"answered": 3, "abstained": 1}, 0)
    assert batch.progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {path.name for path in batch.target.parent.iterdir()} == {"in.csv", "out.csv"}


def test_rows_keep_their_order(batch: Batch) -> None:
    rows = batch("id,question\n" + "".join(f"{n},{MEMORY}\n" for n in (3, 1, 2, 10)))
    assert [row["id"] for row in rows] == ["3", "1", "2", "10"]


def test_history_and_filters_are_used(batch: Batch) -> None:
    model = ScriptedModel(CUT)
    history = json.dumps([["What is SlimTune?", "A method."], ["What does LongCache reduce?", "Memory."]])
    filters = json.dumps({"years": [2023, None], "venues": ["ICML"], "exclude_ids": ["a3"]})
    with batch.source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["question", "history", "filters"], ["And is decoding faster with it?", history, filters]]
        )
    batch(batch.source.read_bytes(), model)
    prompt = model.prompts[0][1].content
    assert "faster with LongCache?" in prompt
    assert "SlimTune" not in prompt


def test_question_column_may_have_another_name(batch: Batch) -> None:
    (row,) = batch(f"Frage\n{MEMORY}\n", column="Frage")
    assert (row["Frage"], row["status"]) == (MEMORY, "answered")


ENCODINGS = {
    "BOM": f"question,note\n{MEMORY},Zürich\n".encode("utf-8-sig"),
    "Latin-1": f"question,note\n{MEMORY},Zürich\n".encode("latin-1"),
    "semicolons": f"question;note\n{MEMORY};Zürich\n".encode(),
    "Windows line ends": f"question,note\r\n{MEMORY},Zürich\r\n".encode(),
    "empty lines": f"question,note\n\n{MEMORY},Zürich\n\n".encode(),
    "no last line end": f"question,note\n{MEMORY},Zürich".encode(),
    "quoted": f'"question","note"\n"{MEMORY}","Zürich"\n'.encode(),
}


@pytest.mark.parametrize("content", ENCODINGS.values(), ids=ENCODINGS)
def test_file_may_come_from_any_spreadsheet(batch: Batch, content: bytes) -> None:
    (row,) = batch(content)
    assert (row["question"], row["note"], row["status"]) == (MEMORY, "Zürich", "answered")


BROKEN = {
    "too few fields": ("1", r"in.csv line 2 has 1 fields, the header has 4"),
    "too many fields": ("1,q,,,x", r"in.csv line 2 has 5 fields, the header has 4"),
    "empty question": ("1,,,", "the question is empty"),
    "unseen question": ("1,\u200b,,", "the question is empty"),
    "long question": (f"1,{'x' * 10_000},,", "the question has 10000 characters"),
    "history is no JSON": ("1,q,[[,", "history is not JSON: [["),
    "history is no list": ('1,q,"{""a"": 1}",', "history is not a JSON list of [question, answer] pairs"),
    "history is not of pairs": ('1,q,"[[""a""]]",', "history is not a JSON list of [question, answer] pairs"),
    "history is bottomless": (f"1,q,{'[' * 100_000},", "history is not JSON"),
    "filters are no JSON": ("1,q,,{", "filters is not JSON: {"),
    "filters are a list": ("1,q,,[1]", "filters is not a JSON object of lists"),
    "filters are an empty list": ("1,q,,[]", "filters is not a JSON object of lists: []"),
    "filters are zero": ("1,q,,0", "filters is not a JSON object of lists: 0"),
    "filters are an empty text": ('1,q,,""""""', 'filters is not a JSON object of lists: ""'),
    "unknown filter": ('1,q,,"{""year"": []}"', "filters has the unknown key 'year'; known are authors, "),
    "filter is no list": ('1,q,,"{""venues"": ""ACL""}"', "filters is not a JSON object of lists"),
    "filter is of numbers": ('1,q,,"{""venues"": [1]}"', "filters other than years are lists of texts"),
    "one year": ('1,q,,"{""years"": [2020]}"', "filters.years is not [first, last]"),
    "years in words": ('1,q,,"{""years"": [""2020"", null]}"', "filters.years is not [first, last]"),
}


@pytest.mark.parametrize(("line", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_row_gets_an_error_and_the_rest_goes_on(batch: Batch, line: str, reason: str) -> None:
    broken, sound = batch(f"id,question,history,filters\n{line}\n2,{MEMORY},,\n")
    assert (broken["id"], broken["status"], broken["answer"]) == ("1", "error", "")
    assert reason in broken["reason"]
    assert broken["model"] == "scripted"
    assert (sound["id"], sound["status"]) == ("2", "answered")


def test_nothing_of_a_row_too_long_is_lost(batch: Batch) -> None:
    (row,) = batch("question,note\nq,a,b,c\n")
    assert row["note"] == "a,b,c"


def test_failing_model_makes_an_error_row_and_the_rest_goes_on(batch: Batch) -> None:
    rows = batch(
        f"question\n{MEMORY}\n{MEMORY}\n{MEMORY}\n", StoppingModel(2, GenerationError("the server has gone"))
    )
    assert [(row["status"], row["answer"]) for row in rows] == [
        ("answered", f"{CUT} [1]"),
        ("error", ""),
        ("answered", f"{CUT} [1]"),
    ]
    assert rows[1]["reason"] == "the server has gone"


def test_a_row_with_an_error_has_no_answer_and_nothing_of_one(batch: Batch) -> None:
    (row,) = batch(f"question\n{MEMORY}\n", StoppingModel(1, GenerationError("the server has gone")))
    told = ("question", "status", "reason", "model", "index")
    assert {column: value for column, value in row.items() if value and column != "confidence"} == {
        column: row[column] for column in told
    }


UNEXPECTED = [
    (ZeroDivisionError("one\ntwo"), "ZeroDivisionError: one"),
    (KeyError("x"), "KeyError: 'x'"),
    (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
]


@pytest.mark.parametrize(("error", "reason"), UNEXPECTED, ids=lambda value: type(value).__name__)
def test_an_error_that_nobody_expected_is_of_its_row_alone(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    ask = Assistant.ask

    def failing(assistant: Assistant, question: str, *rest: Any) -> Any:
        if question == "fail":
            raise error
        return ask(assistant, question, *rest)

    monkeypatch.setattr(Assistant, "ask", failing)
    broken, sound = batch(f"question\nfail\n{MEMORY}\n")
    assert (broken["status"], broken["reason"], broken["answer"]) == ("error", reason, "")
    assert (broken["model"], broken["index"]) == ("scripted", batch.index.manifest.fingerprint)
    assert sound["status"] == "answered"


def test_a_tsv_is_written_with_tabs(batch: Batch) -> None:
    batch.target = batch.target.with_suffix(".TSV")
    batch.summary(f"question,note\n{MEMORY},a b\n")
    header, row = batch.target.read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == ["question", "note", *ADDED]
    assert row.split("\t")[:4] == [MEMORY, "a b", "answered", f"{CUT} [1]"]


def test_half_a_character_does_not_end_the_batch(batch: Batch) -> None:
    (row,) = batch(f"question\n{MEMORY}\n", StoppingModel(1, GenerationError("gone \ud83d")))
    assert row["reason"] == "gone ?"


REFUSED = {
    "no such column": ("text\nq\n", "has no column 'question'; it has text; name the one"),
    "taken column": ("question,status\nq,x\n", "already has a column 'status', which the output adds"),
    "header only": ("question\n", "holds no questions: there is no row below its header"),
    "nothing": ("", "is empty"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_file_that_cannot_be_a_batch_is_refused(batch: Batch, content: str, message: str) -> None:
    batch.source.write_text(content, encoding="utf-8")
    with pytest.raises(BatchError, match=message):
        plan(batch.source, batch.target, "question")
    assert not batch.target.exists()


def test_missing_files_and_folders_are_named(batch: Batch, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"in\.csv can't be read: No such file"):
        plan(batch.source, batch.target, "question")
    batch.source.write_text("question\nq\n", encoding="utf-8")
    with pytest.raises(BatchError, match=r"out\.csv can't be written: there is no folder .*nowhere"):
        plan(batch.source, tmp_path / "nowhere" / "out.csv", "question")


def test_what_a_spreadsheet_would_run_is_made_text_and_numbers_stay(tmp_path: Path) -> None:
    paper = Paper("@id", "+SUM(A1)", "=Loss changes by -0.2 on TinyBank.")
    embedder, folder = HashingEmbedder(), tmp_path / "index"
    ingest([paper], folder, embedder, passage_tokens=160, progress=silent)
    (folder / FITTED).write_text(json.dumps(fitted_to_plain(OPEN_GATES)), encoding="utf-8")
    model = ScriptedModel("=Loss on TinyBank changes by -0.2.")
    assistant = Assistant(Index.open(folder, embedder), embedder, model, Settings())
    (tmp_path / "in.csv").write_text(
        "question\nBy how much does loss change on TinyBank?\n", encoding="utf-8"
    )
    run(plan(tmp_path / "in.csv", tmp_path / "out.csv", "question"), assistant, lambda *done: None)
    (row,) = read(tmp_path / "out.csv")
    assert row["final"] == "-0.2"
    assert row["answer"] == "'=Loss on TinyBank changes by -0.2. [1]"
    assert (row["citations"], row["cited_titles"]) == ("'@id", "'+SUM(A1)")
    assert row["quotes"] == "'=Loss changes by -0.2 on TinyBank."


# The second row is broken for good; of the others the third is where Ctrl-C comes.
FIVE = f"id,question\n1,{MEMORY}\n2\n3,{MEMORY}\n4,{MEMORY}\n5,{MEMORY}\n"


@pytest.fixture
def interrupted(batch: Batch) -> Batch:
    with pytest.raises(KeyboardInterrupt):
        batch(FIVE, StoppingModel(3, KeyboardInterrupt()))
    assert {path.name for path in batch.partial.parent.iterdir()} == {
        *("in.csv", "out.csv.partial", "out.csv.partial.json")
    }
    batch.progress.clear()
    return batch


def test_interrupted_run_goes_on_without_a_row_lost_or_answered_twice(interrupted: Batch) -> None:
    model = ScriptedModel(CUT)
    summary = interrupted.summary(FIVE, model)
    assert (summary.resumed, summary.statuses) == (2, {"answered": 4, "error": 1})  # rows 1 and 3
    assert len(model.prompts) == 2  # rows 4 and 5
    assert interrupted.progress == [(3, 5), (4, 5), (5, 5)]
    rows = read(interrupted.target)
    assert [(row["id"], row["status"]) for row in rows] == [
        ("1", "answered"),
        ("2", "error"),
        *((n, "answered") for n in "345"),
    ]
    assert {path.name for path in interrupted.partial.parent.iterdir()} == {"in.csv", "out.csv"}


def test_what_failed_in_an_interrupted_run_is_tried_again(interrupted: Batch) -> None:
    text = interrupted.partial.read_text(encoding="utf-8")
    interrupted.partial.write_text(text.replace(",answered,", ",error,", 1), encoding="utf-8")
    model = ScriptedModel(CUT)
    summary = interrupted.summary(FIVE, model)
    assert (summary.resumed, summary.statuses) == (1, {"answered": 4, "error": 1})
    assert len(model.prompts) == 3  # rows 1, 4 and 5
    assert [row["id"] for row in read(interrupted.target)] == list("12345")


def test_a_second_interruption_while_a_failed_row_is_tried_again_loses_nothing(batch: Batch) -> None:
    four = f"question\n{MEMORY}\n{MEMORY}\n{MEMORY}\n{MEMORY}\n"

    def stopped_after_3(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    flaky = StoppingModel(1, GenerationError("the server has gone"))
    with pytest.raises(KeyboardInterrupt):  # row 1 fails, 2 and 3 are answered
        batch.source.write_text(four, encoding="utf-8")
        run(plan(batch.source, batch.target, "question"), batch.assistant(flaky), stopped_after_3)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            batch(four, StoppingModel(1, KeyboardInterrupt()))
    model = ScriptedModel(CUT)
    assert batch.summary(four, model).resumed == 2
    assert len(model.prompts) == 2  # rows 1 and 4


def test_partial_output_cut_anywhere_is_made_whole(interrupted: Batch) -> None:
    written, conditions = interrupted.partial.read_bytes(), interrupted.conditions.read_bytes()
    ends = [n + 1 for n, byte in enumerate(written) if byte == ord("\n")]
    whole = interrupted(FIVE)
    for length in {*range(0, len(written), 23), *ends, *(end - 1 for end in ends)}:
        interrupted.partial.write_bytes(written[:length])
        interrupted.conditions.write_bytes(conditions)
        # Lines 1 and 3 are of rows 1 and 3; line 2 is of the broken one.
        resumed = sum(end <= length for end in (ends[0], ends[2]))
        assert interrupted.summary(FIVE).resumed == resumed, f"cut after {length} bytes"
        assert read(interrupted.target) == whole, f"cut after {length} bytes"


@pytest.mark.parametrize("line", [b"\n", b"x\n", b'"a"b\n', b"\xff\xfe,\0\n"])
def test_partial_output_is_used_up_to_a_line_that_no_batch_wrote(interrupted: Batch, line: bytes) -> None:
    first, _, rest = interrupted.partial.read_bytes().partition(b"\n")
    interrupted.partial.write_bytes(first + b"\n" + line + rest)
    assert interrupted.summary(FIVE).resumed == 1


def test_partial_output_of_other_questions_is_not_used(interrupted: Batch) -> None:
    changed = FIVE.replace(f"1,{MEMORY}", f"1,{MEMORY}?")
    model = ScriptedModel(CUT)
    summary = interrupted.summary(changed, model)
    assert (summary.resumed, summary.outdated) == (0, False)
    assert len(model.prompts) == 4


def test_partial_output_of_another_model_is_not_used(interrupted: Batch) -> None:
    model = ScriptedModel(CUT)
    model.name = "another"
    summary = interrupted.summary(FIVE, model)
    assert (summary.resumed, summary.outdated) == (0, True)
    assert {row["model"] for row in read(interrupted.target)} == {"another"}


def test_partial_output_of_another_index_is_not_used(
    interrupted: Batch, tmp_path: Path, papers: tuple[Paper, ...], embedder: HashingEmbedder
) -> None:
    ingest(papers[:2], tmp_path / "other", embedder, passage_tokens=160, progress=silent)
    interrupted.index = Index.open(tmp_path / "other", embedder)
    assert interrupted.summary(FIVE).resumed == 0
    assert {row["index"] for row in read(interrupted.target)} == {interrupted.index.manifest.fingerprint}


def test_partial_output_of_other_settings_is_not_used(interrupted: Batch) -> None:
    interrupted.settings = Settings(papers=4)
    assert interrupted.summary(FIVE).resumed == 0


def test_where_the_models_are_and_the_key_do_not_matter(interrupted: Batch, tmp_path: Path) -> None:
    interrupted.settings = Settings(cache_dir=tmp_path / "elsewhere", api_key=SecretStr("secret"))
    assert "secret" not in interrupted.conditions.read_text(encoding="utf-8")
    assert interrupted.summary(FIVE).resumed == 2


def test_partial_output_of_other_coefficients_is_not_used(interrupted: Batch) -> None:
    surer = replace(OPEN_GATES, sentence=Linear(5.0))
    (interrupted.index.folder / FITTED).write_text(json.dumps(fitted_to_plain(surer)), encoding="utf-8")
    load_fitted.cache_clear()  # as another process would read it
    summary = interrupted.summary(FIVE)
    assert (summary.resumed, summary.outdated) == (0, True)


def test_partial_output_of_another_version_is_not_used(
    interrupted: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.batch.__version__", "9.9.9")
    assert interrupted.summary(FIVE).resumed == 0


def test_partial_output_of_other_prompts_is_not_used(
    interrupted: Batch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(prompts_folder(), tmp_path / "prompts")
    monkeypatch.setattr("assistant.batch.prompts_folder", lambda: tmp_path / "prompts")
    with next((tmp_path / "prompts").glob("*.txt")).open("a", encoding="utf-8") as file:
        file.write("Be brief.")
    assert interrupted.summary(FIVE).resumed == 0


def test_partial_output_of_another_question_column_is_not_used(batch: Batch) -> None:
    two = f"question,Frage\n{MEMORY},{MEMORY}\n{MEMORY},{MEMORY}\n"
    with pytest.raises(KeyboardInterrupt):
        batch(two, StoppingModel(2, KeyboardInterrupt()))
    assert batch.summary(two, column="Frage").resumed == 0


@pytest.mark.parametrize("kept", ["partial", "conditions"])
def test_half_of_what_an_interrupted_run_leaves_is_not_used(interrupted: Batch, kept: str) -> None:
    for name in {"partial", "conditions"} - {kept}:
        getattr(interrupted, name).unlink()
    assert interrupted.summary(FIVE).resumed == 0


def test_two_batches_do_not_write_one_output(batch: Batch) -> None:
    lock = batch.target.with_name("out.csv.partial.lock")
    with FileLock(lock), pytest.raises(BatchError) as caught:
        batch(FIVE)
    assert str(caught.value) == f"another batch is writing {batch.target}; wait for it to finish"
    assert not batch.partial.exists()
    batch(FIVE)
    assert not lock.exists()


def test_nothing_is_overwritten_that_no_batch_wrote(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("question\nWhy?\n")
    precious = tmp_path / "out.csv.partial"
    precious.write_text("precious")
    with pytest.raises(BatchError, match=r"out\.csv\.partial is in the way and no batch wrote it"):
        plan(source, tmp_path / "out.csv", "question")
    assert precious.read_text() == "precious"
    with pytest.raises(BatchError, match=r"/dev/null is no file but a device or a pipe"):
        plan(source, Path("/dev/null"), "question")
    partial = tmp_path / "z.csv.partial"
    partial.write_text("question\nWhy?\n")
    with pytest.raises(BatchError, match="holds the questions and would be overwritten"):
        plan(partial, tmp_path / "z.csv", "question")


def test_a_link_is_followed_to_the_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("question\nWhy?\n")
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert plan(tmp_path / "in.csv", tmp_path / "link.csv", "question").target == tmp_path / "real.csv"
