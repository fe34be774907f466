from __future__ import annotations

import csv
import errno
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.batch.inputs import PIPE
from assistant.batch.sinks import GrowingFile, Sink, open_sink, table_line

HEADER = ("id", "answer", "confidence")


def sink(name: str, header: tuple[str, ...] = HEADER, source: Path | None = None) -> Sink:
    target = Path(name)
    return open_sink(target, header, source=source, suffix=".csv", quoted=frozenset(("answer", "confidence")))


def write(name: str, *records: dict[str, Any]) -> Path:
    opened = sink(name)
    for record in records:
        opened.write(record)
    opened.finish()
    return Path(name)


ROWS: tuple[dict[str, Any], ...] = (
    {"id": "=1", "answer": 'Zürich, "yes"\nand no', "confidence": 0.5},
    {"id": None, "answer": "=HYPERLINK(1)", "confidence": None},
)


@pytest.mark.parametrize(("name", "delimiter"), [("o.csv", ","), ("o.TSV", "\t"), ("o.txt", ",")])
def test_tables_of_text_quote_what_was_added_and_keep_what_was_there(name: str, delimiter: str) -> None:
    with write(name, *ROWS).open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file, delimiter=delimiter)) == [
            [*HEADER],
            ["=1", 'Zürich, "yes"\nand no', "0.500"],
            ["", "'=HYPERLINK(1)", ""],
        ]


@given(st.lists(st.text("a ,;\t\"\r\n'=é\u2028\x85"), min_size=2, max_size=5), st.sampled_from(",\t"))
def test_a_line_is_what_the_csv_module_makes_of_its_cells(cells: list[str], delimiter: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter).writerow(cells)
    assert table_line(cells, delimiter) == written.getvalue().encode()


def test_texts_that_a_cell_of_excel_can_not_hold_are_told_of() -> None:
    opened = sink("o.xlsx")
    for answer in ("x" * 32_767, "y" * 32_768, "short"):
        opened.write({"answer": answer})
    assert opened.finish() == (
        "o.xlsx row 3: texts are cut to the 32,767 characters of an Excel cell; name an OUT of .csv, .jsonl "
        "or .parquet to have them whole",
    )
    _, whole, cut, _ = openpyxl.load_workbook("o.xlsx").worksheets[0].iter_rows(values_only=True)
    assert (whole[1], cut[1]) == ("x" * 32_767, "y" * 32_767)


def test_of_many_texts_cut_ten_are_named_and_each_row_once() -> None:
    opened = sink("o.xlsx", ("answer", "confidence"))
    for _ in range(12):
        opened.write({"answer": "y" * 40_000, "confidence": "y" * 40_000})
    (note,) = opened.finish()
    assert note.startswith("o.xlsx rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more: texts are cut")


@pytest.mark.parametrize("name", ["o.jsonl", "o.ndjson"])
def test_json_lines_have_the_values_as_they_are(name: str) -> None:
    lines = write(name, *ROWS, {"id": date(2024, 2, 29), "answer": "\ud83d"}).read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [*ROWS, {"id": "2024-02-29", "answer": "?"}]


def test_parquet_keeps_the_types_of_a_parquet_input() -> None:
    kept = pa.schema([("id", pa.date32()), ("scores", pa.list_(pa.int8()))])
    row = {"id": date(2024, 2, 29), "scores": [1, 2]}
    pq.write_table(pa.Table.from_pylist([row], kept), "i.parquet")
    opened = sink("o.parquet", ("id", "scores", "answer", "confidence"), Path("i.parquet"))
    opened.write({**row, "answer": "=x", "confidence": 0.5})
    opened.finish()
    written = pq.read_table("o.parquet")
    assert written.schema == pa.schema(
        [*kept, pa.field("answer", pa.string()), pa.field("confidence", pa.float64())]
    )
    assert written.to_pylist() == [{**row, "answer": "=x", "confidence": 0.5}]


def test_parquet_has_texts_for_what_other_inputs_hold() -> None:
    path = write("o.parquet", {"id": 7, "answer": "a"}, {"id": ["b"], "answer": None, "confidence": 1.0})
    assert pq.read_table(path).to_pylist() == [
        {"id": "7", "answer": "a", "confidence": None},
        {"id": '["b"]', "answer": None, "confidence": 1.0},
    ]


