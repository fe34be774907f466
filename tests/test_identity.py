from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from assistant.identity import arxiv_key, doi_key, filled, keys, merged, same, similar, title_key
from assistant.records import Paper

ABSTRACT = "We present LongCache, which keeps one third of the layers at full attention. It is fast."
OTHER = "Birds of the Alps sing at dawn, and nobody has counted how many there are of each kind."


def paper(title: str = "LongCache", abstract: str = ABSTRACT, **fields: Any) -> Paper:
    return replace(Paper("x", title, abstract), **fields)


@pytest.mark.parametrize(
    "text",
    [
        "10.1145/3442188.3445922",
        "https://doi.org/10.1145/3442188.3445922",
        "http://dx.doi.org/10.1145/3442188.3445922",
        "DOI:10.1145/3442188.3445922",
        "doi: 10.1145/3442188.3445922.",
        "10.1145%2F3442188.3445922",
        "<10.1145/3442188.3445922>",
    ],
)
def test_a_doi_in_any_form(text: str) -> None:
    assert doi_key(text) == "10.1145/3442188.3445922"


def test_the_case_of_a_doi_does_not_count() -> None:
    assert doi_key("10.1000/ABC") == doi_key("10.1000/abc") == "10.1000/abc"


@pytest.mark.parametrize("text", ["", "n/a", "10.1145", "10.1145/", "https://example.org/10", "10.1/x"])
def test_what_is_no_doi(text: str) -> None:
    assert doi_key(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2101.00001", "2101.00001"),
        ("2101.00001v3", "2101.00001"),
        ("arXiv:2101.00001v2 [cs.CL]", "2101.00001"),
        ("arXiv preprint arXiv:2101.00001", "2101.00001"),
        ("https://arxiv.org/abs/2101.00001", "2101.00001"),
        ("http://export.arxiv.org/pdf/2101.00001v1.pdf", "2101.00001"),
        ("10.48550/arXiv.2101.00001", "2101.00001"),
        ("https://doi.org/10.48550/ARXIV.2101.00001", "2101.00001"),
        ("0704.0001", "0704.0001"),
        ("hep-th/9901001v1", "hep-th/9901001"),
        ("math.GT/0309136", "math/0309136"),
        ("https://arxiv.org/abs/math/0309136", "math/0309136"),
        ("2199.00001", None),  # there is no month 99
        ("hal-0123456", None),
        ("2101.000012", None),
        ("", None),
    ],
)
def test_an_arxiv_id_in_any_form(text: str, expected: str | None) -> None:
    assert arxiv_key(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Key-Value Caches: A Survey", "key value caches — a survey."),
        (r"\textbf{Deep} {L}earning", "Deep Learning"),
        (r"Sch{\"o}lkopf's Kernels", "Schölkopf’s kernels"),
        (r"$\beta$-VAE", "β-VAE"),
        ("H<sub>2</sub>O &amp; Ice", "H₂O & ice"),
        ("STRASSE", "Straße"),
    ],
)
def test_titles_that_read_the_same(one: str, other: str) -> None:
    assert title_key(one) == title_key(other) != ""


def test_titles_that_read_differently() -> None:
    assert title_key("LongCache 2") != title_key("LongCache 3")
    assert title_key("α-VAE") != title_key("β-VAE")


@pytest.mark.parametrize("title", ["", "…", "Introduction", "EDITORIAL", "Editorial 2020", "Abstract.", "3"])
def test_a_title_of_many_papers_is_no_key(title: str) -> None:
    assert keys(paper(title)).title == ""
    authored = paper(title, authors=("Ada Lovelace",), year=2020)
    assert same(authored, authored) is None


def test_ids_are_found_in_urls_and_dois() -> None:
    assert keys(paper(url="https://arxiv.org/abs/2101.00001v2")).arxiv_id == "2101.00001"
    assert keys(paper(doi="10.48550/arXiv.2101.00001")).arxiv_id == "2101.00001"
    assert keys(paper(doi="10.48550/arXiv.2101.00001")).doi is None
    assert keys(paper(url="https://doi.org/10.1145/1")).doi == "10.1145/1"
    assert keys(paper(url="https://example.org/10.1145/1")).doi is None
    assert keys(paper(url="papers/1234567")).arxiv_id is None


