from __future__ import annotations

import pytest

from assistant.chunking import Chunked, Chunker, embedded_text
from assistant.embedding import open_embedder
from assistant.readers import read_corpus
from assistant.records import Paper
from assistant.resources import sample_corpus
from assistant.sentences import sentence_spans
from assistant.settings import Settings
from assistant.testing import HashingEmbedder
from assistant.tokens import cl100k

SENTENCE = "Every single sentence of this abstract has exactly ten words."  # 11 tokens with its full stop


def chunk(
    abstract: str, *, size: int = 160, limit: int = 254, title: str = "A title", overlap: int = 0
) -> Chunked:
    """The passages of an abstract, after what must hold for all of them."""
    paper = Paper("p", title, abstract)
    embedder = HashingEmbedder(max_tokens=limit)
    chunked = Chunker(embedder, size, overlap).chunk(paper)
    assert_offsets_hold(paper, chunked, overlapping=overlap > 0)
    assert all(len(cl100k().encode_ordinary(passage.text)) <= size for passage in chunked.passages)
    too_long = [p for p in chunked.passages if embedder.count_tokens(embedded_text(paper, p)) > limit]
    assert chunked.cut == (len(too_long) if len(title) <= 300 else len(chunked.passages))
    return chunked


def assert_offsets_hold(paper: Paper, chunked: Chunked, *, overlapping: bool = False) -> None:
    position = start = 0
    for number, passage in enumerate(chunked.passages):
        assert (passage.id, passage.paper_id) == (f"{paper.id}:{number}", paper.id)
        assert paper.abstract[passage.start : passage.end] == passage.text
        assert paper.abstract[position : passage.start].strip() == ""  # nothing is left out between two
        assert number == 0 or passage.start > (start if overlapping else position - 1)
        position, start = passage.end, passage.start
    assert paper.abstract[position:].strip() == ""


def test_passages_are_runs_of_whole_sentences() -> None:
    # Two sentences and the space between them are 22 tokens, a third would make 33.
    chunked = chunk(" ".join([SENTENCE] * 5), size=24)
    two = f"{SENTENCE} {SENTENCE}"
    assert [passage.text for passage in chunked.passages] == [two, two, SENTENCE]


NUMBERED = [f"Sentence {n} of these has exactly seven words." for n in "ABCDE"]  # 9 tokens, 10 with a space


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        (0, ["AB", "CD", "E"]),
        (9, ["AB", "CD", "E"]),
        (10, ["AB", "BC", "CD", "DE"]),
        (24, ["AB", "BC", "CD", "DE"]),
    ],
    ids=["none", "less than a sentence", "one sentence", "as much as the passage, of which half is taken"],
)
def test_passages_share_whole_sentences_with_the_next(overlap: int, expected: list[str]) -> None:
    chunked = chunk(" ".join(NUMBERED), size=24, overlap=overlap)  # a third sentence would make 30
    texts = [" ".join(NUMBERED["ABCDE".index(name)] for name in names) for names in expected]
    assert [passage.text for passage in chunked.passages] == texts


def test_passages_of_an_abstract_that_repeats_itself_still_cover_all_of_it() -> None:
    # Five tokens of overlap hold no sentence of 11, so nothing is shared, though each passage is also found
    # one sentence further on.
    chunked = chunk(" ".join([SENTENCE] * 5), size=24, overlap=5)
    step = len(SENTENCE) + 1
    assert [passage.start for passage in chunked.passages] == [0, 2 * step, 4 * step]


def test_abbreviations_and_formulas_do_not_break_a_passage() -> None:
    abstract = "As Smith et al. 2020 show in Eq. (2) and $a. B$ on vol. 3, a gain of 5.75x is there. " * 4
    ends = {end for _, end in sentence_spans(abstract)}
    chunked = chunk(abstract.strip(), size=48)
    assert len(chunked.passages) == 4
    assert {passage.end for passage in chunked.passages} <= ends


@pytest.mark.parametrize(
    "abstract",
    [
        "Word",
        "One.\n\n\nTwo paragraphs,  with \t gaps.\n\n\n\n\nThree.",
        "It repeats. It repeats. It repeats. " * 20,
        "a <|endoftext|> b. C <|im_end|> d. " * 20,
        "这很好。我们继续！对吗？是。" * 20,
        "👍🏽 שלום. " * 20,
    ],
    ids=["one word", "paragraphs", "repetition", "special tokens", "Chinese", "emoji and Hebrew"],
)
@pytest.mark.parametrize("overlap", [0, 3, 8])
def test_offsets_hold_for(abstract: str, overlap: int) -> None:
    assert chunk(abstract, size=16, overlap=overlap).cut == 0


LONG = {
    "sentences": (f"{SENTENCE} " * 1_000)[:50_000].strip(),
    "words without a full stop": ("word " * 10_000)[:50_000].strip(),
    "one word": "x" * 50_000,
    "full stops": "." * 50_000,
}


@pytest.mark.parametrize("abstract", LONG.values(), ids=LONG)
@pytest.mark.parametrize("overlap", [0, 20])
def test_an_abstract_of_50_000_characters_is_split_until_all_of_it_is_read(
    abstract: str, overlap: int
) -> None:
    assert chunk(abstract, limit=100, overlap=overlap).cut == 0


def test_a_passage_that_the_embedder_cannot_hold_is_made_shorter() -> None:
    # Title and sentence are 2 + 10 words; a passage of more than one sentence exceeds the limit.
    chunked = chunk(" ".join([SENTENCE] * 5), limit=12)
    assert [passage.text for passage in chunked.passages] == [SENTENCE] * 5


def test_what_is_cut_even_so_is_counted() -> None:
    chunked = chunk(LONG["words without a full stop"], limit=10)  # 16 tokens, the least, are 16 words
    assert chunked.cut == len(chunked.passages)


def test_an_endless_title_leaves_room_for_the_passage() -> None:
    """300 characters of "word " are 60 tokens; 60 and the sentence's 10 fit the embedder's 254."""
    chunked = chunk(SENTENCE, title="word " * 300)
    assert len(chunked.passages) == 1
    paper = Paper("p", "word " * 300, SENTENCE)
    assert embedded_text(paper, chunked.passages[0]) == "word " * 60 + f"\n{SENTENCE}"


@pytest.mark.parametrize(("length", "cut"), [(300, 0), (301, 2)])
def test_every_passage_of_a_title_that_is_cut_is_counted(length: int, cut: int) -> None:
    # Two sentences and the space between them are 22 tokens, a third would make 33.
    chunked = chunk(" ".join([SENTENCE] * 4), size=24, title="x" * length)
    assert (chunked.cut, len(chunked.passages)) == (cut, 2)


def test_title_and_passage_are_embedded_together() -> None:
    paper = Paper("p", "A title", SENTENCE)
    (passage,) = chunk(SENTENCE).passages
    assert embedded_text(paper, passage) == f"A title\n{SENTENCE}"


@pytest.mark.models
def test_nothing_of_the_sample_corpus_is_cut(real_settings: Settings) -> None:
    """Counted with the embedder's own tokenizer; and every passage is of whole sentences."""
    chunker = Chunker(open_embedder(real_settings), real_settings.passage_tokens)
    for paper in read_corpus(sample_corpus()).papers:
        chunked = chunker.chunk(paper)
        assert chunked.cut == 0
        assert_offsets_hold(paper, chunked)
        starts, ends = zip(*sentence_spans(paper.abstract), strict=True)
        assert {passage.start for passage in chunked.passages} <= set(starts)
        assert {passage.end for passage in chunked.passages} <= set(ends)
