"""Abstracts to passages: runs of whole sentences that the embedder reads to the end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from llama_index.core.node_parser import SentenceSplitter

from assistant.embedding import Embedder
from assistant.records import Paper, Passage
from assistant.sentences import sentence_spans
from assistant.tokens import cl100k

# Where a sentence that is too long may be cut: never inside a number, as llama-index's own pattern does.
_PHRASE = r"(?:[^,;.]|[,;.](?=\S))+[,;.]?|[,;.]"
_LONGEST_TITLE = 300  # characters; a longer one would leave the embedder no room for the passage
_SMALLEST_PASSAGE = 16  # tokens; below this a passage says nothing any more


@dataclass(frozen=True, slots=True)
class Chunked:
    """The passages of one paper, and how many of them are embedded cut: text or title is too long."""

    passages: tuple[Passage, ...]
    cut: int


class Chunker:
    """Splits abstracts with llama-index's SentenceSplitter, counting tokens with tiktoken's cl100k."""

    def __init__(self, embedder: Embedder, passage_tokens: int, overlap: int = 0) -> None:
        self._embedder = embedder
        self._passage_tokens = passage_tokens
        self._overlap = overlap
        self._encode = cl100k().encode_ordinary
        self._splitters: dict[int, SentenceSplitter] = {}

    def chunk(self, paper: Paper) -> Chunked:
        """Passages of `paper` in order; where title and passage exceed the embedder, shorter ones."""
        size = self._passage_tokens
        while True:
            pieces = self._splitter(size).split_text(paper.abstract)
            passages = _located(paper, pieces)
            too_long = sum(not self._fits(paper, passage) for passage in passages)
            if not too_long or size == _SMALLEST_PASSAGE:
                title_is_cut = len(paper.title) > _LONGEST_TITLE
                return Chunked(passages, len(passages) if title_is_cut else too_long)
            size = max(_SMALLEST_PASSAGE, size * 3 // 4)

    def _splitter(self, size: int) -> SentenceSplitter:
        if size not in self._splitters:
            self._splitters[size] = SentenceSplitter(
                chunk_size=size,
                chunk_overlap=min(self._overlap, size // 2),
                tokenizer=self._encode,
                chunking_tokenizer_fn=_sentences_with_space,
                secondary_chunking_regex=_PHRASE,
            )
        return self._splitters[size]

    def _fits(self, paper: Paper, passage: Passage) -> bool:
        return self._embedder.count_tokens(embedded_text(paper, passage)) <= self._embedder.max_tokens


def embedded_text(paper: Paper, passage: Passage) -> str:
    """The text embedded and indexed for a passage: 300 characters of its paper's title, and its own."""
    return f"{paper.title[:_LONGEST_TITLE]}\n{passage.text}"


def _sentences_with_space(text: str) -> list[str]:
    """Sentences that join to `text` again, as SentenceSplitter expects."""
    starts = [start for start, _ in sentence_spans(text)]
    return [text[start:end] for start, end in pairwise([0, *starts[1:], len(text)])]


def _located(paper: Paper, pieces: list[str]) -> tuple[Passage, ...]:
    """Where the pieces stand, which may overlap; an abstract that repeats itself has several places for one.

    Of those it is the first one after the piece before from which the pieces left reach the end.
    """
    marks = [place for place, character in enumerate(paper.abstract) if not character.isspace()]
    left = sum(map(_marks, pieces))
    passages: list[Passage] = []
    for number, piece in enumerate(pieces):
        after = passages[-1].start + 1 if passages else 0
        start = paper.abstract.index(piece, max(after, marks[-min(left, len(marks))]))
        left -= _marks(piece)
        passages.append(Passage(f"{paper.id}:{number}", paper.id, start, start + len(piece), piece))
    return tuple(passages)


def _marks(text: str) -> int:
    """Characters that are no space: spaces between pieces are in none of them."""
    return len("".join(text.split()))
