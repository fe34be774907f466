from __future__ import annotations

import csv
import gc
import io
import itertools
import json
import tempfile
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms import (
    CompletionResponse,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
    MockLLM,
)

import assistant
from assistant import (
    Answer,
    Assistant,
    DraftGrew,
    DraftRejected,
    EvidenceFound,
    Filters,
    Paper,
    SentenceVerified,
    Settings,
    Turn,
)
from assistant.api import default_index
from assistant.errors import CorpusError, IndexFormatError, ModelError, QuestionError
from assistant.fitted import FITTED, load_fitted
from assistant.generation.base import Delta
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Message
from assistant.resources import sample_corpus
from assistant.testing import OPEN_GATES, HashingEmbedder, ScriptedModel

MEMORY = "By how much does LongCache reduce cache memory?"
CUT = "LongCache reduces cache memory by 62%."


class SayingLLM(CustomLLM):
    """A llama-index model of a user's own."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="saying", context_window=4096)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=CUT)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield CompletionResponse(text=CUT, delta=CUT)


class LoadingModel(ScriptedModel):
    """A model whose weights can't be loaded ahead."""

    def load(self) -> None:
        raise ModelError("damaged")


MODELS = {
    "a language model": (ScriptedModel(CUT), "scripted", "supported"),
    "one that fails to load ahead": (LoadingModel(CUT), "scripted", "supported"),
    "llama-index's own": (MockLLM(max_tokens=20), "MockLLM", "extracts"),  # it says “text” 20 times
    "a llama-index subclass": (SayingLLM(), "saying", "supported"),
    "none": ("none", "none", "extracts"),
}


@pytest.mark.parametrize(("model", "name", "reason"), MODELS.values(), ids=MODELS)
def test_any_kind_of_model_answers(
    index_folder: Path, embedder: HashingEmbedder, model: Any, name: str, reason: str
) -> None:
    assistant = Assistant.open(index_folder, model=model, embedder=embedder)
    answer = assistant.ask(MEMORY)
    assert (assistant.model_name, answer.model, answer.reason.code) == (name, name, reason)
    assert answer.text.startswith("LongCache reduces cache memory by 62%")


def test_settings_choose_the_model_and_an_argument_comes_before_them(
    index_folder: Path, embedder: HashingEmbedder
) -> None:
    settings = Settings(model="none")
    assert Assistant.open(index_folder, embedder=embedder, settings=settings).model_name == "none"
    assistant = Assistant.open(index_folder, model="none", embedder=embedder, settings=Settings(model="nope"))
    assert assistant.settings.model == "none"


def test_unknown_model_is_an_error(index_folder: Path, embedder: HashingEmbedder) -> None:
    with pytest.raises(ModelError, match="no model is known as 'nope'"):
        Assistant.open(index_folder, model="nope", embedder=embedder)


def test_missing_index_is_an_error_that_says_how_to_make_one(embedder: HashingEmbedder) -> None:
    with pytest.raises(IndexFormatError, match="no index at nowhere; make one with `assistant ingest FILE"):
        Assistant.open("nowhere", model="none", embedder=embedder)


def test_index_of_another_embedder_is_an_error_naming_both(index_folder: Path) -> None:
    with pytest.raises(
        IndexFormatError, match=r"hashing hashing-64, .* hashing hashing-32; .* index rebuild"
    ):
        Assistant.open(index_folder, model="none", embedder=HashingEmbedder(dimension=32))


def test_papers_can_be_asked_without_an_index_of_ones_own(
    papers: tuple[Paper, ...], embedder: HashingEmbedder
) -> None:
    assistant = Assistant.from_papers(papers, model=ScriptedModel(CUT), embedder=embedder)
    assert assistant.ask(MEMORY).cited_papers == papers[:1]


def test_temporary_index_goes_with_its_assistant(
    papers: tuple[Paper, ...], embedder: HashingEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assistant = Assistant.from_papers(papers, model="none", embedder=embedder)
    assert list(tmp_path.iterdir()) == [assistant.index.folder]
    del assistant
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CorpusError):
        Assistant.from_papers([], model="none", embedder=embedder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "history",
    [
        [Turn("What does LongCache reduce?", "Memory.")],
        [("What does LongCache reduce?", "Memory.")],
        (("What is it?", "x"), Turn("What does LongCache reduce?", "Memory.")),
    ],
    ids=["turns", "pairs", "both"],
)
def test_history_may_be_turns_or_pairs(index_folder: Path, embedder: HashingEmbedder, history: Any) -> None:
    assistant = Assistant.open(index_folder, model="none", embedder=embedder)
    assert assistant.ask("Is it fast?", history).standalone_question == "Is LongCache fast?"


