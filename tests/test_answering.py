"""The read path from outside: events, retrieval, prompts, models that fail, history, threads, abstention."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from asker import Asker, left, rejections

from assistant.answer import Answer
from assistant.answering import Pipeline
from assistant.errors import GenerationError, QuestionError
from assistant.events import DraftGrew, DraftRejected, EvidenceFound, SentenceVerified
from assistant.fitted import Gate, Linear
from assistant.generation.base import Delta
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.question import MOST_CHARACTERS
from assistant.records import Filters, Message, Paper, Reason, Timings, Turn
from assistant.settings import Settings
from assistant.testing import OPEN_GATES, HashingEmbedder, ScriptedModel

MEMORY = "By how much does LongCache reduce cache memory?"
GRADIENTS = "Does SlimTune require gradient computation?"
WHALES = "Where do whales sing at night?"
BOTH = "Compare LongCache and SlimTune: what do they reduce or require?"
CUT = "LongCache reduces cache memory by 62%."
SOURCE = "LongCache reduces cache memory by 62%, and decoding is 1.4x faster."

SHUT = Gate(threshold=1.0)
# A best sentence with half of what is asked for or less is too little to draft an answer from.
CAUTIOUS = replace(OPEN_GATES, before=replace(OPEN_GATES.before, threshold=0.5))
# A draft of which half is supported or less is too little to be shown.
STRICT = replace(OPEN_GATES, after=Gate(Linear(-5.0, {"draft_supported": 10.0}), 0.5))


class FailingModel(ScriptedModel):
    """Says its reply's words, then fails."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        yield from list(super().stream(messages, max_tokens=max_tokens))[:-1]
        raise GenerationError("the server has gone")


