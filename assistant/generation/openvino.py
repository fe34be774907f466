"""The default engine: OpenVINO GenAI on the CPU, with prompt-lookup decoding."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from assistant.errors import GenerationError
from assistant.generation.base import Delta
from assistant.records import Message, Usage

# Answers about an abstract repeat its words, so guessing the next tokens from the prompt pays:
# n-grams of up to 3 tokens are looked up and 5 tokens guessed at a time.
_GUESSED_TOKENS = 5
_LOOKUP_NGRAM = 3


class OpenVINOModel:
    """A model converted for OpenVINO GenAI, loaded at the first question.

    `folder` holds openvino_model.xml and its tokenizer; `cache_dir` keeps compiled models, so that the
    next start is faster. One completion runs at a time; further callers wait.
    """

    def __init__(self, folder: Path, *, name: str, cache_dir: Path) -> None:
        self._folder = folder
        self._name = name
        self._cache_dir = cache_dir
        self._tokenizer_lock = threading.Lock()
        self._pipeline_lock = threading.Lock()
        self._running = threading.Lock()
        self._loaded_tokenizer: Any = None
        self._loaded_pipeline: Any = None

    @property
    def name(self) -> str:
        """What the answer's `model` field says."""
        return self._name

    @cached_property
    def context_window(self) -> int:
        """Most tokens that prompt and completion may have together, as the model's config says."""
        try:
            config = json.loads((self._folder / "config.json").read_text(encoding="utf-8"))
            return int(config["max_position_embeddings"])
        except (OSError, ValueError, KeyError):
            return 8192  # every model of the catalogue reads at least as much

    def load(self) -> None:
        """Load the weights now instead of at the first question."""
        _ = self._pipeline

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` by the model's tokenizer."""
        with self._errors_mapped("count tokens"):
            return int(self._tokenizer.encode(text, add_special_tokens=False).input_ids.shape[1])

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """Decode greedily; closing the iterator stops the generation at its next token."""
        import openvino_genai

        with self._errors_mapped("format its prompt"):
            prompt = self._tokenizer.apply_chat_template(
                [{"role": message.role, "content": message.content} for message in messages],
                add_generation_prompt=True,
            )
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = max_tokens
        config.do_sample = False
        config.apply_chat_template = False  # done above, to count the prompt as the model sees it
        config.num_assistant_tokens = _GUESSED_TOKENS
        config.max_ngram_size = _LOOKUP_NGRAM

        pieces: SimpleQueue[str | Usage | Exception] = SimpleQueue()
        stopped = threading.Event()

        def take(piece: str) -> Any:
            pieces.put(piece)
            status = openvino_genai.StreamingStatus
            return status.CANCEL if stopped.is_set() else status.RUNNING

        def run() -> None:
            try:
                with self._running, self._errors_mapped("answer"):
                    if not stopped.is_set():
                        result = self._pipeline.generate([prompt], config, take)
                        cut = result.finish_reasons[0] == openvino_genai.GenerationFinishReason.LENGTH
                        generated = result.perf_metrics.get_num_generated_tokens()
                        pieces.put(Usage(self.count_tokens(prompt), generated, truncated=cut))
            except GenerationError as error:
                pieces.put(error)

        worker = threading.Thread(target=run, name="openvino-generation", daemon=True)
        worker.start()
        try:
            while isinstance(piece := pieces.get(), str):
                yield Delta(piece)
            if isinstance(piece, Exception):
                raise piece
            yield Delta("", piece)
        finally:
            stopped.set()
            worker.join()

    @property
    def _tokenizer(self) -> Any:
        import openvino_genai

        with self._tokenizer_lock:
            if self._loaded_tokenizer is None:
                with self._errors_mapped("load"):
                    self._loaded_tokenizer = openvino_genai.Tokenizer(str(self._folder))
            return self._loaded_tokenizer

    @property
    def _pipeline(self) -> Any:
        import openvino_genai

        with self._pipeline_lock:
            if self._loaded_pipeline is None:
                with self._errors_mapped("load"):
                    self._cache_dir.mkdir(parents=True, exist_ok=True)
                    self._loaded_pipeline = openvino_genai.LLMPipeline(
                        str(self._folder), "CPU", prompt_lookup=True, CACHE_DIR=str(self._cache_dir)
                    )
            return self._loaded_pipeline

    @contextmanager
    def _errors_mapped(self, task: str) -> Iterator[None]:
        try:
            yield
        except GenerationError:
            raise
        except Exception as error:
            # OpenVINO's messages begin with lines about its own source files.
            lines = [line for line in str(error).splitlines() if line.strip() and "/src/" not in line]
            reason = lines[0].strip() if lines else type(error).__name__
            raise GenerationError(
                f"{self._name} could not {task}: {reason}; check it with `assistant models verify`"
            ) from error
