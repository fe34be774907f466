"""The read path: a question to an Answer, as a stream of events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from assistant import abstention
from assistant.answer import Answer
from assistant.citations import CitedText, DraftReader, DraftSentence, is_bare_label
from assistant.context import ContextPaper, fenced, pack, render
from assistant.conversation import standalone
from assistant.embedding import Embedder
from assistant.errors import GenerationError
from assistant.events import DraftGrew, DraftRejected, Event, EvidenceFound, SentenceVerified
from assistant.final import final_of, label_by_polarity, label_of
from assistant.generation.base import LanguageModel
from assistant.index import Index
from assistant.prompts import fill
from assistant.question import MOST_CHARACTERS, Kind, kind_of, read_question
from assistant.records import (
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
from assistant.text import canonical
from assistant.verification import Verifier

_EXTRACTS = 2  # sentences of an extractive answer
_PROMPT_MARGIN = 64  # tokens left for the chat template's own marks


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
        run = _Run(self, asked, _standalone(asked, history))
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
        try:
            yield from self._write(run)
        except GenerationError as error:
            reason = Reason("generation_failed", str(error))
            run.withdraw()
            yield DraftRejected(reason)
            yield run.answer("error", reason)

    def search(self, query: str, filters: Filters, k: int | None = None) -> tuple[ScoredPaper, ...]:
        """The best papers for a query, or fewer than `k` where fewer pass the filters."""
        query = canonical(query)
        fusion = FUSIONS[self.settings.fusion]
        k = self.settings.papers if k is None else k
        return tuple(retrieve(query, self.index, self.embedder, k=k, filters=filters, fusion=fusion))

    def _write(self, run: _Run) -> Iterator[Event]:
        self._show(run)
        if self.model:
            yield from self._generate(self.model, run)
            if reason := abstention.in_draft(run.draft, run.kind):
                run.withdraw()
                yield DraftRejected(reason)
                yield run.abstained(reason)
                return
        yield from _completed(run)

    def _show(self, run: _Run) -> None:
        """Choose the passages to be shown and write the prompt.

        Raises:
            GenerationError: the question and one passage are more than the model reads.
        """
        budget = self.settings.context_tokens
        if not self.model:
            run.show(pack(run.papers, budget, lambda text: len(words(text))))
            return
        tokens = self.model.count_tokens
        around = sum(tokens(message.content) for message in _prompt(run.kind, run.standalone, ()))
        room = self.model.context_window - self.settings.max_answer_tokens - around - _PROMPT_MARGIN
        run.show(pack(run.papers, min(budget, room), tokens))
        run.prompt = _prompt(run.kind, run.standalone, run.context)
        if sum(tokens(message.content) for message in run.prompt) - around > room + _PROMPT_MARGIN:
            raise GenerationError(
                f"{self.model.name} reads {self.model.context_window} tokens, too few for the question, one "
                f"passage and an answer of {self.settings.max_answer_tokens}; choose a model that reads more"
            )

    def _generate(self, model: LanguageModel, run: _Run) -> Iterator[Event]:
        with closing(model.stream(run.prompt, max_tokens=self.settings.max_answer_tokens)) as deltas:
            for delta in deltas:
                if delta.text:
                    run.first_token = run.first_token or time.perf_counter()
                    run.draft += delta.text
                    complete = run.reader.read(delta.text)
                    yield DraftGrew(delta.text, run.reader.rest)
                    yield from run.verify(complete)
                run.usage = delta.usage or run.usage
        yield from run.verify(run.last_sentences())
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
    reader: DraftReader = field(default_factory=DraftReader)
    cut_off: bool = False

    @property
    def kind(self) -> Kind:
        return kind_of(self.standalone)

    def say(self, text: str) -> None:
        """Put words into the answer that no paper is needed for."""
        self.cited.sentences.append(Sentence(text, (), (), "supported", 1.0))

    def show(self, context: tuple[ContextPaper, ...]) -> None:
        """Take the passages that answers are checked against."""
        self.context = context
        self.withdraw()

    def withdraw(self) -> None:
        """Forget what has been written of the answer."""
        verifier = Verifier(self.context, self.standalone)
        self.cited = CitedText(verifier, papers_shown=len(self.context), marks=self.cited.marks)
        self.label_inferred = False

    def verify(self, complete: Sequence[DraftSentence]) -> Iterator[Event]:
        """Verify sentences of the draft and announce them."""
        for sentence in complete:
            started = time.perf_counter()
            if self.kind == "yes_no" and not self.cited.sentences and not label_of(sentence.text):
                self.label_inferred = True
                label = label_by_polarity(sentence.text, self.standalone).capitalize()
                sentence = replace(sentence, text=f"{label}. {sentence.text}")
            verified = self.cited.add(sentence)
            self.verifying += time.perf_counter() - started
            yield self.verified(verified)

    def last_sentences(self) -> list[DraftSentence]:
        """What is left of the draft; what the token limit cut off in the middle of a sentence is dropped."""
        left = self.reader.finish()
        if self.usage.truncated and left and len(self.cited.sentences) + len(left) > 1:
            self.cut_off = not left[-1].text.endswith((".", "!", "?"))
            return left[:-1] if self.cut_off else left
        return left

    def verified(self, sentence: Sentence) -> SentenceVerified:
        """The event that announces a sentence."""
        return SentenceVerified(
            sentence, tuple(citation for citation in self.cited.citations if citation.n in sentence.citations)
        )

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
            marks=cited.marks,
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
            left_out = "; its last sentence was incomplete and is left out" if self.cut_off else ""
            found.append(f"the answer was cut at {self.usage.completion_tokens} tokens{left_out}")
        if cited.marks.unknown:
            unknown = f"{cited.marks.unknown} of the model's marks"
            found.append(f"{unknown} name none of the {cited.papers_shown} papers shown")
        if cited.marks.dropped:
            found.append(
                f"{cited.marks.dropped} of the model's marks name papers that do not support the sentence"
            )
        if self.label_inferred:
            found.append("the model began with neither yes nor no; which it is was read from its sentence")
        if self.extracts and self.draft.strip():
            found.append("nothing the model wrote is supported; extracts of the abstracts are shown instead")
        return tuple(found)


def _completed(run: _Run) -> Iterator[Event]:
    """The end of an answer: extracts where the draft gave nothing, then the status."""
    if all(sentence.verdict == "unsupported" for sentence in run.cited.sentences):
        reason = Reason("extracts", "The best matching sentences, quoted.")
        run.extracts = True
        run.withdraw()
        if run.draft.strip():
            yield DraftRejected(reason)
        for span, fit in run.cited.verifier.best_for_question(_EXTRACTS):
            yield run.verified(run.cited.add_extract(span, fit))
        if run.cited.sentences:
            yield run.answer("answered", reason)
        else:
            yield run.abstained(Reason("no_support", "Nothing in the papers found supports an answer."))
        return
    cited = run.cited
    if is_bare_label(cited.sentences[0].text) and (basis := cited.verifier.support("")).span:
        # A bare "No." is hard to trust, so the sentence it rests on is quoted after it.
        yield run.verified(cited.add_extract(basis.span, basis.share))
        yield run.answer(
            "partial",
            Reason("label_unchecked", "Whether yes or no follows from the quoted sentence is not checked."),
        )
        return
    if all(sentence.verdict == "supported" for sentence in cited.sentences):
        yield run.answer("answered", Reason("supported", "Every sentence is supported by its citation."))
    else:
        yield run.answer("partial", Reason("partly_supported", "Not every sentence is fully supported."))


def _standalone(question: str, history: Sequence[Turn]) -> str:
    """The question made to stand alone, unless that makes it too long to be one."""
    if kind_of(question) == "greeting":
        return question
    turns = [Turn(_clipped(turn.question), _clipped(turn.answer)) for turn in history]
    written_out = standalone(question, turns)
    return written_out if len(written_out) <= MOST_CHARACTERS else question


def _clipped(text: str) -> str:
    return canonical(text)[:MOST_CHARACTERS]


def _prompt(kind: Kind, question: str, context: Sequence[ContextPaper]) -> tuple[Message, ...]:
    system = "system_yes_no" if kind == "yes_no" else "system"
    user = fill("question", passages=render(context), question=fenced(question))
    return Message("system", fill(system)), Message("user", user)


def _confidence(sentences: Sequence[Sentence]) -> float:
    scores = [sentence.support if sentence.verdict != "unsupported" else 0.0 for sentence in sentences]
    return round(sum(scores) / len(scores), 3) if scores else 0.0


def _ms(start: float, end: float) -> float:
    return round(max(0.0, end - start) * 1000, 1)
