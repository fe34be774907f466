from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import IndexFormatError
from assistant.generations import (
    FORMAT_VERSION,
    FileFacts,
    Manifest,
    compact,
    current_generation,
    exists,
    new_generation,
    read_manifest,
    recoverable_generation,
    replaced_bytes,
    seal,
    verify,
    writer,
)

FACTS: dict[str, Any] = {
    "created": "2026-01-01T00:00:00+00:00",
    "corpus_sha256": "c0",
    "papers": 1,
    "passages": 2,
    "passages_cut": 0,
    "passage_tokens": 160,
    "embedder": "hashing",
    "embedder_fingerprint": "hashing-64",
    "dimension": 64,
    "passage_overlap": 0,
    "flagged": (),
    "vectors": "whole, all searched",
    "vector_recall": 1.0,
}

START_OVER = "ingest your files into another index (--index)"


def publish(index: Path, content: str) -> None:
    """A generation with a file of papers and a file in a folder."""
    with writer(index), new_generation(index) as staging:
        (staging / "papers").write_text(content)
        (staging / "bm25").mkdir()
        (staging / "bm25" / "vocab").write_text("abc")
        seal(staging, **FACTS)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of one generation."""
    publish(tmp_path / "index", "one")
    return tmp_path / "index"


def content(index: Path) -> str:
    return (current_generation(index) / "papers").read_text()


def on_disk(index: Path) -> set[str]:
    return {path.name for path in (index / "generations").iterdir()}


def test_each_generation_replaces_the_one_before_which_stays_for_its_readers(index: Path) -> None:
    assert (content(index), on_disk(index)) == ("one", {"000001"})
    publish(index, "two")
    assert (content(index), on_disk(index)) == ("two", {"000001", "000002"})
    publish(index, "three")
    assert (content(index), on_disk(index)) == ("three", {"000002", "000003"})


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError(28, "No space left on device"), ValueError])
def test_a_fault_while_writing_leaves_the_old_generation(index: Path, fault: Any) -> None:
    with pytest.raises(BaseException) as caught, writer(index), new_generation(index) as staging:
        (staging / "papers").write_text("half")
        raise fault
    disk_full = f"{index} can't be written: No space left on device; what was there before is untouched"
    assert caught.type is fault or str(caught.value) == disk_full
    assert (content(index), on_disk(index)) == ("one", {"000001"})
    publish(index, "two")
    assert content(index) == "two"


@pytest.mark.parametrize("step", ["sync_tree", "write_atomically"])
def test_a_fault_while_publishing_leaves_the_old_generation(
    index: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(f"assistant.generations.{step}", interrupt)
        publish(index, "two")
    assert content(index) == "one"
    publish(index, "three")
    assert content(index) == "three"


def test_the_manifest_reads_as_it_was_written(index: Path) -> None:
    files = {
        # printf abc | sha256sum; printf one | sha256sum
        "bm25/vocab": FileFacts(3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        "papers": FileFacts(3, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"),
    }
    assert read_manifest(current_generation(index)) == Manifest(FORMAT_VERSION, files=files, **FACTS)


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        ({"created": "2027"}, False),
        ({"corpus_sha256": "c1"}, True),
        ({"embedder_fingerprint": "hashing-32"}, True),
        ({"passage_tokens": 80}, True),
        ({"passage_overlap": 20}, True),
        ({"vectors": "8 bits a component, all searched"}, False),
        ({"flagged": ("a1",)}, False),
        ({"format_version": 3}, True),
    ],
)
def test_the_fingerprint_changes_with_what_changes_answers(change: dict[str, Any], changes: bool) -> None:
    facts = {"format_version": 2, "files": {}, **FACTS}
    assert (Manifest(**facts).fingerprint != Manifest(**{**facts, **change}).fingerprint) == changes


def test_no_index_says_how_to_make_one(tmp_path: Path) -> None:
    assert not exists(tmp_path)
    with pytest.raises(IndexFormatError) as caught:
        current_generation(tmp_path)
    assert str(caught.value) == (
        f"no index at {tmp_path}; make one with `assistant ingest FILE --index {tmp_path}`"
    )


@pytest.mark.parametrize("name", ["000009", "", "../generations/000001", "..", ".", "/", "\0"])
def test_a_pointer_that_leads_nowhere_is_an_error(index: Path, name: str) -> None:
    (index / "CURRENT").write_text(f"{name}\n")
    with pytest.raises(IndexFormatError) as caught:
        current_generation(index)
    assert str(caught.value) == (
        f"{index}/CURRENT names generation {name!r}, which is not there; "
        f"run `assistant index rebuild --index {index}` to recover it from generation 000001"
    )


def test_a_pointer_to_nothing_where_nothing_is_left_says_to_start_over(index: Path) -> None:
    shutil.rmtree(index / "generations")
    for read in (current_generation, recoverable_generation):
        with pytest.raises(IndexFormatError) as caught:
            read(index)
        assert str(caught.value) == (
            f"{index}/CURRENT names generation '000001', which is not there; {START_OVER}"
        )


def test_a_pointer_that_cannot_be_read_is_an_error(index: Path) -> None:
    (index / "CURRENT").write_bytes(b"\xff")
    with pytest.raises(
        IndexFormatError, match=r"^\S+/CURRENT can't be read: .*; run `assistant index rebuild"
    ):
        current_generation(index)


def test_a_lost_pointer_is_an_error_that_says_how_to_recover(index: Path) -> None:
    (index / "CURRENT").unlink()
    assert exists(index)
    with pytest.raises(IndexFormatError) as caught:
        current_generation(index)
    assert str(caught.value) == (
        f"{index}/CURRENT is missing; "
        f"run `assistant index rebuild --index {index}` to recover it from generation 000001"
    )


def test_what_is_recoverable_is_the_generation_in_force_else_the_newest_whole_one(index: Path) -> None:
    for number in range(9):
        publish(index, f"generation {number}")
    assert on_disk(index) == {"000009", "000010"}
    (index / "generations" / "000011").mkdir()  # no manifest
    (index / "CURRENT").write_text("000009\n")
    assert recoverable_generation(index).name == "000009"
    (index / "CURRENT").unlink()
    assert recoverable_generation(index).name == "000010"


@pytest.mark.parametrize("pointer", [None, "", "000009"])
def test_nothing_is_deleted_where_the_pointer_was_lost(index: Path, pointer: str | None) -> None:
    publish(index, "two")
    (index / "CURRENT").unlink()
    if pointer is not None:
        (index / "CURRENT").write_text(pointer)
    publish(index, "three")
    assert (content(index), on_disk(index)) == ("three", {"000001", "000002", "000003"})
    publish(index, "four")
    assert (content(index), on_disk(index)) == ("four", {"000003", "000004"})


DAMAGE: dict[str, tuple[str, str | None, str]] = {
    "papers missing": (
        "papers",
        None,
        "{file} is missing; " + START_OVER,
    ),
    "papers truncated": (
        "papers",
        "on",
        "{file} has 2 bytes, its manifest says 3; " + START_OVER,
    ),
    "another file missing": (
        "bm25/vocab",
        None,
        "{file} is missing; run `assistant index rebuild --index {index}`",
    ),
    "another file empty": (
        "bm25/vocab",
        "",
        "{file} has 0 bytes, its manifest says 3; run `assistant index rebuild --index {index}`",
    ),
    "manifest missing": (
        "manifest.json",
        None,
        "{file} is missing or damaged; " + START_OVER,
    ),
    "manifest truncated": (
        "manifest.json",
        '{"format_ver',
        "{file} is missing or damaged; " + START_OVER,
    ),
    "manifest of another kind": (
        "manifest.json",
        "[]",
        "{file} is missing or damaged; " + START_OVER,
    ),
    "manifest without its fields": (
        "manifest.json",
        '{"format_version": 2}',
        "{file} lacks fields of format 2; " + START_OVER,
    ),
    "another version": (
        "manifest.json",
        '{"format_version": 1}',
        "{index} has index format 1, this program reads 2; "
        "run `assistant index rebuild --index {index}`, which upgrades it, then this again",
    ),
}


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_generation_is_one_line_with_what_to_do(
    index: Path, name: str, damage: str | None, message: str
) -> None:
    file = current_generation(index) / name
    file.unlink()
    if damage is not None:
        file.write_text(damage)
    with pytest.raises(IndexFormatError) as caught:
        read_manifest(current_generation(index))
    assert str(caught.value) == message.format(file=file, index=index)


def test_verify_finds_a_flipped_byte_that_the_size_does_not_tell(index: Path) -> None:
    generation = current_generation(index)
    assert list(verify(generation)) == []
    (generation / "bm25" / "vocab").write_text("abd")
    # printf abd | sha256sum
    found = "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert list(verify(generation)) == [
        f"{generation}/bm25/vocab has SHA-256 {found}, its manifest says {expected}; "
        f"run `assistant index rebuild --index {index}`"
    ]


def test_the_parts_of_an_index_are_what_its_files_and_folders_are_called() -> None:
    names = {"papers/ends.npy": 1, "papers/frames.zst": 2, "origins.json.zst": 4, "bm25/vocab": 8}
    files = {name: FileFacts(size, "") for name, size in names.items()}
    assert Manifest(FORMAT_VERSION, files=files, **FACTS).parts == {"papers": 3, "origins": 4, "bm25": 8}


def test_compacting_leaves_the_generation_in_force_alone(index: Path) -> None:
    publish(index, "two")
    (index / "generations" / ".staging").mkdir()
    (index / "generations" / ".staging" / "papers").write_text("half")
    (index / ".CURRENT.0123").write_text("0000")
    old = sum(path.stat().st_size for path in (index / "generations" / "000001").rglob("*") if path.is_file())
    assert replaced_bytes(index) == old + len("half")
    assert compact(index) == old + len("half") + len("0000")
    assert (content(index), on_disk(index)) == ("two", {"000002"})
    assert compact(index) == replaced_bytes(index) == 0


def test_nothing_is_compacted_where_the_pointer_is_lost(index: Path) -> None:
    publish(index, "two")
    (index / "CURRENT").unlink()
    with pytest.raises(IndexFormatError, match="CURRENT is missing"):
        compact(index)
    assert on_disk(index) == {"000001", "000002"}


def test_nothing_is_compacted_where_the_generation_in_force_is_damaged(index: Path) -> None:
    publish(index, "two")
    (index / "generations" / "000002" / "papers").unlink()
    with pytest.raises(IndexFormatError, match="papers is missing"):
        compact(index)
    assert on_disk(index) == {"000001", "000002"}


def test_a_second_writer_is_refused(index: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from assistant.generations import writer\n"
        "with writer(Path(sys.argv[1])): print('writing', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(index)]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as other:
        assert other.stdout
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(IndexFormatError) as caught:
            publish(index, "two")
        assert str(caught.value) == f"another process is writing {index}; wait for it to finish"
        assert content(index) == "one"
        other.kill()
    publish(index, "two")  # the lock of a killed writer holds nobody up
    assert content(index) == "two"


def test_leftovers_of_a_killed_writer_are_removed(index: Path) -> None:
    staging = index / "generations" / ".staging"
    staging.mkdir()
    (staging / "papers").write_text("half")
    (index / ".CURRENT.0123").write_text("0000")
    orphan = index / "generations" / "000002"  # renamed, but the pointer was not replaced any more
    orphan.mkdir()
    publish(index, "two")
    assert content(index) == "two"
    assert on_disk(index) == {"000001", "000003"}
    assert {path.name for path in index.iterdir()} - {".writer.lock"} == {"CURRENT", "generations"}


def test_a_file_where_the_index_should_be_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with (
        pytest.raises(
            IndexFormatError, match=r"file can't be written: File exists; what was there before is untouched$"
        ),
        writer(path),
    ):
        pass
    with (
        pytest.raises(
            IndexFormatError, match=r"can't be written: Not a directory; what was there before is untouched$"
        ),
        writer(path / "index"),
    ):
        pass
