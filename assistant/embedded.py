"""Texts to vectors over a whole corpus: what is known is kept, what is new is logged as it is embedded."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from assistant.arrays import Vectors
from assistant.embedding import Embedder
from assistant.progress import Progress
from assistant.storage import sync

WINDOW = 512  # texts embedded and logged together: some ten seconds' work of two cores
_HEADER = struct.Struct("<II")  # how many texts a block has, and the CRC-32 of what follows
_DIGEST = 16  # bytes


class EmbeddedLog:
    """The vectors that interrupted runs of one embedder have computed, by text, in a file that only grows.

    A block of the file is a header, the digests of its texts, and their vectors as they were computed. One
    that a kill cut short is cut off when the log is opened, so that all that is read is whole.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self._path = path
        self._width = 4 * dimension
        self._places: dict[bytes, int] = {}  # where in the file a text's vector begins
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        self._file.truncate(self._enter_all())

    @classmethod
    def open(cls, folder: Path, embedder: Embedder) -> Self:
        """The log of `embedder` in `folder`, which is empty where there was none."""
        return cls(folder / embedder.fingerprint, embedder.dimension)

    def __contains__(self, text: str) -> bool:
        return _digest(text) in self._places

    def __len__(self) -> int:
        return len(self._places)

    def vector(self, text: str) -> Vectors:
        """The vector of a text that the log has; KeyError for another."""
        self._file.seek(self._places[_digest(text)])
        return np.frombuffer(self._file.read(self._width), dtype="<f4")

    def append(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Add texts and their vectors (n × dimension); they survive a power cut."""
        digests = [_digest(text) for text in texts]
        body = b"".join(digests) + vectors.astype("<f4").tobytes()
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(_HEADER.pack(len(texts), zlib.crc32(body)) + body)
        self._file.flush()
        sync(self._path)
        self._enter(digests, start)

    def close(self) -> None:
        """Let go of the file, and leave it where it is."""
        self._file.close()

    def _enter_all(self) -> int:
        """Enter every whole block; how many bytes of the file they are."""
        size = self._path.stat().st_size
        whole = self._file.seek(0)
        while whole + _HEADER.size <= size:
            count, checksum = _HEADER.unpack(self._file.read(_HEADER.size))
            body = self._file.read(min(count * (_DIGEST + self._width), size))
            if len(body) < count * (_DIGEST + self._width) or zlib.crc32(body) != checksum:
                break
            self._enter([body[n * _DIGEST : (n + 1) * _DIGEST] for n in range(count)], whole)
            whole = self._file.tell()
        return whole

    def _enter(self, digests: Sequence[bytes], start: int) -> None:
        """Enter the block that begins at `start`."""
        first = start + _HEADER.size + len(digests) * _DIGEST
        self._places |= {digest: first + row * self._width for row, digest in enumerate(digests)}


def encode(
    texts: Sequence[str],
    known: Mapping[str, Vectors],
    embedder: Embedder,
    log: EmbeddedLog,
    progress: Progress,
) -> Vectors:
    """Vectors of `texts` (n × dimension): those known, those logged, and the rest computed and logged.

    A run that is interrupted and goes on has the very vectors it would have had: the log ends with a whole
    window, so what is left falls into the same windows, and these into the same batches.
    """
    new = list(dict.fromkeys(text for text in texts if text not in known and text not in log))
    windows = [new[first : first + WINDOW] for first in range(0, len(new), WINDOW)]
    if encode_windows := getattr(embedder, "encode_windows", None):  # several at a time, on a cluster
        done = 0
        for window, encoded in zip(windows, encode_windows(windows), strict=True):
            log.append(window, encoded)
            done += len(window)
            progress(done, len(new), "embedding passages")
    else:
        for number, window in enumerate(windows):

            def report(done: int, before: int = number * WINDOW) -> None:
                progress(before + done, len(new), "embedding passages")

            log.append(window, embedder.encode(window, report))
    vectors = np.empty((len(texts), embedder.dimension), dtype=np.float32)
    for row, text in enumerate(texts):
        vectors[row] = known[text] if text in known else log.vector(text)
    return vectors


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST).digest()
