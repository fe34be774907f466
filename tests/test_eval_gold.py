from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eval.faults import papers_of
from eval.gold import GoldError, leave_gold_out, load, question_overlap, read_corpus
from eval.records import Corpus, Evidence, GoldItem, GoldValue

CORPUS = Corpus(
    {"p1": "LongCache", "p2": "SlimTune", "p3": "Speech"},
    {
        "p1": "LongCache reduces cache memory by 62%. Training takes 36 hours.",
        "p2": "SlimTune needs no gradients.",
        "p3": "We survey 140 papers.",
    },
)
ITEM: dict[str, Any] = {
    "id": "q1",
    "split": "dev",
    "cluster": "p1",
    "type": "numeric",
    "question": "How much smaller is the cache?",
    "answerable": True,
    "answer_type": "number",
    "gold": {"value": 62, "unit": "%", "wrong_values": [36]},
    "gold_papers": [["p1"]],
    "evidence": [{"paper_id": "p1", "quote": "LongCache reduces cache memory by 62%."}],
}
NEAR_MISS = {
    "id": "u1",
    "split": "dev",
    "cluster": "p1",
    "type": "near_miss",
    "question": "On how many TPUs?",
    "answerable": False,
    "answer_type": "number",
    "unanswerable_reason": "absent_fact",
}
BOTH = {
    "id": "m1",
    "cluster": "m1",
    "type": "comparison",
    "answer_type": "free",
    "gold": None,
    "gold_papers": [["p1"], ["p2"]],
    "evidence": [ITEM["evidence"][0], {"paper_id": "p2", "quote": "SlimTune needs no gradients."}],
    "nuggets": [{"id": "n1", "importance": "vital", "paper_id": "p1", "all_of": [["cache"]]}],
}
VITAL = [{"id": "n1", "importance": "vital", "paper_id": "p1", "all_of": [["cache"]]}]


def written(folder: Path, *items: dict[str, Any]) -> Path:
    path = folder / "gold.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return path


