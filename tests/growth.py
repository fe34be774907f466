"""How the time that reading a text takes grows with its length, whatever the speed of the machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_SHORT, _LONG = 2_500, 20_000  # characters
_MOST = 24  # times as long for eight times the text; 8 would be linear, 64 quadratic
_TRIES = 5  # of which the shortest times count, for others may be using the machine


def assert_linear(read: Callable[[str], object], piece: str) -> None:
    """Reading `piece` over and over takes time in proportion to the length of that, or nearly so."""
    short, long = ((piece * length)[:length] for length in (_SHORT, _LONG))
    of_short, of_long = [], []
    for _ in range(_TRIES):
        of_short += [_seconds(read, short) for _ in range(2)]
        of_long.append(_seconds(read, long))
        if min(of_long) <= _MOST * min(of_short):
            return
    raise AssertionError(f"{min(of_long) / min(of_short):.0f} times as long for 8 times {piece!r}")


def _seconds(read: Callable[[str], object], text: str) -> float:
    """The processor's time for one reading, with nothing remembered of an earlier one."""
    for name, module in list(sys.modules.items()):
        for value in list(vars(module).values()) if name.startswith("assistant.") else ():
            # What is remembered without limit is no text: a tokenizer, a table.
            if hasattr(value, "cache_parameters") and value.cache_parameters()["maxsize"]:
                value.cache_clear()
    began = time.thread_time()
    read(text)
    return time.thread_time() - began
