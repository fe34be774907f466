from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from assistant.arrivals import Stored, place
from assistant.errors import CorpusError
from assistant.progress import silent
from assistant.records import Entry, Origin, Paper
from assistant.revision import Revision, revise

ONE = Paper(
    "a", "LongCache", "We present LongCache, which is fast.", doi="10.1000/1", year=2023, venue="ICML"
)
SAME = Paper("b", "LongCache: A Preprint", "It is about caches.", doi="10.1000/1", url="https://one.org")
OTHER = Paper("c", "Birds", "They sing at dawn in all of the Alps.", year=2020)


@dataclass
class Collection:
    """Papers and their origins as an index would have them, and files of records to revise them by."""

    papers: list[Paper] = field(default_factory=list)
    origins: list[tuple[Origin, ...]] = field(default_factory=list)
    decoded: list[str] = field(default_factory=list)

    def ingest(self, **files: Sequence[Paper | str]) -> Revision:
        """Revise by files, each a list of papers, or of faults of what can't be decoded."""
        return self._revise(files, prune=False)

    def prune(self, **files: Sequence[Paper | str]) -> Revision:
        """The same, deleting what is in none of them."""
        return self._revise(files, prune=True)

    def _revise(self, files: Mapping[str, Sequence[Paper | str]], *, prune: bool) -> Revision:
        entries = [
            self._entry(name, n, record) for name, file in files.items() for n, record in enumerate(file, 1)
        ]
        stored = Stored.of(tuple(self.papers), tuple(self.origins))
        revision = revise(stored, entries, Path("index/x"), prune=prune, progress=silent)
        kept = [(row.paper or stored.papers[row.position or 0], row.origins) for row in revision.rows]
        if revision.changed:
            self.papers = [paper for paper, _ in kept]
            self.origins = [origins or () for _, origins in kept]
        return revision

    def places(self) -> list[list[str]]:
        return [[place(origin) for origin in some] for some in self.origins]

    def _entry(self, name: str, line: int, record: Paper | str) -> Entry:
        def decode() -> Paper:
            self.decoded.append(f"{name} {line}")
            if isinstance(record, str):
                raise CorpusError(record)
            return record

        return Entry(Origin(name, line, repr(record)), decode)


@pytest.fixture
def collection() -> Collection:
    return Collection()


def test_new_records_are_added_and_known_ones_not_decoded(collection: Collection) -> None:
    first = collection.ingest(one=[ONE, OTHER])
    assert (first.added, first.updated, first.changed) == (("a", "c"), (), True)
    assert collection.papers == [ONE, OTHER]
    collection.decoded.clear()
    again = collection.ingest(one=[ONE, OTHER])
    assert (again.added, again.updated, again.deleted, again.changed) == ((), (), (), False)
    assert len(again.rows) == 2
    assert collection.decoded == []


def test_a_record_that_can_t_be_decoded_is_rejected_and_the_rest_is_taken(collection: Collection) -> None:
    done = collection.ingest(one=[ONE, "one line 2 is no paper"])
    assert [(r.source, r.line, r.reason) for r in done.rejects] == [("one", 2, "one line 2 is no paper")]
    assert done.added == ("a",)
    assert not collection.ingest(one=[ONE, "one line 2 is no paper"]).changed


def test_a_changed_record_updates_the_paper_of_its_id(collection: Collection) -> None:
    collection.ingest(one=[ONE, OTHER])
    collection.decoded.clear()
    changed = replace(OTHER, abstract="They are silent.", year=None)
    done = collection.ingest(one=[ONE, changed])
    assert (done.updated, done.added, done.merges) == (("c",), (), ())
    assert collection.papers == [ONE, changed]  # what the new version lacks is not taken from the old one
    assert collection.decoded == ["one 2"]


def test_a_record_of_the_same_id_in_another_file_replaces_the_paper(collection: Collection) -> None:
    collection.ingest(one=[ONE, OTHER])
    changed = replace(OTHER, abstract="They are silent.", year=None)
    done = collection.ingest(two=[changed])
    assert (done.updated, collection.papers) == (("c",), [ONE, changed])
    assert collection.places() == [["one line 1"], ["two line 1"]]


def test_a_changed_record_that_says_the_same_is_no_update_but_remembered(collection: Collection) -> None:
    collection.ingest(one=[OTHER])
    collection.origins = [(Origin("one", 1, "as written before"),)]
    done = collection.ingest(one=[OTHER])
    assert (done.updated, done.changed) == ((), True)
    assert not collection.ingest(one=[OTHER]).changed


def test_papers_that_are_not_in_the_files_stay_unless_they_are_to_be_deleted(collection: Collection) -> None:
    collection.ingest(one=[ONE, OTHER])
    assert not collection.ingest(one=[ONE]).changed
    done = collection.prune(one=[ONE])
    assert (done.deleted, collection.papers) == (("c",), [ONE])
    assert collection.prune(two=[OTHER]).deleted == ("a",)
    assert collection.prune().rows == []


