"""How near texts and words are in meaning, by the embedder: "cut" to "reduce", "cost" to "expensive"."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from assistant.arrays import Vectors
from assistant.embedding import Embedder

_REMEMBERED = 50_000  # texts, 384 floats each: 77 MB when full; questions meet the same words and sentences

# Cosines of single words below the first say nothing, at the second they are as good as the same word.
_UNRELATED, _SAME = 0.40, 0.90


class Similarity:
    """Similarity of texts; each is embedded once and remembered. Safe to share between threads."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def cosines(self, some: Sequence[str], others: Sequence[str]) -> Vectors:
        """The cosine of each of `some` (a row each) to each of `others` (a column each)."""
        if not some or not others:
            return np.zeros((len(some), len(others)), dtype=np.float32)
        vectors = self._vectors(dict.fromkeys((*some, *others)))
        found: Vectors = (
            np.stack([vectors[text] for text in some]) @ np.stack([vectors[text] for text in others]).T
        )
        return found

    def of_words(self, some: Sequence[str], others: Sequence[str]) -> Vectors:
        """The likeness of words, in [0, 1]: 0 for unrelated ones, 1 for the same or as good as the same."""
        scaled: Vectors = np.clip((self.cosines(some, others) - _UNRELATED) / (_SAME - _UNRELATED), 0.0, 1.0)
        return scaled

    def _vectors(self, texts: dict[str, None]) -> dict[str, Vectors]:
        with self._lock:
            missing = [text for text in texts if text not in self._known]
            if missing:
                for text, vector in zip(missing, self._embedder.encode(missing), strict=True):
                    self._known[text] = vector.copy()  # a row alone would keep the whole table
            found = {text: self._known[text] for text in texts}
            for text in texts:
                self._known.move_to_end(text)
            while len(self._known) > max(_REMEMBERED, len(texts)):
                self._known.popitem(last=False)
        return found
