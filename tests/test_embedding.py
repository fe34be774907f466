from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from assistant.embedding import Embedder, open_embedder
from assistant.settings import Settings

WORDS = "cache memory speech tuning layers attention gradient survey".split()
# More than two batches, of 1 to 36 words, and the last one longer than what the model reads.
TEXTS = [" ".join([WORDS[n % 8], *WORDS[: n % 5]] * (1 + n % 6)) for n in range(39)] + ["memory " * 400]

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def minilm(real_settings: Settings) -> Embedder:
    return open_embedder(real_settings)


def test_a_text_has_one_vector_whether_alone_or_among_many(minilm: Embedder) -> None:
    """But for the last bits: the model reckons with 8 bits of mantissa where the processor can."""
    together = minilm.encode(TEXTS)
    alone = np.concatenate([minilm.encode([text]) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)


def test_the_same_texts_have_the_very_same_vectors(minilm: Embedder) -> None:
    assert minilm.encode(TEXTS).tobytes() == minilm.encode(TEXTS).tobytes()


def test_what_the_model_does_not_read_makes_no_difference(minilm: Embedder) -> None:
    np.testing.assert_array_equal(minilm.encode(["memory " * 254]), minilm.encode(["memory " * 400]))


@pytest.mark.parametrize("count", [1, 16, 17, 40])
def test_progress_ends_with_the_number_of_texts(minilm: Embedder, count: int) -> None:
    seen: list[int] = []
    minilm.encode(TEXTS[:count], seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == count


_MANY = (
    "from assistant.embedding import open_embedder; from assistant.settings import Settings; "
    "print(open_embedder(Settings()).encode([f'text {n}' for n in range(100)]).shape)"
)


@pytest.mark.parametrize("start", range(3))
def test_many_texts_are_the_first_thing_that_a_process_embeds(start: int) -> None:
    """Two threads once set up the same things in a fresh process, and waited for each other for ever."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "(100, 384)\n"
