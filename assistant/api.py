"""The public API: one object that answers questions about one index."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from assistant.answer import Answer
from assistant.answering import Pipeline
from assistant.cluster.pool import Pool
from assistant.embedding import Embedder, open_embedder
from assistant.errors import AssistantError, ClusterError, IndexFormatError, first_line
from assistant.events import Event
from assistant.fitted import Fitted
from assistant.generation import open_model
from assistant.generation.base import LanguageModel
from assistant.generations import current_generation, exists, read_manifest
from assistant.index import Index
from assistant.inquiry import Inquiry
from assistant.parallel import in_order
from assistant.progress import Progress, silent
from assistant.records import Filters, Paper, Reason, ScoredPaper, Turn
from assistant.resources import sample_corpus
from assistant.rows import Request, read_request
from assistant.settings import Settings

_CHECKOUT_INDEX = Path("index/sample")

History = Sequence[Turn | tuple[str, str]]
BatchRow = TypeVar("BatchRow", str, Mapping[str, Any])
_Item = TypeVar("_Item")


class Assistant:
    """Answers questions about the papers of one index; safe to share between threads."""

    def __init__(
        self, index: Index, embedder: Embedder, model: LanguageModel | None, settings: Settings
    ) -> None:
        self.index = index
        self.settings = settings
        self._pipeline = Pipeline(index, embedder, model, settings)

    @classmethod
    def open(
        cls,
        index: str | Path | None = None,
        *,
        model: str | LanguageModel | Any | None = None,
        embedder: Embedder | None = None,
        settings: Settings | None = None,
        progress: Progress = silent,
        preload: bool = True,
    ) -> Self:
        """An assistant over an index folder; without one, over index/sample or the sample corpus.

        Args:
            index: An index folder, made by `assistant ingest`.
            model: Whatever the setting `model` takes, or a LanguageModel, or any llama-index LLM.
            embedder: The embedder that the index was built with, if it is not the default one.
            settings: Settings to use; loaded from file and environment if not given.
            progress: Told of what takes long the first time: converting a GGUF file, indexing the sample.
            preload: Load the model's weights now, and not at the first question.

        Raises:
            IndexFormatError: the index is absent, damaged, or made with another embedder.
            StoreError: its vectors are in Milvus, which can't be reached or does not have them.
            ModelError: a model is not installed.
        """
        settings = settings or Settings.load()
        if isinstance(model, str):
            settings = settings.model_copy(update={"model": model})
            model = None
        language_model = _language_model(model, settings, progress)
        if preload and (load := getattr(language_model, "load", None)):
            # Loading the weights takes seconds; it goes on while the index opens and the question is
            # embedded. A failure shows again, and is reported, when the model is first used. The thread is
            # waited for at exit: the interpreter must not go while native code is loading weights.
            threading.Thread(target=_quietly, args=(load,), name="model-loading").start()
        embedder = embedder or open_embedder(settings)
        folder = Path(index) if index else default_index(settings)
        if not index and folder == _cached_sample(settings):
            _make_sample(folder, embedder, settings, progress)
        return cls(Index.open(folder, embedder, settings.store), embedder, language_model, settings)

    @classmethod
    def from_papers(
        cls,
        papers: Iterable[Paper],
        *,
        model: str | LanguageModel | Any | None = None,
        embedder: Embedder | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """An assistant over `papers`, indexed in a temporary folder that goes with it."""
        from assistant.ingest import ingest

        settings = settings or Settings.load()
        embedder = embedder or open_embedder(settings)
        folder = Path(tempfile.mkdtemp(prefix="assistant-"))
        try:
            ingest(papers, folder, embedder, **settings.passages, progress=silent)
            opened = cls.open(folder, model=model, embedder=embedder, settings=settings)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        weakref.finalize(opened, shutil.rmtree, folder, ignore_errors=True)
        return opened

    def over(self, index: Path) -> Self:
        """Another assistant, over another index, with this one's models and settings.

        Raises:
            IndexFormatError: the index is absent, damaged, or made with another embedder.
            StoreError: its vectors are in Milvus, which can't be reached or does not have them.
        """
        embedder, settings = self._pipeline.embedder, self.settings
        opened = Index.open(index, embedder, settings.store)
        return type(self)(opened, embedder, self._pipeline.model, settings)

    def under(self, settings: Settings) -> Self:
        """Another assistant, over the same index, under other settings; another model is loaded at once.

        Raises:
            ModelError: the model is not installed.
            GenerationError: it can't be loaded.
            MissingExtraError: the engine for it is not installed.
        """
        model = self._pipeline.model
        if settings.model != self.settings.model:
            model = open_model(settings)
            if load := getattr(model, "load", None):
                load()
        return type(self)(self.index, self.embedder, model, settings)

    @property
    def embedder(self) -> Embedder:
        """What makes vectors of texts."""
        return self._pipeline.embedder

    @property
    def model(self) -> LanguageModel | None:
        """What writes drafts; None where answers are made of extracts."""
        return self._pipeline.model

    @property
    def model_name(self) -> str:
        """What answers say in their `model` field."""
        return self._pipeline.model_name

    @property
    def concurrency(self) -> int:
        """How many questions of a batch pay to be asked at a time: what the model runs together, else 1."""
        return getattr(self._pipeline.model, "concurrency", 1)

    @property
    def fitted(self) -> Fitted:
        """The coefficients that decide what is an answer: the index's own, or the program's.

        Raises:
            IndexFormatError: the index's own are damaged.
        """
        return self._pipeline.fitted

    def ask(self, question: str, history: History = (), filters: Filters | None = None) -> Answer:
        """The answer to one question.

        Args:
            question: The question; it may lean on `history`.
            history: Earlier turns, oldest first, as Turn or (question, answer).
            filters: Which papers may be used.

        Raises:
            QuestionError: the question is empty or too long.
        """
        *_, answer = self.stream(question, history, filters)
        assert isinstance(answer, Answer)
        return answer

    def stream(
        self, question: str, history: History = (), filters: Filters | None = None
    ) -> Generator[Event, None, None]:
        """Evidence, draft text and verified sentences as they come, then the Answer; close it to stop."""
        turns = [turn if isinstance(turn, Turn) else Turn(*turn) for turn in history]
        yield from self._pipeline.run(question, turns, filters)

    def batch(
        self,
        rows: Iterable[BatchRow],
        *,
        concurrency: int | None = None,
        question_column: str = "question",
        cluster: Pool | None = None,
    ) -> Generator[tuple[BatchRow, Answer], None, None]:
        """Each row with its answer, in order, as they come; a row that fails has one of status `error`.

        Nothing is kept on disk: `assistant batch` is for runs that must survive an interruption. Closing the
        iterator stops the generation.

        Args:
            rows: Questions, or mappings with a `question` and maybe `history` and `filters`, as JSON text (a
                csv.DictReader will do) or as `ask` takes them. They are read a few ahead.
            concurrency: How many are answered at a time; unset, as many as pay with the model.
            question_column: The key of a mapping that holds the question.
            cluster: Workers that answer instead of this process, each `concurrency` at a time; as many
                hundred rows are then read ahead.
        """
        concurrency = concurrency or self.concurrency
        requests = ((row, _request(row, question_column)) for row in rows)
        if cluster:
            with contextlib.closing(self.answers(requests, cluster, concurrency)) as timed:
                for row, outcome in timed:
                    assert outcome is not None, "every row has a request"
                    yield row, outcome[0]
            return
        calls = ((row, partial(self.answer, request)) for row, request in requests)
        with contextlib.closing(in_order(calls, concurrency)) as answered:
            for row, answer in answered:
                assert answer is not None, "every row has a call"
                yield row, answer

    def answers(
        self,
        requests: Iterable[tuple[_Item, Request | AssistantError | None]],
        cluster: Pool,
        concurrency: int = 1,
    ) -> Generator[tuple[_Item, tuple[Answer, float] | None], None, None]:
        """Each item with the answer to its request and the seconds that it took, from a cluster's workers.

        They are in the order of the items; one without a request passes through. Workers open this
        assistant's index and model by their paths, which they have to have too.

        Raises:
            ClusterError: a worker hasn't, or the cluster is lost.
        """
        expected = (self.model_name, self.index.manifest.fingerprint)
        folder, settings = self.index.folder.absolute(), self.settings.anywhere()
        opener = partial(_answering, type(self), folder, settings, expected)
        jobs: Iterable[tuple[_Item, Any]] = requests  # of a union the type checker would make an object
        return cluster.in_order(jobs, opener, concurrency)

    def answer(self, request: Request | AssistantError, stopped: threading.Event | None = None) -> Answer:
        """The answer to a request of a batch: whatever goes wrong with it makes an answer of status `error`.

        Once `stopped` is set the generation is given up.
        """
        asked = request.question if isinstance(request, Request) else ""
        try:
            if isinstance(request, AssistantError):
                raise request
            with contextlib.closing(self.stream(asked, request.history, request.filters)) as events:
                for event in events:
                    if isinstance(event, Answer):
                        return event
                    if stopped and stopped.is_set():
                        return self._failed(asked, Reason("stopped", "The batch was stopped."))
            raise AssertionError("a stream ends with its Answer")
        except AssistantError as error:
            return self._failed(asked, Reason("bad_row", str(error)))
        except Exception as error:  # nothing that goes wrong with one row may end the batch
            return self._failed(asked, Reason("unexpected", f"{type(error).__name__}: {first_line(error)}"))

    def _failed(self, question: str, reason: Reason) -> Answer:
        inquiry = Inquiry(self.index, self.model_name, self.settings, question, question, Filters())
        return inquiry.answer("error", reason)

    def search(self, query: str, k: int = 10, filters: Filters | None = None) -> tuple[ScoredPaper, ...]:
        """The `k` best papers for a query, with their passages and score parts."""
        return self._pipeline.search(query, filters or Filters(), k)


def default_index(settings: Settings) -> Path:
    """The index meant when none is named."""
    if settings.index:
        return settings.index
    return _CHECKOUT_INDEX if exists(_CHECKOUT_INDEX) else _cached_sample(settings)


def _cached_sample(settings: Settings) -> Path:
    return settings.cache_dir / "index" / "sample"


def _make_sample(folder: Path, embedder: Embedder, settings: Settings, progress: Progress) -> None:
    """Index the sample corpus the first time, and anew where another version of the program did."""
    from assistant.ingest import ingest, rebuild
    from assistant.readers import read_corpus

    if not exists(folder):
        papers = read_corpus(sample_corpus()).papers
        ingest(papers, folder, embedder, **settings.passages, progress=progress)
        return
    try:
        read_manifest(current_generation(folder))
    except IndexFormatError:
        rebuild(folder, embedder, **settings.passages, progress=progress)


def _request(row: str | Mapping[str, Any], question_column: str) -> Request | AssistantError:
    try:
        return Request(row) if isinstance(row, str) else read_request(row, question_column)
    except AssistantError as error:
        return error


def _answering(
    kind: type[Assistant], folder: Path, settings: Settings, expected: tuple[str, str]
) -> Callable[[Request | AssistantError], tuple[Answer, float]]:
    """What answers on a worker of a cluster, the same as where it was sent from."""
    assistant = kind.open(folder, settings=settings)
    found = (assistant.model_name, assistant.index.manifest.fingerprint)
    if found != expected:
        raise ClusterError(
            f"it has the model {found[0]} and the index {found[1]}, not {expected[0]} and {expected[1]}"
        )

    def answer(request: Request | AssistantError) -> tuple[Answer, float]:
        started = time.perf_counter()
        return assistant.answer(request), time.perf_counter() - started

    return answer


def _language_model(model: Any, settings: Settings, progress: Progress) -> LanguageModel | None:
    if model is None:
        return open_model(settings, progress)
    if hasattr(model, "stream_chat"):
        from assistant.generation.llama_index import LlamaIndexModel

        return LlamaIndexModel(model)
    return model  # type: ignore[no-any-return]


def _quietly(load: Callable[[], None]) -> None:
    with contextlib.suppress(Exception):
        load()
