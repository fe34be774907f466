"""Citations made by the system: marks of the draft read, checked against the context, replaced, numbered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from assistant.final import label_of, without_label
from assistant.records import Citation, Marks, Sentence, Verdict
from assistant.sentences import sentence_spans
from assistant.verification import Span, Support, Verifier

_MARK = re.compile(r"(?<!\s)\s*\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_WIDEST_RANGE = 9  # papers; "[1-999]" is a number that went astray
# "According to [1], it …" and "In [1], …" say nothing once the mark is gone.
_LEAD_IN = re.compile(r"\b(?:according to|as (?:stated|shown|described) in|in|per)(?=\s*\[\d)", re.I)
_BULLET = re.compile(r"^[^\S\n]*(?:[-*•]|\d{1,2}[.)])\s+", re.M)
_MARKS = re.compile(r"(?:\[\d[\d\s,;–-]*\][.,;]?\s*)*")
_WORD_BEGINS = re.compile(r"(?!\[\d)\S")
# "It is.[1] So it is.": without the mark, the full stop has its space.
_GLUED_MARK = re.compile(r"(?<=[.!?])\[\d[\d\s,;–-]*\]")
# A dollar before a digit opens a formula that closes in the same sentence, or else a price.
_AMOUNT = re.compile(r"\$(?=\d)(?:(?:(?![.!?]\s)[^$\n])*(?<!\s)\$(?!\d))?")
_DELIMITER = re.compile(r"\\[()\[\]]|\$")  # of a formula
_SOON_READ = 1_000  # characters without a whole sentence that are gone over at every piece that comes


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A sentence of the model's draft without its marks, and the numbers the model gave it."""

    text: str
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """A sentence as it stands in the answer, and the support it was judged by."""

    sentence: Sentence
    support: Support


@dataclass
class DraftReader:
    """Takes sentences off a draft as it grows, each once and only when nothing to come can change it.

    A long rest in which no sentence ends is gone over again only when it has grown by a share of itself, so
    that the time is in proportion to the draft.
    """

    rest: str = ""
    _begun: bool = False
    _due: int = 0

    def read(self, text: str) -> list[DraftSentence]:
        """The sentences that are complete with `text`; of a long rest, perhaps only some pieces later."""
        self.rest += text
        if len(self.rest) < self._due:
            return []
        taken = self._take(finished=False)
        self._due = len(self.rest) + max(0, len(self.rest) - _SOON_READ) // 8
        return taken

    def finish(self) -> list[DraftSentence]:
        """The sentences that are left when the draft is over."""
        return self._take(finished=True)

    def _take(self, *, finished: bool) -> list[DraftSentence]:
        ends = _sentence_ends(self.rest)
        if not finished:
            ends = _settled(self.rest, ends)
        if not self._begun and len(ends) > 1 and is_bare_label(self.rest[: ends[0]]):
            del ends[0]  # "Yes." belongs to the sentence after it
        elif not self._begun and not finished and ends and is_bare_label(self.rest[: ends[0]]):
            return []
        taken = [_draft_sentence(self.rest[start:end]) for start, end in pairwise([0, *ends])]
        self.rest = self.rest[ends[-1] :] if ends else self.rest
        self._begun = self._begun or bool(ends)
        return [sentence for sentence in taken if sentence.text]


