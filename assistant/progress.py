"""How long work reports what it has done."""

from __future__ import annotations

from collections.abc import Callable

# How much is done, out of how much (0 where that is not known), and what is being done.
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, what: str) -> None:
    """Report to nobody."""
