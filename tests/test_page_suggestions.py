from __future__ import annotations

from assistant.page.suggestions import suggested
from assistant.readers import read_corpus
from assistant.records import Paper
from assistant.resources import sample_corpus


def papers(*texts: tuple[str, str]) -> list[Paper]:
    return [Paper(f"p{n}", title, abstract) for n, (title, abstract) in enumerate(texts)]


def test_questions_are_about_what_papers_name_in_their_titles() -> None:
    found = suggested(
        papers(
            ("FastCache: Less Memory", "FastCache cuts memory by 40%."),
            ("SlowCache: More Memory", "SlowCache is a cache that grows."),
            ("QuietCache: Nothing", "QuietCache was looked at."),
            ("Absent: A Name", "The abstract never says it."),
            ("A Survey of Caches", "It has 20% more."),
        )
    )
    assert sorted(found) == ["What does FastCache achieve?", "What is SlowCache?"]


def test_a_topic_of_several_papers_is_suggested_once() -> None:
    found = suggested(
        papers(
            ("Token Merging for Images", "A."),
            ("On Token Merging", "A."),
            ("Why Token Merging Works for Large Models", "A."),
            ("Large Models and Large Data", "A."),
        )
    )
    assert found == ["Which papers are about token merging?"]


def test_at_most_four_questions_are_suggested_the_same_ones_each_time() -> None:
    many = papers(*((f"Cache{n}: Title", f"Cache{n} cuts it by {n}%.") for n in range(10)))
    found = suggested(many)
    assert len(found) == len(set(found)) == 4
    assert suggested(list(reversed(many))) == found


def test_no_papers_suggest_nothing() -> None:
    assert suggested([]) == []


def test_the_sample_corpus_suggests_questions_of_both_kinds() -> None:
    found = suggested(read_corpus(sample_corpus()).papers)
    assert len(found) == 4
    assert found[-1] == "Which papers are about token merging?"
    assert all(question.startswith("What does ") for question in found[:3])
