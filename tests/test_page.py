from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.api import Assistant
from assistant.embedding import Embedder
from assistant.errors import GenerationError, MissingExtraError, SettingsError
from assistant.events import DraftGrew, DraftRejected, EvidenceFound, SentenceVerified
from assistant.generation.base import Delta
from assistant.page.cards import evidence_html, marked_abstract
from assistant.page.desk import Desk, asked
from assistant.page.exchange import Exchange, turns
from assistant.page.links import paper_link
from assistant.page.page import build_page, launch
from assistant.page.rendering import conversation_html, header_html, legend_html
from assistant.records import Citation, Message, Paper, Reason, ScoredPaper, Sentence
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel

HOSTILE = '<img src=x onerror="alert(1)"> **bold** ${1+1} {{value}}'
SAFE = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; **bold** ${1+1} {{value}}"
MEMORY = "By how much does LongCache reduce cache memory?"
REPLY = "LongCache reduces cache memory by 62%."


class FailingModel(ScriptedModel):
    """Says its reply, then fails."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        yield from list(super().stream(messages, max_tokens=max_tokens))[:-1]
        raise GenerationError("the server has gone")


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(REPLY)


@pytest.fixture
def assistant(index_folder: Path, embedder: Embedder, model: ScriptedModel) -> Assistant:
    settings = Settings(data_dir=index_folder.parent / "data")
    return Assistant.open(index_folder, model=model, embedder=embedder, settings=settings)


@pytest.fixture
def desk(assistant: Assistant) -> Iterator[Desk]:
    desk = Desk.over(assistant)
    yield desk
    desk.close()


def cited(text: str, n: int, start: int, end: int) -> Citation:
    return Citation(n, "a1", "a1:0", start, end, text[start:end])


@pytest.mark.parametrize(
    ("spans", "html"),
    [
        ((), "a &lt; b. c"),
        (((1, 0, 6),), '<mark id="c1" tabindex="-1">a &lt; b.</mark> c'),
        (
            ((2, 0, 6), (1, 7, 8)),
            '<mark id="c2" tabindex="-1">a &lt; b.</mark> <mark id="c1" tabindex="-1">c</mark>',
        ),
        (
            ((1, 0, 6), (2, 2, 8)),
            '<mark id="c1" tabindex="-1">a &lt; b.</mark><mark id="c2" tabindex="-1"> c</mark>',
        ),
    ],
    ids=["no citation", "one", "two, numbered the other way round", "overlapping"],
)
def test_cited_spans_are_marked_inside_the_escaped_abstract(
    spans: tuple[tuple[int, int, int], ...], html: str
) -> None:
    text = "a < b. c"
    assert html == marked_abstract(text, [cited(text, *span) for span in spans], "c")


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ({}, None),
        ({"url": "https://example.org/1"}, "https://example.org/1"),
        ({"url": "javascript:alert(1)"}, None),
        ({"url": "data:text/html,x", "doi": "10.1/a b"}, "https://doi.org/10.1/a%20b"),
        ({"doi": "https://doi.org/10.1/x"}, "https://doi.org/10.1/x"),
        ({"arxiv_id": "2301.00001"}, "https://arxiv.org/abs/2301.00001"),
    ],
)
def test_a_paper_is_linked_only_over_http(fields: dict[str, str], link: str | None) -> None:
    assert link == paper_link(Paper("p", "T", "A.", **fields))  # type: ignore[arg-type]


def test_nothing_anyone_wrote_becomes_html() -> None:
    paper = Paper(
        HOSTILE, HOSTILE, HOSTILE, authors=(HOSTILE,), venue=HOSTILE, url=f"https://e.org/{HOSTILE}"
    )
    exchange = Exchange(
        1,
        HOSTILE,
        HOSTILE + "?",
        (ScoredPaper(paper, 1.0, ()),),
        (Sentence(HOSTILE, (1,), (HOSTILE,), "supported", 1.0),),
        unverified=HOSTILE,
        fault=HOSTILE,
    )
    used = replace(exchange, citations=(Citation(1, HOSTILE, "x", 0, len(HOSTILE), HOSTILE),))
    for html in (
        conversation_html((exchange, replace(exchange, sentences=(), fault="")), live=True),
        evidence_html((exchange, used)),
        header_html(3, HOSTILE),
    ):
        assert "<img" not in html
        assert SAFE in html


def test_an_exchange_grows_from_papers_to_draft_to_verified_sentences(papers: tuple[Paper, ...]) -> None:
    exchange = Exchange(1, "Q?")
    assert "Searching" in conversation_html((exchange,), live=True)

    exchange = exchange.after(EvidenceFound("Q?", tuple(ScoredPaper(paper, 1.0, ()) for paper in papers)))
    assert "Reading 3 abstracts" in conversation_html((exchange,), live=True)
    assert evidence_html((exchange,)).count('<p class="role">retrieved</p>') == 3

    exchange = exchange.after(DraftGrew("It ", "It "))
    exchange = exchange.after(DraftGrew("is 62% [1]. And the", "It is 62% [1]. And the"))
    html = conversation_html((exchange,), live=True)
    assert '<span class="draft">It is 62% [1]. And the</span>' in html
    assert "Writing" in html

    quote = papers[0].abstract[:9]
    sentence = Sentence("It is 62%.", (1,), (quote,), "supported", 1.0)
    verified = SentenceVerified(sentence, (Citation(1, "a1", "a1:0", 0, 9, quote),))
    exchange = exchange.after(DraftGrew(" rest", "And the rest")).after(verified)
    html = conversation_html((exchange,), live=True)
    assert 'href="#x1-c1"' in html
    assert '<span class="draft">And the rest</span>' in html
    assert '<mark id="x1-c1" tabindex="-1">Long cont</mark>' in evidence_html((exchange,))

    exchange = exchange.after(DraftRejected(Reason("extracts", "The best matching sentences, quoted.")))
    html = conversation_html((exchange,), live=True)
    assert (exchange.sentences, exchange.citations, exchange.unverified) == ((), (), "")
    assert "draft" not in html
    assert "It is 62%" not in html
    assert "<mark" not in evidence_html((exchange,))


@pytest.mark.parametrize("unverified", ["", "And the"], ids=["between sentences", "within one"])
def test_while_sentences_come_it_is_said_that_the_model_writes(unverified: str) -> None:
    said = Sentence("S.", (1,), ("S.",), "supported", 1.0)
    exchange = Exchange(
        1,
        "Q?",
        papers=(ScoredPaper(Paper("a1", "T", "S."), 1.0, ()),),
        sentences=(said,),
        unverified=unverified,
    )
    assert "Writing" in conversation_html((exchange,), live=True)


def answering(assistant: Assistant, model: ScriptedModel, question: str = MEMORY) -> list[Exchange]:
    """The exchange at each step of the answer that `model` gives."""
    assistant = Assistant(assistant.index, HashingEmbedder(), model, Settings())
    return [conversation[-1] for conversation in asked(assistant, question, ())]


def test_the_grey_text_is_what_of_the_draft_is_in_no_sentence_yet(assistant: Assistant) -> None:
    model = ScriptedModel(f"{REPLY} Decoding is now 1.4x faster. Training takes 36 hours on GPUs.")
    grown = answering(assistant, model, "What does LongCache do?")
    first = {len(exchange.sentences): exchange.unverified for exchange in reversed(grown[:-1])}
    assert (first[1], first[2]) == ("Decoding ", "Training ")
    # Then the last sentence of the draft, the one that fits best and is not of it, and the whole.
    assert grown[-4].unverified == "Training takes 36 hours on GPUs. "
    assert [len(exchange.sentences) for exchange in grown[-4:]] == [2, 3, 4, 4]


@pytest.mark.parametrize("reply", [REPLY, "Whales sing.", "The excerpts do not mention it."])
def test_nothing_unverified_is_left_when_the_answer_is_there(assistant: Assistant, reply: str) -> None:
    last = answering(assistant, ScriptedModel(reply))[-1]
    assert last.answer is not None
    assert (last.sentences, last.citations) == (last.answer.sentences, last.answer.citations)
    assert last.unverified == ""
    assert "draft" not in conversation_html((last,))


def test_a_failing_model_shows_why_and_none_of_its_sentences(assistant: Assistant) -> None:
    grown = answering(assistant, FailingModel(f"{REPLY} Training takes 36 hours."))
    assert any(exchange.sentences for exchange in grown)
    html = conversation_html((grown[-1],))
    assert '<p class="fault">the server has gone</p>' in html
    assert REPLY not in html
    assert "draft" not in html
    assert evidence_html((grown[-1],)).count("retrieved, not used") == 3


def test_the_header_says_what_answers() -> None:
    assert "Answers about 1,234 papers, by qwen.</p>" in header_html(1234, "qwen")
    assert "Answers about 1 paper, without a model, in extracts.</p>" in header_html(1, "none")


@pytest.mark.parametrize(
    ("sentence", "shape"),
    [
        (Sentence("S.", (1,), ("S.",), "supported", 1.0), "✔"),
        (Sentence("S.", (1,), ("S.",), "partial", 0.5), "◐"),
        (Sentence("S.", (), (), "unsupported", 0.0), "✖"),
        (Sentence("Hello.", (), (), "supported", 1.0), None),
    ],
    ids=["supported", "partial", "unsupported", "nothing to judge"],
)
def test_a_verdict_has_a_shape_and_a_name(sentence: Sentence, shape: str | None) -> None:
    html = conversation_html((Exchange(1, "Q?", sentences=(sentence,)),))
    found = [shape for shape in "✔◐✖" if shape in html]
    assert found == ([shape] if shape else [])
    assert ('role="img" aria-label=' in html) == bool(shape)
    assert all(shape in legend_html() for shape in "✔◐✖")


def test_an_answer_says_how_it_ended_and_which_papers_it_used(assistant: Assistant) -> None:
    *_, conversation = asked(assistant, MEMORY, ())
    html, evidence = conversation_html(conversation), evidence_html(conversation)
    assert "Every sentence is supported by its citation." in html
    assert '<p class="role">used <a class="cite" href="#x1-s0"' in evidence
    assert "LongCache reduces cache memory by 62%, and decoding is 1.4x faster.</mark>" in evidence
    assert "Ada Lovelace, Charles Babbage · 2023 · ICML" in evidence
    assert "retrieved, not used" in evidence


def abstained(assistant: Assistant) -> Exchange:
    """A question whose answer the model does not find."""
    model = ScriptedModel("The excerpts do not mention it.")
    return answering(assistant, model, "Who won the 1998 football world cup?")[-1]


def test_an_abstention_is_labelled_and_names_the_nearest_papers_without_a_verdict(
    assistant: Assistant, papers: tuple[Paper, ...]
) -> None:
    html = conversation_html((abstained(assistant),))
    said = "These abstracts do not seem to be about that."
    one, other, third = (paper.title for paper in (papers[0], papers[2], papers[1]))
    assert (
        '<p class="abstained">Not in these abstracts</p>'
        f'<p class="answer" dir="auto">{said}</p><div class="nearest"><p>The nearest papers are:</p>'
        f'<ul><li dir="auto">{one}</li><li dir="auto">{other}</li><li dir="auto">{third}</li></ul></div>'
        '<div class="actions">'
    ) in html
    done = re.findall(r'data-act="(\w+)"[^>]*>([^<]+)</button>', html.partition('<div class="actions">')[2])
    assert done == [
        ("revise", "Edit question"),
        ("retry", "Try again"),
        ("approve", "Right"),
        ("correct", "Not right"),
        ("cancel", "Cancel"),
    ]


def test_an_abstention_names_one_paper_or_none_or_one_without_a_title_as_text(assistant: Assistant) -> None:
    exchange = abstained(assistant)
    assert exchange.answer is not None
    first = exchange.answer.evidence[0]
    untitled = replace(first, paper=Paper(HOSTILE, "", "It is."))
    one = replace(exchange, answer=replace(exchange.answer, evidence=(untitled,)))
    listed = f'<p>The nearest paper is:</p><ul><li dir="auto">{SAFE}</li></ul>'
    assert listed in conversation_html((one,))
    reason = Reason("nothing_retrieved", f"No papers were found for {HOSTILE}.")
    none = replace(exchange, answer=replace(exchange.answer, evidence=(), reason=reason))
    html = conversation_html((none,))
    assert f'<p class="answer" dir="auto">No papers were found for {SAFE}.</p><div class="actions">' in html


def test_a_question_whose_spelling_was_mended_shows_how_it_was_read() -> None:
    exchange = Exchange(1, "What is LongCahce?").after(EvidenceFound("What is LongCache?", ()))
    assert "Read as: What is LongCache?" in conversation_html((exchange,), live=True)
    same = Exchange(1, "What is LongCache?").after(EvidenceFound("What is LongCache?", ()))
    assert "Read as" not in conversation_html((same,), live=True)


def test_a_sentence_that_is_removed_is_not_shown_and_its_removal_is_told(assistant: Assistant) -> None:
    grown = answering(assistant, ScriptedModel(f"{REPLY} Whales sing at sea."), "What does LongCache reduce?")
    assert any("Whales" in conversation_html((exchange,)) for exchange in grown[:-1])
    html = conversation_html((grown[-1],))
    assert "Whales" not in html
    assert "<li>1 of the model&#x27;s sentences had no support and were removed</li>" in html


def test_a_follow_up_shows_how_it_was_read_and_gets_the_history(assistant: Assistant) -> None:
    *_, conversation = asked(assistant, MEMORY, ())
    *_, conversation = asked(assistant, "And how fast is its decoding?", conversation)
    assert [turn.question for turn in turns(conversation)] == [MEMORY, "And how fast is its decoding?"]
    assert "Read as: And how fast is LongCache&#x27;s decoding?" in conversation_html(conversation)
    assert f"Earlier: {MEMORY}" in evidence_html(conversation)


def test_a_question_that_cannot_be_asked_says_why(assistant: Assistant) -> None:
    *_, conversation = asked(assistant, "why " * 3000, ())
    assert '<p class="fault">the question has 11999 characters, the most is 2000' in conversation_html(
        conversation
    )
    assert turns(conversation) == []


def test_a_blank_question_is_not_asked(assistant: Assistant, model: ScriptedModel) -> None:
    assert list(asked(assistant, " \n", ())) == []
    assert model.prompts == []


def test_closing_the_conversation_stops_the_model(assistant: Assistant, model: ScriptedModel) -> None:
    growing = asked(assistant, MEMORY, ())
    conversation = next(growing)
    while not conversation[-1].unverified:
        conversation = next(growing)
    growing.close()  # type: ignore[attr-defined]
    assert model.closed_early == 1
    assert "Stopped." in conversation_html(conversation)


def test_the_page_reports_nothing_and_offers_its_endpoints_alone(desk: Desk) -> None:
    page = build_page(desk)
    assert page.analytics_enabled is False
    assert sorted(page.get_api_info()["named_endpoints"]) == ["/ask", "/batch", "/search"]
    assert page.get_api_info()["unnamed_endpoints"] == {}


def test_an_mcp_server_without_what_it_needs_is_one_clear_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_MCP_SERVER", "True")
    monkeypatch.setattr("assistant.page.page.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"GRADIO_MCP_SERVER=True needs the extra 'mcp'"):
        launch(build_page(desk), 0)


def test_a_taken_port_is_one_clear_error(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} of 127.0.0.1.*in use.*GRADIO_SERVER_PORT"):
            launch(build_page(desk), port)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"GRADIO_SERVER_PORT": "http"}, "environment variable GRADIO_SERVER_PORT: 'http' is not a port"),
        ({"ASSISTANT_MODEL": "nothing-like-it"}, "nothing-like-it"),
        ({"ASSISTANT_MODEL": "none"}, "assistant models pull"),
    ],
    ids=["port", "model", "embedder"],
)
def test_app_ends_with_one_line_when_it_cannot_start(
    environment: dict[str, str], message: str, repository: Path, tmp_path: Path
) -> None:
    run = subprocess.run(
        [sys.executable, repository / "app.py"],
        env={
            **os.environ,
            "ASSISTANT_CACHE_DIR": str(tmp_path),
            "ASSISTANT_DATA_DIR": str(tmp_path),
            "PYTHONPATH": str(repository),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_nothing_is_left_running_by_a_page_that_was_only_built(desk: Desk) -> None:
    before = threading.active_count()
    build_page(desk)
    assert threading.active_count() == before
