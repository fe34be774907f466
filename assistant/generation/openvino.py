"""The default engine: OpenVINO GenAI on the CPU, with prompt-lookup decoding and continuous batching."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from assistant.errors import GenerationError
from assistant.generation.base import Delta
from assistant.records import Message, Usage

_STEP_TOKENS = 1024  # most tokens of a step; a prompt that is longer takes several


@dataclass(frozen=True, slots=True)
class Lookup:
    """Prompt-lookup decoding: `tokens` guessed at a time, where n-grams of up to `ngram` tokens recur."""

    tokens: int
    ngram: int


# Answers about an abstract repeat its words, so guessing the next tokens from the prompt pays. Several
# completions together keep the processor busy by themselves; each wrong guess then costs the others time.
ALONE = Lookup(tokens=5, ngram=3)
TOGETHER = Lookup(tokens=2, ngram=3)


class OpenVINOModel:
    """A model converted for OpenVINO GenAI, loaded at the first question.

    `folder` holds openvino_model.xml and its tokenizer; `cache_dir` keeps compiled models, so that the
    next start is faster; `threads` is how many it computes with, OpenVINO's own choice if None.

    Completions that are asked for at the same time run together: each step reads the weights, which is what
    decoding spends its time on, once for all of them. The beginning of a prompt that the engine has read
    lately (the system message, the abstract asked about before) is not computed again.
    """

    concurrency = 8  # completions that pay to run together; more wait for their turn

    def __init__(self, folder: Path, *, name: str, cache_dir: Path, threads: int | None = None) -> None:
        self._folder = folder
        self._name = name
        self._cache_dir = cache_dir
        self._threads = threads
        self.alone, self.together = ALONE, TOGETHER
        self._tokenizer_lock = threading.Lock()
        self._pipeline_lock = threading.Lock()
        self._loaded_tokenizer: Any = None
        self._loaded_pipeline: Any = None
        self._waiting: deque[_Completion] = deque()
        self._waiting_lock = threading.Lock()
        self._serving = False
        self._server: threading.Thread | None = None
        self._numbers = count()

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
        completion = _Completion(self._tokens(messages), max_tokens)
        self._queue(completion)
        try:
            while isinstance(piece := completion.pieces.get(), str):
                yield Delta(piece)
            if isinstance(piece, GenerationError):
                raise piece
            yield Delta("", piece)
        finally:
            completion.stopped.set()
            # An iterator that was dropped is closed wherever the garbage collector happens to run.
            if threading.current_thread() is not self._server:
                completion.ended.wait()

    def _tokens(self, messages: Sequence[Message]) -> Any:
        with self._errors_mapped("format its prompt"):
            prompt = self._tokenizer.apply_chat_template(
                [{"role": message.role, "content": message.content} for message in messages],
                add_generation_prompt=True,
            )
            return self._tokenizer.encode(prompt).input_ids

    def _queue(self, completion: _Completion) -> None:
        with self._waiting_lock:
            if not self._serving:
                # Not a daemon: the interpreter must not go while native code computes. If it can't be
                # started, nothing waits for it.
                self._server = threading.Thread(target=self._serve, name="openvino-generation")
                self._server.start()
                self._serving = True
            self._waiting.append(completion)

    def _serve(self) -> None:
        """Complete what is waiting, until nothing is; one thread at a time does so."""
        running: list[_Completion] = []
        while self._takes(running):
            try:
                with self._errors_mapped("answer"):
                    if len(running) == 1 and not running[0].handle and not self._waiting:
                        self._complete_alone(running[0])
                    else:
                        self._step(running)
            except GenerationError as error:
                for completion in running:
                    completion.end(error)
                self._loaded_pipeline = None  # what it had begun can't be taken from it
            running = [completion for completion in running if not completion.ended.is_set()]

    def _takes(self, running: list[_Completion]) -> bool:
        """Take the next completion in, where there is one and room for it; False if nothing is left to do.

        One a step, so that of several prompts that begin alike the second finds the beginning in the cache.
        """
        with self._waiting_lock:
            if self._waiting and len(running) < self.concurrency:
                running.append(self._waiting.popleft())
            self._serving = bool(running)
            return self._serving

    def _complete_alone(self, completion: _Completion) -> None:
        """Without the interpreter's lock, so that whatever else the process does goes on."""
        import openvino_genai

        def take(piece: str) -> Any:
            completion.pieces.put(piece)
            status = openvino_genai.StreamingStatus
            return status.CANCEL if completion.stopped.is_set() else status.RUNNING

        if not completion.stopped.is_set():
            config = completion.config(self.alone)
            (result,) = self._pipeline.generate([completion.tokens], [config], take)
        if completion.stopped.is_set():
            completion.end(completion.usage())
            return
        completion.generated = len(result.m_generation_ids[0])
        completion.log_probability = float(result.m_scores[0])
        cut = result.finish_reasons[0] == openvino_genai.GenerationFinishReason.LENGTH
        completion.end(completion.usage(truncated=cut))

    def _step(self, running: Sequence[_Completion]) -> None:
        """One step of all that run, their new text handed on."""
        for completion in running:
            if not completion.handle:
                completion.handle = self._pipeline.add_request(
                    next(self._numbers), completion.tokens, completion.config(self.together)
                )
                completion.text = self._streamer(completion)
        self._pipeline.step()
        for completion in running:
            completion.advance()

    def _streamer(self, completion: _Completion) -> Any:
        import openvino_genai

        def take(piece: str) -> Any:
            completion.pieces.put(piece)
            return openvino_genai.StreamingStatus.RUNNING

        return openvino_genai.TextStreamer(self._tokenizer, take)

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
        with self._pipeline_lock:
            if self._loaded_pipeline is None:
                with self._errors_mapped("load"):
                    self._cache_dir.mkdir(parents=True, exist_ok=True)
                    self._loaded_pipeline = self._compiled()
            return self._loaded_pipeline

    def _compiled(self) -> Any:
        import openvino_genai

        scheduler = openvino_genai.SchedulerConfig()
        scheduler.enable_prefix_caching = True
        scheduler.max_num_batched_tokens = _STEP_TOKENS
        properties: dict[str, Any] = {"CACHE_DIR": str(self._cache_dir), "sampler_num_threads": 1}
        if self._threads:
            properties["INFERENCE_NUM_THREADS"] = self._threads
        return openvino_genai.ContinuousBatchingPipeline(
            str(self._folder), self._tokenizer, scheduler, "CPU", prompt_lookup=True, **properties
        )

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


