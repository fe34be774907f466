from __future__ import annotations

from pathlib import Path

import pytest

from assistant.errors import CorpusError
from assistant.tables import Table, TableRow, decode, read_table


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table_of(content: bytes | str, name: str = "t.csv") -> tuple[Table, list[TableRow]]:
    path = Path(name)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    table = read_table(path)
    return table, list(table.rows)


TEXT = "id,né\n1,“é”\n"


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        (TEXT.encode(), TEXT, "utf-8"),
        (b"\xef\xbb\xbf" + TEXT.encode(), TEXT, "utf-8"),
        (TEXT.encode("cp1252"), TEXT, "cp1252"),
        (b"\x81 \x93\xe9\x94", "\x81 “é”", "cp1252"),  # 81 is one of the five undefined bytes
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), TEXT, "utf-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT, "utf-16"),
        (b"\xff\xfea\x00\xff", "a\ufffd", "utf-16"),
        (b"", "", "utf-8"),
    ],
    ids=["UTF-8", "BOM", "Windows-1252", "undefined byte", "UTF-16 LE", "UTF-16 BE", "UTF-16 cut", "empty"],
)
def test_encodings(raw: bytes, text: str, encoding: str) -> None:
    assert decode(raw) == (text, encoding)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a,b,c;d\n1,2,3\n", "t.csv"),
        ("a;b;c,d\n1;2;3\n", "t.csv"),
        ("a\tb\tc,d\n1\t2\t3\n", "t.csv"),
        ("a\tb,,,,,\n1\t2\n", "t.TSV"),
        ("a,b\r\n1,2\r\n", "t.csv"),
        ("a,b\r1,2\r", "t.csv"),
        ("a,b\n1,2", "t.csv"),
        ("\ufeffa,b\n\n\n1,2\n\n", "t.csv"),
        ("a,b\n1,\x002\n", "t.csv"),
    ],
    ids=["comma", "semicolon", "tab", "named tsv", "CR LF", "CR", "no last line end", "blank lines", "NUL"],
)
def test_delimiters_and_line_ends(content: str, name: str) -> None:
    table, rows = table_of(content, name)
    assert [name.rstrip(",") for name in table.header[:2]] == ["a", "b"]
    assert [row.cells[:2] for row in rows] == [("1", "2")]


def test_rows_know_the_line_they_begin_on_and_ragged_ones_say_so() -> None:
    _, rows = table_of('id,text\n1,"two\nlines, ""quoted"""\n\n2\n3,x,y\n4,ok\n')
    assert rows == [
        TableRow(2, ("1", 'two\nlines, "quoted"')),
        TableRow(5, ("2",), "t.csv line 5 has 1 fields, the header has 2"),
        TableRow(6, ("3", "x", "y"), "t.csv line 6 has 3 fields, the header has 2"),
        TableRow(7, ("4", "ok")),
    ]


def test_lines_are_counted_from_the_top_where_the_header_has_several() -> None:
    table, rows = table_of('" id ","long\nname"\n1\n')
    assert table.header == ("id", "long\nname")
    assert rows[0].fault == "t.csv line 3 has 1 fields, the header has 2"


UNCLOSED = "a quoted field begins here or below and is never closed; the rest of the file is not read"


def test_a_stray_quote_spoils_its_row_only() -> None:
    _, rows = table_of('a,b\n"x" y,1\n2,3\n')
    assert [row.fault for row in rows] == [
        "t.csv line 2: a quote inside a quoted field must be doubled (',' expected after '\"')",
        None,
    ]


def test_an_unclosed_quote_is_reported_where_it_may_begin() -> None:
    _, rows = table_of('a,b\n1,2\n"3,4\n5,6\n')
    assert [(row.line, row.fault) for row in rows] == [(2, None), (3, f"t.csv line 3: {UNCLOSED}")]


def test_a_field_may_be_as_long_as_the_file() -> None:
    long = "x" * 1_000_000
    assert table_of(f"a,b\n1,{long}\n")[1] == [TableRow(2, ("1", long))]


def test_reading_a_short_table_leaves_an_open_one_its_long_fields() -> None:
    long = "x" * 500_000
    Path("long.csv").write_text(f"a,b\n1,{long}\n")
    table = read_table(Path("long.csv"))
    table_of("a,b\n1,2\n")
    assert [row.fault for row in table.rows] == [None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.csv is empty: its first line must name the columns"),
        ("\n\na,b\n1,2\n", "t.csv is empty: its first line must name the columns"),
        (b"\xef\xbb\xbf", "t.csv is empty: its first line must name the columns"),
        (b"\0\0\0", "t.csv is empty: its first line must name the columns"),
        ('"a', f"t.csv line 1: {UNCLOSED}"),
        (
            '"a"b,c\n1,2\n',
            "t.csv line 1: a quote inside a quoted field must be doubled (',' expected after '\"')",
        ),
    ],
    ids=["empty", "blank first line", "BOM alone", "NULs", "unclosed quote", "stray quote"],
)
def test_a_file_without_a_header_is_an_error(content: bytes | str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        table_of(content)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.csv", "none.csv can't be read: No such file or directory"),
        (".", ". can't be read: Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(path: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_table(Path(path))
    assert str(caught.value) == message