def test_a_question_is_read_with_its_defaults(tmp_path: Path) -> None:
    (item,) = load(written(tmp_path, ITEM), CORPUS)
    assert item.gold == GoldValue(value=62, unit="%", wrong_values=(36,))
    assert item.evidence == (Evidence("p1", "LongCache reduces cache memory by 62%."),)
    assert item.turn == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"evidence": [{"paper_id": "p1", "quote": "reduces the memory by 62%"}]}, "not word for word"),
        (
            {"evidence": [{"paper_id": "p2", "quote": "SlimTune needs no gradients."}]},
            "among the gold papers",
        ),
        ({"evidence": [{"paper_id": "p1", "quote": "Training takes 36 hours."}]}, "can't be read from"),
        ({"gold": {"value": 62, "unit": "points"}}, "can't be read from"),
        (
            {"gold": {"value": 62, "unit": "%", "wrong_values": [36, 62]}},
            "a wrong value is the gold value 62",
        ),
        ({"gold": {}}, "a number needs"),
        ({"gold_papers": [["p9"]]}, "paper 'p9' is not among the 3 papers"),
        ({"gold_papers": [["p1"], []]}, "a group of `gold_papers` is empty"),
        ({"gold_papers": [], "evidence": []}, "needs the papers that answer it"),
        ({"acceptable_papers": ["p8"]}, "paper 'p8'"),
        ({"colour": "red"}, "colour is no known field"),
        ({"turn": "two"}, "turn is 'two', not a whole number"),
        ({"turn": 2}, "turn 2 has a history of 0 turns"),
        ({"turn": 2, "history": [["a?", "b"]]}, "needs `standalone`"),
        ({"question": " "}, "may not be empty"),
        ({"variant_of": "q0"}, "variant of 'q0', which is not there"),
        ({"answer_type": "boolean"}, "needs `gold.label`"),
        ({"answer_type": "short"}, "needs `gold.aliases`"),
        ({"answer_type": "free"}, "needs a vital nugget"),
        ({"answer_type": "list", "gold": {"ids": ["p2"]}}, "not among the gold papers: p2"),
        (
            {"answer_type": "free", "nuggets": [{**VITAL[0], "all_of": [[" "]]}]},
            "nugget n1 has an empty group",
        ),
        ({"forbidden": ["("]}, "no regular expression"),
        ({"forbidden": ["memory by"]}, "a forbidden pattern is in the evidence"),
        ({"canary": "smaller"}, "the canary 'smaller' is in the question"),
        ({"unanswerable_reason": "absent_fact"}, "has neither `unanswerable_reason`"),
        ({"answerable": False}, "has neither `gold` nor"),
        (
            {**NEAR_MISS, "gold": None, "gold_papers": [], "unanswerable_reason": None},
            "needs `unanswerable_reason`",
        ),
        (
            {**NEAR_MISS, "gold": None, "gold_papers": [], "unanswerable_reason": "false_premise"},
            "needs `correction`",
        ),
    ],
)
def test_a_fault_is_one_line_with_file_and_line(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    path = written(tmp_path, NEAR_MISS | {"id": "ok"}, {**ITEM, **change})
    with pytest.raises(GoldError) as caught:
        load(path, CORPUS)
    message = str(caught.value)
    assert message.startswith(f"{path} line 2")
    assert fault in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ([ITEM, ITEM], "id 'q1' is also at"),
        ([ITEM, {**NEAR_MISS, "split": "test"}], "p1 is in split 'test', but in 'dev'"),
        ([ITEM, {**ITEM, "id": "q2", "split": "test"}], "p1 is in split 'test', but in 'dev'"),
        ([ITEM, {**ITEM, "id": "q2", "cluster": "p2", "variant_of": "q1"}], "split or cluster differ"),
        (
            [{**ITEM, **BOTH}, {**ITEM, **BOTH, "id": "m2", "cluster": "m2", "split": "test"}],
            "the sentence of p1 'LongCache reduces cache memory by 62%.' is in split 'test'",
        ),
    ],
)
def test_questions_must_fit_together(tmp_path: Path, items: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(GoldError) as caught:
        load(written(tmp_path, *items), CORPUS)
    assert fault in str(caught.value)


def test_questions_over_several_papers_are_split_by_question(tmp_path: Path) -> None:
    other = {
        "evidence": [{"paper_id": "p1", "quote": "Training takes 36 hours."}],
        "gold_papers": [["p1"], ["p3"]],
    }
    both = {**ITEM, **BOTH}
    assert len(load(written(tmp_path, both, {**both, **other, "id": "m2", "split": "test"}), CORPUS)) == 2


def test_variants_may_be_in_another_file(tmp_path: Path) -> None:
    base = written(tmp_path, ITEM)
    variant = tmp_path / "variants.jsonl"
    variant.write_text(json.dumps({**ITEM, "id": "q2", "variant_of": "q1"}), encoding="utf-8")
    assert [item.id for item in load([variant, base], CORPUS)] == ["q2", "q1"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"{", "line 1 is no JSON"), (b"[1]", "the line is [1], not an object"), (b"\xff", "is not UTF-8")],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(content)
    with pytest.raises(GoldError) as caught:
        load(path, CORPUS)
    assert str(path) in str(caught.value)
    assert fault in str(caught.value)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GoldError, match="can't be read: No such file"):
        load(tmp_path / "none.jsonl", CORPUS)


CSV = """\
question,paper,answer,type,evidence,split
How much smaller is the cache?,p1,62 %,,LongCache reduces cache memory by 62%.,
Does SlimTune need gradients?,p2,No,,,
What is surveyed?,p3,papers; 140 papers,,,test
Which are about models?,p1;p2,p1;p2,list,,
What does LongCache do?,p1,reduces|shrinks; cache,free,,
On how many TPUs?,,,,,
"""


