from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from assistant.arrays import Vectors
from assistant.errors import IndexFormatError
from assistant.vectors import Scale, VectorIndex

VECTORS = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
QUERY = np.array([0.8, 0.6], dtype=np.float32)
# 0.8·1 = 0.8;  0.8·0.6 + 0.6·0.8 = 0.96;  0.6·1 = 0.6;  0.8·-1 = -0.8
NEAREST = [(1, 0.96), (0, 0.8), (2, 0.6), (3, -0.8)]


@pytest.fixture(params=["made", "opened"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> VectorIndex:
    """The four vectors: as made, and as saved and mapped into memory again."""
    made = VectorIndex.from_vectors(VECTORS)
    if request.param == "made":
        return made
    made.save(tmp_path / "vectors")
    return VectorIndex.open(tmp_path / "vectors")


def found(index: VectorIndex, k: int, allowed: list[bool] | None = None) -> list[tuple[int, float]]:
    mask = None if allowed is None else np.array(allowed, dtype=np.bool_)
    rows, scores = index.search(QUERY, k, mask)
    return [(int(row), round(float(score), 6)) for row, score in zip(rows, scores, strict=True)]


@pytest.mark.parametrize("k", [0, 1, 2, 4, 100])
def test_the_nearest_come_with_their_cosines(index: VectorIndex, k: int) -> None:
    assert found(index, k) == NEAREST[:k]


@pytest.mark.parametrize(
    ("allowed", "k", "expected"),
    [
        ([True, False, False, True], 1, [(0, 0.8)]),
        ([True, False, False, True], 3, [(0, 0.8), (3, -0.8)]),  # fewer allowed than asked for
        ([False, False, False, False], 3, []),
        ([True, True, True, True], 4, NEAREST),
    ],
)
def test_the_filter_is_inside_the_search(
    index: VectorIndex, allowed: list[bool], k: int, expected: list[tuple[int, float]]
) -> None:
    assert found(index, k, allowed) == expected


def test_every_row_can_be_filtered_for() -> None:
    """A mask of 70 rows does not end with a whole byte."""
    index = VectorIndex.from_vectors(np.random.default_rng(42).standard_normal((70, 2), dtype=np.float32))
    for row in range(70):
        rows, _ = index.search(QUERY, 5, np.arange(70) == row)
        assert rows.tolist() == [row]


def test_vectors_come_back_as_they_went_in(index: VectorIndex) -> None:
    assert (len(index), index.dimension) == (4, 2)
    np.testing.assert_array_equal(index.vectors(np.array([2, 0, 2])), VECTORS[[2, 0, 2]])


def test_vectors_can_be_added_to_an_index_that_was_made() -> None:
    index = VectorIndex.from_vectors(VECTORS[:1])
    index.add(VECTORS[1:])
    assert found(index, 4) == NEAREST


def test_an_index_without_vectors_finds_nothing() -> None:
    index = VectorIndex.from_vectors(np.empty((0, 2), dtype=np.float32))
    assert found(index, 3) == found(index, 3, []) == []


@pytest.mark.parametrize("size", [1, 10, 40, -1])
def test_a_file_cut_short_is_an_error(tmp_path: Path, size: int) -> None:
    path = tmp_path / "vectors"
    VectorIndex.from_vectors(VECTORS).save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(IndexFormatError) as caught:
        VectorIndex.open(path)
    assert str(caught.value) == f"{path} is not a FAISS index: it is damaged or cut short"


@pytest.mark.parametrize("content", [b"not an index" * 10, None], ids=["another file", "no file"])
def test_what_is_no_index_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "vectors").write_bytes(content)
    with pytest.raises(IndexFormatError, match=r"vectors is not a FAISS index"):
        VectorIndex.open(tmp_path / "vectors")


def directions(count: int, dimension: int = 16) -> Vectors:
    """Unit vectors in every direction."""
    vectors = np.random.default_rng(42).standard_normal((count, dimension), dtype=np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


MANY = directions(2_000)
KINDS = {
    "whole": (Scale(), "whole, all searched"),
    "8 bits": (Scale(whole=0), "8 bits a component, all searched"),
    "lists": (Scale(whole=0, every=0), r"8 bits a component, \d+ of 178 lists searched"),  # 4 * sqrt(2000)
}


@pytest.fixture(params=KINDS)
def big(request: pytest.FixtureRequest, tmp_path: Path) -> VectorIndex:
    """2,000 vectors in an index of each kind, saved and mapped into memory again."""
    scale, kind = KINDS[request.param]
    made = VectorIndex.from_vectors(MANY, scale)
    assert re.fullmatch(kind, made.kind)
    made.save(tmp_path / "vectors")
    opened = VectorIndex.open(tmp_path / "vectors")
    assert opened.kind == made.kind
    return opened


def test_the_kind_follows_the_size() -> None:
    scale = Scale(whole=3, every=4)
    kinds = [VectorIndex.from_vectors(directions(count), scale).kind for count in (3, 4, 5)]
    # A list for each of 5 vectors would be 4 * sqrt(5) = 8; there are no more lists than vectors.
    assert kinds[:2] == ["whole, all searched", "8 bits a component, all searched"]
    assert re.fullmatch(r"8 bits a component, \d of 5 lists searched", kinds[2])


def test_vectors_come_back_nearly_as_they_went_in(big: VectorIndex) -> None:
    rows = np.array([1999, 0, 7])
    np.testing.assert_allclose(big.vectors(rows), MANY[rows], atol=0.005)  # a range of 2.4 in 256 steps


def test_nearly_all_nearest_are_found(big: VectorIndex) -> None:
    assert big.recall(MANY) >= 0.95
    found, _ = big.search(MANY[5], 10)
    assert found[0] == 5


def test_of_whole_vectors_all_nearest_are_found() -> None:
    assert VectorIndex.from_vectors(MANY).recall(MANY) == 1.0


@pytest.mark.parametrize("allowed", [1, 5, 1_000], ids=lambda count: f"{count} allowed")
def test_a_filter_loses_nothing_of_any_kind(big: VectorIndex, allowed: int) -> None:
    mask = np.zeros(len(MANY), dtype=np.bool_)
    mask[-allowed:] = True
    rows, _ = big.search(MANY[0], 5, mask)
    assert len(rows) == min(5, allowed)
    assert rows.min() >= len(MANY) - allowed
    best = np.argsort(-(MANY[-allowed:] @ MANY[0]))[:1] + len(MANY) - allowed
    assert rows[0] == best


def test_as_many_come_as_are_asked_for(big: VectorIndex) -> None:
    for k in (1, 1_999, 2_000, 3_000):
        rows, scores = big.search(MANY[0], k)
        assert len(set(rows.tolist())) == min(k, 2_000)
        assert np.all(np.diff(scores) <= 0)


@pytest.mark.parametrize("scale", [Scale(whole=0), Scale(whole=0, every=0)], ids=["8 bits", "lists"])
def test_vectors_taken_over_do_not_drift(scale: Scale) -> None:
    first = VectorIndex.from_vectors(MANY, scale)
    stored = first.vectors(np.arange(len(MANY)))
    # Fewer and more, of a smaller range: learned from them, the 8 bits would stand for other values.
    second = VectorIndex.from_vectors(np.concatenate([stored[100:], directions(50) / 2]), scale, like=first)
    np.testing.assert_array_equal(second.vectors(np.arange(1_900)), stored[100:])
    alone = VectorIndex.from_vectors(stored[100:] * 0.9, scale)
    assert np.any(alone.vectors(np.arange(1_900)) != stored[100:] * 0.9)


def test_whole_vectors_are_no_model_for_8_bits() -> None:
    whole = VectorIndex.from_vectors(MANY)
    eight = VectorIndex.from_vectors(MANY, Scale(whole=0), like=whole)
    np.testing.assert_allclose(eight.vectors(np.arange(3)), MANY[:3], atol=0.005)
