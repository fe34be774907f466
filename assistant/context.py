"""The context: which sentences the model is shown, and how they are written out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.fit import RankedSentence, SourceSentence
from assistant.records import Paper, Passage

_CHAT_MARK = re.compile(
    r"<\|[^|]{0,40}\|>|<｜[^｜]{0,40}｜>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>",
    re.I,
)


@dataclass(frozen=True, slots=True)
class ContextPaper:
    """A paper under its number: all its passages, and the sentences shown to the model, in their order."""

    n: int
    paper: Paper
    passages: tuple[Passage, ...]
    shown: tuple[SourceSentence, ...]


def pack(
    ranked: Sequence[RankedSentence],
    passages_of: Callable[[Paper], tuple[Passage, ...]],
    *,
    most: int,
    budget: int,
    count_tokens: Callable[[str], int],
) -> tuple[ContextPaper, ...]:
    """Of the best `most` sentences those that fit into `budget` tokens, grouped by paper, best paper first.

    The best sentence is always in, so that a budget too small for it still shows something.
    """
    chosen: dict[str, list[SourceSentence]] = {}
    spent = 0
    for sentence in (candidate.sentence for candidate in ranked[:most]):
        paper = sentence.paper
        heading = 0 if paper.id in chosen else count_tokens(_heading(len(chosen) + 1, paper))
        cost = heading + count_tokens(sentence.text)
        if chosen and spent + cost > budget:
            continue
        spent += cost
        chosen.setdefault(paper.id, []).append(sentence)
    return tuple(
        ContextPaper(
            n,
            sentences[0].paper,
            passages_of(sentences[0].paper),
            tuple(sorted(sentences, key=lambda sentence: sentence.start)),
        )
        for n, sentences in enumerate(chosen.values(), start=1)
    )


def best_at_ends(context: Sequence[ContextPaper]) -> list[ContextPaper]:
    """The papers, best first, so that the best begin and end: 1, 3, 5, 4, 2.

    Long contexts are read best there (Liu et al. 2024, "Lost in the Middle").
    """
    return [*context[::2], *reversed(context[1::2])]


def render(context: Sequence[ContextPaper]) -> str:
    """The context as it stands in the prompt."""
    return "\n\n".join(
        f"{_heading(entry.n, entry.paper)}\n{' '.join(fenced(sentence.text) for sentence in entry.shown)}"
        for entry in context
        if entry.shown
    )


def fenced(text: str) -> str:
    """`text` without what a chat template would read as its own marks: <|im_end|>, [INST], </s>, …"""
    return _CHAT_MARK.sub(lambda mark: f"{mark.group()[0]} {mark.group()[1:]}", text)


def _heading(n: int, paper: Paper) -> str:
    return f"[{n}] {fenced(paper.title)}"
