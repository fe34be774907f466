from __future__ import annotations

import errno
import io
import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assistant.batch.inputs import PIPE, Input, InputRow, read_input
from assistant.errors import BatchError, MissingExtraError


def table(path: str, content: str | bytes) -> Input:
    Path(path).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_input(Path(path), "question")


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Input:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    return read_input(PIPE, "question")


def excel(path: str, rows: Iterable[Iterable[Any]]) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    for row in rows:
        sheet.append(list(row))
    workbook.save(path)
    return Path(path)


def test_csv_rows_know_their_lines_and_can_be_read_again() -> None:
    read = table("t.csv", "id,question\n1,Why?\n\n2\n")
    rows = [
        InputRow(2, {"id": "1", "question": "Why?"}),
        InputRow(4, {"id": "2", "question": ""}, "t.csv line 4 has 1 fields, the header has 2"),
    ]
    assert (read.columns, read.total, list(read.rows()), list(read.rows())) == (
        ("id", "question"),
        2,
        rows,
        rows,
    )


def test_json_lines_have_the_columns_of_all_of_them() -> None:
    read = table("t.jsonl", '{"question": "Why?"}\n\n[1]\n{"question": "How?", "n": 1.5}\nnot json\n')
    assert (read.columns, read.total) == (("question", "n"), 4)
    first, faulty, last, torn = read.rows()
    assert first == InputRow(1, {"question": "Why?"})
    assert faulty == InputRow(3, {"question": "[1]"}, "t.jsonl line 3 is no JSON object")
    assert last == InputRow(4, {"question": "How?", "n": 1.5})
    assert (torn.values, str(torn.fault).startswith("t.jsonl line 5 is not JSON: Expecting value")) == (
        {"question": "not json"},
        True,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_json_lines_may_have_any_encoding(encoding: str) -> None:
    (row,) = table("t.ndjson", '{"question": "Zürich?"}\r\n'.encode(encoding)).rows()
    assert row.values == {"question": "Zürich?"}


def test_parquet_rows_keep_their_values() -> None:
    rows: list[dict[str, Any]] = [
        {"question": "Why?", "n": 1, "filters": {"venues": ["ACL"]}},
        {"question": None, "n": 2, "filters": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), "t.parquet")
    read = read_input(Path("t.parquet"), "question")
    assert (read.columns, read.total) == (("question", "n", "filters"), 2)
    assert list(read.rows()) == [InputRow(1, rows[0]), InputRow(2, rows[1])]


def test_an_excel_sheet_is_read_below_its_header() -> None:
    path = excel(
        "t.xlsx", [[" question ", "n", None], ["Why?", 1.5], [], ["How?", None, "beyond the header"]]
    )
    read = read_input(path, "question")
    assert (read.columns, read.total) == (("question", "n"), 2)
    assert list(read.rows()) == [
        InputRow(2, {"question": "Why?", "n": 1.5}),
        InputRow(4, {"question": "How?", "n": None}),
    ]


def test_a_pipe_may_hold_a_csv_or_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    read = piped(monkeypatch, "\ufeffquestion,note\nWhy?,Zürich\n".encode())
    assert (read.columns, read.total, read.suffix) == (("question", "note"), None, ".csv")
    assert list(read.rows()) == [InputRow(2, {"question": "Why?", "note": "Zürich"})]
    read = piped(monkeypatch, b'{"question": "Why?"}\n{"question": "How?"}\n')
    assert (read.columns, read.total, read.suffix) == (("question",), None, ".jsonl")
    assert [row.values["question"] for row in read.rows()] == ["Why?", "How?"]


def test_a_byte_in_a_pipe_that_is_not_utf_8_stands_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = piped(monkeypatch, b"question\nZ\xfcrich?\n").rows()
    assert row.values == {"question": "Zürich?"}


def test_a_key_that_comes_late_in_a_pipe_is_a_fault_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    read = piped(monkeypatch, b'{"question": "Why?"}\n{"question": "How?", "status": "x"}\n')
    _, late = read.rows()
    fault = "stdin line 2 has the key 'status', which the first line has not"
    assert late == InputRow(2, {"question": "How?"}, fault)


def test_rows_of_a_pipe_are_given_as_they_arrive(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    proceed = threading.Event()

    def write() -> None:
        with fifo.open("w") as file:
            file.write("question\nWhy?\n")
            file.flush()
            assert proceed.wait(10)
            file.write("How?\n")

    writer = threading.Thread(target=write)
    writer.start()
    rows = read_input(fifo, "question").rows()
    assert next(rows).values == {"question": "Why?"}
    proceed.set()
    assert [row.values["question"] for row in rows] == ["How?"]
    writer.join()


BAD = {
    "a folder for Excel": ("folder.xlsx", None, "folder.xlsx can't be read: Is a directory"),
    "no file": ("none.csv", None, "none.csv can't be read: No such file or directory"),
    "no Parquet file": ("none.parquet", None, "none.parquet can't be read: No such file or directory"),
    "no Excel file": ("none.xlsx", None, "none.xlsx can't be read: No such file or directory"),
    "no JSON file": ("none.jsonl", None, "none.jsonl can't be read: No such file or directory"),
    "rubbish for Parquet": ("t.parquet", b"rubbish", "t.parquet is no Parquet file that can be read: "),
    "rubbish for Excel": ("t.xlsx", b"rubbish", r"t.xlsx is no Excel workbook \(.xlsx\): "),
    "empty": ("t.csv", b"", "t.csv is empty: its first line must name the columns"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD.values(), ids=BAD)
def test_what_can_not_be_read_is_one_line(name: str, content: bytes | None, message: str) -> None:
    Path("folder.xlsx").mkdir()
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(BatchError, match=f"^{message}") as caught:
        read_input(Path(name), "question")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet"])
def test_a_file_that_may_not_be_read_is_told_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(name).touch()

    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BatchError, match=f"^{name} can't be read: Permission denied$"):
        read_input(Path(name), "question")


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("t.parquet").touch()
    for module in [module for module in sys.modules if module.split(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"reading Parquet needs the extra 'formats'"):
        read_input(Path("t.parquet"), "question")
