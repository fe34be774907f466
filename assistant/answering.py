"""The read path: a question to an Answer, as a stream of events."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

from assistant import abstention
from assistant.citations import DraftSentence
from assistant.clauses import led
from assistant.composition import MOST_WORDS, Composed, Part
from assistant.context import ContextPaper
from assistant.conversation import continues, depends, roots, standalone
from assistant.decision import decided
from assistant.embedding import Embedder
from assistant.errors import GenerationError
from assistant.events import DraftGrew, DraftRejected, Event, EvidenceFound
from assistant.final import Label, boolean_final, list_final, unlabelled
from assistant.fit import RankedSentence, ranked_sentences
from assistant.fitted import Fitted, Gate, coefficients_of, load_fitted, probability
from assistant.generation.base import LanguageModel
from assistant.index import Index
from assistant.inquiry import Inquiry
from assistant.names import is_specific, mentions
from assistant.premise import false_number
from assistant.prompting import prepare
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity, ranked_quantities
from assistant.question import MOST_CHARACTERS, Question, kind_of, read_question, understood
from assistant.records import Filters, Paper, Reason, ScoredPaper, Turn
from assistant.retrieval import FUSIONS, retrieve
from assistant.selection import CANDIDATES, MOST_LISTED, Member, criterion, members, of_one, topic
from assistant.settings import Settings
from assistant.sides import Side, described, sides
from assistant.similarity import Similarity
from assistant.spelling import corrected
from assistant.terms import stem, words
from assistant.text import canonical
from assistant.verification import reported

_READ_SENTENCES = 8  # best fitting ones that quantities are taken from
# What is asked of each of several papers alike, so that one yes or no answers it.
_OF_EACH = re.compile(
    r"\b(?:both|each|all)\b|^(?:are|were|do|did|have|can|could|will)\b(?!.*\bor\b).*\band\b", re.I
)
# "Which saves more memory, A or B?" takes a number of each.
_MEASURES = re.compile(
    r"(?=.*\bor\b|which of\b)(?:which|who|what)\b.*?\b(?:more(?! recent)|less|fewer|most|least|faster|fastest"
    r"|slower|larger|largest|bigger|biggest|smaller|smallest|higher|highest|lower|lowest|shorter|longer|cheaper"
    r"|greater)\b",
    re.I,
)
_MOST_SURVEYED = 4  # papers that a question to all of them is put to
# Of the odds that the gate before a draft asks for, those for a paper that the question itself means.
_SIDE_ODDS = 0.3
_SIDE_CANDIDATES = 3  # papers looked at for each part of a question


@dataclass(frozen=True)
class Pipeline:
    """What a question passes through; without a model the answer is made of extracts.

    `coefficients` are the index's own or the program's, unless others are given.
    """

    index: Index
    embedder: Embedder
    model: LanguageModel | None
    settings: Settings
    coefficients: Fitted | None = None

    @property
    def model_name(self) -> str:
        """The model's name, `none` where answers are made of extracts."""
        return self.model.name if self.model else "none"

    @cached_property
    def similarity(self) -> Similarity:
        """The words and sentences met so far, for all questions."""
        return Similarity(self.embedder)

    @cached_property
    def fitted(self) -> Fitted:
        """The index's own coefficients, or the program's."""
        if self.coefficients:
            return self.coefficients
        return load_fitted(coefficients_of(self.index.folder, self.model_name))

    def run(
        self, question: str, history: Sequence[Turn] = (), filters: Filters | None = None
    ) -> Iterator[Event]:
        """Events in order, the last of which is the Answer. Closing the iterator stops the generation.

        Raises:
            QuestionError: the question is empty or too long.
        """
        turns = _clipped(history)
        run = self._begun(question, turns, filters or Filters())
        if answer := run.about_collection():
            yield answer
            return
        self._look_up(run, turns)
        yield EvidenceFound(run.standalone, run.papers)
        if not run.papers:
            yield run.abstained(abstention.nothing_found(run.filters))
            return
        try:
            yield from self._answered(run)
        except GenerationError as error:
            reason = Reason("generation_failed", str(error))
            run.withdraw()
            run.confidence = 0.0
            yield DraftRejected(reason)
            yield run.answer("error", reason)

    def found(self, question: str, history: Sequence[Turn], filters: Filters) -> Inquiry:
        """A question as it stands alone, with the papers found for it and their sentences ranked."""
        turns = _clipped(history)
        run = self._begun(question, turns, filters)
        self._look_up(run, turns)
        run.ranked = self.rank(run.question, run.candidates, run.previous)
        return run

    def search(self, query: str, filters: Filters, k: int | None = None) -> tuple[ScoredPaper, ...]:
        """The best papers for a query, or fewer than `k` where fewer pass the filters."""
        query = canonical(query)
        fusion = FUSIONS[self.settings.fusion]
        k = self.settings.papers if k is None else k
        return tuple(retrieve(query, self.index, self.embedder, k=k, filters=filters, fusion=fusion))

    def rank(
        self, question: Question, papers: Sequence[ScoredPaper], previous: str = ""
    ) -> list[RankedSentence]:
        """The sentences of the papers by how well they fit the question, and what was said before it."""
        weigh = self.index.lexical.informativeness

        def ranked(asked: Question, among: Sequence[ScoredPaper]) -> list[RankedSentence]:
            return ranked_sentences(asked, among, weigh, self.similarity, self.fitted.sentence, previous)

        found = ranked(question, papers)
        nearest = [scored for scored in papers if found and scored.paper is found[0].sentence.paper]
        return led(question, found, lambda part: ranked(part, nearest))

    def quantities(
        self, question: Question, ranked: Sequence[RankedSentence], draft: str = ""
    ) -> list[RankedQuantity]:
        """The quantities of the best sentences by how well they fit a question for one."""
        if question.kind != "number":
            return []
        weigh = self.index.lexical.informativeness
        return ranked_quantities(
            question, ranked[:_READ_SENTENCES], draft, weigh, self.similarity, self.fitted.quantity
        )

    def _begun(self, question: str, history: Sequence[Turn], filters: Filters) -> Inquiry:
        asked = read_question(question)
        standalone = _standalone(asked, history)
        previous = continues(asked, history)
        return Inquiry(self.index, self.model_name, self.settings, asked, standalone, filters, previous)

    def _look_up(self, run: Inquiry, history: Sequence[Turn]) -> None:
        """Retrieve for the question with its typing errors put right, the conversation's paper first."""
        run.papers = self.search(run.standalone, run.filters)
        if (spelt := self._spelt(run.standalone, run.papers)) != run.standalone:
            run.standalone = spelt
            run.papers = self.search(spelt, run.filters)
        if len(run.filters.include_ids) == 1:
            run.focused = True  # the paper is given
        elif began := roots(run.asked, history):
            # What was said last tells the paper too, where the question that began it hardly does.
            self._focus(run, f"{self._first(run, began)} {run.previous}")
        run.retrieved = time.perf_counter()

    def _first(self, run: Inquiry, began: Sequence[str]) -> str:
        """The latest question that began something, or the first if its paper is one of two found for it."""
        latest, first = began[0], began[-1]
        if latest == first:
            return first
        paper = {one.paper.id for one in self.search(first, run.filters, 1)}
        found = {one.paper.id for one in self.search(latest, run.filters, 2)}
        return first if paper & found else latest

    def _focus(self, run: Inquiry, began: str) -> None:
        """Stay with the paper that the conversation began with, where the question may be about that.

        It is not if it names a system that the paper lacks; nor if it stands alone, unless it names nothing
        and the paper is among those found for it. "The one on long videos" goes on with that.
        """
        weigh = self.index.lexical.informativeness
        told = described(run.asked, lambda text: self._nearby(text, run.filters), weigh)
        begun_with = self.search(began, run.filters, 1)
        if not begun_with or run.question.kind == "list":
            return
        paper = told.paper if told else begun_with[0].paper
        if paper.id != begun_with[0].paper.id:
            run.previous = ""  # it was said of another
        named = list(filter(is_specific, run.question.names))
        found = {one.paper.id for one in run.papers}
        if not (told or depends(run.asked)) and (named or paper.id not in found):
            return
        if all(mentions(reported(paper), name) for name in named):
            itself = replace(run.filters, include_ids=(paper.id,))
            others = (one for one in run.papers if one.paper.id != paper.id)
            run.papers = (*self.search(run.standalone, itself, 1), *others)[: self.settings.papers]
            run.focused = True

    def _spelt(self, question: str, papers: Sequence[ScoredPaper]) -> str:
        """The question without the typing errors that the papers' own words show to be some."""
        known = {word for paper in papers for word in words(f"{paper.paper.title} {paper.paper.abstract}")}

        def is_word(word: str) -> bool:
            return bool(self.index.lexical.frequency(stem(word))) or self.embedder.count_tokens(word) == 1

        return corrected(question, known, is_word)

    def _answered(self, run: Inquiry) -> Iterator[Event]:
        if run.question.kind == "list":
            yield from self._listed(run)
            return
        if found := self._sides(run):
            yield from self._compared(run, found)
            return
        if len(found := self._surveyed(run)) > 1:
            yield from self._told(run, found)
            return
        run.ranked = self.rank(run.question, run.candidates, run.previous)
        if reason := self._shut(run):
            yield run.abstained(reason)
            return
        if correction := false_number(run.question, run.ranked):
            yield from run.corrected(correction)
            return
        yield from self._drafted(run)
        yield from self._composed(run)

    def _shut(self, run: Inquiry) -> Reason | None:
        """Why no draft is written: the nearest paper can't answer the question, or none is about it."""
        if not run.ranked:  # nothing but planted text
            return run.missing()
        is_known = run.focused or run.is_side  # the paper that is asked about
        if not is_known and abstention.is_far(run.question, run.papers):
            return abstention.off_topic(run.question, run.papers, run.ranked)
        numbers = self.quantities(run.question, run.ranked)
        if abstention.out_of_reach(run.question, run.ranked, numbers):
            return run.missing()
        weigh = self.index.lexical.informativeness
        signals = abstention.signals(
            run.question, run.papers, run.ranked, numbers, weigh, self.similarity, chosen=run.focused
        ) | {"focused": float(run.focused), "side": float(run.is_side)}
        strictness, about, before = self.settings.strictness, self.fitted.about, self.fitted.before
        if not is_known and about.model.probability(signals) < about.least(strictness):
            return abstention.off_topic(run.question, run.papers, run.ranked)
        run.signals = signals
        run.confidence = before.model.probability(signals)
        is_enough = run.confidence >= before.least(strictness, run.gate_odds)
        return None if is_enough else run.missing()

    def _sides(self, run: Inquiry) -> tuple[Side, ...]:
        """The papers that a question asks something of each of; none in a conversation about one."""
        if run.focused:
            return ()
        weigh = self.index.lexical.informativeness
        return sides(run.question, run.papers, lambda text: self._nearby(text, run.filters), weigh)

    def _nearby(self, text: str, filters: Filters) -> tuple[ScoredPaper, ...]:
        return self.search(text, filters, _SIDE_CANDIDATES)

    def _listed(self, run: Inquiry) -> Iterator[Event]:
        """The papers that belong to the list, each with its nearest sentence."""
        wanted = criterion(run.question.text)
        found = self.search(wanted, run.filters, CANDIDATES)
        judged = self._judged(run.question, wanted, found)
        listed = [member for member in judged if member.score > 0][:MOST_LISTED]
        papers = {scored.paper.id: scored for scored in found}
        run.papers = tuple(papers[member.paper.id] for member in judged[: max(len(listed), len(run.papers))])
        if not listed:
            yield run.abstained(Reason("none_listed", "No paper found seems to belong to such a list."))
            return
        run.show(tuple(self._whole(n, member.paper) for n, member in enumerate(listed, start=1)))
        run.confidence = min(probability(member.score) for member in listed)
        for member in listed:
            yield run.extract(member.sentence)
        run.final = list_final(run.cited.citations)
        yield run.answer("answered", Reason("listed", f"{len(listed)} papers seem to belong to the list."))

    def _judged(self, question: Question, wanted: str, found: Sequence[ScoredPaper]) -> list[Member]:
        weigh = self.index.lexical.informativeness
        return members(question, wanted, found, weigh, self.similarity, self.fitted.member)

    def _surveyed(self, run: Inquiry) -> tuple[Side, ...]:
        """The papers that are about what a question asks of the papers at large."""
        if run.focused or not run.question.surveys:
            return ()
        wanted = topic(run.question.text)
        found = self.search(wanted, run.filters, CANDIDATES)
        papers = {scored.paper.id: scored for scored in found}
        question = understood(of_one(run.question.text))
        judged = self._judged(run.question, wanted, found)[:_MOST_SURVEYED]
        return tuple(Side(papers[member.paper.id], question) for member in judged if member.score > 0)

    def _told(self, run: Inquiry, found: Sequence[Side]) -> Iterator[Event]:
        """What each paper says of a question to all of them; one that says nothing is passed over."""
        _put_first(run, found)
        parts: list[Part] = []
        told: Inquiry | None = None  # the side that is surest
        for side in found:
            # The paper has been judged to be about it, so here too the gate before the draft will do.
            asked, result = yield from self._put(run, side, MOST_WORDS // len(found))
            if result:
                parts += _numbered(result.parts, len(run.context))
                told = max(told, asked, key=lambda one: one.confidence) if told else asked
        run.signals, run.confidence = (told.signals, told.confidence) if told else ({}, 0.0)
        if parts:
            yield from self._side_by_side(run, parts)
            return
        run.ranked = self.rank(run.question, run.papers)
        if run.drafted:
            yield DraftRejected(run.missing())
        yield run.declined()

    def _compared(self, run: Inquiry, found: Sequence[Side]) -> Iterator[Event]:
        """What each side's paper says, asked one by one; or which side does not say."""
        _put_first(run, found)
        parts: list[Part] = []
        labels: list[Label] = []
        for side in found:
            # A side is asked of the very paper that the question means, so the gate before the draft will do.
            asked, result = yield from self._put(run, side, MOST_WORDS // len(found), _SIDE_ODDS)
            if result is None or (_MEASURES.match(run.question.bare) and not _has_number(result)):
                yield from run.side_missing(asked)
                return
            labels += [asked.label] if asked.label else []
            parts += _numbered(result.parts, len(run.context))
        if run.question.kind == "yes_no" and labels and _OF_EACH.search(run.question.bare):
            # Only "do both …" has one answer for all: "is A or B faster?" has none by yes or no.
            run.label = "yes" if all(label == "yes" for label in labels) else "no"
            run.final = boolean_final(run.label)
        yield from self._side_by_side(run, parts)

    def _put(
        self, run: Inquiry, side: Side, most_words: int, gate_odds: float = 1.0
    ) -> Generator[Event, None, tuple[Inquiry, Composed | None]]:
        """A question put to one of several papers: how it went, and the answer if there is one."""
        asked = run.side(side.question, most_words, gate_odds)
        asked.papers, asked.ranked = (side.paper,), self.rank(side.question, [side.paper])
        if self._shut(asked):
            return asked, None
        try:
            yield from self._drafted(asked)
            result = self._concluded(asked)
        finally:
            run.include(asked)
        return asked, None if self._declines(asked) else result

    def _side_by_side(self, run: Inquiry, parts: Sequence[Part]) -> Iterator[Event]:
        together = Composed(tuple(parts))
        yield from run.become(together)
        status, reason = run.verdict(together)
        told = Reason("compared", "What each paper says, side by side.")
        yield run.answer(status, told if status == "answered" else reason)

    def _whole(self, n: int, paper: Paper) -> ContextPaper:
        return ContextPaper(n, paper, self.index.passages_of(paper), ())

    @property
    def _gate(self) -> Gate:
        return self.fitted.after if self.model else self.fitted.extracts

    def _drafted(self, run: Inquiry) -> Iterator[Event]:
        """Show the model the best sentences and verify what it writes; no model writes nothing."""
        prepare(run, self.index, self.model, self.settings)
        if self.model:
            yield from self._generate(self.model, run)

    def _generate(self, model: LanguageModel, run: Inquiry) -> Iterator[Event]:
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

    def _composed(self, run: Inquiry) -> Iterator[Event]:
        """The end of an answer: what stays of the draft, what stands in for it, or why there is none."""
        started = time.perf_counter()
        result = self._concluded(run)
        declined = self._declines(run)
        run.verifying += time.perf_counter() - started
        if run.confidence < self._gate.least(self.settings.strictness) or declined:
            if run.cited.sentences:
                yield DraftRejected(run.missing())
            yield run.declined()
            return
        yield from run.become(result)
        yield run.answer(*run.verdict(result))

    def _declines(self, run: Inquiry) -> bool:
        return run.question.kind != "yes_no" and abstention.declines(run.draft)

    def _concluded(self, run: Inquiry) -> Composed:
        """The parts of the answer, its final, and how sure it is."""
        numbers = self.quantities(run.question, run.ranked, run.draft)
        if self.model:
            run.signals |= abstention.draft_signals(
                run.question, run.drafted, run.ranked, run.draft, run.usage
            )
        if numbers:
            run.signals |= abstention.number_signals(numbers)
        run.confidence = self._gate.model.probability(run.signals)
        result = decided(
            run, numbers, self.fitted.label, keep_unsupported=self.settings.unsupported == "flag"
        )
        run.conclude(result)
        return result


def _put_first(run: Inquiry, found: Sequence[Side]) -> None:
    """The papers of the sides before the others that were found."""
    papers = (*(one.paper for one in found), *run.papers)
    run.papers = tuple({paper.paper.id: paper for paper in papers}.values())


def _has_number(result: Composed) -> bool:
    return any(quantities(part.text) for part in result.parts)


def _numbered(parts: Sequence[Part], n: int) -> Iterator[Part]:
    """The parts that tell of one of several papers, the `n`-th; the model knew each of these as the first."""
    for part in parts:
        if isinstance(part, DraftSentence):
            part = replace(part, text=unlabelled(part.text), marks=(n,))
        yield part


def _standalone(question: str, history: Sequence[Turn]) -> str:
    """The question made to stand alone, unless that makes it too long to be one."""
    if kind_of(question) in ("greeting", "collection"):
        return question
    written_out = standalone(question, history)
    return written_out if len(written_out) <= MOST_CHARACTERS else question


def _clipped(history: Sequence[Turn]) -> list[Turn]:
    def clipped(text: str) -> str:
        return canonical(text)[:MOST_CHARACTERS]

    return [Turn(clipped(turn.question), clipped(turn.answer)) for turn in history]
