from __future__ import annotations

from eval.tables import Table

TABLE = Table("two systems", {"a": {"TAR": 0.5, "p50": "1.2 s"}, "the other": {"TAR": 0.25}})


def test_a_table_is_aligned_text() -> None:
    assert list(TABLE.lines()) == [
        "two systems",
        "             TAR    p50",
        "a          0.500  1.2 s",
        "the other  0.250      -",
    ]


def test_a_table_is_markdown_that_is_aligned_too() -> None:
    assert list(TABLE.markdown()) == [
        "two systems",
        "",
        "|           |   TAR |   p50 |",
        "|:----------|------:|------:|",
        "| a         | 0.500 | 1.2 s |",
        "| the other | 0.250 |     - |",
    ]
