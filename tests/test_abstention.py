from __future__ import annotations

import pytest

from assistant.abstention import before_draft, in_draft
from assistant.records import Filters, Paper, Passage, ScoredPaper, ScoredPassage


def found(text: str, *cosines: float) -> ScoredPaper:
    paper = Paper("a", "LongCache", text)
    passage = Passage("a:0", "a", 0, len(text), text)
    return ScoredPaper(paper, 1.0, tuple(ScoredPassage(passage, 1.0, cosine, 0.0) for cosine in cosines))


# Terms shared, out of the question's; the bounds are 3/4 of them and a cosine of .35.
RETRIEVED = {
    "all terms": ("Does LongCache reduce memory?", 0.0, None),  # 3 of 3, one by the title
    "three of four terms": ("Does LongCache reduce memory of whales?", 0.0, None),
    "two of three terms": ("Does LongCache reduce whales?", 0.34, "off_topic"),
    "near by its vector": ("Where do whales sing?", 0.35, None),
    "nothing": ("Where do whales sing?", 0.34, "off_topic"),
    "no terms and far": ("Why?", 0.34, "off_topic"),
    "no terms but near": ("Why?", 0.35, None),
}


@pytest.mark.parametrize(("question", "cosine", "code"), RETRIEVED.values(), ids=RETRIEVED)
def test_abstains_where_neither_words_nor_vectors_are_near(
    question: str, cosine: float, code: str | None
) -> None:
    reason = before_draft(question, [found("It reduces memory.", -0.2, cosine)], Filters())
    assert (reason and reason.code) == code


def test_terms_may_be_spread_over_papers() -> None:
    assert before_draft("Do caches sing?", [found("Caches.", 0.0), found("Singing.", 0.0)], Filters()) is None


def test_nothing_retrieved_names_the_filters_where_there_are_any() -> None:
    for filters, says in ((Filters(), "No papers were"), (Filters(venues=("ACL",)), "pass the filters were")):
        reason = before_draft("Is it?", [], filters)
        assert reason is not None
        assert reason.code == "nothing_retrieved"
        assert says in reason.sentence


DRAFTS = {
    "The excerpts do not mention whales.": True,
    "The paper does not state it [1].": True,
    "The speed is not what these abstracts give; the context does not specify it.": True,
    "There is no information about whales.": True,
    "I don't know.": True,
    "I cannot answer this question.": True,
    "LongCache does not require training.": False,
    "SlimTune cannot be tuned.": False,
    "It reduces memory by 62% [1].": False,
    "": False,
}


@pytest.mark.parametrize(("draft", "declines"), DRAFTS.items())
def test_a_draft_that_declines_is_noticed(draft: str, declines: bool) -> None:
    reason = in_draft(draft, "text")
    assert (reason and reason.code) == ("not_in_abstracts" if declines else None)
