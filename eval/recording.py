"""A language model whose completions are kept, so that what follows it can be tried again without it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock

from assistant.errors import AssistantError
from assistant.generation.base import Delta, LanguageModel
from assistant.records import Message, Usage
from assistant.storage import write_atomically


class RecordedModel:
    """Answers a prompt it has met from a JSONL file, any other by asking the model, and remembers that."""

    def __init__(self, model: LanguageModel, path: Path) -> None:
        self._model = model
        self._path = path
        self._known = _read(path) if path.exists() else {}
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The model's own."""
        return self._model.name

    @property
    def context_window(self) -> int:
        """The model's own."""
        return self._model.context_window

    @property
    def concurrency(self) -> int:
        """The model's own."""
        return getattr(self._model, "concurrency", 1)

    def count_tokens(self, text: str) -> int:
        """By the model's tokenizer."""
        return self._model.count_tokens(text)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """The completion in one piece if it is known, else as the model writes it."""
        key = self._key(messages, max_tokens)
        if found := self._known.get(key):
            yield found
            return
        text, usage = "", Usage(0, 0, truncated=False)
        with closing(self._model.stream(messages, max_tokens=max_tokens)) as deltas:
            for delta in deltas:
                text += delta.text
                usage = delta.usage or usage
                yield delta
        with self._lock:
            self._known[key] = Delta(text, usage)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(key, text, usage))

    def _key(self, messages: Sequence[Message], max_tokens: int) -> str:
        parts = [self.name, max_tokens, *([message.role, message.content] for message in messages)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _read(path: Path) -> dict[str, Delta]:
    """The completions of a file by their prompts' keys; what a kill left of a last line is cut off.

    Raises:
        AssistantError: the file can't be read, or a line of it is damaged.
    """
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:  # or the next line would be written on to it
            write_atomically(path, whole)
        lines = whole.decode().split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise AssistantError(f"{path} can't be read: {error}") from error
    return dict(_completion(line, f"{path} line {number}") for number, line in enumerate(lines, start=1))


def _completion(line: str, where: str) -> tuple[str, Delta]:
    try:
        plain = json.loads(line)
        return plain["key"], Delta(plain["text"], Usage(*plain["usage"]))
    except (ValueError, KeyError, TypeError) as error:
        raise AssistantError(f"{where} is damaged; remove the line, and the model is asked again") from error


def _line(key: str, text: str, usage: Usage) -> str:
    spent = [usage.prompt_tokens, usage.completion_tokens, usage.truncated, usage.log_probability]
    return json.dumps({"key": key, "text": text, "usage": spent}, ensure_ascii=False) + "\n"
