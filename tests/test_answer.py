from __future__ import annotations

import json
from dataclasses import replace

import pytest

from assistant.answer import Answer, reference
from assistant.records import (
    Citation,
    Evidence,
    Final,
    Marks,
    Message,
    Paper,
    Passage,
    Reason,
    ScoredPassage,
    Sentence,
    Timings,
    Usage,
)

FIRST = Paper(
    "a-1",
    "{Long}Cache: 62% & more",
    "It cuts memory.",
    authors=("Ada Lovelace", "Charles Babbage"),
    year=2023,
    venue="ICML",
    doi="10.1/x",
    extra={"topic": "caches"},
)
SECOND = Paper("b", "SlimTune", "It needs no gradients.")
UNUSED = Paper("c", "Speech", "It was heard.")


def evidence(paper: Paper) -> Evidence:
    passage = Passage(f"{paper.id}:0", paper.id, 0, len(paper.abstract), paper.abstract)
    return Evidence(paper, 1.5, (ScoredPassage(passage, 1.5, 0.5, 3.0),), "context")


@pytest.fixture
def answer() -> Answer:
    return Answer(
        question="What do they do?",
        standalone_question="What do LongCache and SlimTune do?",
        status="partial",
        reason=Reason("partly_supported", "Not every sentence is fully supported."),
        text="No gradients are needed. [1] Memory is cut. [2] So it is.",
        final=Final("text", "No gradients are needed."),
        sentences=(
            Sentence("No gradients are needed.", (1,), ("It needs no gradients.",), "supported", 1.0),
            Sentence("Memory is cut.", (2,), ("It cuts memory.",), "supported", 0.75),
            Sentence("So it is.", (), (), "unsupported", 0.0),
        ),
        citations=(
            Citation(1, "b", "b:0", 0, 22, "It needs no gradients."),
            Citation(2, "a-1", "a-1:0", 0, 15, "It cuts memory."),
        ),
        evidence=(evidence(FIRST), evidence(SECOND), evidence(UNUSED)),
        draft="No gradients are needed. Memory is cut. So it is.",
        marks=Marks(kept=1, dropped=0, unknown=2, added=1),
        confidence=0.583,
        warnings=(),
        timings=Timings(total_ms=12.5),
        usage=Usage(100, 12, truncated=False),
        model="scripted",
        index="0123",
        prompt=(Message("system", "Be brief."), Message("user", "What?")),
    )


def test_cited_papers_come_in_order_of_first_use_and_once(answer: Answer) -> None:
    again = Citation(3, "b", "b:0", 3, 8, "needs")
    answer = replace(answer, citations=(*answer.citations, again))
    assert answer.cited_papers == (SECOND, FIRST)


def test_dictionary_goes_through_json_whole(answer: Answer) -> None:
    plain = answer.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert "prompt" not in plain
    assert plain["final"]["text"] == "No gradients are needed."
    assert plain["sentences"][1] == {
        "text": "Memory is cut.",
        "citations": [2],
        "quotes": ["It cuts memory."],
        "verdict": "supported",
        "support": 0.75,
    }
    assert plain["marks"] == {"kept": 1, "dropped": 0, "unknown": 2, "added": 1}
    assert plain["evidence"][0]["paper"]["extra"] == {"topic": "caches"}
    assert plain["evidence"][0]["passages"][0]["passage"]["end"] == 15


def test_markdown_has_question_answer_status_and_references(answer: Answer) -> None:
    assert answer.to_markdown().splitlines() == [
        "**What do they do?**",
        "",
        "No gradients are needed. [1] Memory is cut. [2] So it is.",
        "",
        "*partial: Not every sentence is fully supported.*",
        "",
        "1. SlimTune (b): “It needs no gradients.”",
        r"2. Ada Lovelace and Charles Babbage (2023). \{Long\}Cache: 62% \& more (a-1): “It cuts memory.”",
    ]


HOSTILE = {
    "html": ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
    "link": ("[click](http://e.x)", r"\[click\](http://e.x)"),
    "link in the shape of a mark": ("[1](http://e.x)", r"\[1\](http://e.x)"),
    "image": ("![x](http://e.x)", r"\!\[x\](http://e.x)"),
    "emphasis and code": ("*a* _b_ `c` ~d~", r"\*a\* \_b\_ \`c\` \~d\~"),
    "heading, table and formula": ("# a | $b$", r"\# a \| \$b\$"),
    "entity and backslash": (r"&lt; \[", r"\&lt; \\\["),
}


