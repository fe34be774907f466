"""The journal of a batch: every answer in an append-only file of JSON lines, found again by its key.

A line is `{"sum":"…","key":"…",…}` for an answer, or `{"sum":"…","conditions":"…",…}` for what answers
after it depend on. `sum` is the CRC-32 of what follows it, so that a line torn by a kill, a full disk or a
power cut is known as such: at the end of the file it is cut off, elsewhere it is passed over. In memory there
is the place of each answer alone, some 140 bytes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, BinaryIO, Self
from zlib import crc32

from assistant.batch.columns import Result
from assistant.batch.conditions import Conditions, digest_of
from assistant.errors import BatchError
from assistant.storage import sync

_BEGINNING = b'{"sum":"'
_BODY = len(_BEGINNING) + 8 + len('",')
_FIELDS = {one.name for one in fields(Result)}
# Told apart without reading the JSON, which would take most of the time of opening a long journal.
_ANSWER = re.compile(rb'"key":"([0-9a-f]{32})","ms":(\d+),')


@dataclass
class Contents:
    """What a journal holds: where each key's last answer is, conditions by digest, oldest first.

    `milliseconds` are what the answers took; `length` is that of the sound part of the file; `damaged` is how
    many lines before its end can't be read.
    """

    places: dict[bytes, int] = field(default_factory=dict)
    conditions: dict[str, Conditions] = field(default_factory=dict)
    milliseconds: array[float] = field(default_factory=lambda: array("f"))
    length: int = 0
    damaged: int = 0


@contextlib.contextmanager
def reading(path: Path) -> Iterator[tuple[Contents, Callable[[int], Result]]]:
    """What the journal at `path` holds, if there is one, and the way to the answer at a place of it.

    Raises:
        BatchError: the file can't be read, or no batch wrote it.
    """
    if not path.exists():
        yield Contents(), lambda place: _answer(-1, path, place)
        return
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _read(path), lambda place: _answer(file, path, place)
    finally:
        os.close(file)


class Journal:
    """A journal open for reading and appending, from several threads; `sync` makes a descriptor's data last.

    It is open once at a time, by whatever name: the file itself is locked.

    Raises:
        BatchError: the file can't be read, no batch wrote it, or another batch is writing it.
    """

    def __init__(self, path: Path, sync: Callable[[int], None] = os.fsync) -> None:
        self.path = path
        self._sync = sync
        self._lock = Lock()
        self._failure: OSError | None = None
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.contents = _read(path)
        except BaseException as error:
            os.close(self._file)
            if isinstance(error, BlockingIOError):
                raise BatchError(f"another batch is writing {path}; wait for it to finish") from None
            raise
        self.start = self.contents.length

    def __enter__(self) -> Self:
        os.ftruncate(self._file, self.start)  # what was torn
        sync(self.path.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def find(self, key: str) -> int | None:
        """The place of a key's last answer, if there is one."""
        return self.contents.places.get(bytes.fromhex(key))

    def read(self, place: int) -> Result:
        """The answer at a place.

        Raises:
            BatchError: the file has been changed meanwhile.
        """
        return _answer(self._file, self.path, place)

    def answer(self, key: str, question: str, result: Result) -> None:
        """Append an answer; once this returns it is on the disk.

        Raises:
            OSError: it can't be written; nothing more will be.
        """
        line = {"key": key, "ms": result.latency_ms, "question": question, "result": asdict(result)}
        place = self._append(line)
        self.contents.places[bytes.fromhex(key)] = place

    def begin(self, conditions: Conditions) -> None:
        """Append the conditions of the answers to come, unless those of the last ones were the same."""
        digest = digest_of(conditions)
        if next(reversed(self.contents.conditions), None) != digest:
            self._append({"conditions": digest, "are": dict(conditions)})
            self.contents.conditions.pop(digest, None)
            self.contents.conditions[digest] = conditions

    def _append(self, value: dict[str, Any]) -> int:
        body = json.dumps(value, separators=(",", ":")).encode()[1:] + b"\n"
        line = b'%b%08x",%b' % (_BEGINNING, crc32(body), body)
        with self._lock:
            if self._failure:
                raise self._failure
            place = self.contents.length
            try:
                _write(self._file, line)
                self._sync(self._file)
            except OSError as error:
                error.filename = str(self.path)
                self._failure = error
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, place)
                raise
            self.contents.length += len(line)
            return place


def _read(path: Path) -> Contents:
    try:
        with path.open("rb") as file:
            _refuse_foreign(file, path)
            return _contents(file)
    except OSError as error:
        raise BatchError(f"{path} can't be read: {error.strerror}") from error


def _answer(file: int, path: Path, place: int) -> Result:
    line = os.pread(file, 1 << 13, place)
    while b"\n" not in line:
        line += os.pread(file, 1 << 16, place + len(line)) or b"\n"
    if (body := _body(line[: line.index(b"\n") + 1])) is None:
        raise BatchError(f"{path} was changed while it was used; run the same command again")
    plain = json.loads("{" + body.decode())["result"]
    if plain.keys() != _FIELDS:  # another version wrote it
        plain = {name: value for name, value in plain.items() if name in _FIELDS}
    return Result(**plain)


def _write(file: int, data: bytes) -> None:
    """Write all of it; a disk that fills up takes a part."""
    while data:
        if not (written := os.write(file, data)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        data = data[written:]


def _refuse_foreign(file: BinaryIO, path: Path) -> None:
    beginning = file.read(len(_BEGINNING))
    file.seek(0)
    if not _BEGINNING.startswith(beginning):
        raise BatchError(f"{path} is in the way and no batch wrote it; move it, or name another by --journal")


def _contents(file: BinaryIO) -> Contents:
    found, torn = Contents(), 0
    for place, line in _placed(file):
        body = _body(line)
        if body is None:
            torn += 1
            continue
        found.damaged += torn
        found.length, torn = place + len(line), 0
        if answer := _ANSWER.match(body):
            found.places[bytes.fromhex(answer[1].decode())] = place
            found.milliseconds.append(float(answer[2]))
        else:
            plain = json.loads(b"{" + body)
            found.conditions.pop(plain["conditions"], None)
            found.conditions[plain["conditions"]] = plain["are"]
    return found


def _placed(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    place = 0
    for line in file:
        yield place, line
        place += len(line)


def _body(line: bytes) -> bytes | None:
    """What follows the sum of a whole line, if it has that sum."""
    body = line[_BODY:]
    summed = b'%b%08x",' % (_BEGINNING, crc32(body))
    return body if line.endswith(b"\n") and line[:_BODY] == summed else None
