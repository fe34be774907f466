from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import sys
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from assistant.api import Assistant
from assistant.batch import Forecast, Options, Plan, Summary, forecast, prepare, run, table_task
from assistant.batch.columns import ADDED
from assistant.batch.inputs import PIPE, read_input
from assistant.batch.journal import Journal
from assistant.batch.sinks import GrowingFile, open_sink
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
        self.settings = Settings()
        self.index, self.embedder = index, embedder
        self.progress: list[tuple[int, int]] = []

    @property
    def journal(self) -> Path:
        return self.target.with_name(f"{self.target.name}.journal")

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.target.parent.iterdir()}

    def assistant(self, model: ScriptedModel) -> Assistant:
        return Assistant(self.index, self.embedder, model, self.settings)

    def plan(self, content: str | bytes, column: str = "question", **options: Any) -> Plan:
        self.source.write_bytes(content.encode() if isinstance(content, str) else content)
        return prepare(table_task(self.source, column), self.target, Options(**options))

    def summary(self, content: str | bytes, model: ScriptedModel | None = None, **given: Any) -> Summary:
        assistant = self.assistant(model or ScriptedModel(CUT))
        return run(self.plan(content, **given), assistant, lambda *done: self.progress.append(done))

    def forecast(self, content: str | bytes, **given: Any) -> Forecast:
        return forecast(self.plan(content, **given), self.assistant(ScriptedModel(CUT)))

    def __call__(self, content: str | bytes, model: ScriptedModel | None = None, **given: Any) -> list[Row]:
        self.summary(content, model, **given)
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
    assert summary.statuses == {"answered": 3, "abstained": 1}
    assert summary.choices == {"new": 3, "duplicate": 1}
    assert batch.progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert batch.files == {"in.csv", "out.csv", "out.csv.journal"}
    # The one question that the model was asked; a word is a token.
    prompt = " ".join(message.content for message in model.prompts[0]).split()
    assert (summary.prompt_tokens, summary.completion_tokens) == (len(prompt), len(CUT.split()))


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


def test_what_can_never_be_answered_is_not_asked_again(batch: Batch) -> None:
    questions = f"question\n{MEMORY}\n\u200b\n"
    for asked in (1, 0):
        summary = batch.summary(questions)
        assert (summary.asked, summary.choices["faulty"]) == (asked, 1)
    assert [row["status"] for row in read(batch.target)] == ["answered", "error"]


def test_a_row_without_the_key_of_the_question_is_told_so(batch: Batch) -> None:
    batch.source = batch.source.with_suffix(".jsonl")
    batch(f'{{"question": "{MEMORY}"}}\n{{"Question": "{MEMORY}", "n": 1}}\n{{"question": null}}\n')
    _, keyless, null = read(batch.target)
    assert keyless["reason"] == 'the row has no key \'question\'; its keys are ["Question", "n"]'
    assert null["reason"].startswith("the question is empty")


def test_nothing_of_a_row_too_long_is_lost(batch: Batch) -> None:
    (row,) = batch("question,note\nq,a,b,c\n")
    assert row["note"] == "a,b,c"


def test_failing_model_makes_an_error_row_and_the_rest_goes_on(batch: Batch) -> None:
    three = f"question\n{MEMORY}\n{MEMORY} Now?\n{MEMORY} Then?\n"
    rows = batch(three, StoppingModel(2, GenerationError("the server has gone")))
    assert [(row["status"], row["answer"]) for row in rows] == [
        ("answered", f"{CUT} [1]"),
        ("error", ""),
        ("answered", f"{CUT} [1]"),
    ]
    assert rows[1]["reason"] == "the server has gone"


def test_a_row_with_an_error_has_no_answer_and_nothing_of_one(batch: Batch) -> None:
    (row,) = batch(f"question\n{MEMORY}\n", StoppingModel(1, GenerationError("the server has gone")))
    told = ("question", "status", "reason", "model", "index")
    assert {column for column, value in row.items() if value} == set(told)