BY_ADA: dict[str, Any] = {"authors": ("Ada Lovelace", "Charles Babbage"), "year": 2020}


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (paper("A", doi="10.1145/1"), paper("B", OTHER, doi="https://doi.org/10.1145/1"), "DOI 10.1145/1"),
        (
            paper("A", arxiv_id="2101.00001v1"),
            paper("B", OTHER, url="https://arxiv.org/pdf/2101.00001"),
            "arXiv 2101.00001",
        ),
        (paper(), paper("Longcache."), "the same title, a similar abstract"),
        (paper(), paper(abstract=OTHER), None),
        (paper(), paper("ShortCache"), None),
        (
            paper(**BY_ADA),
            paper(abstract=OTHER, authors=("Lovelace, A.",), year=2021),
            "the same title, first author and year",
        ),
        (paper(**BY_ADA), paper(abstract=OTHER, authors=("Ada Lovelace",), year=2022), None),
        (paper(**BY_ADA), paper(abstract=OTHER, authors=("Charles Babbage",), year=2020), None),
        (paper(**BY_ADA), paper(abstract=OTHER, authors=("Ada Lovelace",)), None),
        (paper(doi="10.1145/1"), paper(doi="10.1145/2"), None),
        (
            paper(doi="10.1145/1"),
            paper(doi="10.48550/arXiv.2101.00001"),
            "the same title, a similar abstract",
        ),
        (paper(arxiv_id="2101.00001"), paper(arxiv_id="2101.00002"), None),
        (paper("Editorial", **BY_ADA), paper("Editorial", **BY_ADA), None),
        (paper(""), paper(""), None),
    ],
)
def test_what_makes_two_records_one_paper(one: Paper, other: Paper, reason: str | None) -> None:
    assert same(one, other) == same(other, one) == reason


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Ada Lovelace", "Lovelace, Ada", True),
        ("Lovelace A", "Ada Lovelace", True),
        ("Lovelace A.B.", "Ada Lovelace", True),
        ("Martin King Jr.", "King, Martin", True),
        ("Ángel Núñez", "A. Nunez", True),
        ("ADA LOVELACE", "Ada Lovelace", True),
        ("Ada Lovelace", "Ada Byron", False),
        ("", "", False),
    ],
)
def test_first_authors_are_compared_by_family_name(one: str, other: str, alike: bool) -> None:
    records = (
        paper(abstract=text, authors=(name,), year=2020) for text, name in ((ABSTRACT, one), (OTHER, other))
    )
    assert (same(*records) is not None) == alike


def test_an_abstract_is_similar_to_a_revised_and_a_shortened_one() -> None:
    # The abstract has 16 words and so 14 runs of three, of which the last 3 contain one of the last 3 words.
    assert similar(ABSTRACT, ABSTRACT.replace("It is fast", "Nobody was harmed"))
    assert similar(ABSTRACT, "LongCache, which keeps one third of the layers")
    assert not similar(ABSTRACT, OTHER)
    assert not similar("", "")


PREPRINT = Paper(
    "a",
    "LongCache: Work in Progress",
    "We present LongCache. It is fast, and this abstract is longer.",
    authors=("A. Lovelace", "C. Babbage"),
    year=2020,
    venue="arXiv preprint",
    doi="10.48550/arXiv.2101.00001",
    url="https://arxiv.org/abs/2101.00001",
    extra={"comment": "12 pages", "tag": "cache"},
)
PUBLISHED = Paper(
    "b",
    "LongCache",
    "We present LongCache. It is fast.",
    authors=("Ada Lovelace", "Charles Babbage"),
    year=2021,
    venue="ICML",
    doi="10.1145/1",
    url="https://doi.org/10.1145/1",
    extra={"tag": "caches", "pages": "1-12"},
)


@pytest.mark.parametrize("records", [(PREPRINT, PUBLISHED), (PUBLISHED, PREPRINT)], ids=["after", "before"])
def test_a_merged_paper_has_the_richest_of_each_field(records: tuple[Paper, Paper]) -> None:
    one = merged(records)
    assert one == Paper(
        records[0].id,
        "LongCache",
        PREPRINT.abstract,
        authors=("Ada Lovelace", "Charles Babbage"),
        year=2021,
        venue="ICML",
        doi="10.1145/1",
        arxiv_id="2101.00001",
        url="https://doi.org/10.1145/1",
        extra={"comment": "12 pages", "tag": "caches", "pages": "1-12"},
    )
    assert merged([one, *records]) == one
    assert merged([one]) == one


def test_a_longer_list_of_authors_comes_before_longer_names() -> None:
    three = ("A. One", "B. Two", "C. Three")
    assert merged([paper(authors=("Ada One", "Benjamin Two")), paper(authors=three)]).authors == three


def test_of_equal_values_the_first_is_kept() -> None:
    one, other = (
        paper(venue="ICML", abstract="It is."),
        paper("Longcache", venue="NeurIPS", abstract="It as."),
    )
    assert merged([one, other]) == one
    assert merged([replace(one, id="y", title=""), other]) == replace(one, id="y", title="Longcache")


def test_what_a_new_version_lacks_is_taken_from_the_old_one() -> None:
    new = Paper("n", "LongCache 2", "Shorter.", year=2022, extra={"tag": "new"})
    assert filled(new, PUBLISHED) == replace(
        PUBLISHED,
        title="LongCache 2",
        abstract="Shorter.",
        year=2022,
        extra={"tag": "new", "pages": "1-12"},
    )


def test_keys_of_a_merged_paper_are_those_of_its_records() -> None:
    one = merged([PREPRINT, PUBLISHED])
    assert json.dumps([keys(one).doi, keys(one).arxiv_id]) == '["10.1145/1", "2101.00001"]'
    assert same(one, PREPRINT) == "arXiv 2101.00001"
    assert same(one, PUBLISHED) == "DOI 10.1145/1"