class _Completion:
    """A prompt on its way to its completion; `handle` is the engine's, once it runs beside others."""

    def __init__(self, tokens: Any, max_tokens: int) -> None:
        self.tokens = tokens
        self.max_tokens = max_tokens
        self.pieces: SimpleQueue[str | Usage | GenerationError] = SimpleQueue()
        self.stopped = threading.Event()
        self.ended = threading.Event()
        self.handle: Any = None
        self.text: Any = None
        self.generated = 0
        self.log_probability = 0.0

    def config(self, lookup: Lookup) -> Any:
        import openvino_genai

        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = self.max_tokens
        config.do_sample = False
        config.logprobs = 1  # of the token chosen
        config.num_assistant_tokens = lookup.tokens
        config.max_ngram_size = lookup.ngram
        return config

    def usage(self, *, truncated: bool = False) -> Usage:
        return Usage(int(self.tokens.shape[1]), self.generated, truncated, self.log_probability)

    def advance(self) -> None:
        """Hand on what the engine has added, and end where it has ended."""
        import openvino_genai

        reason = openvino_genai.GenerationFinishReason.NONE
        while self.handle.can_read():
            for output in self.handle.read().values():
                self.generated += len(output.generated_ids)
                self.log_probability += sum(output.generated_log_probs)
                self.text.write(output.generated_ids)
                reason = output.finish_reason
        status = self.handle.get_status()
        if status == openvino_genai.GenerationStatus.IGNORED:
            self.end(GenerationError("the engine has no memory left for the prompt; show it fewer tokens"))
        elif status != openvino_genai.GenerationStatus.RUNNING:
            self.text.end()
            cut = reason == openvino_genai.GenerationFinishReason.LENGTH
            self.end(self.usage(truncated=cut))
        elif self.stopped.is_set():
            self.handle.cancel()

    def end(self, result: Usage | GenerationError) -> None:
        self.pieces.put(result)
        self.ended.set()
