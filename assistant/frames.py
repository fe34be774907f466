"""Compressed storage: many small records, each read without the others, and JSON as a whole (Zstandard)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import zstandard

# Measured on 87,308 abstracts as JSON, each on its own, against their plain size: 0.345 at level 3 in 0.8 s,
# 0.31 at level 12 in 5.4 s; without a dictionary 0.53. Blocks of 16 would save 0.03 more and read 16 for one.
_LEVEL = 9
_DICTIONARY = 112_640  # bytes; Zstandard's own default
_SAMPLES = 4_000  # records that the dictionary is learned from

_FRAMES = "frames.zst"
_ENDS = "ends.npy"
_SHARED = "dictionary"


class Frames(Sequence[bytes]):
    """Records saved by `write_frames`, mapped into memory; each is decompressed when it is looked at."""

    def __init__(self, folder: Path) -> None:
        """Open the records in `folder`.

        Raises:
            OSError, ValueError: a file is missing or damaged.
        """
        self._ends = np.load(folder / _ENDS, mmap_mode="r")
        size = (folder / _FRAMES).stat().st_size
        if (
            not np.all(np.diff(self._ends, prepend=0) > 0)
            or (self._ends[-1] if len(self._ends) else 0) != size
        ):
            raise ValueError(f"{_ENDS} does not describe {_FRAMES}")
        self._frames = np.memmap(folder / _FRAMES, mode="r") if size else np.empty(0, dtype=np.uint8)
        self._decompressor = zstandard.ZstdDecompressor(
            dict_data=_dictionary((folder / _SHARED).read_bytes())
        )
        self._lock = threading.Lock()  # a decompressor serves one thread at a time

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, row: int) -> bytes: ...
    @overload
    def __getitem__(self, row: slice) -> list[bytes]: ...
    def __getitem__(self, row: int | slice) -> bytes | list[bytes]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        start = int(self._ends[row - 1]) if row else 0
        frame = self._frames[start : int(self._ends[row])].tobytes()
        try:
            with self._lock:
                return self._decompressor.decompress(frame)
        except zstandard.ZstdError as error:
            raise ValueError(f"record {row} of {_FRAMES}: {error}") from error


def write_frames(folder: Path, records: Iterable[bytes], samples: Sequence[bytes]) -> None:
    """Write the records into `folder`, with a dictionary learned from samples of them."""
    folder.mkdir()
    shared = _learned(samples)
    (folder / _SHARED).write_bytes(shared)
    compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary(shared))
    ends, end = [], 0
    with (folder / _FRAMES).open("wb") as file:
        for record in records:
            end += file.write(compressor.compress(record))
            ends.append(end)
    np.save(folder / _ENDS, np.array(ends, dtype=np.int64))


def spread(count: int) -> range:
    """The rows, of `count`, of the records to learn a dictionary from."""
    return range(0, count, max(1, count // _SAMPLES))


def write_json(path: Path, plain: Any) -> None:
    """Write a value as compressed JSON."""
    path.write_bytes(zstandard.compress(json.dumps(plain, ensure_ascii=False).encode(), _LEVEL))


def read_json(path: Path) -> Any:
    """The value that `write_json` wrote to `path`.

    Raises:
        OSError, ValueError: the file is missing or damaged.
    """
    try:
        return json.loads(zstandard.decompress(path.read_bytes()))
    except zstandard.ZstdError as error:
        raise ValueError(f"{path.name}: {error}") from error


def _dictionary(content: bytes) -> zstandard.ZstdCompressionDict | None:
    return zstandard.ZstdCompressionDict(content) if content else None


def _learned(samples: Sequence[bytes]) -> bytes:
    try:
        return zstandard.train_dictionary(_DICTIONARY, list(samples)).as_bytes()
    except zstandard.ZstdError:
        return b""  # there is too little to learn from