class QuotingModel(ScriptedModel):
    """Repeats the first paper shown, so that its answer depends on the question alone."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        _, sentences, *_ = messages[-1].content.split("[1] ", 1)[1].split("\n")
        yield from ScriptedModel(sentences).stream(messages, max_tokens=max_tokens)


class LongWordModel(ScriptedModel):
    """To whom a word is three tokens."""

    def count_tokens(self, text: str) -> int:
        return 3 * super().count_tokens(text)


class PiecewiseEmbedder(HashingEmbedder):
    """To whom no word is a token of its own."""

    def count_tokens(self, text: str) -> int:
        return 2 * super().count_tokens(text)


def test_events_come_in_order_and_end_with_the_answer(ask: Asker) -> None:
    seen, _ = ask.told("What does SlimTune reach?", "It reaches 91.5% accuracy on SentiBank. It is so. Yes.")
    kinds = [type(event) for event in seen]
    assert kinds[0] is EvidenceFound
    # 6 words and the "It" that shows them to be a sentence, 2 and the "Yes." that ends the draft.
    assert kinds[1:11] == [*[DraftGrew] * 7, SentenceVerified, DraftGrew, DraftGrew]
    assert kinds[11:14] == [DraftGrew, SentenceVerified, SentenceVerified]
    # Of the three the first is supported.
    assert kinds[14:] == [DraftRejected, SentenceVerified]


def test_growing_draft_says_what_of_it_is_in_no_sentence_yet(ask: Asker) -> None:
    seen, _ = ask.told(MEMORY, "LongCache reduces memory [1]. Whales sing at night.")
    grown = [event for event in seen if isinstance(event, DraftGrew)]
    assert [event.pending for event in grown] == [
        "LongCache ",
        "LongCache reduces ",
        "LongCache reduces memory ",
        "LongCache reduces memory [1]. ",
        "Whales ",
        "Whales sing ",
        "Whales sing at ",
        "Whales sing at night. ",
    ]
    assert "".join(event.text for event in grown) == "LongCache reduces memory [1]. Whales sing at night. "


ASKED = {
    "supported": (MEMORY, CUT),
    "partly": (MEMORY, f"{CUT} Whales sing."),
    "unsupported": (MEMORY, "Whales sing. Fish swim."),
    "nothing said": (MEMORY, ""),
    "no model": (MEMORY, None),
    "yes or no": (GRADIENTS, "SlimTune requires no gradient computation. No."),
    "false premise": ("Why does LongCache reduce cache memory by 80%?", CUT),
    "list": ("Which papers use models?", CUT),
    "comparison": (BOTH, "LongCache reduces cache memory by 62% [1]."),
    "comparison without a model": (BOTH, None),
}


@pytest.mark.parametrize(("question", "model"), ASKED.values(), ids=ASKED)
def test_events_and_answer_say_the_same(ask: Asker, question: str, model: str | None) -> None:
    seen, answer = ask.told(question, model)
    assert isinstance(seen[0], EvidenceFound)
    assert left(seen) == list(answer.sentences)
    verified = [event for event in seen if isinstance(event, SentenceVerified)][-len(answer.sentences) :]
    cited = [citation for event in verified for citation in event.citations]
    assert tuple(dict.fromkeys(cited)) == answer.citations
    drafts = "".join(event.text for event in seen if isinstance(event, DraftGrew))
    assert drafts.split() == answer.draft.split()
    assert {scored.paper.id for scored in seen[0].papers} <= {entry.paper.id for entry in answer.evidence}


def test_nothing_is_rejected_where_the_draft_stays_or_there_is_none(ask: Asker) -> None:
    for model in (CUT, "", "[1]", None):
        assert rejections(ask.events(MEMORY, model)) == []
    assert rejections(ask.events(BOTH, None)) == []
    assert rejections(ask.but(CAUTIOUS).events(WHALES, "In the sea.")) == []


def test_failing_model_is_an_error_that_keeps_evidence_and_draft_but_no_sentence(ask: Asker) -> None:
    seen, answer = ask.told(MEMORY, FailingModel(f"{CUT} Training takes"))
    gone = Reason("generation_failed", "the server has gone")
    assert (answer.status, answer.reason) == ("error", gone)
    assert (answer.text, answer.sentences, answer.citations) == ("", (), ())
    assert (answer.final, answer.withheld, answer.confidence) == (None, None, 0.0)
    assert [(entry.paper.id, entry.role) for entry in answer.evidence][:1] == [("a1", "context")]
    assert answer.draft == f"{CUT} Training takes"
    assert [type(event) for event in seen[-3:]] == [SentenceVerified, DraftGrew, DraftRejected]
    assert rejections(seen) == [gone]


@pytest.mark.parametrize("question", [GRADIENTS, BOTH], ids=["yes or no", "comparison"])
def test_error_keeps_the_draft_and_warns_of_nothing(ask: Asker, question: str) -> None:
    answer = ask(question, FailingModel(f"{CUT} It is so."))
    assert (answer.status, answer.text, answer.warnings) == ("error", "", ())
    assert answer.draft == f"{CUT} It is so."
    assert len(answer.prompt) == 2


def test_closing_the_stream_stops_the_model(ask: Asker) -> None:
    model = ScriptedModel(CUT)
    stream = ask.pipeline(model).run(MEMORY)
    assert isinstance(next(stream), EvidenceFound)
    assert isinstance(next(stream), DraftGrew)
    stream.close()  # type: ignore[attr-defined]
    assert model.closed_early == 1


@pytest.mark.parametrize("question", ["", " \u200b", "x" * 10_000])
def test_what_is_no_question_is_refused(ask: Asker, question: str) -> None:
    with pytest.raises(QuestionError):
        ask.events(question, "x")


ABOUT_COLLECTION = {
    "hello": ("Hello!", "greeting", "Hello. Ask me something about the 3 papers in this collection."),
    "count": ("How many papers are there?", "collection", "This collection has 3 papers."),
    "years": (
        "Any papers from 2021?",
        "collection",
        "Papers from 2021: 1 of 3: SlimTune: Tuning without Gradients (a2).",
    ),
}


@pytest.mark.parametrize("history", [[], [Turn("What is LongCache?", "A cache.")]], ids=["first", "later"])
@pytest.mark.parametrize(("question", "code", "text"), ABOUT_COLLECTION.values(), ids=ABOUT_COLLECTION)
def test_greetings_and_questions_about_the_collection_take_no_paper_and_no_model(
    ask: Asker, question: str, code: str, text: str, history: list[Turn]
) -> None:
    model = ScriptedModel("x")
    seen, answer = ask.told(question, model, history)
    assert (seen, model.prompts) == ([], [])
    assert (answer.text, answer.status, answer.reason.code, answer.evidence) == (text, "answered", code, ())


def test_filters_that_exclude_all_leave_nothing_to_retrieve(ask: Asker) -> None:
    model = ScriptedModel(CUT)
    answer = ask(MEMORY, model, (), Filters(years=(1900, 1901)))
    assert (answer.status, answer.reason.code, answer.evidence) == ("abstained", "nothing_retrieved", ())
    assert answer.text == "No papers that pass the filters were found for this question."
    assert model.prompts == []


@pytest.mark.parametrize("question", [MEMORY, BOTH, "Which papers use models?"])
def test_papers_that_do_not_pass_the_filters_are_never_used(ask: Asker, question: str) -> None:
    answer = ask(question, None, (), Filters(exclude_ids=("a1",)))
    assert {entry.paper.id for entry in answer.evidence} == {"a2", "a3"}


def test_before_a_draft_the_abstention_asks_no_model(ask: Asker) -> None:
    model = ScriptedModel("In the sea.")
    seen, answer = ask.but(CAUTIOUS).told(WHALES, model)
    assert [type(event) for event in seen] == [EvidenceFound]
    assert (answer.status, answer.final, answer.citations) == ("abstained", None, ())
    assert (answer.reason.code, answer.confidence) == ("off_topic", 0.0)
    assert model.prompts == []
    assert {entry.role for entry in answer.evidence} == {"retrieved"}


MISSING = {
    "a name that no abstract has": (
        "How much memory does HyperCache use?",
        "unknown_name",
        "No abstract found mentions HyperCache.",
    ),
    "a name that the nearest abstract does not have": (
        "Where does LongCache store SentiBank?",
        "name_missing",
        "The abstract of LongCache does not mention SentiBank.",
    ),
    "a name that the question takes for granted": (
        "Why does LongCache store SentiBank?",
        "false_premise",
        "The abstract of LongCache does not mention SentiBank.",
    ),
    "a count": (
        "How many epochs does SlimTune take?",
        "no_such_quantity",
        "The abstract of SlimTune does not give a number of epochs.",
    ),
    "a word": (
        "What does LongCache say about whales?",
        "not_in_abstracts",
        "The abstract of LongCache does not mention whales.",
    ),
}


@pytest.mark.parametrize(("question", "code", "sentence"), MISSING.values(), ids=MISSING)
def test_abstention_says_what_is_missing_and_names_the_nearest_papers(
    ask: Asker, question: str, code: str, sentence: str
) -> None:
    answer = ask.but(replace(OPEN_GATES, before=SHUT))(question, "x")
    assert (answer.status, answer.reason) == ("abstained", Reason(code, sentence))
    titles = [entry.paper.title for entry in answer.evidence]
    assert answer.text == f"{sentence} The nearest papers are: {'; '.join(titles)}."
    assert len(titles) == 3


def test_after_a_draft_the_abstention_rejects_it_and_withholds_its_final(ask: Asker) -> None:
    seen, answer = ask.but(STRICT).told(MEMORY, "Whales sing at sea.")
    assert [type(event) for event in seen[-2:]] == [SentenceVerified, DraftRejected]
    assert rejections(seen) == [answer.reason]
    assert (answer.status, answer.final, answer.draft) == ("abstained", None, "Whales sing at sea.")
    assert answer.withheld is not None
    assert answer.withheld.text == "62%"
    assert (answer.signals["draft_supported"], answer.confidence) == (0.0, 0.007)
    assert ask.but(STRICT)(MEMORY, CUT).withheld is None


def test_without_a_model_the_gate_of_extracts_decides(ask: Asker) -> None:
    shut = ask.but(replace(OPEN_GATES, extracts=SHUT))
    seen, answer = shut.told(MEMORY, None)
    assert ([type(event) for event in seen], answer.status) == ([EvidenceFound], "abstained")
    assert shut(MEMORY, CUT).status == "answered"


def test_confidence_is_computed_from_signals_that_the_answer_tells(ask: Asker) -> None:
    answer = ask(MEMORY, CUT)
    # The best sentence has all of what is asked for: -5 + 10 * 1 = 5, and 1 / (1 + e^-5) is 0.993.
    assert (answer.signals["fit"], answer.confidence) == (5.0, 0.993)
    assert {"best_share", "quantity_unit", "draft_share"} <= set(answer.signals)
    assert not [name for name in ask(MEMORY, None).signals if name.startswith("draft_")]


def test_index_with_coefficients_of_its_own_is_judged_by_them(
    index: Index, embedder: HashingEmbedder
) -> None:
    assert Pipeline(index, embedder, None, Settings()).fitted == OPEN_GATES
    assert Pipeline(index, embedder, None, Settings(), CAUTIOUS).fitted is CAUTIOUS


TYPED = "By how much does LongCache reduce cache memroy in decodng?"


def test_typing_errors_are_put_right_and_the_question_shown_as_it_was_read(
    tmp_path: Path, papers: tuple[Paper, ...]
) -> None:
    seen, answer = Asker.of(papers, tmp_path / "pieces", PiecewiseEmbedder()).told(TYPED, CUT)
    meant = "By how much does LongCache reduce cache memory in decoding?"
    assert (answer.question, answer.standalone_question) == (TYPED, meant)
    assert isinstance(seen[0], EvidenceFound)
    assert seen[0].standalone_question == meant
    assert f"Question: {meant}" in answer.prompt[1].content


def test_each_kind_of_question_has_instructions_of_its_own(ask: Asker) -> None:
    model = ScriptedModel(CUT)
    for question in (GRADIENTS, MEMORY, "What does SlimTune require?"):
        ask(question, model)
    systems = [system.content for system, _ in model.prompts]
    assert ["Yes or No" in system for system in systems] == [True, False, False]
    assert ["number with its unit" in system for system in systems] == [False, True, False]


def test_follow_up_is_asked_as_a_question_that_stands_alone(ask: Asker) -> None:
    model = ScriptedModel("Decoding is 1.4x faster.")
    answer = ask("And is decoding faster with it?", model, [Turn("What does LongCache reduce?", "Memory.")])
    assert answer.question == "And is decoding faster with it?"
    assert answer.standalone_question == "And is decoding faster with LongCache?"
    assert "Question: And is decoding faster with LongCache?" in model.prompts[0][1].content


def test_the_model_is_told_what_was_said_before_a_question_for_words(ask: Asker) -> None:
    model = ScriptedModel("LongCache reduces cache memory by 62%.")
    ask("And how does it do that?", model, [Turn("What does LongCache reduce?", "Memory.")])
    asked = "Question: What does LongCache reduce? Memory. And how does it do that?"
    assert model.prompts[0][1].content.rstrip().endswith(asked)


def test_what_the_turn_before_leaves_out_is_told_as_well(ask: Asker) -> None:
    model = ScriptedModel("LongCache reduces cache memory by 62%.")
    turns = [Turn("What does LongCache reduce?", "Memory."), Turn("Why?", "Attention reads it all.")]
    ask("And how so?", model, turns)
    asked = "Question: Why? Attention reads it all. And how so? (What does LongCache reduce: Memory)"
    assert model.prompts[0][1].content.rstrip().endswith(asked)


SAID_BEFORE = [
    Turn("What does LongCache keep?", "LongCache keeps one third of the layers at full attention.")
]
AGAIN = {
    "word by word": "LongCache keeps one third of the layers at full attention.",
    # One term of eight is new, fewer than 15 %.
    "with another word": "LongCache always keeps one third of the layers at full attention.",
    "as no sentence": "Full attention.",
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_what_was_said_in_the_turn_before_is_not_said_again(ask: Asker, again: str) -> None:
    seen, answer = ask.told("And what does it reduce?", f"{again} {CUT}", SAID_BEFORE)
    assert answer.text == f"{CUT} [1]"
    assert answer.final and answer.final.text == "cache memory by 62%"
    assert left(seen) == list(answer.sentences)


def test_a_draft_that_only_says_again_what_was_said_stays_beside_the_best_sentence(ask: Asker) -> None:
    answer = ask("And what does it reduce?", AGAIN["word by word"], SAID_BEFORE)
    assert answer.text == f"{AGAIN['word by word']} [1] {SOURCE} [2]"


@pytest.mark.parametrize(
    "news",
    [
        # Three terms of ten are new; of eight one is, a name.
        "LongCache keeps one third of the layers at full attention, and decoding is 1.4x faster.",
        "LongCache keeps one third of the layers at full attention on GPUs.",
    ],
    ids=["other words", "a name"],
)
def test_what_is_new_in_part_is_said(ask: Asker, news: str) -> None:
    answer = ask("And what does it reduce?", f"{news} {CUT}", SAID_BEFORE)
    assert [sentence.text for sentence in answer.sentences] == [news, CUT]


def test_what_a_yes_rests_on_may_have_been_said_before(ask: Asker) -> None:
    answer = ask("And does it keep full attention?", f"Yes. {AGAIN['word by word']}", SAID_BEFORE)
    assert answer.text == f"Yes. {AGAIN['word by word']} [1]"


TOO_LONG = "And does it need " + "x" * 1950 + "?"  # 1,968 characters, more than 2,000 with a long name


def test_standalone_question_that_is_too_long_falls_back_to_the_bare_one(ask: Asker) -> None:
    name = "Long" + "Cache" * 20
    answer = ask(TOO_LONG, CUT, [Turn(f"What does {name} reduce?", "Memory.")])
    assert answer.standalone_question == answer.question == TOO_LONG
    answer = ask(TOO_LONG, CUT, [Turn("What does LongGen reduce?", "Memory.")])
    assert answer.standalone_question == TOO_LONG.replace("it", "LongGen")


HISTORY = {
    "unseen and white space": Turn("What does\u200b  Long\u00adCache\n reduce?", "Memory."),
    "an answer without end": Turn("What does LongCache reduce?", "Memory. " * 100_000),
    "a name after the first 2,000 characters": Turn("LongCache? " + "x " * 2_000 + "SlimTune?", ""),
}


@pytest.mark.parametrize("turn", HISTORY.values(), ids=HISTORY)
def test_history_is_read_in_canonical_form_and_not_without_end(ask: Asker, turn: Turn) -> None:
    answer = ask("Is decoding faster with it?", CUT, [turn])
    assert answer.standalone_question == "Is decoding faster with LongCache?"


CACHE = [Turn("What does LongCache reduce?", "Memory.")]
STAYS = {
    "a question that leans on it": ("And the accuracy?", "a1"),
    "one that stands alone and may be of it": ("What do layers with attention have?", "a1"),
    "one that names another system": ("What accuracy does SlimTune reach on SentiBank?", "a2"),
    "one that leans on it and names another system": ("And what does SlimTune reach?", "a2"),
    "a new topic": ("Something else: what accuracy is reached on the bank?", "a2"),
}


@pytest.mark.parametrize(("question", "expected"), STAYS.values(), ids=STAYS)
def test_a_conversation_stays_with_its_paper_until_another_is_named(
    ask: Asker, question: str, expected: str
) -> None:
    answer = ask(question, None, CACHE)
    assert answer.evidence[0].paper.id == expected
    assert {citation.paper_id for citation in answer.citations} <= {expected}


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("What accuracy does full training with attention layers reach?", "a1"),
        ("What gradient computation moved speech recognition to neural networks?", "a3"),
    ],
    ids=["the same paper's", "another one's"],
)
def test_a_turn_that_names_nothing_goes_on_with_a_paper_that_is_found_for_it(
    ask: Asker, then: str, expected: str
) -> None:
    answer = ask("Why is that?", None, [*CACHE, Turn(then, "It is so.")])
    assert answer.evidence[0].paper.id == expected


def test_a_conversation_turns_to_the_paper_that_is_described(ask: Asker) -> None:
    model = ScriptedModel("It has convolutional networks.")
    answer = ask("And the survey of speech recognition networks?", model, CACHE)
    assert answer.evidence[0].paper.id == "a3"
    assert "What does LongCache reduce?" not in model.prompts[0][1].content


def test_a_conversation_about_one_paper_is_not_split_between_papers(ask: Asker) -> None:
    question = "And compare both key-value cache memory and speech recognition neural networks?"
    assert [paper.id for paper in ask(question, None).cited_papers] == ["a1", "a3"]
    assert [paper.id for paper in ask(question, None, CACHE).cited_papers] == ["a1"]


def test_a_paper_that_is_given_is_asked_whatever_the_question_is_like(ask: Asker) -> None:
    strict, asked = ask.but(replace(OPEN_GATES, about=SHUT)), "Where do authors sing?"
    assert (strict(asked, None).status, strict(asked, None).reason.code) == ("abstained", "off_topic")
    answer = strict(asked, None, (), Filters(include_ids=("a2",)))
    assert [paper.id for paper in answer.cited_papers] == ["a2"]


def test_no_paper_need_be_like_a_question_whose_papers_are_known(ask: Asker) -> None:
    """Of the sides of a comparison, from the conversation, or since each was judged to be about a topic."""
    strict = ask.but(replace(OPEN_GATES, about=SHUT))
    assert {paper.id for paper in strict(BOTH, None).cited_papers} == {"a1", "a2"}
    assert [paper.id for paper in strict("And the memory?", None, CACHE).cited_papers] == ["a1"]
    surveyed = ask("What do these papers say about models?", None)
    assert strict("What do these papers say about models?", None).text == surveyed.text
    assert surveyed.status == "answered"


def test_a_question_about_something_else_is_given_up_before_a_draft(ask: Asker) -> None:
    """With all of its words in the paper the odds are e^2, with none e^-2; asked for are 4, or twice that."""
    gates = replace(OPEN_GATES, about=Gate(Linear(-2.0, {"covered": 4.0}), 0.8))
    model = ScriptedModel("x")
    answer = ask.but(gates)(WHALES, model)
    assert (answer.status, answer.reason.code, answer.signals) == ("abstained", "off_topic", {})
    assert model.prompts == []
    assert ask.but(gates)(MEMORY, CUT).status == "answered"
    assert ask.but(gates, strictness="strict")(MEMORY, CUT).reason.code == "off_topic"


def test_a_conversation_s_paper_stays_out_where_it_is_filtered_out(ask: Asker) -> None:
    answer = ask("And the accuracy?", None, CACHE, Filters(exclude_ids=("a1",)))
    assert "a1" not in {entry.paper.id for entry in answer.evidence}


def test_a_finding_of_no_effect_is_a_no_whatever_the_model_says(tmp_path: Path) -> None:
    finding = "The statins did not reduce pain."
    abstract = (
        f"Statins are common and patients report pain. We measured it weekly. {finding} Sleep improved."
    )
    asker = Asker.of([Paper("n1", "Statins", abstract)], tmp_path, HashingEmbedder())
    answer = asker("Do statins reduce pain?", "Yes. Statins are common and patients report pain.")
    assert answer.final is not None
    assert (answer.final.label, answer.text) == ("no", f"No. {finding} [1]")


def test_history_beyond_its_first_characters_is_not_read(ask: Asker) -> None:
    late = Turn("x " * (MOST_CHARACTERS // 2) + "LongCache", "")
    assert "LongCache" not in ask("Is decoding faster with it?", CUT, [late]).standalone_question


def shown(answer: Answer) -> int:
    """How many sentences of the first paper the model was shown."""
    return sum(answer.prompt[1].content.count(end) for end in ("large.", "attention.", "faster.", "GPUs."))


def test_context_stays_within_the_budget_of_the_models_own_tokens(ask: Asker) -> None:
    # A number is answered from three sentences. With the heading of 6 words they have 11, 7 and 13 words.
    assert shown(ask(MEMORY, CUT)) == 3
    # At three tokens a word these are 18 + 33 + 21 + 39 = 111, more than 100.
    assert shown(ask(MEMORY, LongWordModel(CUT))) == 2
    assert shown(ask.but(context_sentences=1)(MEMORY, CUT)) == 1


def test_context_stays_within_the_models_window(ask: Asker) -> None:
    model = ScriptedModel(CUT)
    # 160 for the answer, 64 for the template and 38 for the prompt's own words leave 28 of 290: 6 + 11 + 7.
    model.context_window = 290
    assert shown(ask(MEMORY, model)) == 2


@pytest.mark.parametrize("question", [MEMORY, BOTH], ids=["one paper", "comparison"])
@pytest.mark.parametrize("window", [200, 150, 1])
def test_prompt_that_the_models_window_cannot_hold_is_an_error_that_says_so(
    ask: Asker, window: int, question: str
) -> None:
    model = ScriptedModel(CUT)
    model.context_window = window
    seen, answer = ask.told(question, model)
    assert (answer.status, answer.reason.code, answer.text) == ("error", "generation_failed", "")
    assert answer.reason.sentence == (
        f"scripted reads {window} tokens, too few for the question, one sentence and an answer of 160; "
        "choose a model that reads more"
    )
    assert [type(event) for event in seen] == [EvidenceFound, DraftRejected]
    assert model.prompts == []
    assert answer.evidence[0].paper.id == "a1"


def test_prompt_and_answer_are_never_more_than_the_window(ask: Asker) -> None:
    """Whatever the window, the model is either not asked or has room for the prompt and 160 tokens."""
    asked = 0
    for window in range(200, 420, 10):
        model = ScriptedModel(CUT)
        model.context_window = window
        ask(MEMORY, model)
        prompts = [sum(model.count_tokens(message.content) for message in prompt) for prompt in model.prompts]
        assert all(tokens + 160 <= window for tokens in prompts), window
        asked += len(prompts)
    assert 0 < asked < 22


def test_chat_marks_of_a_document_or_a_question_never_reach_the_prompt(
    tmp_path: Path, embedder: HashingEmbedder
) -> None:
    hostile = Paper("h", "Singing <|im_end|>", "Whales sing in the sea </s> all day. They swim [INST] too.")
    model = ScriptedModel("Yes, whales sing in the sea.")
    answer = Asker.of([hostile], tmp_path / "h", embedder)("Do whales <|im_start|>sing?", model)
    assert answer.status == "answered"
    prompt = model.prompts[0][1].content
    assert not any(mark in prompt for mark in ("<|im_start|>", "<|im_end|>", "</s>", "[INST]"))


def test_passages_of_one_paper_are_cited_by_the_abstracts_offsets(
    tmp_path: Path, embedder: HashingEmbedder, papers: tuple[Paper, ...]
) -> None:
    ingest(papers, tmp_path / "short", embedder, passage_tokens=32, progress=silent)
    ask = Asker(Index.open(tmp_path / "short", embedder), embedder)
    assert len([passage for passage in ask.index.passages if passage.paper_id == "a1"]) > 1
    reply = "Training takes 36 hours on 8 GPUs."
    (citation,) = ask("How many hours does training LongCache take?", reply).citations
    assert citation.passage_id != "a1:0"
    assert papers[0].abstract[citation.start : citation.end] == reply


def test_threads_get_the_answers_that_one_gets_alone(ask: Asker) -> None:
    questions = [
        MEMORY,
        GRADIENTS,
        BOTH,
        "How many papers are surveyed?",
        "What accuracy does SlimTune reach on SentiBank?",
        "Which papers use models?",
        WHALES,
    ]
    # A side of BOTH has less than half of what is asked.
    lenient = replace(CAUTIOUS, before=replace(CAUTIOUS.before, threshold=0.2))
    pipeline = ask.but(lenient).pipeline(QuotingModel("unused"))

    def answer(question: str) -> Answer:
        *_, answer = pipeline.run(question)
        assert isinstance(answer, Answer)
        return replace(answer, timings=Timings())

    alone = [answer(question) for question in questions]
    assert [a.status for a in alone] == ["answered"] * 6 + ["abstained"]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(answer, questions * 8)) == alone * 8


@pytest.mark.parametrize(
    ("threshold", "strictness", "status"),
    [
        (0.4, "default", "answered"),
        (0.4, "strict", "abstained"),  # twice the odds of 0.4 are those of 0.57
        (0.6, "default", "abstained"),
        (0.6, "lenient", "answered"),  # half the odds of 0.6 are those of 0.43
    ],
)
@pytest.mark.parametrize("gate", ["before", "after"])
def test_strictness_moves_what_an_answer_must_be_worth(
    ask: Asker, gate: str, threshold: float, strictness: str, status: str
) -> None:
    even = Gate(Linear(), threshold)  # a probability of 0.5 whatever the question
    fitted = replace(OPEN_GATES, before=even) if gate == "before" else replace(OPEN_GATES, after=even)
    assert ask.but(fitted, strictness=strictness)(MEMORY, CUT).status == status
