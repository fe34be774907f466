from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path
from zlib import crc32

import pytest

from assistant.batch.columns import Result
from assistant.batch.journal import Journal, reading
from assistant.errors import BatchError

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def key(n: int) -> str:
    return f"{n:032x}"


def result(n: int) -> Result:
    return Result(
        "answered", answer=f"Antwort „{n}“", confidence=0.5, latency_ms=n, index="i", prompt_tokens=n
    )


def filled(path: Path, *numbers: int) -> Path:
    with Journal(path) as journal:
        for n in numbers:
            journal.answer(key(n), f"Frage {n}?", result(n))
    return path


def held(path: Path) -> dict[int, Result]:
    """The answers in a journal by their numbers."""
    with reading(path) as (contents, read):
        return {int.from_bytes(name, "big"): read(place) for name, place in contents.places.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j"


def test_answers_are_found_again_by_their_keys(path: Path) -> None:
    filled(path, 1, 2)
    filled(path, 3)
    assert held(path) == {n: result(n) for n in (1, 2, 3)}
    with Journal(path) as journal:
        assert journal.find(key(4)) is None
        place = journal.find(key(2))
        assert place is not None
        assert journal.read(place) == result(2)


def test_of_two_answers_the_last_counts(path: Path) -> None:
    filled(path, 1)
    again = Result("abstained", reason="no longer", latency_ms=7)
    with Journal(path) as journal:
        journal.answer(key(1), "Frage 1?", again)
    assert held(path) == {1: again}
    with reading(path) as (contents, _):
        assert list(contents.milliseconds) == [1, 7]


def test_it_is_made_of_json_lines_that_name_the_question(path: Path) -> None:
    (line,) = filled(path, 1).read_text(encoding="utf-8").splitlines()
    plain = json.loads(line)
    assert (plain["question"], plain["result"]["answer"]) == ("Frage 1?", "Antwort „1“")


def test_an_answer_may_be_longer_than_any_buffer(path: Path) -> None:
    long = Result("answered", answer="x" * 1_000_000)
    with Journal(path) as journal:
        journal.answer(key(1), "Frage?", long)
    assert held(path) == {1: long}


def test_conditions_are_noted_where_they_change(path: Path) -> None:
    first, second = {"model": "a"}, {"model": "b"}
    for conditions in (first, first, second, first):
        with Journal(path) as journal:
            journal.begin(conditions)
    assert path.read_text().count('"conditions"') == 3
    with reading(path) as (contents, _):
        assert list(contents.conditions.values()) == [second, first]


@pytest.mark.parametrize(
    "torn", [b"{", b'{"sum":"', b'{"sum":"00000000","key":"', b'{"sum":"00000000","x":1}\n']
)
def test_a_torn_line_at_the_end_is_cut_off_before_the_next(path: Path, torn: bytes) -> None:
    whole = filled(path, 1).read_bytes()
    path.write_bytes(whole + torn)
    assert held(path) == {1: result(1)}
    assert path.read_bytes() == whole + torn  # reading changes nothing
    filled(path, 2)
    assert held(path) == {1: result(1), 2: result(2)}
    assert path.read_bytes().startswith(whole + b'{"sum":"')


def test_a_damaged_line_in_the_middle_is_passed_over_and_counted(path: Path) -> None:
    lines = filled(path, 1, 2, 3).read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"Frage", b"frage") + lines[2])
    assert held(path) == {1: result(1), 3: result(3)}
    with reading(path) as (contents, _):
        assert contents.damaged == 1


@pytest.mark.parametrize("content", ["precious", "{}\n", '{"key": 1}'])
def test_a_file_that_no_batch_wrote_is_refused_and_left_alone(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(BatchError, match="is in the way and no batch wrote it; move it, or name another by"):
        Journal(path)
    assert path.read_text() == content


def test_a_journal_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="can't be read: Is a directory"), reading(tmp_path):
        pass


def test_a_full_disk_takes_half_a_line_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = filled(path, 1).read_bytes()
    write = os.write

    def filling(file: int, data: bytes) -> int:
        if len(data) < 100:
            raise FULL
        return write(file, data[: len(data) // 2])

    with Journal(path) as journal:
        monkeypatch.setattr("os.write", filling)
        with pytest.raises(OSError, match="No space left") as caught:
            journal.answer(key(2), "Frage 2?", result(2))
        monkeypatch.undo()
        assert caught.value.filename == str(path)
        assert path.read_bytes() == whole
        with pytest.raises(OSError, match="No space left"):  # whatever comes later would hide the gap
            journal.answer(key(3), "Frage 3?", result(3))
    assert held(filled(path, 2)) == {1: result(1), 2: result(2)}


def test_an_answer_whose_sync_fails_is_not_taken_for_safe(path: Path) -> None:
    filled(path, 1)

    def failing(file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Journal(path, failing) as journal, pytest.raises(OSError, match="Input/output error"):
        journal.answer(key(2), "Frage 2?", result(2))
    assert held(path) == {1: result(1)}


def test_each_answer_is_synced_before_it_counts(path: Path) -> None:
    synced: list[int] = []
    with Journal(path, lambda file: synced.append(os.fstat(file).st_size)) as journal:
        journal.answer(key(1), "Frage 1?", result(1))
        assert synced == [path.stat().st_size]
        assert journal.find(key(1)) == 0


def test_several_threads_may_append(path: Path) -> None:
    with Journal(path) as journal:

        def append(first: int) -> None:
            for n in range(first, first + 50):
                journal.answer(key(n), f"Frage {n}?", result(n))

        threads = [threading.Thread(target=append, args=(first,)) for first in (0, 50, 100, 150)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert held(path) == {n: result(n) for n in range(200)}


def test_an_answer_written_by_another_version_is_read_as_far_as_it_is_known(path: Path) -> None:
    filled(path, 1)
    plain = json.loads(path.read_bytes())
    del plain["sum"], plain["result"]["index"]
    plain["result"]["mood"] = "good"
    body = json.dumps(plain, separators=(",", ":")).encode()[1:] + b"\n"
    path.write_bytes(b'{"sum":"%08x",%b' % (crc32(body), body))
    assert held(path)[1].index == ""
    assert held(path)[1].answer == "Antwort „1“"
