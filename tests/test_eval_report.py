from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import CHROMIUM

from eval.comparison import compare
from eval.confidence import reliability, risk_coverage
from eval.document import Case, Document, Heading, Paragraph, Plot, Table
from eval.records import (
    AnswerSentence,
    Corpus,
    Evidence,
    FinalAnswer,
    GoldItem,
    GoldValue,
    QuestionScore,
    SystemAnswer,
)
from eval.report import comparison_document, html, markdown, plots, run_document
from eval.statistics import Interval

EVIL = "<script>alert('x')</script> & \"q\" | *b* [a](b)"
MANIFEST = {
    "model": "small-model",
    "split": "dev",
    "commit": "0123456789abcdef",
    "dirty": True,
    "started": "2026-01-02T03:04:05+00:00",
    "limit": None,
    "settings": {"k": 5},
    "note": EVIL,
}
CORPUS = Corpus({"p1": f"LongCache {EVIL}", "p2": "SlimTune"}, {"p1": "It cuts memory by 62%.", "p2": "No."})
ITEMS = (
    GoldItem(
        "q1",
        "dev",
        "p1",
        "numeric",
        f"By how much? {EVIL}",
        True,
        "number",
        gold=GoldValue(value=62, unit="%"),
        gold_papers=(("p1",),),
        evidence=(Evidence("p1", "cuts memory by 62%"),),
    ),
    GoldItem(
        "q2", "dev", "p2", "near_miss", "In which year?", False, "number", unanswerable_reason="absent_fact"
    ),
    GoldItem(
        "q3",
        "dev",
        "p2",
        "follow_up",
        "And training?",
        True,
        "boolean",
        turn=2,
        history=(("Is it fast?", "Yes"),),
        gold=GoldValue(label="no"),
        gold_papers=(("p2",),),
    ),
)
ANSWERS = {
    "q1": SystemAnswer(
        "q1",
        "answered",
        f"By 36 %. {EVIL}",
        final=FinalAnswer("number", "36 %", 36, "%"),
        sentences=(AnswerSentence(f"By 36 %. {EVIL}", ("p1",), (("p1", "cuts memory"),)),),
        confidence=0.9,
        retrieved=(("p2", 2.0), ("p1", 1.0)),
        context_text={"p1": "It cuts memory by 62%."},
        ms={"total": 2310.0},
    ),
    "q2": SystemAnswer("q2", "abstained", reason="not_stated", confidence=0.2, ms={"total": 84.0}),
}


def score(id: str, trusted: float, failure: str | None, **metrics: float) -> QuestionScore:
    item = next(item for item in ITEMS if item.id == id)
    given = {"abstained": 0.0, "confidence": 0.5, "draft_correct": trusted, "R@1": 0.5, **metrics}
    return QuestionScore(id, item.cluster, item.type, item.answerable, trusted, failure, given)


SCORES = (
    score("q1", 0, "wrong_sentence", confidence=0.9, correct=0.0, citation_f1=1.0),
    score("q2", 1, None, abstained=1.0),
    score("q3", 0, "error", correct=0.0, confidence=0.0),
)
BETTER = (score("q1", 1, None, correct=1.0), score("q2", 0, "wrongly_answered"), SCORES[2])


def run() -> Document:
    return run_document(MANIFEST, ITEMS, ANSWERS, SCORES, CORPUS)


def against() -> Document:
    return comparison_document(
        compare(SCORES, BETTER, margin=0.1), ("base", "new"), ITEMS, (ANSWERS, ANSWERS), CORPUS
    )