@pytest.mark.parametrize("files", [{"one": [ONE, SAME]}, {"one": [ONE], "two": [SAME]}], ids=["one", "two"])
def test_records_of_one_paper_are_merged_and_both_places_told(
    collection: Collection, files: dict[str, list[Paper]]
) -> None:
    done = collection.ingest(**files)
    *_, last = [place(origin) for some in collection.origins for origin in some]
    assert (done.added, done.updated) == (("a",), ())
    assert [str(merge) for merge in done.merges] == [f"one line 1 and {last} are one paper: DOI 10.1000/1"]
    assert collection.papers == [replace(ONE, url="https://one.org")]
    assert not collection.ingest(**files).changed


def test_a_record_is_merged_into_a_stored_paper(collection: Collection) -> None:
    collection.ingest(one=[ONE, OTHER])
    done = collection.ingest(two=[SAME])
    assert (done.added, done.updated) == ((), ("a",))
    assert [str(merge) for merge in done.merges] == ["one line 1 and two line 1 are one paper: DOI 10.1000/1"]
    assert collection.papers == [replace(ONE, url="https://one.org"), OTHER]
    assert collection.places() == [["one line 1", "two line 1"], ["one line 2"]]
    assert not collection.ingest(one=[ONE, OTHER], two=[SAME]).changed


def test_a_preprint_brings_two_dois_together_with_neither(collection: Collection) -> None:
    """Of two journal versions with one title, a preprint is merged into the first, and they stay two."""
    journal, letters = (replace(ONE, id=name, doi=f"10.1000/{name}") for name in "pq")
    preprint = replace(ONE, doi=None, arxiv_id="2101.00001", venue="arXiv")
    done = collection.ingest(one=[preprint, journal, letters])
    assert done.added == ("a", "q")
    assert [paper.doi for paper in collection.papers] == ["10.1000/p", "10.1000/q"]


def test_merged_records_of_this_run_are_merged_anew(collection: Collection) -> None:
    collection.ingest(one=[ONE], two=[SAME])
    done = collection.ingest(one=[ONE], two=[replace(SAME, url="https://two.org")])
    assert (done.updated, done.added) == (("a",), ())
    assert collection.papers == [replace(ONE, url="https://two.org")]
    without = replace(SAME, url=None)
    collection.ingest(one=[ONE], two=[without])
    assert collection.papers == [ONE]


def test_what_a_record_that_is_not_in_this_run_gave_comes_from_the_stored_paper(
    collection: Collection,
) -> None:
    collection.ingest(one=[ONE], two=[SAME])
    done = collection.ingest(one=[replace(ONE, venue="NeurIPS", year=None)])
    assert done.updated == ("a",)
    # The URL was the other record's. So may the year have been: it can't be told, and stays.
    assert collection.papers == [replace(ONE, venue="NeurIPS", url="https://one.org")]
    assert collection.places() == [["one line 1", "two line 1"]]
    assert not collection.ingest(two=[SAME]).changed


def test_records_that_are_no_longer_of_one_paper_come_apart(collection: Collection) -> None:
    collection.ingest(one=[ONE], two=[SAME])
    mended = replace(ONE, doi="10.1000/2")
    done = collection.ingest(one=[mended], two=[SAME])
    assert (done.updated, done.added) == (("a",), ("b",))
    assert collection.papers == [mended, SAME]
    assert collection.places() == [["one line 1"], ["two line 1"]]
    again = collection.ingest(two=[SAME], one=[ONE])
    assert ([str(merge) for merge in again.merges], again.deleted) == (
        ["one line 1 and two line 1 are one paper: DOI 10.1000/1"],
        (),
    )
    assert collection.papers == [replace(ONE, url="https://one.org")]
    assert collection.places() == [["one line 1", "two line 1"]]


def test_a_paper_whose_first_record_is_gone_keeps_its_id(collection: Collection) -> None:
    collection.ingest(one=[OTHER, ONE], two=[SAME])
    done = collection.ingest(one=[OTHER], two=[SAME])
    assert (done.updated, done.deleted) == (("a",), ())
    assert collection.papers == [OTHER, replace(SAME, id="a")]
    assert not collection.ingest(one=[OTHER], two=[SAME]).changed


def test_with_prune_a_paper_is_made_of_the_records_of_this_run_alone(collection: Collection) -> None:
    collection.ingest(one=[ONE], two=[SAME])
    done = collection.prune(two=[SAME])
    assert (done.updated, done.deleted) == (("a",), ())
    assert collection.papers == [replace(SAME, id="a")]
    assert collection.places() == [["two line 1"]]