def test_parquet_takes_a_column_of_years_from_a_table_of_texts() -> None:
    opened = sink("o.parquet", ("year", "answer"))
    opened.write({"year": "in press", "answer": "a"})
    opened.finish()
    assert pq.read_table("o.parquet").to_pylist() == [{"year": "in press", "answer": "a"}]


def test_excel_has_a_time_with_its_zone_as_text() -> None:
    times = [datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 2, 29, 12)]
    sheet = openpyxl.load_workbook(write("o.xlsx", *({"id": time} for time in times))).worksheets[0]
    assert [sheet["A2"].value, sheet["A3"].value] == ["2024-02-29 12:00:00+00:00", times[1]]


def test_excel_has_numbers_dates_and_texts_but_no_formula() -> None:
    records: list[dict[str, Any]] = [
        {"id": 7, "answer": "=1+1", "confidence": 0.5},
        {"id": "=2+2", "answer": "bell \a rings", "confidence": None},
    ]
    sheet = openpyxl.load_workbook(write("o.xlsx", *records)).worksheets[0]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        [*HEADER],
        [7, "=1+1", 0.5],
        ["=2+2", "bell  rings", None],
    ]
    assert [cell.data_type for cell in (sheet["A2"], sheet["B2"], sheet["A3"])] == ["n", "s", "s"]
    assert [bool(cell.quotePrefix) for cell in (sheet["A3"], sheet["B2"], sheet["B3"])] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("name", ["o.parquet", "o.xlsx"])
def test_whole_files_leave_what_was_there_until_they_are_finished(name: str) -> None:
    Path(name).write_text("old")
    given_up = sink(name)
    given_up.write(ROWS[0])
    given_up.abandon()
    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_text() == "old"
    write(name, *ROWS)
    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_bytes() != b"old"


def test_standard_output_gets_each_row_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    opened = open_sink(PIPE, HEADER, source=None, suffix=".jsonl", quoted=frozenset())
    opened.write({"id": 1})
    assert capfd.readouterr().out == '{"id": 1}\n'
    opened.write({"id": 2})
    opened.finish()
    assert capfd.readouterr().out == '{"id": 2}\n'


# What a growing file holds at first, what is written to it, and whether the old content stays meanwhile.
GROWTH = {
    "nothing": (None, False),
    "empty": (b"", False),
    "some rows": (b"one\ntwo\n", False),
    "a torn row": (b"one\ntw", False),
    "all rows": (b"one\ntwo\nthree\n", False),
    "too many rows": (b"one\ntwo\nthree\nfour\n", True),
    "another row": (b"one\nTWO\nthree\n", True),
    "another file": (b"precious", True),
}


@pytest.mark.parametrize(("before", "stays"), GROWTH.values(), ids=GROWTH)
def test_a_file_grows_where_it_ends_and_is_replaced_where_it_differs(
    before: bytes | None, stays: bool
) -> None:
    path = Path("out")
    if before is not None:
        path.write_bytes(before)
    file = GrowingFile(path)
    for row in (b"one\n", b"two\n", b"three\n"):
        file.write(row)
    held = path.read_bytes()
    assert held == (before if stays else b"one\ntwo\nthree\n")
    file.finish()
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert list(Path().iterdir()) == [path]


@pytest.mark.parametrize("before", [b"", b"precious"])
def test_a_file_given_up_has_its_rows_or_what_was_there(before: bytes) -> None:
    path = Path("out")
    path.write_bytes(before)
    file = GrowingFile(path)
    file.write(b"one\n")
    file.abandon()
    assert path.read_bytes() == (before or b"one\n")
    assert list(Path().iterdir()) == [path]


def test_a_full_disk_is_told_and_the_file_can_be_given_up() -> None:
    file = GrowingFile(Path("out"))
    file.write(b"one\n")
    file._file.close()
    with Path("/dev/full").open("wb") as full:
        file._file = full
        with pytest.raises(OSError, match="No space left") as caught:
            file.write(b"two\n")
        assert caught.value.errno == errno.ENOSPC
        file.abandon()  # which closes a file with bytes that can't be written
    assert Path("out").read_bytes() == b"one\n"