class Elements(HTMLParser):
    """Every element and every address in a page, and whether all that was opened is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("document", [run(), against()], ids=["run", "against"])
def test_the_page_stands_alone(document: Document) -> None:
    page = html(document)
    elements = Elements(page)
    assert elements.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(elements.names)
    assert all(address.startswith("#") for address in elements.addresses)
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize("document", [run(), against()], ids=["run", "against"])
def test_everything_is_escaped(document: Document) -> None:
    assert "<script" not in html(document)
    assert "&lt;script&gt;" in html(document)
    assert re.search(r"(?<!\\)<script", markdown(document)) is None
    assert re.search(r"(?<!\\)\[a(?<!\\)\]", markdown(document)) is None


def test_links_lead_to_their_sections() -> None:
    page = html(run())
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets
    assert targets <= set(re.findall(r'id="([^"]+)"', page))


@pytest.mark.parametrize(
    "said",
    [
        "small-model, split dev, commit 0123456789 (dirty), on 2026-01-02",
        "Trusted-Answer Rate",
        "0.333",  # one of three
        "near-miss",
        "Right paper, wrong sentence",
        "settings.k",
    ],
)
def test_both_forms_say_it(said: str) -> None:
    assert said in html(run())
    assert said.replace("_", r"\_") in markdown(run())


def test_failures_are_shown_by_step_with_answer_evidence_and_gold() -> None:
    error, wrong = (block for block in run().blocks if isinstance(block, Case))
    assert (error.title, error.before) == ("q3", "Is it fast? Yes.")
    assert error.columns[0] == ("Answer", (("missing", "The run has no answer to this question."),))
    assert wrong.about == "Numeric. Right paper, wrong sentence; confidence 0.90, 2.3 s"
    answer, evidence, gold = (dict(entries) for _, entries in wrong.columns)
    assert answer == {"final": "36 %", "": f"By 36 %. {EVIL} [p1]"}
    assert evidence == {"p1 (gold)": f"LongCache {EVIL}", "": "“cuts memory”"}
    assert gold == {
        "answer": "62 %",
        f"p1 LongCache {EVIL}": "“cuts memory by 62%”",
        "retrieved": "p1 rank 2",
    }


def test_flips_are_shown_side_by_side() -> None:
    lost, gained = (block for block in against().blocks if isinstance(block, Case))
    assert (lost.title, [name for name, _ in lost.columns]) == (
        "q2",
        ["base: trusted", "new: unanswerable, yet answered", "Gold"],
    )
    assert gained.title == "q1"


def test_a_run_with_nothing_but_an_error_can_be_reported() -> None:
    document = run_document({}, ITEMS[2:], {}, SCORES[2:], CORPUS)
    assert "Error or no answer" in html(document)
    assert "Error or no answer" in markdown(document)


def test_tables_and_figures_are_numbered_in_both_forms() -> None:
    for form in (html(run()), markdown(run())):
        for kind in ("Table", "Figure"):
            numbers = [int(number) for number in re.findall(rf"{kind} (\d+)\.", form)]
            assert numbers == list(range(1, len(numbers) + 1))
            assert len(numbers) >= 4


def test_markdown_tables_have_a_cell_for_each_column() -> None:
    tables = [part for part in markdown(run()).split("\n\n") if part.startswith("|")]
    assert len(tables) >= 8
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_empty_tables_are_only_named() -> None:
    document = Document("T", "s", (Heading("H"), Paragraph("p"), Table("Lost: 0", ("a",), ())))
    assert "<table" not in html(document)
    assert "Lost: 0" in html(document)
    assert markdown(document) == "# T\n\ns\n\n## H\n\np\n\nLost: 0\n"


SURE, RIGHT = [0.9, 0.9, 0.5, 0.1], [True, False, True, False]


@pytest.mark.parametrize(
    "drawing",
    [
        plots.risk_coverage(risk_coverage(SURE, RIGHT), 0.1),
        plots.risk_coverage(risk_coverage(SURE, [True] * 4), 0.1),
        plots.risk_coverage(risk_coverage(SURE, [False] * 4), 0.1),
        plots.reliability(reliability(SURE, RIGHT)),
        plots.latency([100.0, 2000.0], [0.0], {"p50": 100.0, "p95": 2000.0}),
        plots.latency([], [50.0], {"p50": 50.0}),
        plots.waterfall(10, {"Wrong <answer>": 2.5, "None": 0}, "Trusted"),
        plots.waterfall(0, {}, "Trusted"),
        plots.differences([("TAR", 0.1, Interval(-0.1, 0.3)), ("F1", 0.0, None)]),
        plots.differences([]),
        plots.estimate(0.5, None),
    ],
)
def test_drawings_are_well_formed_and_stay_on_the_page(drawing: str) -> None:
    root = ElementTree.fromstring(drawing)
    width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        for points in element.attrib.get("points", "").split():
            x, y = map(float, points.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    assert root.attrib["aria-label"]


def test_the_waterfall_draws_losses_that_continue_one_another() -> None:
    root = ElementTree.fromstring(plots.waterfall(10, {"Wrong": 4, "Miscited": 1}, "Trusted"))
    bars = [rect.attrib for rect in root.iter("rect")]
    assert [bar["class"] for bar in bars] == ["muted", "loss", "loss", "main"]
    left, width = ([float(bar[name]) for bar in bars] for name in ("x", "width"))
    assert width == pytest.approx([width[0], width[0] * 0.4, width[0] * 0.1, width[0] * 0.5], abs=0.1)
    assert left[1] == pytest.approx(left[2] + width[2], abs=0.2)
    assert left[2] == pytest.approx(left[3] + width[3], abs=0.2)


def test_a_plot_without_data_is_left_out_of_markdown() -> None:
    drawn = Plot("Δ.", plots.differences([("TAR", 0.1, None)]))
    assert markdown(Document("T", "s", (drawn,))) == "# T\n\ns\n"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("width", [400, 1100])
def test_no_page_is_wider_than_the_window(tmp_path: Path, width: int) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        for document in (run(), against()):
            path = tmp_path / "page.html"
            path.write_text(html(document), encoding="utf-8")
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width
        browser.close()
