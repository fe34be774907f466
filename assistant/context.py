"""The context: which passages the model is shown, and how they are written out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.records import Paper, Passage, ScoredPaper

_CHAT_MARK = re.compile(
    r"<\|[^|]{0,40}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>", re.I
)


@dataclass(frozen=True, slots=True)
class ContextPaper:
    """A paper under its number in the prompt, with the passages of it that are shown, in their order."""

    n: int
    paper: Paper
    passages: tuple[Passage, ...]


def pack(
    papers: Sequence[ScoredPaper], budget: int, count_tokens: Callable[[str], int]
) -> tuple[ContextPaper, ...]:
    """The best passages that fit into `budget` tokens, grouped by paper, best paper first.

    The best passage is always in, so that a budget too small for it still shows something.
    """
    ranked = sorted(
        ((passage.score, paper, passage.passage) for paper in papers for passage in paper.passages),
        key=lambda item: -item[0],
    )
    chosen: dict[str, list[Passage]] = {}
    spent = 0
    for _, paper, passage in ranked:
        heading = 0 if paper.paper.id in chosen else count_tokens(_heading(len(chosen) + 1, paper.paper))
        cost = heading + count_tokens(passage.text)
        if chosen and spent + cost > budget:
            continue
        spent += cost
        chosen.setdefault(paper.paper.id, []).append(passage)
    shown = [paper.paper for paper in papers if paper.paper.id in chosen]
    return tuple(
        ContextPaper(n, paper, tuple(sorted(chosen[paper.id], key=lambda passage: passage.start)))
        for n, paper in enumerate(shown, start=1)
    )


def render(context: Sequence[ContextPaper]) -> str:
    """The context as it stands in the prompt."""
    return "\n\n".join(
        f"{_heading(entry.n, entry.paper)}\n{' '.join(fenced(passage.text) for passage in entry.passages)}"
        for entry in context
    )


def fenced(text: str) -> str:
    """`text` without what a chat template would read as its own marks: <|im_end|>, [INST], </s>, …"""
    return _CHAT_MARK.sub(lambda mark: f"{mark.group()[0]} {mark.group()[1:]}", text)


def _heading(n: int, paper: Paper) -> str:
    return f"[{n}] {fenced(paper.title)}"
