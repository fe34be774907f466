"""Files and standard input as streams of text: decompressed, decoded, and never held whole."""

from __future__ import annotations

import codecs
import io
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from assistant.errors import CorpusError
from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Reject, reject
from assistant.tables import decode

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN = Path("-")
_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
# Text shrinks some ten times; what grows more than this on unpacking, and to such a size, is a bomb.
_MOST_GROWTH = 100
_FREE_GROWTH = 16 << 20
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Of the Latin alphabets Windows-1252 alone: short texts do not tell it from its siblings.
_ENCODINGS = "cp1252 cp1251 koi8_r cp1253 cp1255 cp1256 shift_jis euc_jp gb18030 big5 euc_kr".split()
_LEAST_FOREIGN_BYTES = 20
_ASCII = re.compile(rb"[\x00-\x7f]")


class Source:
    """An open file of papers: `stream` is its content in UTF-8 or whatever ASCII-like encoding it has.

    `encoding` is "utf-8" until bytes turn up that are not.
    """

    def __init__(self, name: str, stream: io.BufferedReader) -> None:
        self.name = name
        self.stream = stream
        self.encoding = "utf-8"
        self.head = stream.peek(_CHUNK)[:_CHUNK]

    def notes(self) -> Iterator[str]:
        """What there is to say about the encoding, once the file has been read."""
        if self.encoding != "utf-8":
            yield f"{self.name} is not UTF-8; read as {self.encoding}"

    def text(self, raw: bytes) -> str:
        """The text of some bytes: as UTF-8, else in the encoding that the file seems to be in."""
        try:
            return raw.decode()
        except UnicodeDecodeError:
            if self.encoding == "utf-8":
                self.encoding = _detected(max(self.head, raw, key=_foreign_bytes))
        return decode(raw)[0] if self.encoding == "cp1252" else raw.decode(self.encoding, errors="replace")

    def lines(self) -> Iterator[tuple[int, str] | Reject]:
        """Each line with its number; one beyond RECORD_LIMIT is rejected and passed over."""
        number = 0
        while raw := self.stream.readline(RECORD_LIMIT):
            number += 1
            if len(raw) < RECORD_LIMIT or raw.endswith(b"\n"):
                yield number, self.text(raw)
                continue
            while raw and not raw.endswith(b"\n"):
                raw = self.stream.readline(_CHUNK)
            yield reject(self.name, number, TOO_LONG)

    def universal_lines(self) -> Iterator[tuple[int, str] | Reject]:
        """The same where a carriage return alone ends a line too."""
        more = 0
        for item in self.lines():
            if isinstance(item, Reject):
                yield item
                continue
            number, text = item
            for offset, line in enumerate(io.StringIO(text, newline="") if "\r" in text else [text]):
                yield number + more + offset, line
            more += offset

    def pieces(self) -> Iterator[str]:
        """The text in pieces of some size, none of which cuts a character."""
        rest = b""
        while chunk := self.stream.read(_CHUNK):
            rest += chunk
            end = len(rest)
            while end and rest[end - 1] > 0x7F and len(rest) - end < 64:
                end -= 1
            yield self.text(rest[:end])
            rest = rest[end:]
        if rest:
            yield self.text(rest)


def name_of(path: Path) -> str:
    """What messages call the file at `path`."""
    return "standard input" if path == STDIN else str(path)


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The file at `path`, or standard input for "-", ready to be read once.

    Raises:
        CorpusError: it can't be read, or unpacks to no end.
    """
    name = name_of(path)
    try:
        with _raw(path) as file:
            yield Source(name, _decoded(_unpacked(file, name)))
    except OSError as error:
        raise CorpusError(f"{name} can't be read: {error.strerror or error}") from error


@contextmanager
def seekable(source: Source) -> Iterator[io.BufferedReader]:
    """The content of a source, for formats that are not read from front to back; copied where it must be."""
    if source.stream.seekable():
        yield source.stream
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(source.stream, file, _CHUNK)
        file.seek(0)
        yield cast(io.BufferedReader, file)  # a BufferedRandom, which reads alike


@contextmanager
def rewindable(source: Source) -> Iterator[Callable[[], Source]]:
    """A function that gives the source from its beginning; each call ends what the last one gave."""
    with seekable(source) as file:
        start = file.tell()

        def again() -> Source:
            file.seek(start)
            source.stream = file  # and its encoding stays known
            return source

        yield again


@contextmanager
def _raw(path: Path) -> Iterator[io.BufferedReader]:
    if path == STDIN:  # in whole chunks, so that its format can be told from the first
        chunks = iter(partial(sys.stdin.buffer.read, _CHUNK), b"")
        yield io.BufferedReader(_Chunks(chunks), _CHUNK)
        return
    with path.open("rb", buffering=0) as file:
        yield io.BufferedReader(file, _CHUNK)


class _Chunks(io.RawIOBase):
    """Chunks of bytes as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _unpacked(file: io.BufferedReader, name: str) -> io.BufferedReader:
    if not file.peek(2).startswith(_GZIP):
        return file
    return io.BufferedReader(_Chunks(_inflated(file, name)), _CHUNK)


def _inflated(file: io.BufferedReader, name: str) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=31)
    taken = given = 0
    data = b""
    while data := data or file.read(_CHUNK):
        if inflater.eof:  # several gzip files in a row are one, and zeros may fill it up
            data = data.lstrip(b"\0")
            if not data:
                continue
            inflater = zlib.decompressobj(wbits=31)
        try:
            chunk = inflater.decompress(data, _CHUNK)
        except zlib.error as error:
            raise CorpusError(f"{name} is damaged: {error}; get it again") from error
        rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        taken, given, data = taken + len(data) - len(rest), given + len(chunk), rest
        if given > max(_FREE_GROWTH, _MOST_GROWTH * taken):
            raise CorpusError(
                f"{name} unpacks to more than {_MOST_GROWTH} times its size, which no text does"
            )
        yield chunk
    if not inflater.eof:
        raise CorpusError(f"{name} is cut short: its gzip stream has no end; get it again")


def _decoded(stream: io.BufferedReader) -> io.BufferedReader:
    head = stream.peek(_CHUNK)
    if head.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
        return stream
    encoding = next((name for bom, name in _BOMS.items() if head.startswith(bom)), None) or _without_bom(head)
    if encoding is None:
        return stream
    return io.BufferedReader(_Chunks(_recoded(stream, encoding)), _CHUNK)


def _without_bom(head: bytes) -> str | None:
    """UTF-16 by its zeros: nearly every other byte of what is mostly ASCII."""
    for first, encoding in ((0, "utf-16-be"), (1, "utf-16-le")):
        zeros, others = head[first::2].count(0), head[1 - first :: 2].count(0)
        if len(head) >= 16 and zeros > 0.4 * len(head) and others == 0:
            return encoding
    return None


def _recoded(stream: io.BufferedReader, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while chunk := stream.read(_CHUNK):
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _foreign_bytes(raw: bytes) -> int:
    return len(_ASCII.sub(b"", raw[:_CHUNK]))


def _detected(raw: bytes) -> str:
    """The likeliest encoding of bytes that are not UTF-8; with few to judge by, Windows-1252."""
    if _foreign_bytes(raw) < _LEAST_FOREIGN_BYTES:
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(raw[:_CHUNK], cp_isolation=_ENCODINGS).best()
    return best.encoding if best and best.encoding in _ENCODINGS else "cp1252"
