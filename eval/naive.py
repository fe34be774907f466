"""The naive pipeline, to compare with: three whole abstracts and one prompt, everything left to the model.

Papers are found as the assistant finds them (BM25 and MiniLM fused); the model is to cite by itself, and to
say itself where it does not know. What it writes is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.context import fenced
from assistant.records import Message, Paper, Usage
from eval.records import GoldItem

PAPERS = 3

SYSTEM = (
    "You answer questions about research papers. Use only the numbered abstracts. Answer in one or two short "
    "sentences. After each sentence write the number of the abstract that it is taken from in brackets, such "
    "as [1]. If the abstracts do not answer the question, say: I don't know."
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model wrote, shown these papers as [1], [2], …"""

    text: str
    papers: tuple[Paper, ...]
    usage: Usage


def query(item: GoldItem) -> str:
    """What papers are looked for with: the question, after the one it follows."""
    return " ".join([*(question for question, _ in item.history[-1:]), item.question])


def prompt(item: GoldItem, papers: Sequence[Paper]) -> tuple[Message, ...]:
    """The conversation so far as it went, and the question under the abstracts."""
    abstracts = [
        f"[{n}] {fenced(paper.title)}\n{fenced(paper.abstract)}" for n, paper in enumerate(papers, start=1)
    ]
    question = "\n\n".join([*abstracts, f"Question: {fenced(item.question)}"])
    return Message("system", SYSTEM), *_earlier(item), Message("user", question)


def _earlier(item: GoldItem) -> Iterator[Message]:
    for question, answer in item.history:
        yield Message("user", question)
        yield Message("assistant", answer)
