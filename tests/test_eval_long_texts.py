from __future__ import annotations

import pytest

from eval.long_texts import READERS, Growth, growths, table


def test_each_function_reads_each_piece_at_three_lengths() -> None:
    found = list(growths(10, pieces=("a ", "no (1) ")))
    assert [(one.reader, one.piece) for one in found] == [
        (reader, piece) for reader in READERS for piece in ("a ", "no (1) ")
    ]
    assert {one.lengths for one in found} == {(10, 20, 40)}


def test_what_is_not_linear_is_flagged_and_the_slowest_piece_shown() -> None:
    lengths = (100, 200, 400)
    quick, slow = Growth("f", "a", lengths, (1, 2, 4)), Growth("f", "b", lengths, (2, 4, 8))
    square = Growth("f", "c", lengths, (0.1, 0.4, 1.6))
    assert [one.exponent for one in (quick, square)] == pytest.approx([1, 2])
    rows = table([quick, slow, square]).rows
    assert {name: row[""] for name, row in rows.items()} == {"f 'b'": "", "f 'c'": "not linear"}