def test_the_csv_form(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(CSV, encoding="utf-8")
    number, boolean, short, several, free, none = load(path, CORPUS)
    assert (number.id, number.answer_type, number.type, number.split) == (
        "mine-001",
        "number",
        "numeric",
        "dev",
    )
    assert number.cluster == "p1"
    assert boolean.gold == GoldValue(label="no")
    assert short.gold == GoldValue(aliases=("papers", "140 papers"))
    assert short.split == "test"
    assert several.gold_papers == (("p1",), ("p2",))
    assert several.gold == GoldValue(ids=("p1", "p2"))
    assert [nugget.all_of for nugget in free.nuggets] == [(("reduces", "shrinks"),), (("cache",),)]
    assert (none.answerable, none.type, none.unanswerable_reason) == (False, "near_miss", "absent_fact")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("question,paper\n", "line 1 has no column 'answer'"),
        ("question,paper,answer,note\n", "line 1 has an unknown column 'note'"),
        ("question,paper,answer\nHow?,p1\n", "line 2 does not have 3 fields"),
        ("question,paper,answer\nHow?,p9,62\n", "line 2 (mine-001): paper 'p9'"),
        ("question,paper,answer\nHow?,,62\n", "line 2 (mine-001): an answerable question needs the papers"),
        ("question,paper,answer\nHow?,p1,\n", "line 2 (mine-001): a short answer needs"),
        ("question,paper,answer,type\nHow?,p1,62,date\n", "line 2: answer_type is 'date'"),
        ("question,paper,answer,evidence\nHow?,p1,62 %,Not there.\n", "not word for word"),
    ],
)
def test_a_fault_of_the_csv_form_is_named(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(GoldError) as caught:
        load(path, CORPUS)
    assert fault in str(caught.value)


def test_leaving_the_gold_out(tmp_path: Path) -> None:
    several = [{**ITEM, "id": f"q{n}"} for n in range(5)]
    left_out = [{**ITEM, "id": "variant", "variant_of": "q0"}, {**ITEM, **BOTH}]
    items = load(written(tmp_path, *several, *left_out), CORPUS)
    chosen = leave_gold_out(items, count=3)
    assert len(chosen) == 3
    assert chosen == leave_gold_out(reversed(items), count=3)
    again = chosen[0]
    assert again.id.endswith("-lgo")
    assert (again.type, again.unanswerable_reason) == ("leave_gold_out", "excluded")
    assert (again.answerable, again.gold, again.gold_papers, again.evidence) == (False, None, (), ())
    assert (again.exclude_ids, again.cluster) == (("p1",), "p1")
    assert {item.id for item in leave_gold_out(items)} == {f"q{n}-lgo" for n in range(5)}


def test_overlap_is_the_share_of_the_questions_words_in_its_abstract(tmp_path: Path) -> None:
    (item,) = load(written(tmp_path, {**ITEM, "question": "How does LongCache save cache memories?"}), CORPUS)
    assert question_overlap(item, CORPUS) == 0.75  # longcach, cach, memori; not save


@pytest.mark.parametrize("line", ['{"id": "p1", "title": "T"}', '["p1"]'])
def test_a_paper_without_an_abstract_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "papers.jsonl"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(GoldError, match="line 1: a paper needs id, title and abstract"):
        read_corpus(path)


@pytest.fixture(scope="module")
def own() -> tuple[tuple[GoldItem, ...], Corpus]:
    """The project's own gold, dev and test, and its papers."""
    root = Path(__file__).parent.parent
    corpus = read_corpus(root / "index" / "corpora" / "sample.jsonl")
    gold = root / "eval" / "gold"
    return load([gold / "dev.jsonl", gold / "test.jsonl"], corpus), corpus


def test_every_paper_answers_a_question(own: tuple[tuple[GoldItem, ...], Corpus]) -> None:
    items, corpus = own
    asked = {paper for item in items if item.answerable for group in item.gold_papers for paper in group}
    assert asked == set(corpus.abstracts)


def test_the_mix_of_questions(own: tuple[tuple[GoldItem, ...], Corpus]) -> None:
    items, corpus = own
    types = Counter(item.type for item in items)
    assert types["near_miss"] >= 60
    assert types["numeric"] >= 40
    core = [item for item in items if item.type not in {"paraphrase", "follow_up"}]
    core += leave_gold_out(items)
    assert 0.3 <= sum(not item.answerable for item in core) / len(core) <= 0.4
    assert 0.35 <= sum(item.split == "dev" for item in items) / len(items) <= 0.45
    labels = Counter(item.gold.label for item in items if item.type == "yes_no" and item.gold)
    assert labels["yes"] == labels["no"]
    assert 0.3 < sum(question_overlap(item, corpus) for item in items) / len(items) < 0.8


@pytest.mark.parametrize(
    "more",
    [
        "fit/questions.jsonl",
        "fit/follow_ups.jsonl",
        "fit/chat.jsonl",
        "fit/hard.jsonl",
        "chat/questions.jsonl",
        "hard/questions.jsonl",
    ],
)
def test_the_questions_beside_the_splits_share_no_paper_with_test(
    own: tuple[tuple[GoldItem, ...], Corpus], more: str
) -> None:
    items, corpus = own
    gold = Path(__file__).parent.parent / "eval" / "gold"
    files = [gold / more, gold / "dev.jsonl", gold / "test.jsonl"]
    fit = load(files[0], corpus)
    assert {item.split for item in fit} == {"dev"}
    assert len(load(files, corpus)) == len(fit) + len(items)
    tested = {paper for item in items if item.split == "test" for paper in only_paper(item, corpus)}
    assert tested
    assert not tested & {paper for item in fit for paper in only_paper(item, corpus)}


def only_paper(item: GoldItem, corpus: Corpus) -> set[str]:
    """The paper of a question about one paper: the gold paper, or the cluster where there is none."""
    papers = papers_of(item) or {item.cluster} & set(corpus.abstracts)
    return papers if len(papers) == 1 else set()
