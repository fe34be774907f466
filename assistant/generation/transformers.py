"""Engine for any causal model of the hub or of a folder, on a GPU if there is one: transformers and torch."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from assistant.errors import GenerationError, MissingExtraError, first_line
from assistant.generation.base import Delta
from assistant.generation.hub import from_hub
from assistant.records import Message, Usage

_CONTEXT_WINDOW = 4096  # where the model's config does not tell


class TransformersModel:
    """A model by hub id or folder, loaded at once; one completion runs at a time, further callers wait."""

    def __init__(self, model_id: str | Path) -> None:
        # Not by trying the import, which would blame the extra for a torch that is there but broken.
        if find_spec("torch") is None:
            raise MissingExtraError(f"the model {model_id}", "torch")
        self.name = Path(model_id).resolve().name if Path(model_id).is_dir() else str(model_id)
        self._running = threading.Lock()
        source, device = str(model_id), _device()
        self._tokenizer, self._model = from_hub(source, lambda local: _load(source, device, local))
        config = self._model.config.get_text_config()
        self.context_window = int(getattr(config, "max_position_embeddings", _CONTEXT_WINDOW))

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text`, by the model's tokenizer."""
        return len(self._tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """Decode greedily; closing the iterator stops the generation at its next token."""
        from transformers import TextIteratorStreamer

        pieces = TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        stopped = threading.Event()
        outcome: list[Usage | Exception] = []

        def run() -> None:
            try:
                with self._running:
                    if not stopped.is_set():
                        outcome.append(self._generate(messages, max_tokens, pieces, stopped))
            except Exception as error:
                outcome.append(error)
                pieces.on_finalized_text("", stream_end=True)

        worker = threading.Thread(target=run, name="transformers-generation", daemon=True)
        worker.start()
        try:
            yield from (Delta(piece) for piece in pieces if piece)
        finally:
            stopped.set()
            worker.join()
        match outcome[0]:
            case Usage() as usage:
                yield Delta("", usage)
            case error:
                raise GenerationError(f"{self.name} could not answer: {first_line(error)}") from error

    def _generate(
        self, messages: Sequence[Message], max_tokens: int, pieces: Any, stopped: threading.Event
    ) -> Usage:
        from transformers import StoppingCriteriaList

        inputs = self._prompt(messages).to(self._model.device)
        prompt_tokens = inputs["input_ids"].shape[1]
        output = self._model.generate(
            **inputs,
            max_new_tokens=max_tokens,
            streamer=pieces,
            stopping_criteria=StoppingCriteriaList([lambda *_, **__: stopped.is_set()]),
        )
        completion = output[0, prompt_tokens:].tolist()
        ended = completion[-1] in _ends(self._model.generation_config.eos_token_id)
        return Usage(prompt_tokens, len(completion), truncated=not ended)

    def _prompt(self, messages: Sequence[Message]) -> Any:
        if self._tokenizer.chat_template is None:
            lines = [f"{message.role.capitalize()}: {message.content}" for message in messages]
            return self._tokenizer("\n\n".join([*lines, "Assistant:"]), return_tensors="pt")
        return self._tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in messages],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )


def _load(source: str, device: str, local: bool) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    given = {"local_files_only": local, "trust_remote_code": False}
    # The tokenizer first: the weights are fetched last, so weights in the cache mean that all is there.
    tokenizer = AutoTokenizer.from_pretrained(source, **given)
    dtype = "float32" if device == "cpu" else "auto"
    model, report = AutoModelForCausalLM.from_pretrained(
        source, dtype=dtype, device_map=device, output_loading_info=True, **given
    )
    if absent := sorted(report["missing_keys"]):
        # transformers would fill these with random numbers and go on.
        raise GenerationError(f"{source} is no model that writes text: it lacks {absent[0]}")
    # Of the publisher's settings only the ends are kept: greedy decoding has no sampling and no penalties.
    ends = _ends(model.generation_config.eos_token_id, tokenizer.eos_token_id)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else next(iter(ends), None)
    model.generation_config = GenerationConfig(eos_token_id=ends or None, pad_token_id=padding)
    return tokenizer, model.eval()


def _ends(*candidates: int | list[int] | None) -> list[int]:
    """The first that is given, as a list: a model may have one end token, several or none."""
    given = next((candidate for candidate in candidates if candidate is not None), [])
    return given if isinstance(given, list) else [given]


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
