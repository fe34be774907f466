from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from assistant.arrays import Vectors
from assistant.embedded import EmbeddedLog, encode
from assistant.progress import Progress, silent
from assistant.testing import HashingEmbedder

TEXTS = ["cache memory", "speech recognition", "tuning", "a survey", "decoding"]
BLOCK = 8 + 2 * (16 + 4 * 64)  # a header, and the digests and vectors of two texts


class Batched(HashingEmbedder):
    """An embedder whose vectors depend, in their last bits, on what is encoded together, as real ones do."""

    def __init__(self, *, dies_at: int = 1_000) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self._dies_at = dies_at

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        if len(self.calls) == self._dies_at:
            raise KeyboardInterrupt
        self.calls.append(list(texts))
        return super().encode(texts, progress) * np.float32(1 + 1e-6 * sum(map(len, texts)))


@pytest.fixture(autouse=True)
def _windows_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.embedded.WINDOW", 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".embedding"


def run(
    folder: Path, embedder: HashingEmbedder, texts: Sequence[str] = TEXTS, progress: Progress = silent
) -> Vectors:
    with closing(EmbeddedLog.open(folder, embedder)) as log:
        return encode(texts, {}, embedder, log, progress)


def test_what_is_logged_is_not_embedded_again(folder: Path) -> None:
    first, second = Batched(), Batched()
    vectors = run(folder, first)
    assert first.calls == [TEXTS[:2], TEXTS[2:4], TEXTS[4:]]
    np.testing.assert_array_equal(run(folder, second, TEXTS[::-1]), vectors[::-1])
    assert second.calls == []


def test_a_run_that_goes_on_gives_the_very_vectors_of_one_that_was_not_interrupted(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(folder, Batched(dies_at=1))
    rest = Batched()
    vectors = run(folder, rest)
    assert rest.calls == [TEXTS[2:4], TEXTS[4:]]
    assert vectors.tobytes() == run(tmp_path / "other", Batched()).tobytes()


@pytest.mark.parametrize("kept", [BLOCK, BLOCK + 7, BLOCK + 8, BLOCK + 30, BLOCK + 300, 2 * BLOCK - 1])
def test_a_block_cut_short_is_cut_off_and_embedded_again(folder: Path, kept: int) -> None:
    embedder = HashingEmbedder()
    vectors = run(folder, embedder, TEXTS[:4])
    path = folder / embedder.fingerprint
    assert path.stat().st_size == 2 * BLOCK
    path.write_bytes(path.read_bytes()[:kept])
    with closing(EmbeddedLog.open(folder, embedder)) as log:
        assert [text in log for text in TEXTS] == [True, True, False, False, False]
        assert path.stat().st_size == BLOCK
        np.testing.assert_array_equal(encode(TEXTS[:4], {}, embedder, log, silent), vectors)


@pytest.mark.parametrize("place", [0, 3, 4, 8, 40, BLOCK - 1])
def test_a_block_that_is_damaged_is_cut_off_with_all_after_it(folder: Path, place: int) -> None:
    embedder = HashingEmbedder()
    run(folder, embedder, TEXTS[:4])
    path = folder / embedder.fingerprint
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with closing(EmbeddedLog.open(folder, embedder)) as log:
        assert len(log) == 0
    assert path.stat().st_size == 0


def test_the_vectors_of_another_embedder_are_not_taken(folder: Path) -> None:
    run(folder, HashingEmbedder(dimension=64))
    assert run(folder, HashingEmbedder(dimension=32)).shape == (5, 32)
    assert sorted(path.name for path in folder.iterdir()) == ["hashing-32", "hashing-64"]


def test_known_vectors_are_kept_and_a_text_that_is_repeated_is_embedded_once(folder: Path) -> None:
    embedder = Batched()
    known = {"tuning": np.full(64, 0.125, dtype=np.float32)}
    texts = ["speech", "tuning", "speech", "decoding"]
    with closing(EmbeddedLog.open(folder, embedder)) as log:
        vectors = encode(texts, known, embedder, log, silent)
    assert embedder.calls == [["speech", "decoding"]]
    np.testing.assert_array_equal(vectors[1], known["tuning"])
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_progress_counts_what_is_to_be_embedded(folder: Path) -> None:
    embedder = HashingEmbedder()
    run(folder, embedder, TEXTS[:1])
    seen: list[tuple[int, int, str]] = []
    run(folder, embedder, progress=lambda *report: seen.append(report))
    assert seen == [(2, 4, "embedding passages"), (4, 4, "embedding passages")]


def test_no_texts_are_no_vectors(folder: Path) -> None:
    assert run(folder, HashingEmbedder(), []).shape == (0, 64)
