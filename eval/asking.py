"""Gold questions asked of the assistant, and its answers as the scorer reads them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

from assistant.abstention import declines
from assistant.answer import Answer
from assistant.api import Assistant
from assistant.citations import DraftReader, DraftSentence
from assistant.context import fenced
from assistant.conversation import standalone
from assistant.errors import AssistantError, GenerationError
from assistant.final import boolean_final, label_of, number_final, text_final
from assistant.fit import RankedSentence, SourceSentence, unit_fit
from assistant.generation.base import LanguageModel
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity
from assistant.question import Question, understood
from assistant.records import Filters, Final, Message, Paper, Turn, Usage
from assistant.sentences import sentence_spans
from assistant.settings import Settings
from eval.headline import CLEAN, NO_HISTORY, STANDALONE
from eval.naive import Draft
from eval.records import AnswerSentence, FinalAnswer, GoldItem, SystemAnswer

_CLOSED_BOOK = (
    "You answer questions about research papers from memory, in one or two short sentences. Begin the answer "
    "to a yes/no question with Yes or No. If you do not know, say: I do not know."
)
_YEARS = range(1900, 2101)
_RANKED = 10  # papers of the ranking that are recorded, whatever number the system uses

Ask = Callable[[GoldItem], SystemAnswer]


def asking(assistant: Assistant, attacked: Assistant | None = None) -> Ask:
    """How gold questions are asked of an assistant; injection items go to the `attacked` one."""

    def ask(item: GoldItem) -> SystemAnswer:
        about_attacked = is_injection(item) and not item.id.endswith(CLEAN)
        return _asked(item, attacked if attacked and about_attacked else assistant)

    return ask


def closed_book(model: LanguageModel, settings: Settings) -> Ask:
    """How gold questions are asked of a model alone: what it gets right here, it knew by heart."""

    def ask(item: GoldItem) -> SystemAnswer:
        question = standalone(item.question, [Turn(*turn) for turn in item.history])
        prompt = (Message("system", _CLOSED_BOOK), Message("user", question))
        started = time.perf_counter()
        try:
            deltas = list(model.stream(prompt, max_tokens=settings.max_answer_tokens))
        except GenerationError as error:
            return SystemAnswer(item.id, "error", reason=str(error), ms=_spent_since(started))
        text = "".join(delta.text for delta in deltas).strip()
        usage = next((delta.usage for delta in deltas if delta.usage), Usage(0, 0, truncated=False))
        return adapted_draft(item.id, question, Draft(text, (), usage), _spent_since(started))

    return ask


def controls(items: Iterable[GoldItem]) -> Iterator[GoldItem]:
    """The same questions under other conditions, to compare with; none of them counts in the headline.

    Follow-ups are asked as rewritten by hand, and as they stand but without their history; questions about
    attacked abstracts are asked about the clean ones.
    """
    for item in items:
        if item.history:
            yield replace(item, id=item.id + NO_HISTORY, history=())
        if item.standalone:
            yield replace(item, id=item.id + STANDALONE, question=item.standalone, history=())
        if is_injection(item):
            yield _clean_twin(item)


def is_injection(item: GoldItem) -> bool:
    """Whether the item is about an attacked abstract, or one that only looks like it."""
    return item.type.startswith("injection")


def with_attacks(papers: Sequence[Paper], attacked: Sequence[Paper]) -> list[Paper]:
    """The papers with the attacked ones in place of the originals, whose id they have with an x after it."""
    by_original = {_original(paper.id): paper for paper in attacked}
    return [by_original.get(paper.id, paper) for paper in papers]


def _clean_twin(item: GoldItem) -> GoldItem:
    return replace(
        item,
        id=item.id + CLEAN,
        gold_papers=tuple(tuple(map(_original, group)) for group in item.gold_papers),
        evidence=tuple(replace(found, paper_id=_original(found.paper_id)) for found in item.evidence),
        nuggets=tuple(
            replace(nugget, paper_id=nugget.paper_id and _original(nugget.paper_id))
            for nugget in item.nuggets
        ),
    )


def _original(paper_id: str) -> str:
    return paper_id.removesuffix("x")


def adapted(
    item_id: str,
    answer: Answer,
    ranking: Iterable[tuple[str, float]] = (),
    ms: Mapping[str, float] | None = None,
) -> SystemAnswer:
    """An Answer as the scorer reads it.

    `ranking` are papers and scores beyond those it used; `ms`, if given, stands in for its own timings.
    """
    cited = {citation.n: citation for citation in answer.citations}
    sentences = tuple(
        AnswerSentence(
            sentence.text,
            tuple(dict.fromkeys(cited[n].paper_id for n in sentence.citations)),
            tuple((cited[n].paper_id, cited[n].quote) for n in sentence.citations),
        )
        for sentence in answer.sentences
    )
    final = _final(answer.final)
    return SystemAnswer(
        id=item_id,
        status=answer.status,
        text=" ".join(sentence.text for sentence in answer.sentences),
        final=final,
        sentences=sentences,
        confidence=answer.confidence,
        draft_text=answer.draft,
        draft_final=final or _final(answer.withheld),
        retrieved=tuple(ranking) or tuple((shown.paper.id, shown.score) for shown in answer.evidence),
        context_text=_context_text(answer),
        context_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        reason=answer.reason.sentence if answer.status == "error" else answer.reason.code,
        ms=ms or {name.removesuffix("_ms"): value for name, value in asdict(answer.timings).items()},
    )


def adapted_draft(item_id: str, question: str, draft: Draft, ms: Mapping[str, float]) -> SystemAnswer:
    """What a model wrote, unchecked, as the scorer reads it: a sentence cites the papers of its marks.

    The answer to a question for a list are the papers cited.
    """
    sentences = tuple(
        AnswerSentence(
            one.text,
            tuple(dict.fromkeys(draft.papers[n - 1].id for n in one.marks if 1 <= n <= len(draft.papers))),
        )
        for one in _drafted(draft.text)
    )
    cited = tuple(dict.fromkeys(paper for one in sentences for paper in one.cites))
    if cited and understood(question).kind == "list":
        final: FinalAnswer | None = FinalAnswer("list", ";".join(cited), ids=cited)
    else:
        final = _final(_final_of(question, [one.text for one in sentences]))
    declined = declines(draft.text)
    return SystemAnswer(
        id=item_id,
        status="abstained" if declined else "answered",
        text=draft.text,
        final=None if declined else final,
        sentences=sentences,
        draft_text=draft.text,
        draft_final=final,
        retrieved=tuple((paper.id, -float(n)) for n, paper in enumerate(draft.papers)),
        context_text={paper.id: paper.abstract for paper in draft.papers},
        context_tokens=draft.usage.prompt_tokens,
        completion_tokens=draft.usage.completion_tokens,
        ms=ms,
    )


def _asked(item: GoldItem, assistant: Assistant) -> SystemAnswer:
    filters = Filters(exclude_ids=item.exclude_ids)
    history = [Turn(*turn) for turn in item.history]
    started = time.perf_counter()
    try:
        answer = assistant.ask(item.question, history, filters)
    except Exception as error:  # whatever a system raises, its question counts as not answered
        reason = str(error) if isinstance(error, AssistantError) else f"{type(error).__name__}: {error}"
        return SystemAnswer(item.id, "error", reason=reason, ms=_spent_since(started))
    searched = assistant.search(answer.standalone_question, _RANKED, filters) if answer.evidence else ()
    return adapted(item.id, answer, ((found.paper.id, found.score) for found in searched))


def _spent_since(started: float) -> dict[str, float]:
    spent = round((time.perf_counter() - started) * 1000, 1)
    return {"retrieve": 0.0, "generate": spent, "total": spent}


def _final(final: Final | None) -> FinalAnswer | None:
    if final is None:
        return None
    return FinalAnswer(final.kind, final.text, final.value, final.unit, final.label, final.ids)


def _drafted(draft: str) -> list[DraftSentence]:
    """The sentences of a draft, with their marks apart."""
    reader = DraftReader()
    return [*reader.read(draft), *reader.finish()]


def _final_of(question: str, sentences: Sequence[str]) -> Final | None:
    """The final answer of sentences that nobody has checked."""
    asked = understood(question)
    said = sentences[0] if sentences else ""
    if asked.kind == "yes_no" and (label := label_of(said)):
        return boolean_final(label)
    if asked.kind == "number" and (found := _quantity(asked, said)):
        return number_final(found, asked)
    return text_final(said, asked) if said else None


def _quantity(question: Question, said: str) -> RankedQuantity | None:
    """The quantity with the unit asked for, else the first that is no year; none that the question gives."""
    new = [found for found in quantities(said) if not any(map(found.same_value, question.numbers))]
    if not new or question.asked is None:
        return None
    asked = question.asked
    best = max(new, key=lambda found: (unit_fit(asked, found), bool(found.unit) or found.low not in _YEARS))
    sentence = SourceSentence(Paper("", "", said), 0, len(said), 0)
    return RankedQuantity(RankedSentence(sentence, 0.0, {}), best, 0.0, {})


def _context_text(answer: Answer) -> dict[str, str]:
    """The sentences that were really in the prompt; the abstracts looked at where there was none."""
    prompt = "\n".join(message.content for message in answer.prompt) if answer.prompt else None
    shown = {}
    for evidence in answer.evidence:
        used, abstract = evidence.role != "retrieved", evidence.paper.abstract
        sentences = (abstract[start:end] for start, end in sentence_spans(abstract))
        text = [found for found in sentences if (used if prompt is None else fenced(found) in prompt)]
        if text or used:
            shown[evidence.paper.id] = " ".join(text)
    return shown
