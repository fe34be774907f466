"""What runs in the process of a contender: a system that answers items, or the making of its weights.

What it takes to score an answer is not imported here, or the start of a system would be the scorer's.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from assistant.answer import Answer
from assistant.answering import Pipeline
from assistant.api import Assistant
from assistant.embedding import open_embedder
from assistant.errors import AssistantError
from assistant.events import DraftGrew, EvidenceFound, SentenceVerified
from assistant.generation import open_model
from assistant.generation.base import LanguageModel
from assistant.index import Index
from assistant.machine import peak_memory, usable_cores
from assistant.models import DEFAULT_MODEL, ModelStore
from assistant.records import Filters, Message, Turn, Usage
from assistant.retrieval import FUSIONS, retrieve
from assistant.settings import Settings
from eval.contenders import LLAMA_CPP, OPENVINO, OURS, TRANSFORMERS, Place, Told, gguf_of
from eval.naive import PAPERS, Draft, prompt, query
from eval.records import GoldItem
from eval.stages import Clock, TimedEmbedder, TimedModel, TimedPipeline

_GUESSED_TOKENS, _LOOKUP_NGRAM = 5, 3  # of prompt-lookup decoding
_PATIENCE = 3600.0  # seconds


class System(Protocol):
    """Answers an item."""

    def tell(self, item: GoldItem) -> Told:
        """What it says."""


class Ours:
    """The assistant itself, with a clock at each stage."""

    def __init__(self, place: Place) -> None:
        settings = Settings.load(**place.overrides)
        self._clock = Clock()
        found = open_model(settings)
        model = TimedModel(found, self._clock) if found else None
        opened = Assistant.open(place.index, model=model, settings=settings)
        embedder = TimedEmbedder(opened.embedder, self._clock)
        self._pipeline = TimedPipeline(opened.index, embedder, model, settings, clock=self._clock)

    def tell(self, item: GoldItem) -> Told:
        """The answer, with the time of each stage, of the evidence and of the first text."""
        return timed(self._pipeline, self._clock, item)


def timed(pipeline: Pipeline, clock: Clock, item: GoldItem) -> Told:
    """The answer of a pipeline that keeps the clock, with when what of it came."""
    ms: dict[str, float] = {}
    clock.restart()
    started = time.perf_counter()
    history, filters = [Turn(*turn) for turn in item.history], Filters(exclude_ids=item.exclude_ids)
    for event in pipeline.run(item.question, history, filters):
        passed = round((time.perf_counter() - started) * 1000, 2)
        if isinstance(event, EvidenceFound):
            ms["evidence"] = passed
        if isinstance(event, DraftGrew | SentenceVerified | Answer):
            ms.setdefault("first", passed)
        if isinstance(event, Answer):
            ms["total"] = passed
            return Told(event, ms | clock.milliseconds(), peak_memory())
    raise AssertionError("a stream ends with its Answer")


class Naive:
    """The naive pipeline on one of the engines."""

    def __init__(self, place: Place) -> None:
        self._settings = Settings.load(**place.overrides)
        self._engine = _ENGINES[place.system](place, self._settings)
        self._embedder = open_embedder(self._settings)
        self._index = Index.open(place.index, self._embedder)

    def tell(self, item: GoldItem) -> Told:
        """What the model writes."""
        ms: dict[str, float] = {}
        started = time.perf_counter()

        def passed() -> float:
            return round((time.perf_counter() - started) * 1000, 2)

        def grew(text: str) -> None:
            if text:
                ms.setdefault("first", passed())
            written.append(text)

        written: list[str] = []
        found = retrieve(
            query(item),
            self._index,
            self._embedder,
            k=PAPERS,
            filters=Filters(exclude_ids=item.exclude_ids),
            fusion=FUSIONS[self._settings.fusion],
        )
        ms["retrieve"] = passed()
        papers = tuple(one.paper for one in found)
        usage = self._engine.write(prompt(item, papers), self._settings.max_answer_tokens, grew)
        ms["total"] = passed()
        ms.setdefault("first", ms["total"])
        return Told(Draft("".join(written).strip(), papers, usage), ms, peak_memory())


class Engine(Protocol):
    """Writes greedily, telling each piece of text as it comes."""

    def write(self, messages: Sequence[Message], most: int, grew: Callable[[str], None]) -> Usage:
        """Write the reply to these messages, `most` tokens of it."""


class Streamed:
    """An engine of the assistant's own, as it is."""

    def __init__(self, model: LanguageModel, kept: object = None) -> None:
        self._model = model
        self._kept = kept  # what must live as long

    def write(self, messages: Sequence[Message], most: int, grew: Callable[[str], None]) -> Usage:
        """Write the reply."""
        usage = Usage(0, 0, truncated=False)
        for delta in self._model.stream(messages, max_tokens=most):
            grew(delta.text)
            usage = delta.usage or usage
        return usage


