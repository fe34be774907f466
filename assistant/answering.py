"""The read path: a question to an Answer, as a stream of events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from assistant import abstention
from assistant.answer import Answer
from assistant.citations import CitedText, DraftSentence, draft_sentences, is_bare_label
from assistant.context import ContextPaper, fenced, pack, render
from assistant.conversation import standalone
from assistant.embedding import Embedder
from assistant.errors import GenerationError
from assistant.final import final_of, label_by_polarity, label_of
from assistant.generation.base import LanguageModel
from assistant.index import Index
from assistant.prompts import fill
from assistant.question import Kind, kind_of, read_question
from assistant.records import (
    Citation,
    Evidence,
    Filters,
    Message,
    Reason,
    ScoredPaper,
    Sentence,
    Status,
    Timings,
    Turn,
    Usage,
)
from assistant.retrieval import FUSIONS, retrieve
from assistant.settings import Settings
from assistant.terms import words
from assistant.verification import Verifier

_EXTRACTS = 2  # sentences of an extractive answer
_PROMPT_MARGIN = 64  # tokens left for the chat template's own marks


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """The papers retrieved, before a word is generated."""

    standalone_question: str
    papers: tuple[ScoredPaper, ...]


@dataclass(frozen=True, slots=True)
class DraftGrew:
    """More text from the model, not yet verified."""

    text: str


@dataclass(frozen=True, slots=True)
class SentenceVerified:
    """A sentence of the answer is complete, with its verdict and the citations it uses."""

    sentence: Sentence
    citations: tuple[Citation, ...]


Event = EvidenceFound | DraftGrew | SentenceVerified | Answer


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a question passes through; without a model the answer is made of extracts."""

    index: Index
    embedder: Embedder
    model: LanguageModel | None
    settings: Settings

    @property
    def model_name(self) -> str:
        """The model's name, `none` where answers are made of extracts."""
        return self.model.name if self.model else "none"

    def run(
        self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None
    ) -> Iterator[Event]:
        """Events in order, the last of which is the Answer. Closing the iterator stops the generation.

        Raises:
            QuestionError: the question is empty or too long.
        """
        asked = read_question(question)
        run = _Run(self, asked, asked if kind_of(asked) == "greeting" else standalone(asked, history))
        if run.kind == "greeting":
            count = self.index.manifest.papers
            run.say(f"Hello. Ask me something about the {count} papers in this collection.")
            yield run.answer("answered", Reason("greeting", "A greeting needs no evidence."))
            return
        filters = filters or Filters()
        run.papers = self.search(run.standalone, filters)
        run.retrieved = time.perf_counter()
        yield EvidenceFound(run.standalone, run.papers)
        if reason := abstention.before_draft(run.standalone, run.papers, filters):
            yield run.abstained(reason)
            return
        yield from self._write(run)

    def search(self, query: str, filters: Filters, k: int | None = None) -> tuple[ScoredPaper, ...]:
        """The best papers for a query."""
        fusion = FUSIONS[self.settings.fusion]
        k = k or self.settings.papers
        return tuple(retrieve(query, self.index, self.embedder, k=k, filters=filters, fusion=fusion))

    def _write(self, run: _Run) -> Iterator[Event]:
        run.context = self._context(run)
        run.cited = CitedText(Verifier(run.context, run.standalone), papers_shown=len(run.context))
        if self.model:
            run.prompt = _prompt(run.kind, run.standalone, run.context)
            try:
                yield from self._generate(self.model, run)
            except GenerationError as error:
                yield run.answer("error", Reason("generation_failed", str(error)))
                return
            if reason := abstention.in_draft(run.draft, run.kind):
                yield run.abstained(reason)
                return
        yield from _completed(run)

    def _context(self, run: _Run) -> tuple[ContextPaper, ...]:
        if not self.model:
            return pack(run.papers, self.settings.context_tokens, lambda text: len(words(text)))
        around = sum(map(self.model.count_tokens, (m.content for m in _prompt(run.kind, run.standalone, ()))))
        room = self.model.context_window - self.settings.max_answer_tokens - around - _PROMPT_MARGIN
        return pack(run.papers, min(self.settings.context_tokens, room), self.model.count_tokens)

    def _generate(self, model: LanguageModel, run: _Run) -> Iterator[Event]:
        with closing(model.stream(run.prompt, max_tokens=self.settings.max_answer_tokens)) as deltas:
            for delta in deltas:
                if delta.text:
                    run.first_token = run.first_token or time.perf_counter()
                    run.draft += delta.text
                    yield DraftGrew(delta.text)
                    yield from run.verify(finished=False)
                run.usage = delta.usage or run.usage
        yield from run.verify(finished=True)
        run.generated = time.perf_counter()