@dataclass
class CitedText:
    """The answer as it grows: sentences with their citations, numbered in order of first use."""

    verifier: Verifier
    papers_shown: int
    sentences: list[Sentence] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    marks: Marks = field(default_factory=Marks)

    def add(self, draft: DraftSentence) -> Added:
        """Verify one sentence and cite what supports it.

        The model's marks stay where their papers support the sentence as well as any other does; where none
        does, the span that supports it best is cited. A bare yes or no is cited for what it rests on, and
        is at most partly supported: that the label follows is not checked.
        """
        claim = draft.text if self.sentences else without_label(draft.text)
        best = self.verifier.support(claim)
        known = [n for n in draft.marks if 1 <= n <= self.papers_shown]
        claimed = [self.verifier.support(claim, among=[n]) for n in known]
        held = [support for support in claimed if support.spans and support.verdict == best.verdict]
        if best.verdict == "unsupported":
            held = []
        best = max(held, key=lambda support: support.share, default=best)
        self.marks = Marks(
            kept=self.marks.kept + len(held),
            dropped=self.marks.dropped + len(known) - len(held),
            unknown=self.marks.unknown + len(draft.marks) - len(known),
            added=self.marks.added + (not held and best.verdict != "unsupported"),
        )
        if claim:
            return Added(self._append(draft.text, held or [best], best), best)
        verdict: Verdict = "partial" if best.verdict == "supported" else best.verdict
        best = replace(best, verdict=verdict)
        return Added(self._append(f"{label_of(draft.text)}.".capitalize(), held or [best], best), best)

    def add_extract(self, span: Span, *, lead: str = "", part: str | None = None) -> Sentence:
        """Quote one sentence of the context, or a `part` of it, after a lead such as "Yes. ".

        What is cited is the part of it that fits the question, as a quote has 40 words at most.
        """
        text = span.text
        if part is not None and part != text:
            text = f"{part[0].upper()}{part[1:]}{'' if text.endswith(part) else ' …'}"
        support = Support((span,), 1.0, "supported")
        quoted = self.verifier.quoted(span, span.text)
        return self._append(f"{lead}{text}", [replace(support, spans=(quoted,))], support)

    def add_statement(self, text: str, span: Span) -> Sentence:
        """Say something that a rule has read off one sentence of the context."""
        support = Support((span,), 1.0, "supported")
        return self._append(text, [support], support)

    @property
    def text(self) -> str:
        """The sentences with their marks."""
        return " ".join(
            sentence.text + "".join(f" [{n}]" for n in sentence.citations) for sentence in self.sentences
        )

    def _append(self, text: str, cited: Sequence[Support], judged: Support) -> Sentence:
        held = () if judged.verdict == "unsupported" else cited
        spans = [span for support in held for span in support.spans]
        numbers = tuple(dict.fromkeys(self._cite(self.verifier.quoted(span, text)) for span in spans))
        quotes = tuple(self.citations[n - 1].quote for n in numbers)
        sentence = Sentence(text, numbers, quotes, judged.verdict, round(judged.share, 3))
        self.sentences.append(sentence)
        return sentence

    def _cite(self, span: Span) -> int:
        for citation in self.citations:
            if (citation.paper_id, citation.start, citation.end) == (span.paper.id, span.start, span.end):
                return citation.n
        n = len(self.citations) + 1
        self.citations.append(Citation(n, span.paper.id, span.passage.id, span.start, span.end, span.text))
        return n


def is_bare_label(text: str) -> bool:
    """Whether the text is a yes or no and nothing else, marks aside."""
    text = _MARK.sub("", text)
    return label_of(text) is not None and not without_label(text)


def _sentence_ends(draft: str) -> list[int]:
    """Where each sentence ends, the marks after its full stop included."""
    plain = _GLUED_MARK.sub(lambda mark: " " * len(mark.group()), draft)
    plain = _AMOUNT.sub(lambda amount: "0" * len(amount.group()), plain)
    ends, end = [], 0
    delimiters: Counter[str] = Counter()
    for start, _ in sentence_spans(plain)[1:]:
        if start < end:
            continue  # among the marks of the sentence before
        before, end = end, start + _length_of_marks(draft, start)
        delimiters.update(_DELIMITER.findall(plain, before, end))
        if end < len(draft) and not _in_formula(delimiters):
            ends.append(end)
    return [*ends, len(draft)]


def _length_of_marks(draft: str, start: int) -> int:
    match = _MARKS.match(draft, start)
    return len(match.group()) if match else 0


def _in_formula(before: Counter[str]) -> bool:
    """Whether a formula is still open after these delimiters."""
    brackets = any(before[f"\\{left}"] > before[f"\\{right}"] for left, right in ("()", "[]"))
    return brackets or before["$"] % 2 == 1


def _settled(draft: str, ends: Sequence[int]) -> list[int]:
    """The ends after which the next word is all there, on which it depends that a sentence ends there."""
    whole = next((n for n in reversed(range(len(draft))) if draft[n].isspace()), 0)
    return [end for end in ends if end < whole and _WORD_BEGINS.match(draft, end)]


def _draft_sentence(piece: str) -> DraftSentence:
    plain = _LEAD_IN.sub("", _BULLET.sub("", piece))
    marks = [n for match in _MARK.finditer(plain) for n in _expanded(match.group(1))]
    return DraftSentence(_MARK.sub("", plain).strip(" ,\n"), tuple(dict.fromkeys(marks)))


def _expanded(inside: str) -> Sequence[int]:
    numbers: list[int] = []
    for part in re.split(r"[,;]", inside):
        ends = [int(number) for number in re.findall(r"\d+", part)]
        is_range = ends[0] < ends[-1] <= ends[0] + _WIDEST_RANGE
        numbers += range(ends[0], ends[-1] + 1) if is_range else ends
    return numbers