UNEXPECTED = [
    (ZeroDivisionError("one\ntwo"), "ZeroDivisionError: one"),
    (KeyError("x"), "KeyError: 'x'"),
    (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
]


@pytest.mark.parametrize(("error", "reason"), UNEXPECTED, ids=lambda value: type(value).__name__)
def test_an_error_that_nobody_expected_is_of_its_row_alone(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    stream = Assistant.stream

    def failing(assistant: Assistant, question: str, *rest: Any) -> Any:
        if question == "fail":
            raise error
        return stream(assistant, question, *rest)

    monkeypatch.setattr(Assistant, "stream", failing)
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
        prepare(table_task(batch.source, "question"), batch.target, Options())
    assert not batch.target.exists()


def test_missing_files_and_folders_are_named(batch: Batch, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"in\.csv can't be read: No such file"):
        prepare(table_task(batch.source, "question"), batch.target, Options())
    batch.source.write_text("question\nq\n", encoding="utf-8")
    with pytest.raises(BatchError, match=r"out\.csv can't be written: there is no folder .*nowhere"):
        prepare(table_task(batch.source, "question"), tmp_path / "nowhere" / "out.csv", Options())


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
    task = table_task(tmp_path / "in.csv", "question")
    run(prepare(task, tmp_path / "out.csv", Options()), assistant, lambda *done: None)
    (row,) = read(tmp_path / "out.csv")
    assert row["final"] == "-0.2"
    assert row["answer"] == "'=Loss on TinyBank changes by -0.2. [1]"
    assert (row["citations"], row["cited_titles"]) == ("'@id", "'+SUM(A1)")
    assert row["quotes"] == "'=Loss changes by -0.2 on TinyBank."
    run(prepare(task, tmp_path / "out.csv", Options(raw_formulas=True)), assistant, lambda *done: None)
    (raw,) = read(tmp_path / "out.csv")
    assert raw == {column: value.removeprefix("'") for column, value in row.items()}


# The second row is broken for good; of the others the third is where Ctrl-C comes.
FIVE = f"id,question\n1,{MEMORY}\n2\n3,{MEMORY} Now?\n4,{MEMORY} Then?\n5,{MEMORY} Ever?\n"


@pytest.fixture
def interrupted(batch: Batch) -> Batch:
    with pytest.raises(KeyboardInterrupt):
        batch(FIVE, StoppingModel(3, KeyboardInterrupt()))
    assert batch.files == {"in.csv", "out.csv", "out.csv.journal"}
    assert [row["id"] for row in read(batch.target)] == ["1", "2", "3"]  # it has grown as far as that
    batch.progress.clear()
    return batch


def test_interrupted_run_goes_on_without_a_row_lost_or_answered_twice(interrupted: Batch) -> None:
    model = ScriptedModel(CUT)
    summary = interrupted.summary(FIVE, model)
    assert summary.choices == {"kept": 2, "faulty": 1, "new": 2}
    assert summary.statuses == {"answered": 4, "error": 1}
    assert len(model.prompts) == 2  # rows 4 and 5
    assert interrupted.progress == [(n, 5) for n in (1, 2, 3, 4, 5)]
    rows = read(interrupted.target)
    assert [(row["id"], row["status"]) for row in rows] == [
        ("1", "answered"),
        ("2", "error"),
        *((n, "answered") for n in "345"),
    ]


def test_a_finished_batch_asks_nothing_again_and_writes_the_same(interrupted: Batch) -> None:
    interrupted(FIVE)
    written = interrupted.target.read_bytes()
    model = ScriptedModel("Something else.")
    summary = interrupted.summary(FIVE, model)
    assert (summary.asked, model.prompts) == (0, [])
    assert interrupted.target.read_bytes() == written


def test_an_added_a_moved_and_a_changed_row_cost_what_is_new(interrupted: Batch) -> None:
    interrupted(FIVE)
    model = ScriptedModel(CUT)
    changed = f"id,question\n5,{MEMORY} Ever?\n1,{MEMORY}\n6,{MEMORY} Really?\n3,{MEMORY} And now?\n"
    assert interrupted.summary(changed, model).choices == {"kept": 2, "new": 2}
    assert len(model.prompts) == 2
    assert [row["id"] for row in read(interrupted.target)] == ["5", "1", "6", "3"]


def test_duplicates_are_asked_once_and_columns_of_their_own_kept(batch: Batch) -> None:
    model = ScriptedModel(CUT)
    rows = batch(f"id,question\n1,{MEMORY}\n2,{MEMORY}\n3,{MEMORY}\n", model)
    assert len(model.prompts) == 1
    assert [row.pop("id") for row in rows] == ["1", "2", "3"]
    assert rows[0] == rows[1] == rows[2]


def test_a_question_with_other_filters_is_another(batch: Batch) -> None:
    filters = '"{""exclude_ids"": [""a3""]}"'
    model = ScriptedModel(CUT)
    batch(f"question,filters\n{MEMORY},\n{MEMORY},{filters}\n{MEMORY},\n", model)
    assert len(model.prompts) == 2


THREE = f"id,question\n1,{MEMORY}\n2,Where do whales sing at night?\n3,{MEMORY} Now?\n"


@pytest.fixture
def mixed(batch: Batch) -> Batch:
    """A batch whose rows are answered, abstained and failed."""
    batch(THREE, StoppingModel(2, GenerationError("the server has gone")))
    assert [row["status"] for row in read(batch.target)] == ["answered", "abstained", "error"]
    return batch


def test_a_rerun_asks_again_what_has_failed(mixed: Batch) -> None:
    assert mixed.summary(THREE).choices == {"kept": 2, "failed": 1}
    assert [row["status"] for row in read(mixed.target)] == ["answered", "abstained", "answered"]


def test_fresh_asks_all_again(mixed: Batch) -> None:
    model = ScriptedModel(CUT)
    assert mixed.summary(THREE, model, fresh=True).choices == {"again": 3}
    assert len(model.prompts) == 2  # whales are nothing for a model


def test_errors_alone_are_retried_even_by_another_model(mixed: Batch) -> None:
    other = ScriptedModel(CUT)
    other.name = "another"
    more = f"{THREE}4,{MEMORY} New?\n"
    summary = mixed.summary(more, other, only=frozenset({"error"}))
    assert summary.choices == {"kept": 2, "again": 1, "left": 1}
    rows = read(mixed.target)
    assert [(row["id"], row["model"]) for row in rows] == [
        ("1", "scripted"),
        ("2", "scripted"),
        ("3", "another"),
    ]


def test_abstentions_alone_are_asked_again_of_a_larger_index(
    mixed: Batch, tmp_path: Path, papers: tuple[Paper, ...], embedder: HashingEmbedder
) -> None:
    whale = Paper("w", "Whales at Night", "Whales sing at night near the surface of the sea.")
    ingest([*papers, whale], tmp_path / "more", embedder, passage_tokens=160, progress=silent)
    shutil.copy(mixed.index.folder / FITTED, tmp_path / "more" / FITTED)
    mixed.index = Index.open(tmp_path / "more", embedder)
    model = ScriptedModel("Whales sing near the surface.")
    summary = mixed.summary(THREE, model, only=frozenset({"abstained"}))
    assert summary.choices == {"kept": 2, "again": 1}
    assert [row["citations"] for row in read(mixed.target)] == ["a1", "w", ""]


def test_a_limit_asks_so_many_and_the_next_run_the_rest(batch: Batch) -> None:
    summary = batch.summary(FIVE, limit=2)
    assert summary.choices == {"new": 2, "faulty": 1, "left": 2}
    assert [row["id"] for row in read(batch.target)] == ["1", "2", "3"]
    assert batch.summary(FIVE).choices == {"kept": 2, "faulty": 1, "new": 2}
    assert [row["id"] for row in read(batch.target)] == list("12345")


def test_a_limited_run_under_other_conditions_takes_no_row_away(interrupted: Batch) -> None:
    interrupted(FIVE)
    interrupted.settings = Settings(papers=4)
    assert interrupted.summary(FIVE, limit=1).choices == {"changed": 1, "faulty": 1, "kept": 3}
    assert [row["id"] for row in read(interrupted.target)] == list("12345")


def test_a_dry_run_tells_what_would_be_asked_and_why_and_writes_nothing(mixed: Batch) -> None:
    before = {path: path.read_bytes() for path in mixed.target.parent.iterdir() if path != mixed.source}
    told = mixed.forecast(f"{THREE}4,{MEMORY} New?\n5,{MEMORY} New?\n")
    assert told.choices == {"duplicate": 1, "failed": 1, "kept": 2, "new": 1}
    assert (told.asked, told.changed, told.known) == (2, (), 3)
    assert {path: path.read_bytes() for path in before} == before
    mixed.settings = Settings(papers=4)
    told = mixed.forecast(THREE)
    assert (told.choices, told.changed) == ({"changed": 3}, ("setting papers 5 -> 4",))


def test_a_dry_run_before_the_first_makes_no_file(batch: Batch) -> None:
    told = batch.forecast(FIVE)
    assert (told.asked, told.seconds) == (4, None)
    assert batch.files == {"in.csv"}


def test_a_dry_run_estimates_by_the_answers_in_the_journal(mixed: Batch) -> None:
    journal = mixed.journal.read_text(encoding="utf-8")
    took = [json.loads(line)["ms"] for line in journal.splitlines()[1:]]
    told = mixed.forecast(FIVE, fresh=True)
    assert told.seconds == pytest.approx(4 * sum(took) / 3 / 1000)
    assert mixed.forecast(FIVE, fresh=True, concurrency=4).seconds == pytest.approx(sum(took) / 3 / 1000)


def test_output_cut_anywhere_is_made_whole_from_the_journal(interrupted: Batch) -> None:
    interrupted(FIVE)
    whole = interrupted.target.read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    model = ScriptedModel("Something else.")
    for length in {*range(0, len(whole), 29), *ends, *(end - 1 for end in ends)}:
        interrupted.target.write_bytes(whole[:length])
        interrupted.summary(FIVE, model)
        assert interrupted.target.read_bytes() == whole, f"cut after {length} bytes"
    assert model.prompts == []


def test_a_journal_cut_anywhere_loses_no_more_than_its_torn_line(interrupted: Batch) -> None:
    interrupted(FIVE)
    whole, journal = read(interrupted.target), interrupted.journal.read_bytes()
    ends = [n + 1 for n, byte in enumerate(journal) if byte == ord("\n")]
    for length in {*range(0, len(journal), 97), *ends, *(end - 1 for end in ends)}:
        interrupted.journal.write_bytes(journal[:length])
        known = max(0, sum(end <= length for end in ends) - 1)  # the first line tells the conditions
        assert interrupted.summary(FIVE).choices.get("kept", 0) == known, f"cut after {length} bytes"
        assert read(interrupted.target) == whole, f"cut after {length} bytes"


def test_a_full_disk_ends_the_batch_and_nothing_answered_is_lost_or_asked_again(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes half of the third answer's line."""
    write, answers = os.write, 0

    def filling(file: int, data: bytes) -> int:
        nonlocal answers
        answers += data.startswith(b'{"sum"') and b'"key":"' in data
        if answers < 3:
            return write(file, data)
        if len(data) > 300:
            return write(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.write", filling)
    with pytest.raises(BatchError) as caught:
        batch(FIVE)
    monkeypatch.undo()
    assert str(caught.value) == (
        f"{batch.journal} can't be written: No space left on device; what is answered is safe in "
        f"{batch.journal}, and the same command goes on from there"
    )
    assert [row["id"] for row in read(batch.target)] == ["1", "2", "3"]
    model = ScriptedModel(CUT)
    assert batch.summary(FIVE, model).choices == {"kept": 2, "faulty": 1, "new": 2}
    assert len(model.prompts) == 2
    assert [row["id"] for row in read(batch.target)] == list("12345")


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_failing_sync_ends_the_batch_and_a_rerun_makes_it_whole(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    syncs = 0

    def failing(file: int) -> None:
        nonlocal syncs
        syncs += 1
        if syncs > 2:  # the conditions and one answer are on the disk
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("assistant.batch.work.Journal", partial(Journal, sync=failing))
    with pytest.raises(BatchError, match=r"out\.csv\.journal can't be written: Input/output error; what is"):
        batch(FIVE, concurrency=concurrency)
    monkeypatch.undo()
    assert batch.summary(FIVE).choices == {"kept": 1, "faulty": 1, "new": 3}
    assert [row["id"] for row in read(batch.target)] == list("12345")


def test_an_output_that_can_not_be_written_costs_no_answer(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, rows = GrowingFile.write, 0

    def filling(file: GrowingFile, piece: bytes) -> None:
        nonlocal rows
        rows += 1
        write(file, piece[:20] if rows == 3 else piece)
        if rows == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(GrowingFile, "write", filling)
    with pytest.raises(BatchError, match=r"out\.csv can't be written: No space left on device"):
        batch(FIVE)
    monkeypatch.undo()
    assert batch.summary(FIVE).choices == {"kept": 1, "faulty": 1, "new": 3}
    assert [row["id"] for row in read(batch.target)] == list("12345")


def test_what_was_there_stays_until_all_rows_are_there_that_differ_from_it(interrupted: Batch) -> None:
    interrupted.target.write_text("precious", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        interrupted(FIVE, StoppingModel(2, KeyboardInterrupt()))
    assert interrupted.target.read_text(encoding="utf-8") == "precious"
    assert len(interrupted(FIVE)) == 5
    assert interrupted.files == {"in.csv", "out.csv", "out.csv.journal"}


def test_answers_of_another_model_are_not_used(interrupted: Batch) -> None:
    model = ScriptedModel(CUT)
    model.name = "another"
    summary = interrupted.summary(FIVE, model)
    assert summary.choices == {"changed": 2, "faulty": 1, "new": 2}
    assert summary.changed == ("model scripted -> another",)
    assert {row["model"] for row in read(interrupted.target)} == {"another"}


def test_answers_of_another_index_are_not_used(
    interrupted: Batch, tmp_path: Path, papers: tuple[Paper, ...], embedder: HashingEmbedder
) -> None:
    first = interrupted.index
    ingest(papers[:2], tmp_path / "other", embedder, passage_tokens=160, progress=silent)
    shutil.copy(first.folder / FITTED, tmp_path / "other" / FITTED)
    interrupted.index = Index.open(tmp_path / "other", embedder)
    summary = interrupted.summary(FIVE)
    assert summary.choices == {"changed": 2, "faulty": 1, "new": 2}
    now = interrupted.index.manifest.fingerprint
    assert summary.changed == (f"index {first.manifest.fingerprint} -> {now}",)
    assert {row["index"] for row in read(interrupted.target)} == {now}
    interrupted.index = first  # as it was: what was answered then still holds
    assert interrupted.summary(FIVE).choices == {"kept": 2, "faulty": 1, "changed": 2}


def test_answers_of_other_settings_are_not_used(interrupted: Batch) -> None:
    interrupted.settings = Settings(papers=4)
    assert interrupted.summary(FIVE).choices == {"changed": 2, "faulty": 1, "new": 2}


def test_where_the_models_are_and_the_key_do_not_matter(interrupted: Batch, tmp_path: Path) -> None:
    secret = SecretStr("secret")
    interrupted.settings = Settings(cache_dir=tmp_path / "elsewhere", api_key=secret, request_timeout=1)
    assert interrupted.summary(FIVE).choices == {"kept": 2, "faulty": 1, "new": 2}
    assert "secret" not in interrupted.journal.read_text(encoding="utf-8")


def test_answers_of_other_coefficients_are_not_used(interrupted: Batch) -> None:
    surer = replace(OPEN_GATES, sentence=Linear(5.0))
    (interrupted.index.folder / FITTED).write_text(json.dumps(fitted_to_plain(surer)), encoding="utf-8")
    load_fitted.cache_clear()  # as another process would read it
    assert interrupted.summary(FIVE).choices["changed"] == 2


def test_answers_of_another_version_are_not_used(interrupted: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.batch.conditions.__version__", "9.9.9")
    assert interrupted.summary(FIVE).choices["changed"] == 2


def test_answers_of_other_prompts_are_not_used(
    interrupted: Batch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(prompts_folder(), tmp_path / "prompts")
    monkeypatch.setattr("assistant.prompts.prompts_folder", lambda: tmp_path / "prompts")
    with (tmp_path / "prompts" / "system.txt").open("a", encoding="utf-8") as file:
        file.write("Be brief.")
    summary = interrupted.summary(FIVE)
    assert summary.choices["changed"] == 2
    assert [change.split()[:2] for change in summary.changed] == [["prompt", "system"]]


def test_answers_do_not_depend_on_the_name_of_the_question_column(batch: Batch) -> None:
    two = f"question,Frage\n{MEMORY},{MEMORY} Now?\n{MEMORY} Then?,{MEMORY}\n"
    batch(two)
    assert batch.summary(two, column="Frage").choices == {"new": 1, "kept": 1}


def test_two_batches_do_not_write_one_journal(batch: Batch) -> None:
    with Journal(batch.journal), pytest.raises(BatchError) as caught:
        batch(FIVE)
    assert str(caught.value) == f"another batch is writing {batch.journal}; wait for it to finish"
    assert batch.journal.read_bytes() == b""
    assert not batch.target.exists()
    batch(FIVE)
    assert batch.files == {"in.csv", "out.csv", "out.csv.journal"}


def test_a_journal_is_the_same_by_whatever_name(batch: Batch) -> None:
    other = batch.journal.with_name("link.journal")
    other.symlink_to(batch.journal)
    with Journal(batch.journal), pytest.raises(BatchError, match=r"^another batch is writing "):
        batch(FIVE, journal=other)
    assert not batch.target.exists()


def test_nothing_is_overwritten_that_no_batch_wrote(batch: Batch) -> None:
    batch.journal.write_text("precious", encoding="utf-8")
    with pytest.raises(BatchError, match=r"out\.csv\.journal is in the way and no batch wrote it"):
        batch(FIVE)
    assert batch.journal.read_text(encoding="utf-8") == "precious"


PLACES = {
    "device": ("/dev/null", None, "/dev/null is no file but a device or a pipe"),
    "folder": (".", None, "is a folder; name a file to write"),
    "input": ("in.csv", None, "holds the questions and would be overwritten"),
    "journal in the input's place": ("out.csv", "in.csv", "can't be the journal, it is another file"),
    "journal in the output's place": ("out.csv", "out.csv", "can't be the journal, it is another file"),
    "no folder for the journal": ("out.csv", "nowhere/j", "can't be written: there is no folder"),
    "pipe without a journal": ("-", None, "so the journal has no name; give it one by --journal PATH"),
    "old Excel": ("out.xls", None, "can't be written in that format; name it .xlsx"),
}


@pytest.mark.parametrize(("target", "journal", "message"), PLACES.values(), ids=PLACES)
def test_places_that_can_not_be_written_are_refused(target: str, journal: str | None, message: str) -> None:
    Path("in.csv").write_text("question\nWhy?\n")
    task = table_task(Path("in.csv"), "question")
    with pytest.raises(BatchError, match=message):
        prepare(task, Path(target), Options(journal=Path(journal) if journal else None))


def test_a_link_is_followed_to_the_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("question\nWhy?\n")
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    task = table_task(tmp_path / "in.csv", "question")
    assert prepare(task, tmp_path / "link.csv", Options()).target == tmp_path / "real.csv"


FORMATS = ["csv", "tsv", "jsonl", "parquet", "xlsx"]


@pytest.mark.parametrize("out", FORMATS)
@pytest.mark.parametrize("into", FORMATS)
def test_every_format_can_be_read_and_written(batch: Batch, into: str, out: str) -> None:
    """A table is made in one format from a CSV by a batch of its own, and asked about in another."""
    first = batch.target.with_name(f"first.{into}")
    rows = [{"n": "1", "question": MEMORY}, {"n": "2", "question": "Where do whales sing at night?"}]
    sink = open_sink(first, ("n", "question"), source=None, suffix=".csv", quoted=frozenset())
    for row in rows:
        sink.write(row)
    sink.finish()
    target = batch.target.with_suffix(f".{out}")
    plan = prepare(table_task(first, "question"), target, Options())
    summary = run(plan, batch.assistant(ScriptedModel(CUT)), lambda *done: None)
    assert summary.statuses == {"answered": 1, "abstained": 1}
    read_back = list(read_input(target, "question").rows())
    assert [row.values["n"] for row in read_back] == ["1", "2"]
    assert [row.values["status"] for row in read_back] == ["answered", "abstained"]
    assert [row.values["final"] or "" for row in read_back] == ["62%", ""]
    assert [float(row.values["confidence"]) for row in read_back] == [0.993, 0.0]


def test_a_pipe_is_answered_row_by_row_into_a_pipe(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = f'{{"question": "{MEMORY}", "n": 1}}\n{{"question": "Hello!", "n": 2}}\n'
    for asked in (2, 0):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
        plan = prepare(table_task(PIPE, "question"), PIPE, Options(journal=batch.journal))
        summary = run(plan, batch.assistant(ScriptedModel(CUT)), lambda *done: None)
        assert summary.asked == asked
        printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert [(row["n"], row["status"]) for row in printed] == [(1, "answered"), (2, "answered")]
    assert batch.files == {"out.csv.journal"}