@dataclass
class _Run:
    """One question on its way through the pipeline."""

    pipeline: Pipeline
    question: str
    standalone: str
    started: float = field(default_factory=time.perf_counter)
    retrieved: float = 0.0
    first_token: float = 0.0
    generated: float = 0.0
    verifying: float = 0.0
    papers: tuple[ScoredPaper, ...] = ()
    context: tuple[ContextPaper, ...] = ()
    prompt: tuple[Message, ...] = ()
    draft: str = ""
    usage: Usage = field(default_factory=lambda: Usage(0, 0, truncated=False))
    cited: CitedText = field(default_factory=lambda: CitedText(Verifier((), ""), 0))
    extracts: bool = False
    label_inferred: bool = False
    _drafted: int = 0

    @property
    def kind(self) -> Kind:
        return kind_of(self.standalone)

    def say(self, text: str) -> None:
        """Put words into the answer that no paper is needed for."""
        self.cited.sentences.append(Sentence(text, (), "supported", 1.0))

    def verify(self, *, finished: bool) -> Iterator[Event]:
        """Verify the sentences of the draft that have been completed since the last call."""
        started = time.perf_counter()
        complete = draft_sentences(self.draft, finished=finished)
        if self.kind == "yes_no" and complete and not label_of(complete[0].text):
            self.label_inferred = True
            label = label_by_polarity(complete[0].text, self.standalone).capitalize()
            complete[0] = DraftSentence(f"{label}. {complete[0].text}", complete[0].marks)
        new = [self.cited.add(sentence) for sentence in complete[self._drafted :]]
        self._drafted = len(complete)
        self.verifying += time.perf_counter() - started
        for sentence in new:
            yield self.verified(sentence)

    def verified(self, sentence: Sentence) -> SentenceVerified:
        """The event that announces a sentence."""
        return SentenceVerified(
            sentence, tuple(citation for citation in self.cited.citations if citation.n in sentence.citations)
        )

    def abstained(self, reason: Reason) -> Answer:
        """The answer that says why there is none, and names the nearest papers."""
        self.cited = CitedText(Verifier((), ""), 0)
        nearest = "; ".join(f"{paper.paper.title or paper.paper.id}" for paper in self.papers[:3])
        self.say(reason.sentence + (f" The nearest papers are: {nearest}." if nearest else ""))
        return self.answer("abstained", reason)

    def answer(self, status: Status, reason: Reason) -> Answer:
        """The Answer as things stand."""
        now = time.perf_counter()
        cited = self.cited
        answering = status in ("answered", "partial")
        final = (
            final_of(self.kind, self.standalone, cited.sentences, cited.citations) if self.papers else None
        )
        return Answer(
            question=self.question,
            standalone_question=self.standalone,
            status=status,
            reason=reason,
            text=cited.text,
            final=final if answering else None,
            sentences=tuple(cited.sentences),
            citations=tuple(cited.citations),
            evidence=self._evidence(),
            draft=self.draft.strip(),
            confidence=_confidence(cited.sentences) if answering else 0.0,
            warnings=self._warnings(),
            timings=Timings(
                retrieve_ms=_ms(self.started, self.retrieved),
                first_token_ms=_ms(self.started, self.first_token),
                generate_ms=_ms(self.retrieved, self.generated),
                verify_ms=_ms(0.0, self.verifying),
                total_ms=_ms(self.started, now),
            ),
            usage=self.usage,
            model=self.pipeline.model_name,
            index=self.pipeline.index.manifest.fingerprint,
            prompt=self.prompt,
        )

    def _evidence(self) -> tuple[Evidence, ...]:
        used = {citation.paper_id for citation in self.cited.citations}
        shown = {entry.paper.id for entry in self.context}
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
            found.append(f"the answer was cut at {self.usage.completion_tokens} tokens (max_answer_tokens)")
        if cited.unknown_marks:
            marks = ", ".join(f"[{n}]" for n in cited.unknown_marks)
            found.append(f"the model cited {marks}, but was shown {cited.papers_shown} papers; dropped")
        if cited.replaced_marks:
            found.append(f"{cited.replaced_marks} of the model's marks replaced by better supported ones")
        if self.label_inferred and not self.extracts:
            found.append("the model began with neither yes nor no; which it is was read from its sentence")
        if self.extracts and self.draft:
            found.append("nothing the model wrote is supported; extracts of the abstracts are shown instead")
        return tuple(found)


def _completed(run: _Run) -> Iterator[Event]:
    """The end of an answer: extracts where the draft gave nothing, then the status."""
    cited = run.cited
    if all(sentence.verdict == "unsupported" for sentence in cited.sentences):
        run.extracts = True
        cited.sentences.clear()
        cited.citations.clear()
        for span, fit in cited.verifier.best_for_question(_EXTRACTS):
            yield run.verified(cited.add_extract(span, fit))
        if not cited.sentences:
            yield run.abstained(Reason("no_support", "Nothing in the papers found supports an answer."))
            return
        yield run.answer("answered", Reason("extracts", "The best matching sentences, quoted."))
        return
    if is_bare_label(cited.sentences[0].text) and (basis := cited.verifier.support("")).span:
        # A bare "No." is hard to trust, so the sentence it rests on is quoted after it.
        yield run.verified(cited.add_extract(basis.span, basis.share))
    if all(sentence.verdict == "supported" for sentence in cited.sentences):
        yield run.answer("answered", Reason("supported", "Every sentence is supported by its citation."))
    else:
        yield run.answer("partial", Reason("partly_supported", "Not every sentence is fully supported."))


def _prompt(kind: Kind, question: str, context: Sequence[ContextPaper]) -> tuple[Message, ...]:
    system = "system_yes_no" if kind == "yes_no" else "system"
    user = fill("question", passages=render(context), question=fenced(question))
    return Message("system", fill(system)), Message("user", user)


def _confidence(sentences: Sequence[Sentence]) -> float:
    scores = [sentence.support if sentence.verdict != "unsupported" else 0.0 for sentence in sentences]
    return round(sum(scores) / len(scores), 3) if scores else 0.0


def _ms(start: float, end: float) -> float:
    return round(max(0.0, end - start) * 1000, 1)
