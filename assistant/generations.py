"""The folder format of an index: immutable generations and one pointer that is replaced atomically.

    index/NAME/CURRENT                the name of the generation in force
    index/NAME/generations/<id>/      manifest.json and what it lists:
        papers/, columns/, origins    papers as compressed JSON; what they are chosen by; their records
        spans.npy                     position of the paper, start and end of each passage
        vectors.faiss, bm25/          the passages' vectors and terms; vectors may be in Milvus instead

A generation is written under a temporary name, synced, renamed, and only then pointed to. Readers that
have opened an older one keep it; the newest replaced one stays on disk for them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from assistant.errors import IndexFormatError
from assistant.records import to_plain
from assistant.storage import sha256_of, size_of, sync, sync_tree, write_atomically

FORMAT_VERSION = 2

PAPERS = "papers"
COLUMNS = "columns"
ORIGINS = "origins.json.zst"
SPANS = "spans.npy"
VECTORS = "vectors.faiss"
LEXICAL = "bm25"
COLLECTIONS = "collections.json"  # in the index folder: those in Milvus begun and not yet dropped

START_OVER = "ingest your files into another index (--index)"

_CURRENT = "CURRENT"
_GENERATIONS = "generations"
_MANIFEST = "manifest.json"
_STAGING = ".staging"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file of a generation is recognised by."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection in Milvus: the server's address, or a file as named from the index folder; its name."""

    uri: str
    name: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index was made from and with; `files` maps each file to its size and SHA-256.

    `corpus_sha256` is of the papers as JSON lines; `flagged` are the ids of those whose abstracts give orders
    to a language model; `vector_recall` is the share of the 100 nearest passages that a search among
    `vectors`, which says how they are kept, finds; `milvus` is where they are, None for this folder.
    """

    format_version: int
    created: str
    corpus_sha256: str
    papers: int
    passages: int
    passages_cut: int
    passage_tokens: int
    embedder: str
    embedder_fingerprint: str
    dimension: int
    files: dict[str, FileFacts]
    passage_overlap: int
    flagged: tuple[str, ...]
    vectors: str
    vector_recall: float
    milvus: Collection | None = None

    @property
    def fingerprint(self) -> str:
        """Changes whenever the index would answer differently."""
        parts = (
            self.corpus_sha256,
            self.embedder_fingerprint,
            str(self.passage_tokens),
            str(self.format_version),
            *([str(self.passage_overlap)] if self.passage_overlap else []),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def parts(self) -> dict[str, int]:
        """The bytes of each part of the index: papers, columns, origins, spans, vectors, bm25."""
        sizes: dict[str, int] = {}
        for name, file in self.files.items():
            part = name.partition("/")[0].partition(".")[0]
            sizes[part] = sizes.get(part, 0) + file.bytes
        return sizes


_MANIFESTS = TypeAdapter(Manifest)


def exists(index: Path) -> bool:
    """Whether there is an index in the folder, whole or damaged."""
    return (index / _CURRENT).exists() or _newest(index) is not None


def current_generation(index: Path) -> Path:
    """The folder of the generation in force.

    Raises:
        IndexFormatError: there is no index, or its pointer leads nowhere.
    """
    pointer = index / _CURRENT
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        if exists(index):
            raise IndexFormatError(f"{pointer} is missing; {_recover(index)}") from None
        raise IndexFormatError(
            f"no index at {index}; make one with `assistant ingest FILE --index {index}`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexFormatError(f"{pointer} can't be read: {error}; {_recover(index)}") from error
    folder = index / _GENERATIONS / name
    if not name.isdecimal() or not folder.is_dir():
        raise IndexFormatError(f"{pointer} names generation {name!r}, which is not there; {_recover(index)}")
    return folder


def recoverable_generation(index: Path) -> Path:
    """The generation in force or, where the pointer to it is lost, the newest one.

    Raises:
        IndexFormatError: there is no generation.
    """
    try:
        return current_generation(index)
    except IndexFormatError:
        if newest := _newest(index):
            return newest
        raise


def read_manifest(generation: Path) -> Manifest:
    """The manifest of a generation, checked against this program and the files on disk.

    Raises:
        IndexFormatError: the format is another, or a file is missing, or its size is not as written.
    """
    index = generation.parent.parent
    path = generation / _MANIFEST
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        version = plain["format_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexFormatError(f"{path} is missing or damaged; {START_OVER}") from error
    if version != FORMAT_VERSION:
        raise IndexFormatError(
            f"{index} has index format {version}, this program reads {FORMAT_VERSION}; "
            f"run `assistant index rebuild --index {index}`, which upgrades it, then this again"
        )
    try:
        manifest = _MANIFESTS.validate_python(plain)
    except ValidationError as error:
        raise IndexFormatError(f"{path} lacks fields of format {version}; {START_OVER}") from error
    for name, file in manifest.files.items():
        expected = file.bytes
        size = (generation / name).stat().st_size if (generation / name).is_file() else None
        if size != expected:
            found = "is missing" if size is None else f"has {size} bytes, its manifest says {expected}"
            raise IndexFormatError(f"{generation / name} {found}; {_remedy(index, name)}")
    return manifest


def verify(generation: Path) -> Iterator[str]:
    """The faults found by reading every file of a generation whole and comparing its SHA-256."""
    for name, file in read_manifest(generation).files.items():
        if (found := sha256_of(generation / name)) != file.sha256:
            remedy = _remedy(generation.parent.parent, name)
            yield f"{generation / name} has SHA-256 {found}, its manifest says {file.sha256}; {remedy}"


def collections_named(index: Path) -> set[Collection]:
    """The collections in Milvus that the generations on disk have their vectors in.

    Raises:
        IndexFormatError: a manifest is damaged, so that nobody knows what it names.
    """
    named = set()
    for path in (index / _GENERATIONS).glob(f"*/{_MANIFEST}"):
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            if milvus := plain.get("milvus"):
                named.add(Collection(**milvus))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise IndexFormatError(f"{path} is missing or damaged; {START_OVER}") from error
    return named


def check_papers(generation: Path) -> None:
    """Refuse papers that are not as they were written, in any format: nothing made of them could be trusted.

    Raises:
        IndexFormatError: the SHA-256 of one of their files is not the manifest's.
    """
    try:
        files = json.loads((generation / _MANIFEST).read_text(encoding="utf-8"))["files"]
        written = {name: file["sha256"] for name, file in files.items() if name.startswith(PAPERS)}
        found = {name: sha256_of(generation / name) for name in written}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexFormatError(f"{generation} is damaged; {START_OVER}") from error
    for name, digest in found.items():
        if digest != written[name]:
            raise IndexFormatError(
                f"{generation / name} has SHA-256 {digest}, its manifest says {written[name]}; {START_OVER}"
            )


@contextmanager
def writer(index: Path) -> Iterator[None]:
    """Hold the right to write the index.

    Raises:
        IndexFormatError: another process holds it, or the folder or the disk refuses to be written.
    """
    try:
        index.mkdir(parents=True, exist_ok=True)
        lock = FileLock(index / ".writer.lock", timeout=0)
        with lock:
            _remove_leftovers(index)
            yield
    except Timeout:
        raise IndexFormatError(f"another process is writing {index}; wait for it to finish") from None
    except OSError as error:
        raise IndexFormatError(
            f"{index} can't be written: {error.strerror or error}; what was there before is untouched"
        ) from error


def replaced_bytes(index: Path) -> int:
    """The bytes of what is in the folder of generations and not in force."""
    generations = index / _GENERATIONS
    return size_of(generations) - size_of(current_generation(index))


def compact(index: Path) -> int:
    """Remove replaced generations and what killed writers left; returns the bytes that were freed.

    Who has a replaced one open can go on reading it.

    Raises:
        IndexFormatError: there is no index, it is damaged, or another process is writing it.
    """
    current_generation(index)
    before = size_of(index)
    with writer(index):
        current = current_generation(index)
        read_manifest(current)  # an older one may be all that is left of a damaged index
        for path in (index / _GENERATIONS).iterdir():
            if path != current:
                shutil.rmtree(path, ignore_errors=True)
        return before - size_of(index)


@contextmanager
def new_generation(index: Path) -> Iterator[Path]:
    """A staging folder that becomes the generation in force when the block ends without an error."""
    generations = index / _GENERATIONS
    generations.mkdir(exist_ok=True)
    staging = generations / _STAGING
    staging.mkdir()
    try:
        yield staging
        _publish(index, staging)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def seal(staging: Path, **facts: Any) -> Manifest:
    """Write the manifest of a staged generation: `facts` and the hash of every file."""
    files = {
        path.relative_to(staging).as_posix(): FileFacts(path.stat().st_size, sha256_of(path))
        for path in sorted(staging.rglob("*"))
        if path.is_file()
    }
    manifest = Manifest(format_version=FORMAT_VERSION, files=files, **facts)
    text = json.dumps(to_plain(manifest), indent=1, ensure_ascii=False)
    (staging / _MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def _publish(index: Path, staging: Path) -> None:
    sync_tree(staging)
    generations = index / _GENERATIONS
    replaced = _pointed_to(index)
    taken = [int(path.name) for path in generations.iterdir() if path.name.isdecimal()]
    name = f"{max(taken, default=0) + 1:06d}"
    staging.rename(generations / name)
    sync(generations)
    write_atomically(index / _CURRENT, f"{name}\n".encode())
    if replaced is None:
        return  # the pointer was lost: whatever lies there may be all that is left of the index
    for path in generations.iterdir():
        if path.name.isdecimal() and path.name not in (name, replaced):
            shutil.rmtree(path, ignore_errors=True)


def _pointed_to(index: Path) -> str | None:
    try:
        return current_generation(index).name
    except IndexFormatError:
        return None


def _remove_leftovers(index: Path) -> None:
    """Remove what a killed writer left behind; only the holder of the lock may."""
    shutil.rmtree(index / _GENERATIONS / _STAGING, ignore_errors=True)
    for path in index.glob(f".{_CURRENT}.*"):
        path.unlink(missing_ok=True)


def _newest(index: Path) -> Path | None:
    manifests = (index / _GENERATIONS).glob(f"*/{_MANIFEST}")
    sealed = [path.parent for path in manifests if path.parent.name.isdecimal()]
    return max(sealed, key=lambda path: int(path.name), default=None)


def _remedy(index: Path, name: str) -> str:
    return START_OVER if name.startswith(PAPERS) else f"run `assistant index rebuild --index {index}`"


def _recover(index: Path) -> str:
    newest = _newest(index)
    if newest is None:
        return START_OVER
    return f"run `assistant index rebuild --index {index}` to recover it from generation {newest.name}"
