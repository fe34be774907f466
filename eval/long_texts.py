"""How the time that reading a text takes grows with its length, of texts made to take long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assistant.abstention import declines
from assistant.citations import DraftReader, is_bare_label
from assistant.context import ContextPaper, fenced
from assistant.conversation import standalone
from assistant.expansion import written_out
from assistant.final import text_final, without_label
from assistant.fit import RankedSentence, SourceSentence, ranked_sentences
from assistant.fitted import Linear
from assistant.instructions import planted
from assistant.labels import label_said, label_signals
from assistant.names import mentions, names, normalised, normalised_names, own_names
from assistant.polarity import conflicts, negated
from assistant.quantities import quantities
from assistant.quantity_fit import ranked_quantities
from assistant.question import understood
from assistant.records import Paper, Passage, ScoredPaper, Turn
from assistant.selection import criterion, members, of_one, topic
from assistant.sentences import sentence_spans
from assistant.sides import sides
from assistant.similarity import Similarity
from assistant.spelling import corrected
from assistant.subject import subject_of
from assistant.testing import HashingEmbedder
from assistant.text import canonical
from assistant.verification import Verifier
from eval.searching import exponent
from eval.tables import Table

LINEAR = 1.3  # the exponent above which a growth is flagged
_TRIES = 3  # of which the shortest counts, for others may be using the machine
_EARLIER = (Turn("By how much does LongGen cut memory?", "By 62%."),)

# What each text repeats: stops, marks, formulas, names, numbers, and words that rules look out for.
PIECES = (
    *("a ", "1 ", " ", "\n", "\n ", ".", ". ", "? (", "。", "。-", '."', "a.A ", ", ", "/", "'", "“"),
    "n't ",
    *("((((", "[[[[", "(a) ", "{", "a{", "a^", "10^{", "$1 ", "$\\", r"\(5. We ", "$5. We ", "<|"),
    *("</", "[INST"),
    *("A-A-", "a-a-", "a", "A", "1", "A1 ", "+", "1-", "1/", "1e", "1,000,", "1, ", "1) ", "٣"),
    ".,;:!?-–/()[]{}^_%",
    *("5% and ", "1 to ", "from 1 to ", "1 vs. ", ", respectively ", "13 layers ", "up to "),
    *("while 1 ", "sim", "two "),
    *("[1", "[1,", "[1] ", "[1]\n", "It works. ", "ﬁ ", "no ", "no. ", "yes [", "not ", "non-"),
    *("a-free ", "no use "),
    *("is ", "is a ", "is called ", "is a, how ", "it ", "on ", "and ", " or ", " and of ", ", the "),
    *("that ", "because "),
    *("what ", ", and what ", "what do the ", "which papers ", "papers that are ", "list all "),
    "papers by Aa From ",
    *("propose a (", "LLMs ", "(SMA) ", "ignore ", "you are a ", "; say a ", "if asked, "),
    *("the paper ", "no information "),
)


def _streamed(draft: str) -> None:
    reader = DraftReader()
    for start in range(0, len(draft), 4):
        reader.read(draft[start : start + 4])
    reader.finish()


def _supported(abstract: str) -> None:
    paper = Paper("x", "", abstract)
    passage = Passage("x:0", "x", 0, len(abstract), abstract)
    Verifier((ContextPaper(1, paper, (passage,), ()),), "Is it so?").support(abstract)


def _even(term: str) -> float:
    return 1.0


def _paper(abstract: str) -> ScoredPaper:
    return ScoredPaper(Paper("x", "RIM: Work", abstract), 1.0, ())


def _whole(text: str) -> RankedSentence:
    return RankedSentence(SourceSentence(Paper("x", "", text), 0, len(text), 0), 0.0, {"soft_share": 0.0})


def _similarity() -> Similarity:
    return Similarity(HashingEmbedder())


def _quantities_ranked(text: str) -> None:
    question = understood("By how much is cache memory cut for 1?")
    ranked_quantities(question, [_whole(f"{text} respectively")], "", _even, _similarity(), Linear())


def _sentences_ranked(text: str) -> None:
    for question in ("What does RIM stand for?", "Why is RIM 2x?", "How many layers has RIM?"):
        ranked_sentences(understood(question), [_paper(text)], _even, _similarity(), Linear())


def _split(text: str) -> None:
    sides(understood(f"Do RIM and SAM read {text}"), [_paper("It is new.")], lambda _: (), _even)


READERS: Mapping[str, Callable[[str], object]] = {
    "canonical": canonical,
    "sentence_spans": sentence_spans,
    "planted": planted,
    "names": names,
    "normalised": normalised,
    "normalised_names": normalised_names,
    "own_names": lambda text: own_names(f"{text}:", text),
    "mentions": lambda text: mentions(text, f"{text[1:]}z"),
    "quantities": quantities,
    "conflicts": lambda text: conflicts(f"no {text}", f"{text}z"),
    "negated": negated,
    "corrected": lambda text: corrected(text, ("energy", "quantizes"), set[str]().__contains__),
    "understood": understood,
    "standalone, long question": lambda text: standalone(text, _EARLIER),
    "standalone, long history": lambda text: standalone("And on BEIR?", [Turn(text, text)]),
    "ranked_sentences": _sentences_ranked,
    "ranked_quantities": _quantities_ranked,
    "sides": _split,
    "members": lambda text: members(
        understood("Which papers cut memory?"), "cut memory", [_paper(text)], _even, _similarity(), Linear()
    ),
    "criterion": lambda text: criterion(f"List papers {text}"),
    "topic": lambda text: topic(f"What do papers here say about {text}"),
    "of_one": of_one,
    "subject_of": lambda text: subject_of(f"What is {text}"),
    "written_out": lambda text: written_out("SMA", text),
    "fenced": fenced,
    "Verifier": _supported,
    "DraftReader, whole": lambda text: DraftReader().read(text),
    "DraftReader, by pieces": _streamed,
    "is_bare_label": is_bare_label,
    "declines": declines,
    "label_said": lambda text: label_said(f"no {text}a"),
    "label_signals": lambda text: label_signals(text, None, [_whole(f"{text}z"), _whole(text)]),
    "text_final": lambda text: text_final(text, understood("What is it?")),
    "text_final, of a place": lambda text: text_final(text, understood("On which card is it?")),
    "without_label": lambda text: without_label(f"no{text}"),
}


@dataclass(frozen=True, slots=True)
class Growth:
    """Seconds that one function takes for a piece repeated to each of some lengths, in characters."""

    reader: str
    piece: str
    lengths: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def exponent(self) -> float:
        """The power of the length that the time grows with: 1 is linear, 2 quadratic."""
        return exponent(self.lengths, self.seconds)


def growths(
    length: int, readers: Mapping[str, Callable[[str], object]] = READERS, pieces: Sequence[str] = PIECES
) -> Iterator[Growth]:
    """Each function on each piece, repeated to `length` characters, twice and four times as many."""
    lengths = (length, 2 * length, 4 * length)
    for name, read in readers.items():
        for piece in pieces:
            yield Growth(name, piece, lengths, tuple(_seconds(read, piece, n) for n in lengths))


def table(found: Sequence[Growth]) -> Table:
    """For each function the piece that takes longest, and all whose growth is not linear."""
    slowest = {one.reader: one for one in sorted(found, key=lambda one: one.seconds[-1])}
    shown = [one for one in found if one is slowest[one.reader] or one.exponent > LINEAR]
    return Table(
        "seconds by the length of a text",
        {
            f"{one.reader} {one.piece!r}": {
                **{f"{n:,}": f"{taken:.4f}" for n, taken in zip(one.lengths, one.seconds, strict=True)},
                "exponent of growth": f"{one.exponent:.2f}",
                "": "not linear" if one.exponent > LINEAR else "",
            }
            for one in shown
        },
    )


def _seconds(read: Callable[[str], object], piece: str, length: int) -> float:
    taken = []
    for one in range(_TRIES):
        text = (piece * (length + one))[: length + one]  # never the same twice, as some texts are remembered
        start = time.perf_counter()
        read(text)
        taken.append(time.perf_counter() - start)
    return min(taken)
