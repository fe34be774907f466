from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.errors import IndexFormatError
from assistant.vectors import VectorIndex

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