def test_stream_begins_with_evidence_and_ends_with_the_answer(
    index_folder: Path, embedder: HashingEmbedder
) -> None:
    model = ScriptedModel(CUT)
    assistant = Assistant.open(index_folder, model=model, embedder=embedder)
    first, *_, last = assistant.stream(MEMORY)
    assert isinstance(first, EvidenceFound)
    assert isinstance(last, Answer)
    stream = assistant.stream(MEMORY)
    next(stream)
    next(stream)
    stream.close()
    assert model.closed_early == 1


def test_a_temporary_index_is_cut_as_the_settings_say(
    papers: tuple[Paper, ...], embedder: HashingEmbedder
) -> None:
    settings = Settings(model="none", passage_tokens=40, passage_overlap=20)
    manifest = Assistant.from_papers(papers, embedder=embedder, settings=settings).index.manifest
    assert (manifest.passage_tokens, manifest.passage_overlap) == (40, 20)


def test_events_can_be_told_apart_by_names_of_the_package(
    index_folder: Path, embedder: HashingEmbedder
) -> None:
    model = ScriptedModel("Whales sing. Fish swim.")
    seen = list(Assistant.open(index_folder, model=model, embedder=embedder).stream(MEMORY))
    kinds = list(dict.fromkeys(type(event) for event in seen))
    assert kinds == [EvidenceFound, DraftGrew, SentenceVerified, DraftRejected, Answer]
    assert {"DraftGrew", "DraftRejected", "EvidenceFound", "SentenceVerified"} <= set(assistant.__all__)


def test_coefficients_are_the_indexs_own_or_the_programs(
    index_folder: Path, embedder: HashingEmbedder
) -> None:
    def opened() -> Assistant:
        return Assistant.open(index_folder, model="none", embedder=embedder)

    assert opened().fitted == OPEN_GATES
    (index_folder / FITTED).unlink()
    assert opened().fitted == load_fitted()
    (index_folder / FITTED).write_text("{}", encoding="utf-8")
    load_fitted.cache_clear()  # as another process would read it
    with pytest.raises(IndexFormatError, match=r"fitted.json is damaged .*; make it anew with "):
        opened().ask(MEMORY)


def test_empty_question_is_an_error(index_folder: Path, embedder: HashingEmbedder) -> None:
    with pytest.raises(QuestionError):
        Assistant.open(index_folder, model="none", embedder=embedder).ask(" ")


def test_search_gives_the_best_papers_that_pass_the_filters(
    index_folder: Path, embedder: HashingEmbedder
) -> None:
    assistant = Assistant.open(index_folder, model="none", embedder=embedder)
    assert assistant.search("gradient tuning", k=1)[0].paper.id == "a2"
    assert len(assistant.search("gradient tuning")) == 3
    without = assistant.search("gradient tuning", filters=Filters(exclude_ids=("a2",)))
    assert {found.paper.id for found in without} == {"a1", "a3"}


def test_default_index_is_the_setting_then_the_checkouts_then_the_samples(
    papers: tuple[Paper, ...], embedder: HashingEmbedder, tmp_path: Path
) -> None:
    settings = Settings(cache_dir=tmp_path)
    assert default_index(settings) == tmp_path / "index" / "sample"
    ingest(papers, Path("index/sample"), embedder, passage_tokens=160, progress=silent)
    assert default_index(settings) == Path("index/sample")
    assert default_index(Settings(index=Path("mine"))) == Path("mine")


def test_without_any_index_the_sample_corpus_is_indexed_once(
    embedder: HashingEmbedder, tmp_path: Path
) -> None:
    settings = Settings(cache_dir=tmp_path, model="none")
    assistant = Assistant.open(embedder=embedder, settings=settings)
    assert len(assistant.index.papers) == len(sample_corpus().read_text(encoding="utf-8").splitlines())
    made = assistant.index.manifest.created
    assert Assistant.open(embedder=embedder, settings=settings).index.manifest.created == made


def test_index_that_is_named_is_never_made(embedder: HashingEmbedder, tmp_path: Path) -> None:
    settings = Settings(index=tmp_path / "mine", model="none")
    with pytest.raises(IndexFormatError, match="no index at"):
        Assistant.open(embedder=embedder, settings=settings)


