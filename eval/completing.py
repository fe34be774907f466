"""What the engine's choices give on the same prompts: lookups, completions at a time, threads, weights."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from assistant.api import Assistant
from assistant.embedding import Embedder
from assistant.errors import SettingsError
from assistant.generation.base import Delta, LanguageModel
from assistant.generation.openvino import ALONE, Lookup, OpenVINOModel
from assistant.records import Message, Usage
from eval.tables import Table

Prompt = tuple[Message, ...]

_PARTS = 4  # of the prompts; while one choice completes one part, the others' parts leave the engine's cache


@dataclass(frozen=True, slots=True)
class Choice:
    """How prompts are completed: by which lookup, how many at a time, the threads and weights."""

    lookup: Lookup = ALONE
    width: int = 1
    threads: int | None = None
    weights: Path | None = None

    def __str__(self) -> str:
        said = [f"lookup {self.lookup.tokens},{self.lookup.ngram}", f"{self.width} at a time"]
        said += [f"{self.threads} threads"] if self.threads else []
        said += [self.weights.name] if self.weights else []
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Completed:
    """What one prompt led to; seconds until its first text."""

    text: str
    usage: Usage
    first: float


class PromptReader:
    """A language model that says nothing and keeps what it is asked."""

    name = "reader"
    context_window = 32_768

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    def count_tokens(self, text: str) -> int:
        """Roughly what a tokenizer would count."""
        return len(text) // 4

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """An empty completion."""
        self.prompts.append(tuple(messages))
        yield Delta("", Usage(0, 0, truncated=False))


def prompts_of(index: Path, questions: Sequence[str], embedder: Embedder | None = None) -> list[Prompt]:
    """The prompts that the questions lead to; some lead to none, comparisons to several."""
    reader = PromptReader()
    assistant = Assistant.open(index, model=reader, embedder=embedder)
    for question in questions:
        assistant.ask(question)
    return reader.prompts


def read_lookup(text: str) -> Lookup:
    """A lookup written as TOKENS,NGRAM.

    Raises:
        SettingsError: it is not.
    """
    tokens, _, ngram = text.partition(",")
    if not (tokens.isdecimal() and ngram.isdecimal() and int(tokens) and int(ngram)):
        raise SettingsError(f"--lookup {text!r} is not TOKENS,NGRAM, such as 5,3")
    return Lookup(int(tokens), int(ngram))


def choices(
    lookups: Sequence[Lookup], widths: Sequence[int], threads: Sequence[int], weights: Sequence[Path]
) -> list[Choice]:
    """What the program does for one question, then each lookup at each width, then what else is named."""
    usual = Choice()
    varied = [
        *(Choice(lookup, width) for width in widths for lookup in lookups),
        *(replace(usual, threads=count) for count in threads),
        *(replace(usual, weights=folder) for folder in weights),
    ]
    return list(dict.fromkeys([usual, *varied]))


def compared(
    folder: Path, cache_dir: Path, prompts: Sequence[Prompt], tried: Sequence[Choice], *, max_tokens: int
) -> Table:
    """Seconds a prompt, against the first choice, and how many texts are the same as the first choice's."""
    parts = [prompts[n::_PARTS] for n in range(_PARTS)]
    models = {
        (choice.threads, choice.weights): OpenVINOModel(
            choice.weights or folder, name=str(choice), cache_dir=cache_dir, threads=choice.threads
        )
        for choice in tried
    }
    for model in models.values():
        model.load()
    seconds: dict[tuple[Choice, int], float] = {}
    found: dict[tuple[Choice, int], list[Completed]] = {}
    for turn in range(_PARTS):
        for n, choice in enumerate(tried):
            part = (turn + n) % _PARTS
            model = models[choice.threads, choice.weights]
            model.alone = model.together = choice.lookup
            started = time.perf_counter()
            found[choice, part] = completions(model, parts[part], choice.width, max_tokens=max_tokens)
            seconds[choice, part] = (time.perf_counter() - started) / len(parts[part])
    rows = {str(choice): _row(choice, tried[0], seconds, found) for choice in tried}
    return Table(f"{len(prompts)} prompts completed", rows)


def completions(
    model: LanguageModel, prompts: Sequence[Prompt], width: int, *, max_tokens: int
) -> list[Completed]:
    """The completions of all prompts, `width` of them asked for at a time."""

    def complete(prompt: Prompt) -> Completed:
        started, first, text = time.perf_counter(), 0.0, ""
        usage = Usage(0, 0, truncated=False)
        with closing(model.stream(prompt, max_tokens=max_tokens)) as deltas:
            for delta in deltas:
                first = first or time.perf_counter() - started
                text += delta.text
                usage = delta.usage or usage
        return Completed(text, usage, first)

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(complete, prompts))


def _row(
    choice: Choice,
    usual: Choice,
    seconds: dict[tuple[Choice, int], float],
    found: dict[tuple[Choice, int], list[Completed]],
) -> dict[str, float | str]:
    parts = range(_PARTS)
    own = [one for part in parts for one in found[choice, part]]
    theirs = [one for part in parts for one in found[usual, part]]
    same = sum(a.text == b.text for a, b in zip(own, theirs, strict=True))
    return {
        "s": median(seconds[choice, part] for part in parts),
        "times as fast": median(seconds[usual, part] / seconds[choice, part] for part in parts),
        "first token, s": median(one.first for one in own),
        "prompt tokens": median(float(one.usage.prompt_tokens) for one in own),
        "tokens": median(float(one.usage.completion_tokens) for one in own),
        "same text": f"{same} of {len(own)}",
    }
