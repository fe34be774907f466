"""What the model is shown: the sentences that fit a question best, as many as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from assistant.context import ContextPaper, best_at_ends, fenced, pack, render
from assistant.errors import GenerationError
from assistant.generation.base import LanguageModel
from assistant.index import Index
from assistant.inquiry import Inquiry
from assistant.prompts import fill
from assistant.records import Message
from assistant.settings import Settings
from assistant.terms import terms, words

_PROMPT_MARGIN = 64  # tokens left for the chat template's own marks
_EXACT = frozenset(("yes_no", "number"))  # kinds of question that have one right answer


def prepare(run: Inquiry, index: Index, model: LanguageModel | None, settings: Settings) -> None:
    """Choose the sentences to be shown and write the prompt, where there is a model.

    Raises:
        GenerationError: the question and one sentence are more than the model reads.
    """

    def packed(budget: int, count: Callable[[str], int]) -> tuple[ContextPaper, ...]:
        most = settings.context_sentences
        if run.question.kind in _EXACT:
            most = min(most, settings.exact_sentences)
        shown = pack(run.ranked, index.passages_of, most=most, budget=budget, count_tokens=count)
        return (*shown, *_unshown(run, index, shown))

    budget = settings.context_tokens
    if not model:
        run.show(packed(budget, lambda text: len(words(text))))
        return
    tokens = model.count_tokens
    around = sum(tokens(message.content) for message in _prompt(run, (), settings))
    room = model.context_window - settings.max_answer_tokens - around - _PROMPT_MARGIN
    run.show(packed(min(budget, room), tokens))
    run.prompt = _prompt(run, run.context, settings)
    if sum(tokens(message.content) for message in run.prompt) - around > room + _PROMPT_MARGIN:
        raise GenerationError(
            f"{model.name} reads {model.context_window} tokens, too few for the question, one "
            f"sentence and an answer of {settings.max_answer_tokens}; choose a model that reads more"
        )


def _unshown(run: Inquiry, index: Index, shown: Sequence[ContextPaper]) -> Iterator[ContextPaper]:
    """Papers that a quoted sentence may come from without having been shown to the model."""
    known = {entry.paper.id for entry in shown}
    others = {one.sentence.paper.id: one.sentence.paper for one in run.ranked}
    for n, paper in enumerate((others[one] for one in others if one not in known), start=len(shown) + 1):
        yield ContextPaper(n, paper, index.passages_of(paper), ())


def _prompt(run: Inquiry, context: Sequence[ContextPaper], settings: Settings) -> tuple[Message, ...]:
    question = run.question
    system = f"system_{question.kind}" if question.kind in _EXACT else "system"
    shown = [entry for entry in context if entry.shown]
    passages = render(best_at_ends(shown) if settings.context_order == "best_at_ends" else shown)
    asked = question.text
    # What was said before helps a model to words; a number or a label it would take for the answer.
    if run.previous and question.kind == "text":
        led_up_to = f"{run.previous} {question.bare}"
        # A topic in brackets that says it again would be copied.
        says_all = set(terms(asked)) <= set(terms(led_up_to))
        asked = led_up_to if says_all else f"{run.previous} {asked}"
    user = fill("question", settings.prompts, passages=passages, question=fenced(asked))
    return Message("system", fill(system, settings.prompts)), Message("user", user)