@pytest.fixture
def three(index: Index, embedder: HashingEmbedder) -> tuple[Assistant, ScriptedModel]:
    """An assistant over the three papers, and its model."""
    model = ScriptedModel(CUT)
    return Assistant(index, embedder, model, Settings()), model


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_batch_gives_each_row_with_its_answer_in_order(
    three: tuple[Assistant, ScriptedModel], concurrency: int
) -> None:
    rows = [f"{MEMORY} {n}" for n in range(10)]
    found = list(three[0].batch(rows, concurrency=concurrency))
    assert [row for row, _ in found] == rows
    assert [answer.question for _, answer in found] == rows
    assert {answer.status for _, answer in found} == {"answered"}


def test_a_batch_takes_the_rows_of_a_csv_file_with_history_and_filters(
    three: tuple[Assistant, ScriptedModel],
) -> None:
    file = io.StringIO(
        "id,Frage,history,filters\n"
        '1,And is decoding faster with it?,"[[""What does LongCache reduce?"", ""Memory.""]]",\n'
        f'2,{MEMORY},,"{{""exclude_ids"": [""a1""]}}"\n'
    )
    first, second = three[0].batch(csv.DictReader(file), question_column="Frage")
    assert (first[0]["id"], first[1].standalone_question) == ("1", "And is decoding faster with LongCache?")
    assert (second[0]["id"], second[1].citations) == ("2", ())


def test_a_row_that_fails_has_an_answer_that_says_why(three: tuple[Assistant, ScriptedModel]) -> None:
    rows: list[dict[str, Any]] = [
        {"question": ""},
        {"question": MEMORY, "filters": {"year": []}},
        {"question": MEMORY},
    ]
    empty, unknown, sound = (answer for _, answer in three[0].batch(rows))
    assert (empty.status, empty.reason.code) == ("error", "bad_row")
    assert empty.reason.sentence.startswith("the question is empty")
    assert (unknown.status, unknown.reason.code) == ("error", "bad_row")
    assert unknown.reason.sentence.startswith("filters has the unknown key 'year'")
    assert sound.status == "answered"


def test_a_batch_reads_its_rows_as_it_needs_them_and_stops_when_closed(
    three: tuple[Assistant, ScriptedModel],
) -> None:
    assistant, model = three
    drawn = itertools.count()
    rows = assistant.batch(f"{MEMORY} {n}" for n in drawn)
    assert next(rows)[0] == f"{MEMORY} 0"
    rows.close()
    assert next(drawn) == 1
    assert len(model.prompts) == 1


def test_closing_a_batch_stops_the_answers_that_are_being_written(
    index: Index, embedder: HashingEmbedder
) -> None:
    second = threading.Event()
    closed: list[str] = []

    class Endless(ScriptedModel):
        def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
            if "(0)" in messages[-1].content:
                assert second.wait(10)
                yield from super().stream(messages, max_tokens=max_tokens)
                return
            try:
                while True:
                    second.set()
                    yield Delta("more ")
            finally:
                closed.append(messages[-1].content)

    assistant = Assistant(index, embedder, Endless(CUT), Settings())
    rows = assistant.batch((f"{MEMORY} ({n})" for n in range(100)), concurrency=2)
    assert next(rows)[0] == f"{MEMORY} (0)"
    rows.close()
    assert 1 <= len(closed) <= 2


def test_the_sample_s_index_of_another_version_is_made_anew(
    tmp_path: Path, embedder: HashingEmbedder
) -> None:
    settings = Settings(cache_dir=tmp_path, model="none")
    made = Assistant.open(settings=settings, embedder=embedder).index
    manifest = next((tmp_path / "index" / "sample" / "generations").glob("*/manifest.json"))
    plain = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(plain | {"format_version": 1}), encoding="utf-8")
    again = Assistant.open(settings=settings, embedder=embedder).index
    assert again.manifest.fingerprint == made.manifest.fingerprint


class Meeting(ScriptedModel):
    """A model that answers when three questions have been asked of it."""

    concurrency = 3

    def __init__(self) -> None:
        super().__init__("LongCache reduces cache memory by 62%.")
        self._all_asked = threading.Barrier(3, timeout=60)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        self._all_asked.wait()
        yield from super().stream(messages, max_tokens=max_tokens)


def test_a_batch_asks_as_many_at_a_time_as_pay_with_the_model(
    index: Index, embedder: HashingEmbedder
) -> None:
    assistant = Assistant(index, embedder, Meeting(), Settings())
    assert assistant.concurrency == 3
    assert [answer.status for _, answer in assistant.batch([MEMORY] * 3)] == ["answered"] * 3
    assert Assistant(index, embedder, None, Settings()).concurrency == 1