@pytest.mark.parametrize(("text", "escaped"), HOSTILE.values(), ids=HOSTILE)
def test_markdown_of_hostile_text_is_harmless(answer: Answer, text: str, escaped: str) -> None:
    hostile = replace(
        answer,
        question=text,
        text=f"{text} [1]",
        sentences=(Sentence(text, (1,), (text,), "supported", 1.0),),
        citations=(Citation(1, "b", "b:0", 0, len(text), text),),
        evidence=(evidence(replace(SECOND, title=text)),),
    )
    lines = hostile.to_markdown().splitlines()
    assert lines[0] == f"**{escaped}**"
    assert lines[2] == f"{escaped} [1]"
    assert lines[-1] == f"1. {escaped} (b): “{escaped}”"


def test_sentence_with_several_citations_has_all_its_marks(answer: Answer) -> None:
    both = Sentence("Both.", (1, 2), ("It needs no gradients.", "It cuts memory."), "supported", 1.0)
    answer = replace(answer, sentences=(both,))
    assert answer.to_markdown().splitlines()[2] == "Both. [1] [2]"
    assert "supported    1.00 [1, 2] Both.\n" in answer.explain()


def test_error_is_the_question_and_what_went_wrong(answer: Answer) -> None:
    failed = replace(
        answer,
        status="error",
        reason=Reason("generation_failed", "the server has gone"),
        text="",
        final=None,
        sentences=(),
        citations=(),
    )
    assert failed.to_markdown().split() == "**What do they do?** *error: the server has gone*".split()
    assert (failed.cited_papers, failed.bibtex()) == ((), "")
    assert "=== draft ===\nNo gradients are needed." in failed.explain()


def test_bibtex_has_only_the_cited_papers_and_escapes_them(answer: Answer) -> None:
    assert answer.bibtex() == (
        "@article{b,\n  title = {SlimTune},\n}\n"
        "\n"
        "@article{a1,\n"
        "  title = {LongCache: 62\\% \\& more},\n"
        "  author = {Ada Lovelace and Charles Babbage},\n"
        "  year = {2023},\n"
        "  journal = {ICML},\n"
        "  doi = {10.1/x},\n"
        "}\n"
    )


def test_bibtex_of_nothing_cited_is_empty(answer: Answer) -> None:
    assert replace(answer, citations=()).bibtex() == ""


def test_explanation_shows_prompt_draft_and_verdicts(answer: Answer) -> None:
    explained = answer.explain()
    for part in (
        "=== standalone question ===\nWhat do LongCache and SlimTune do?\n",
        "context      1.50  c  Speech\n",
        "--- system ---\nBe brief.\n\n--- user ---\nWhat?\n",
        "=== draft ===\nNo gradients are needed. Memory is cut. So it is.\n",
        "supported    0.75 [2] Memory is cut.\nunsupported  0.00 [] So it is.\n",
    ):
        assert part in explained


def test_explanation_without_a_model_says_so(answer: Answer) -> None:
    explained = replace(answer, prompt=(), draft="", sentences=()).explain()
    assert (
        "=== prompt ===\n(no model was asked)\n\n=== draft ===\n(none)\n\n=== sentences ===\n(none)\n"
        in explained
    )


REFERENCES = {
    "two authors": (FIRST, "Ada Lovelace and Charles Babbage (2023). {Long}Cache: 62% & more (a-1)"),
    "many authors": (replace(FIRST, authors=("A", "B", "C"), title="T"), "A et al. (2023). T (a-1)"),
    "one author, no year": (replace(SECOND, authors=("A",)), "A. SlimTune (b)"),
    "no authors": (SECOND, "SlimTune (b)"),
    "no title": (Paper("x", "", "Text."), "Untitled (x)"),
}


@pytest.mark.parametrize(("paper", "line"), REFERENCES.values(), ids=REFERENCES)
def test_reference_is_one_line(paper: Paper, line: str) -> None:
    assert reference(paper) == line
