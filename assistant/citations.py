"""Citations made by the system: marks of the draft read, checked against the context, replaced, numbered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assistant.final import label_of, without_label
from assistant.records import Citation, Sentence
from assistant.sentences import sentence_spans
from assistant.verification import Span, Support, Verifier

_MARK = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_WIDEST_RANGE = 9  # papers; "[1-999]" is a number that went astray
# "According to [1], it …" and "In [1], …" say nothing once the mark is gone.
_LEAD_IN = re.compile(r"(?:according to|as (?:stated|shown|described) in|in|per)(?=\s*\[\d)", re.I)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+", re.M)
_OPEN_MARK = re.compile(r"\s*\[[\d\s,;–-]*$")  # may still become a mark


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A sentence of the model's draft without its marks, and the numbers the model gave it."""

    text: str
    marks: tuple[int, ...]


@dataclass
class CitedText:
    """The answer as it grows: sentences with their citations, numbered in order of first use."""

    verifier: Verifier
    papers_shown: int
    sentences: list[Sentence] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    unknown_marks: list[int] = field(default_factory=list)
    replaced_marks: int = 0

    def add(self, draft: DraftSentence) -> Sentence:
        """Verify one sentence and cite the span that supports it best.

        A mark of the model's is kept where its paper supports the sentence as well as any other does.
        """
        known = [n for n in draft.marks if 1 <= n <= self.papers_shown]
        self.unknown_marks += [n for n in draft.marks if n not in known]
        claim = draft.text if self.sentences else without_label(draft.text)
        best = self.verifier.support(claim)
        claimed = self.verifier.support(claim, among=known) if known else None
        if claimed and claimed.verdict == best.verdict and claimed.span:
            best = claimed
        elif known:
            self.replaced_marks += 1
        return self._append(f"{label_of(draft.text)}.".capitalize() if not claim else draft.text, best)

    def add_extract(self, span: Span, fit: float) -> Sentence:
        """Quote one sentence of the context as it stands; `fit` is how well it suits the question."""
        return self._append(span.text, Support(span, fit, "supported"))

    @property
    def text(self) -> str:
        """The sentences with their marks."""
        return " ".join(
            sentence.text + "".join(f" [{n}]" for n in sentence.citations) for sentence in self.sentences
        )

    def _append(self, text: str, support: Support) -> Sentence:
        cited = support.span is not None and support.verdict != "unsupported"
        numbers = (self._cite(support.span),) if cited and support.span else ()
        sentence = Sentence(text, numbers, support.verdict, round(support.share, 3))
        self.sentences.append(sentence)
        return sentence

    def _cite(self, span: Span) -> int:
        for citation in self.citations:
            if (citation.paper_id, citation.start, citation.end) == (span.paper.id, span.start, span.end):
                return citation.n
        n = len(self.citations) + 1
        self.citations.append(Citation(n, span.paper.id, span.passage.id, span.start, span.end, span.text))
        return n


def draft_sentences(draft: str, *, finished: bool) -> list[DraftSentence]:
    """The complete sentences of a draft; an unfinished draft's last one may still grow and is left out.

    A leading "Yes." or "No." belongs to the sentence after it. A mark after a full stop belongs to the
    sentence before it.
    """
    draft = _LEAD_IN.sub("", _BULLET.sub("", draft))
    plain, marks = _without_marks(draft if finished else _OPEN_MARK.sub("", draft))
    spans = sentence_spans(plain)
    if len(spans) > 1 and is_bare_label(plain[slice(*spans[0])]):
        spans[:2] = [(spans[0][0], spans[1][1])]
    sentences = []
    for i, (start, end) in enumerate(spans):
        until = spans[i + 1][0] if i + 1 < len(spans) else len(plain) + 1
        after = start if i else -1  # what leads the draft belongs to its first sentence
        numbers = [n for position, n in marks if after < position <= end or end < position < until]
        sentences.append(DraftSentence(plain[start:end].lstrip(", "), tuple(dict.fromkeys(numbers))))
    return sentences if finished else sentences[:-1]


def _without_marks(draft: str) -> tuple[str, list[tuple[int, int]]]:
    """The draft without marks, and (position in it, number) of each mark."""
    pieces: list[str] = []
    marks: list[tuple[int, int]] = []
    length = last = 0
    for match in _MARK.finditer(draft):
        pieces.append(draft[last : match.start()])
        length += match.start() - last
        last = match.end()
        marks += [(length, n) for n in _expanded(match.group(1))]
    return "".join([*pieces, draft[last:]]), marks


def _expanded(inside: str) -> Sequence[int]:
    numbers: list[int] = []
    for part in re.split(r"[,;]", inside):
        ends = [int(number) for number in re.findall(r"\d+", part)]
        is_range = ends[0] < ends[-1] <= ends[0] + _WIDEST_RANGE
        numbers += range(ends[0], ends[-1] + 1) if is_range else ends
    return numbers


def is_bare_label(text: str) -> bool:
    """Whether the text is a yes or no and nothing else."""
    return label_of(text) is not None and not without_label(text)
