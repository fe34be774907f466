"""One question on its way through the pipeline: what is known of it so far, and the Answer made of that."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from assistant import abstention, collection
from assistant.answer import Answer
from assistant.citations import CitedText, DraftReader, DraftSentence, is_bare_label
from assistant.composition import MOST_WORDS, Composed, Drafted
from assistant.context import ContextPaper
from assistant.events import DraftRejected, Event, SentenceVerified
from assistant.final import (
    Label,
    boolean_final,
    label_of,
    number_final,
    text_final,
    unlabelled,
    without_label,
)
from assistant.fit import RankedSentence, SourceSentence
from assistant.index import Index
from assistant.names import mentions, names
from assistant.polarity import negated
from assistant.premise import Correction
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity
from assistant.question import Question, understood
from assistant.records import (
    Evidence,
    Filters,
    Final,
    Marks,
    Message,
    Reason,
    ScoredPaper,
    Sentence,
    Status,
    Timings,
    Usage,
)
from assistant.settings import Settings
from assistant.terms import terms
from assistant.verification import Verifier

_NEWS = 0.15  # share of a sentence's terms; with no more of them new it repeats what was said before


@dataclass
class Inquiry:
    """One question: as it was asked, as it stands alone, what was found, drafted, verified and decided."""

    index: Index
    model_name: str
    settings: Settings
    asked: str
    standalone: str
    filters: Filters
    previous: str = ""
    started: float = field(default_factory=time.perf_counter)
    retrieved: float = 0.0
    first_token: float = 0.0
    generated: float = 0.0
    verifying: float = 0.0
    papers: tuple[ScoredPaper, ...] = ()
    focused: bool = False
    is_side: bool = False
    most_words: int = MOST_WORDS
    gate_odds: float = 1.0
    ranked: list[RankedSentence] = field(default_factory=list)
    signals: dict[str, float] = field(default_factory=dict)
    context: tuple[ContextPaper, ...] = ()
    prompt: tuple[Message, ...] = ()
    draft: str = ""
    drafted: list[Drafted] = field(default_factory=list)
    usage: Usage = field(default_factory=lambda: Usage(0, 0, truncated=False))
    cited: CitedText = field(default_factory=lambda: CitedText(Verifier((), ""), 0))
    confidence: float = 0.0
    final: Final | None = None
    number: RankedQuantity | None = None
    label: Label | None = None
    bare: str | None = None
    reader: DraftReader = field(default_factory=DraftReader)
    cut_off: bool = False

    @property
    def question(self) -> Question:
        """The question as it stands alone, read."""
        return understood(self.standalone)

    @property
    def candidates(self) -> tuple[ScoredPaper, ...]:
        """The papers that may answer: a conversation about one paper stays with it."""
        return self.papers[:1] if self.focused else self.papers

    def about_collection(self) -> Answer | None:
        """The answer to a greeting or a question about the collection, which takes no paper and no model."""
        kind = "greeting" if self.question.kind == "greeting" else "collection"
        papers = self.index.papers
        if kind == "greeting":
            said = collection.greeting(self.standalone, papers)
        elif not (found := collection.about_collection(self.standalone, papers)):
            return None
        else:
            said = found
        self.say(said.text)
        self.final = said.final
        self.confidence = 1.0
        return self.answer("answered", Reason(kind, "Answered from what is known of the collection itself."))

    def say(self, text: str) -> None:
        """Put words into the answer that no paper is needed for."""
        self.cited.sentences.append(Sentence(text, (), (), "supported", 1.0))

    def show(self, context: tuple[ContextPaper, ...]) -> None:
        """Take the papers that answers are checked against."""
        self.context = context
        self.withdraw()

    def withdraw(self) -> None:
        """Forget what has been written of the answer."""
        verifier = Verifier(self.context, self.standalone)
        shown = sum(bool(entry.shown) for entry in self.context)
        self.cited = CitedText(verifier, papers_shown=shown, marks=self.cited.marks)

    def verify(self, complete: Sequence[DraftSentence]) -> Iterator[Event]:
        """Verify sentences of the draft and announce those that an abstract supports."""
        for sentence in complete:
            started = time.perf_counter()
            added = self.cited.add(sentence)
            said = set(terms(without_label(sentence.text)))
            news = said - {stemmed for stemmed, _ in self.question.terms}
            parrots = bool(said) and not news
            repeats = self.question.kind == "text" and self._is_retold(sentence.text, news, len(said))
            self.drafted.append(Drafted(sentence, added.support, parrots, repeats))
            self.verifying += time.perf_counter() - started
            yield self.announced(added.sentence)

    def _is_retold(self, text: str, news: set[str], length: int) -> bool:
        """Whether a sentence of so many terms has hardly one, and no name, number or "not", that is new.

        `news` are its terms that the question has not; more is known from the turn before.
        """
        if not self.previous or len(news - set(terms(self.previous))) > _NEWS * length:
            return False
        told = f"{self.previous} {self.question.text}"
        numbers = quantities(told)
        return (
            all(mentions(told, name) for name in names(text))
            and all(any(said.same(known) for known in numbers) for said in quantities(text))
            and not (negated(text) and not negated(told))
        )

    def last_sentences(self) -> list[DraftSentence]:
        """What is left of the draft; what the token limit cut off in the middle of a sentence is dropped."""
        left = self.reader.finish()
        if self.usage.truncated and left and len(self.cited.sentences) + len(left) > 1:
            self.cut_off = not left[-1].text.endswith((".", "!", "?"))
            return left[:-1] if self.cut_off else left
        return left

    def extract(self, sentence: SourceSentence) -> SentenceVerified:
        """Quote a sentence of the context, and announce it."""
        span = self.cited.verifier.span_at(sentence.paper, sentence.start)
        assert span is not None, "a ranked sentence is one of its paper's"
        return self.announced(self.cited.add_extract(span))

    def announced(self, sentence: Sentence) -> SentenceVerified:
        """The event that shows a sentence."""
        return SentenceVerified(
            sentence, tuple(citation for citation in self.cited.citations if citation.n in sentence.citations)
        )

    def side(self, question: Question, most_words: int, gate_odds: float) -> Inquiry:
        """What is asked of one of several papers, in so many words, at a share of the gate's odds."""
        return Inquiry(
            self.index,
            self.model_name,
            self.settings,
            self.asked,
            question.text,
            self.filters,
            is_side=True,
            most_words=most_words,
            gate_odds=gate_odds,
        )

    def include(self, side: Inquiry) -> None:
        """Take over what one side of a comparison cost and saw, its papers numbered after those so far."""
        before, after = self.cited.marks, side.cited.marks
        self.cited.marks = Marks(
            kept=before.kept + after.kept,
            dropped=before.dropped + after.dropped,
            unknown=before.unknown + after.unknown,
            added=before.added + after.added,
        )
        first = len(self.context) + 1
        self.show((*self.context, *(replace(one, n=n) for n, one in enumerate(side.context, start=first))))
        self.draft = "\n\n".join(filter(None, (self.draft, side.draft.strip())))
        self.prompt += side.prompt
        self.ranked += side.ranked
        self.drafted += side.drafted
        self.first_token = self.first_token or side.first_token
        self.generated = side.generated
        self.verifying += side.verifying
        self.cut_off |= side.cut_off
        self.usage = Usage(
            self.usage.prompt_tokens + side.usage.prompt_tokens,
            self.usage.completion_tokens + side.usage.completion_tokens,
            self.usage.truncated or side.usage.truncated,
        )
        if not self.signals or side.confidence < self.confidence:
            self.signals, self.confidence = side.signals, side.confidence

    def side_missing(self, side: Inquiry) -> Iterator[Event]:
        """The abstention that says which side of a comparison is not told."""
        reason = side.missing()
        if self.drafted:
            yield DraftRejected(reason)
        yield self.abstained(reason)

    def become(self, result: Composed) -> Iterator[SentenceVerified | DraftRejected]:
        """Make the answer what was decided, announcing what is not shown already.

        The sides of a comparison were shown under numbers of their own, so they are always announced anew.
        """
        streamed = tuple(one.sentence for one in self.drafted)
        lead = f"{self.label.capitalize()}. " if self.label else ""
        parts = result.parts
        begun = bool(self.cited.sentences) and parts[: len(streamed)] == streamed
        if begun and (self.label is None or label_of(self.draft) == self.label):
            parts, lead = parts[len(streamed) :], ""
        else:
            if streamed:
                yield DraftRejected(_replaced(result))
            self.withdraw()
        marks = self.cited.marks  # what stays of the draft has been counted
        for part in parts:
            if isinstance(part, SourceSentence):
                span = self.cited.verifier.span_at(part.paper, part.start)
                assert span is not None, "a ranked sentence is one of its paper's"
                sentence = self.cited.add_extract(span, lead=lead, part=part.text)
            else:
                text = f"{lead}{unlabelled(part.text)}" if lead else part.text
                sentence = self.cited.add(replace(part, text=text)).sentence
            lead = ""
            self.cited.marks = marks
            yield self.announced(sentence)

    def conclude(self, result: Composed) -> None:
        """Read the final answer off the parts of the answer."""
        if self.label:
            self.final = boolean_final(self.label)
        elif self.bare:
            self.final = Final("text", self.bare)
        elif self.number:
            self.final = number_final(self.number, self.question)
        elif result.parts:
            unsupported = [one.sentence for one in self.drafted if one.support.verdict == "unsupported"]
            said = next((part for part in result.parts if part not in unsupported), result.parts[0])
            self.final = text_final(said.text, self.question)

    def verdict(self, result: Composed) -> tuple[Status, Reason]:
        """The status of a composed answer, and why."""
        if result.extracts:
            return "answered", Reason("extracts", "The best matching sentences, quoted.")
        if all(sentence.verdict == "supported" for sentence in self.cited.sentences):
            return "answered", Reason("supported", "Every sentence is supported by its citation.")
        return "partial", Reason("partly_supported", "Not every sentence is fully supported.")

    def corrected(self, correction: Correction) -> Iterator[Event]:
        """The answer that puts a false premise right."""
        source = correction.sentence.sentence
        self.show((ContextPaper(1, source.paper, self.index.passages_of(source.paper), ()),))
        span = self.cited.verifier.span_at(source.paper, source.start)
        assert span is not None, "a ranked sentence is one of its paper's"
        text = f"The abstract says {correction.instead}, not {correction.supposed}."
        yield self.announced(self.cited.add_statement(text, span))
        yield self.extract(source)
        reason = Reason(
            "false_premise", f"The question supposes {correction.supposed}; the abstract says otherwise."
        )
        yield self.answer("answered", reason)

    def missing(self) -> Reason:
        """What the abstracts do not give."""
        if not self.ranked:  # nothing but planted text
            paper = self.papers[0].paper
            return Reason("not_in_abstracts", f"The abstract of {paper.title or paper.id} does not say that.")
        weigh = self.index.lexical.informativeness
        return abstention.missing(self.question, self.papers, self.ranked, weigh)

    def declined(self) -> Answer:
        """The abstention that says what the abstracts do not give."""
        return self.abstained(self.missing())

    def abstained(self, reason: Reason) -> Answer:
        """The answer that says why there is none, and names the nearest papers."""
        self.withdraw()
        nearest = "; ".join(f"{paper.paper.title or paper.paper.id}" for paper in self.papers[:3])
        self.say(reason.sentence + (f" The nearest papers are: {nearest}." if nearest else ""))
        return self.answer("abstained", reason)

    def answer(self, status: Status, reason: Reason) -> Answer:
        """The Answer as things stand."""
        now = time.perf_counter()
        cited = self.cited
        return Answer(
            question=self.asked,
            standalone_question=self.standalone,
            status=status,
            reason=reason,
            text=cited.text,
            final=self.final if status in ("answered", "partial") else None,
            sentences=tuple(cited.sentences),
            citations=tuple(cited.citations),
            evidence=self._evidence(),
            draft=self.draft.strip(),
            marks=cited.marks,
            confidence=round(self.confidence, 3),
            warnings=self._warnings(),
            timings=Timings(
                retrieve_ms=_ms(self.started, self.retrieved),
                first_token_ms=_ms(self.started, self.first_token),
                generate_ms=_ms(self.retrieved, self.generated),
                verify_ms=_ms(0.0, self.verifying),
                total_ms=_ms(self.started, now),
            ),
            usage=self.usage,
            model=self.model_name,
            index=self.index.manifest.fingerprint,
            prompt=self.prompt,
            withheld=self.final if status == "abstained" else None,
            signals=self.signals,
        )

    def _evidence(self) -> tuple[Evidence, ...]:
        used = {citation.paper_id for citation in self.cited.citations}
        shown = {entry.paper.id for entry in self.context if entry.shown}
        return tuple(
            Evidence(
                paper.paper,
                paper.score,
                paper.passages,
                "used" if paper.paper.id in used else "context" if paper.paper.id in shown else "retrieved",
            )
            for paper in self.papers
        )

    def _warnings(self) -> tuple[str, ...]:
        cited = self.cited
        found = []
        if self.usage.truncated:
            left_out = "; its last sentence was incomplete and is left out" if self.cut_off else ""
            found.append(f"the answer was cut at {self.usage.completion_tokens} tokens{left_out}")
        if cited.marks.unknown:
            unknown = f"{cited.marks.unknown} of the model's marks"
            found.append(f"{unknown} name none of the {cited.papers_shown} papers shown")
        if cited.marks.dropped:
            found.append(
                f"{cited.marks.dropped} of the model's marks name papers that do not support the sentence"
            )
        removed = sum(
            one.support.verdict == "unsupported" and not is_bare_label(one.sentence.text)
            for one in self.drafted
        )
        if removed and self.settings.unsupported == "remove" and cited.citations:
            found.append(f"{removed} of the model's sentences had no support and were removed")
        return tuple(found)


def _replaced(result: Composed) -> Reason:
    if result.extracts:
        return Reason("extracts", "The abstracts' own sentences answer better than the model's.")
    return Reason("revised", "Of the draft there stays what is supported and answers the question.")


def _ms(start: float, end: float) -> float:
    return round(max(0.0, end - start) * 1000, 1)
