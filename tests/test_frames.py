from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from assistant.frames import Frames, read_json, spread, write_frames, write_json

FEW = [b"one", b"", "zwei \u00e9".encode(), b"three" * 1000]
MANY = [
    b'{"id": "%d", "title": "On the number %d", "abstract": "It is %d."}' % (i, i, i * i) for i in range(2000)
]


@pytest.mark.parametrize("records", [[], FEW[:1], FEW, MANY], ids=["none", "one", "few", "many"])
def test_records_come_back_one_by_one_and_in_order(tmp_path: Path, records: list[bytes]) -> None:
    write_frames(tmp_path / "f", iter(records), [records[row] for row in spread(len(records))])
    frames = Frames(tmp_path / "f")
    assert len(frames) == len(records)
    assert list(frames) == records
    assert [frames[row] for row in range(-len(records), 0)] == records
    assert frames[1:3] == records[1:3]
    for row in (len(records), -len(records) - 1):
        with pytest.raises(IndexError):
            frames[row]


def test_what_records_share_is_learned_once(tmp_path: Path) -> None:
    write_frames(tmp_path / "shared", MANY, MANY)
    write_frames(tmp_path / "alone", MANY, [])
    shared, alone = ((tmp_path / name / "frames.zst").stat().st_size for name in ("shared", "alone"))
    assert shared < alone / 2


def test_threads_read_without_disturbing_each_other(tmp_path: Path) -> None:
    write_frames(tmp_path / "f", MANY, MANY)
    frames = Frames(tmp_path / "f")
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(frames.__getitem__, range(len(MANY)))) == MANY


def test_records_outlive_their_files(tmp_path: Path) -> None:
    write_frames(tmp_path / "f", FEW, FEW)
    frames = Frames(tmp_path / "f")
    for path in (tmp_path / "f").iterdir():
        path.unlink()
    assert list(frames) == FEW


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ends.npy", None),
        ("ends.npy", b"no array"),
        ("frames.zst", None),
        ("frames.zst", b"cut short"),
        ("dictionary", None),
    ],
)
def test_a_missing_or_cut_file_is_an_error_at_once(tmp_path: Path, name: str, content: bytes | None) -> None:
    write_frames(tmp_path / "f", FEW, FEW)
    (tmp_path / "f" / name).unlink()
    if content is not None:
        (tmp_path / "f" / name).write_bytes(content)
    with pytest.raises((OSError, ValueError)):
        Frames(tmp_path / "f")


def test_ends_that_do_not_rise_are_an_error_at_once(tmp_path: Path) -> None:
    write_frames(tmp_path / "f", FEW, FEW)
    ends = np.load(tmp_path / "f" / "ends.npy")
    np.save(tmp_path / "f" / "ends.npy", ends[[1, 0, 2, 3]])
    with pytest.raises(ValueError, match=r"ends.npy does not describe frames.zst"):
        Frames(tmp_path / "f")


def test_a_damaged_record_is_an_error_when_it_is_read_and_the_others_are_not(tmp_path: Path) -> None:
    write_frames(tmp_path / "f", FEW, FEW)
    path = tmp_path / "f" / "frames.zst"
    path.write_bytes(b"\0\0\0\0" + path.read_bytes()[4:])
    frames = Frames(tmp_path / "f")
    with pytest.raises(ValueError, match=r"^record 0 of frames.zst: "):
        frames[0]
    assert frames[2] == FEW[2]


def test_json_comes_back(tmp_path: Path) -> None:
    write_json(tmp_path / "x", [["\u00e9", 1, None], {}])
    assert read_json(tmp_path / "x") == [["\u00e9", 1, None], {}]


@pytest.mark.parametrize("content", [b"", b"[]", b"\x28\xb5\x2f\xfd"])
def test_what_is_no_compressed_json_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=r".+"):
        read_json(tmp_path / "x")


@pytest.mark.parametrize(("count", "rows"), [(0, 0), (3, 3), (4000, 4000), (7999, 7999), (8000, 4000)])
def test_a_dictionary_is_learned_from_records_spread_over_all(count: int, rows: int) -> None:
    assert len(spread(count)) == rows