class PromptLookup:
    """OpenVINO GenAI with prompt-lookup decoding, as its documentation has it.

    Not the assistant's own engine, so that it stays what it is when that one changes.
    """

    def __init__(self, folder: Path, cache_dir: Path) -> None:
        import openvino_genai

        cache_dir.mkdir(parents=True, exist_ok=True)
        self._pipeline = openvino_genai.LLMPipeline(
            str(folder), "CPU", prompt_lookup=True, CACHE_DIR=str(cache_dir)
        )

    def write(self, messages: Sequence[Message], most: int, grew: Callable[[str], None]) -> Usage:
        """Write the reply."""
        import openvino_genai

        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = most
        config.do_sample = False
        config.apply_chat_template = False
        config.num_assistant_tokens = _GUESSED_TOKENS
        config.max_ngram_size = _LOOKUP_NGRAM
        formatted = self._pipeline.get_tokenizer().apply_chat_template(
            [{"role": message.role, "content": message.content} for message in messages],
            add_generation_prompt=True,
        )

        def take(piece: str) -> Any:
            grew(piece)
            return openvino_genai.StreamingStatus.RUNNING

        figures = self._pipeline.generate([formatted], config, take).perf_metrics
        written = int(figures.get_num_generated_tokens())
        return Usage(int(figures.get_num_input_tokens()), written, truncated=written >= most)


def _transformers(place: Place, settings: Settings) -> Engine:
    from assistant.generation.transformers import TransformersModel

    assert place.weights
    return Streamed(TransformersModel(place.weights))


def _llama_cpp(place: Place, settings: Settings) -> Engine:
    import xllamacpp

    from assistant.generation.openai import OpenAIServer

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(gguf_of(settings))
    parameters.hostnames = ["127.0.0.1"]
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = usable_cores()
    server = xllamacpp.Server(parameters)
    patient = settings.model_copy(update={"request_timeout": _PATIENCE})
    return Streamed(OpenAIServer(f"{server.listening_address}/v1", patient), server)


def _openvino(place: Place, settings: Settings) -> Engine:
    folder = ModelStore(settings.cache_dir).ready(DEFAULT_MODEL)
    return PromptLookup(folder, settings.cache_dir / "compiled")


_ENGINES: Mapping[str, Callable[[Place, Settings], Engine]] = {
    TRANSFORMERS: _transformers,
    LLAMA_CPP: _llama_cpp,
    OPENVINO: _openvino,
}


def _make_weights(gguf: Path, target: Path) -> None:
    """Write a GGUF file's weights in fp32 to a folder that transformers loads; all of it or nothing."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    staging = target.with_name(f".{target.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    if tokenizer.chat_template is None:
        sys.exit("transformers reads no chat template from the GGUF file")
    read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype="float32")
    # transformers refuses to save what it read of a GGUF file, although it has unpacked the weights.
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype="float32")
    model.load_state_dict(read.state_dict())
    tokenizer.save_pretrained(staging)
    model.save_pretrained(staging)
    staging.replace(target)


def serve(connection: Connection) -> None:
    """Answer items until the other end is closed."""
    place: Place = connection.recv()
    system: System | None = None
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        try:
            system = system or (Ours(place) if place.system == OURS else Naive(place))
            connection.send(system.tell(item))
        except AssistantError as error:
            connection.send(AssistantError(f"{place.system}: {error}"))


def main(*arguments: str) -> None:
    """Serve at the file descriptor given, or make the weights for transformers."""
    if arguments[0] == "weights":
        _make_weights(*map(Path, arguments[1:]))
    else:
        serve(Connection(int(arguments[0])))


if __name__ == "__main__":
    main(*sys.argv[1:])