def test_a_record_with_the_keys_of_two_stored_papers_makes_them_one(collection: Collection) -> None:
    preprint = Paper("p", "Caches at Work", "An early text.", arxiv_id="2101.00001", extra={"pages": "9"})
    collection.ingest(one=[ONE, OTHER, preprint])
    done = collection.ingest(two=[replace(SAME, arxiv_id="2101.00001v3")])
    assert (done.updated, done.added, done.deleted) == (("a",), (), ())
    assert [str(merge) for merge in done.merges] == [
        "one line 1 and two line 1 are one paper: DOI 10.1000/1",
        "one line 1 and one line 3 are one paper: arXiv 2101.00001",
    ]
    made = replace(ONE, arxiv_id="2101.00001v3", url="https://one.org", extra={"pages": "9"})
    assert collection.papers == [made, OTHER]
    assert collection.places() == [["one line 1", "one line 3", "two line 1"], ["one line 2"]]
    assert not collection.ingest(one=[ONE, OTHER, preprint]).changed


def test_a_record_of_a_paper_that_was_made_one_with_another_goes_there(collection: Collection) -> None:
    preprint = Paper("p", "Caches at Work", "An early text.", arxiv_id="2101.00001")
    collection.ingest(one=[ONE, preprint])
    linked, longer = replace(ONE, arxiv_id="2101.00001"), replace(preprint, abstract=f"{ONE.abstract} Very.")
    done = collection.ingest(one=[linked, longer])
    assert (done.updated, done.added, done.deleted) == (("a",), (), ())
    assert collection.papers == [replace(linked, abstract=longer.abstract)]
    assert collection.places() == [["one line 1", "one line 2"]]


def test_a_new_version_gives_up_the_keys_of_the_old_one(collection: Collection) -> None:
    """A DOI that moves from one record to another one does not merge them, whichever comes first."""
    collection.ingest(one=[ONE])
    mended, right = replace(ONE, doi="10.1000/2"), Paper("d", "Caches", "About them.", doi="10.1000/1")
    done = collection.ingest(one=[right, mended])
    assert (done.updated, done.added, done.merges) == (("a",), ("d",), ())
    assert collection.papers == [mended, right]


def test_a_record_that_was_moved_or_renamed_is_the_same(collection: Collection) -> None:
    collection.ingest(one=[ONE, OTHER])
    assert not collection.ingest(two=[OTHER, ONE]).changed
    collection.ingest(two=[OTHER, ONE, Paper("e", "New", "It is new.")])
    assert collection.places() == [["two line 2"], ["two line 1"], ["two line 3"]]


def test_the_same_record_twice_is_one_paper(collection: Collection) -> None:
    done = collection.ingest(one=[OTHER], two=[OTHER])
    assert [str(merge) for merge in done.merges] == [
        "one line 1 and two line 1 are one paper: the same title, a similar abstract"
    ]
    assert (done.added, collection.papers) == (("c",), [OTHER])


def test_a_second_paper_of_an_id_in_the_files_is_rejected(collection: Collection) -> None:
    files = {"one": [ONE], "two": [replace(OTHER, id="a")]}
    for _ in range(2):  # as new records, and beside a stored one that is in this run
        done = collection.ingest(**files)
        assert [r.reason for r in done.rejects] == ["two line 1 has the id 'a' of one line 1"]
    assert collection.papers == [ONE]
    assert not done.changed


def test_another_paper_with_the_id_of_a_stored_one_is_refused(collection: Collection) -> None:
    collection.ingest(one=[ONE])
    with pytest.raises(
        CorpusError, match=r"index/x has another paper with the id 'a', 'LongCache', than the new"
    ):
        collection.ingest(two=[replace(OTHER, id="a")])
    rewritten = replace(ONE, title="Caches", abstract="All of it is said in another way.")
    assert collection.ingest(one=[rewritten]).updated == ("a",)  # its DOI says that it is the same


def test_papers_of_an_index_without_origins_get_them(collection: Collection) -> None:
    collection.papers, collection.origins = [ONE, OTHER], [(), ()]
    done = collection.ingest(one=[ONE, replace(OTHER, year=2021)], two=[SAME])
    assert (done.added, done.updated) == ((), ("a", "c"))
    assert collection.papers == [replace(ONE, url="https://one.org"), replace(OTHER, year=2021)]
    assert collection.places() == [["one line 1", "two line 1"], ["one line 2"]]


def test_a_thousand_papers_without_titles_stay_a_thousand(collection: Collection) -> None:
    words = "red green blue white black".split()
    texts = [f"{a} {b} {c} is what we found." for a in words for b in words for c in words]
    done = collection.ingest(one=[Paper(f"n{n}", "", text, year=2020) for n, text in enumerate(texts)])
    assert len(done.added) == 125


def test_progress_is_told_while_records_are_read() -> None:
    told: list[tuple[int, int, str]] = []
    entries = [Entry(Origin("one", n, str(n)), _paper(n)) for n in range(2500)]
    revise(Stored(), entries, Path("x"), prune=False, progress=lambda *step: told.append(step))
    assert told == [(1000, 0, "reading records"), (2000, 0, "reading records")]


def _paper(n: int) -> Callable[[], Paper]:
    return lambda: Paper(str(n), "", f"number {n}")
