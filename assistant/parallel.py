"""Work done several pieces at a time and handed on in its order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# What is to be done for an item; it looks at the event now and then, and gives up once that is set.
Call = Callable[[Event], _Result]

_AHEAD = 4  # items waiting per worker, so that one slow item does not idle the others


def in_order(
    jobs: Iterable[tuple[_Item, Call[_Result] | None]], workers: int = 1
) -> Generator[tuple[_Item, _Result | None], None, None]:
    """Each item with the result of its call, in the order of the items; one without a call passes through.

    At most `workers` calls run at a time, and a few items more are held. With one worker the calls run in
    the caller's thread. Closing it cancels the calls that have not begun and waits for those that run.
    """
    stopped = Event()
    if workers == 1:
        for item, call in jobs:
            yield item, call(stopped) if call else None
        return
    held: deque[tuple[_Item, Future[_Result] | None]] = deque()
    with ThreadPoolExecutor(workers, "answering") as pool:
        try:
            for item, call in jobs:
                held.append((item, pool.submit(call, stopped) if call else None))
                while held and (len(held) >= workers * _AHEAD or _is_done(held[0][1])):
                    item, future = held.popleft()
                    yield item, future.result() if future else None
            for item, future in held:
                yield item, future.result() if future else None
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _is_done(future: Future[_Result] | None) -> bool:
    return future is None or future.done()
