from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.columns import NO_VENUE, NO_YEAR, Columns
from assistant.records import Filters, Paper

NAMES = (
    "Ada Lovelace",
    "Charles Babbage",
    "Maria-José Ortiz",
    "İlker Işık",
    "Weiß, Anna",
    "Tom O'Neil",
    "Jean le Rond d'Alembert",
    "ILIAS LI",
    "Li Wei",
    "Juliette Elia",
    "",
)
PAPERS = [
    Paper(f"p{row}", f"On {name}", "It says so.", (name,), 1990 + row, "ICML")
    for row, name in enumerate(NAMES)
]
PAPERS += [
    Paper("q0", "Two", "It says so.", ("Ada Lovelace", "Li Wei"), 2001, "Nature"),
    Paper("q1", "", "It says so.", year=0),
    Paper("q2", "Late", "It says so.", year=2001, venue="icml"),
]


@pytest.fixture(params=["made", "opened"])
def columns(request: pytest.FixtureRequest, tmp_path: Path) -> Columns:
    """The columns of the papers: as made, and as saved and mapped into memory again."""
    made = Columns.of(PAPERS)
    if request.param == "made":
        return made
    made.save(tmp_path / "columns")
    return Columns.open(tmp_path / "columns")


def test_the_columns_hold_what_the_papers_do(columns: Columns) -> None:
    assert len(columns) == len(PAPERS)
    assert columns.years.tolist() == [paper.year for paper in PAPERS]
    assert columns.titles == [paper.title for paper in PAPERS]
    assert columns.venue_names == ["ICML", "Nature", "icml"]
    assert columns.venues.tolist() == [0] * 11 + [1, NO_VENUE, 2]
    assert columns.author_names == list(NAMES)
    assert columns.authors.tolist() == [*range(11), 0, 8]
    assert columns.author_ends.tolist() == [*range(1, 12), 13, 13, 13]
    assert columns.author_papers.tolist() == [*range(11), 11, 11]


def test_a_paper_without_a_year_has_none() -> None:
    assert Columns.of([Paper("a", "", "It.")]).years.tolist() == [NO_YEAR]


def test_no_papers_have_columns_too(tmp_path: Path) -> None:
    Columns.of([]).save(tmp_path / "columns")
    columns = Columns.open(tmp_path / "columns")
    assert len(columns) == 0
    assert columns.rows_of("a") == []
    assert columns.passing(Filters((1, 2), ("x",), ("y",))).tolist() == []


def test_papers_are_found_by_id(columns: Columns) -> None:
    assert [columns.rows_of(paper.id) for paper in PAPERS] == [[row] for row in range(len(PAPERS))]
    assert columns.rows_of("p99") == []


def test_ids_of_one_hash_are_both_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.columns._hash", len)
    columns = Columns.of([Paper("a", "", "It."), Paper("bb", "", "It."), Paper("c", "", "It.")])
    assert (columns.rows_of("x"), columns.rows_of("yy"), columns.rows_of("zzz")) == ([0, 2], [1], [])


# Beginnings of words of a name, as the regular expression \\b says it, in any case.
@pytest.mark.parametrize(
    ("beginning", "names"),
    [
        ("lovelace", {"Ada Lovelace"}),
        ("Love", {"Ada Lovelace"}),
        ("ovelace", set()),
        ("ADA LOVE", {"Ada Lovelace"}),
        ("josé", {"Maria-José Ortiz"}),
        ("maria-jos", {"Maria-José Ortiz"}),
        ("jose", set()),
        ("ilker", {"İlker Işık"}),
        ("işik", {"İlker Işık"}),
        ("IŞIK", {"İlker Işık"}),
        ("Weiß", {"Weiß, Anna"}),
        ("weiss", set()),
        ("o'neil", {"Tom O'Neil"}),
        ("neil", {"Tom O'Neil"}),
        ("'Alembert", {"Jean le Rond d'Alembert"}),
        ("li", {"ILIAS LI", "Li Wei"}),
        ("l", {"Ada Lovelace", "Jean le Rond d'Alembert", "ILIAS LI", "Li Wei"}),
        ("", set(NAMES) - {""}),
        ("a.a", set()),
        ("Wei\nAda", set()),
    ],
)
def test_authors_are_found_by_beginnings_of_words(columns: Columns, beginning: str, names: set[str]) -> None:
    passing = columns.passing(Filters(authors=(beginning,)))
    assert passing.tolist() == [not names.isdisjoint(paper.authors) for paper in PAPERS]


def test_papers_of_any_of_the_authors_pass(columns: Columns) -> None:
    assert np.flatnonzero(columns.passing(Filters(authors=("Ada", "Weiß")))).tolist() == [0, 4, 11]


@pytest.mark.parametrize(
    ("venues", "rows"),
    [(("ICML",), [*range(11), 13]), (("nature", "x"), [11]), (("",), [12]), (("IC",), [])],
)
def test_venues_are_told_apart_in_any_case(
    columns: Columns, venues: tuple[str, ...], rows: list[int]
) -> None:
    assert np.flatnonzero(columns.passing(Filters(venues=venues))).tolist() == rows


@pytest.mark.parametrize("name", ["years.npy", "authors.npy", "id_rows.npy"])
def test_a_missing_column_is_an_error(tmp_path: Path, name: str) -> None:
    Columns.of(PAPERS).save(tmp_path / "columns")
    (tmp_path / "columns" / name).unlink()
    with pytest.raises(OSError, match=name):
        Columns.open(tmp_path / "columns")


def test_columns_of_different_lengths_are_an_error(tmp_path: Path) -> None:
    Columns.of(PAPERS).save(tmp_path / "columns")
    np.save(tmp_path / "columns" / "years.npy", np.zeros(3, dtype=np.int32))
    with pytest.raises(ValueError, match="differ in length"):
        Columns.open(tmp_path / "columns")
