from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from assistant.parallel import Call, in_order

Job = tuple[int, Call[int] | None]


def squares(count: int) -> Iterator[Job]:
    return ((n, lambda stopped, n=n: n * n) for n in range(count))  # type: ignore[misc]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_their_items(workers: int) -> None:
    assert list(in_order(squares(50), workers)) == [(n, n * n) for n in range(50)]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_item_without_a_call_keeps_its_place(workers: int) -> None:
    jobs: list[Job] = [(1, lambda stopped: 10), (2, None), (3, lambda stopped: 30)]
    assert list(in_order(jobs, workers)) == [(1, 10), (2, None), (3, 30)]


def test_a_slow_first_item_holds_back_neither_the_others_nor_more_of_them_than_four_a_worker() -> None:
    released, done, drawn = threading.Event(), threading.Semaphore(0), 0

    def slow(stopped: threading.Event) -> int:
        assert released.wait(10)
        return 0

    def quick(stopped: threading.Event) -> int:
        done.release()
        return 1

    def jobs() -> Iterator[Job]:
        nonlocal drawn
        for n in range(100):
            drawn += 1
            yield n, quick if n else slow

    with closing(in_order(jobs(), 2)) as results:
        first: list[tuple[int, int | None]] = []
        taker = threading.Thread(target=lambda: first.append(next(results)))
        taker.start()
        for _ in range(7):  # all but the first of the eight that two workers have before them
            assert done.acquire(timeout=10)
        assert not done.acquire(timeout=0.05)
        released.set()
        taker.join()
        assert first == [(0, 0)]
        assert drawn == 8


def test_no_more_calls_run_at_a_time_than_there_are_workers() -> None:
    together, running, most = threading.Lock(), 0, 0

    def call(stopped: threading.Event) -> int:
        nonlocal running, most
        with together:
            running += 1
            most = max(most, running)
        stopped.wait(0.002)
        with together:
            running -= 1
        return 0

    list(in_order(((n, call) for n in range(40)), 4))
    assert 1 < most <= 4


def test_closing_cancels_what_has_not_begun_and_tells_and_awaits_what_runs() -> None:
    begun: list[int] = []
    ended: list[int] = []
    second = threading.Event()

    def job(n: int) -> Job:
        def call(stopped: threading.Event) -> int:
            begun.append(n)
            if n == 0:
                assert second.wait(10)
            else:
                second.set()
                assert stopped.wait(10)
            ended.append(n)
            return n

        return n, call

    results = in_order((job(n) for n in range(100)), 2)
    assert next(results) == (0, 0)
    results.close()
    # When the first ended, at most one more could begin beside the second.
    assert begun[:2] in ([0, 1], [1, 0])
    assert len(begun) <= 3
    assert sorted(begun) == sorted(ended)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_call_raises_is_raised_in_its_turn(workers: int) -> None:
    def fail(stopped: threading.Event) -> int:
        raise ZeroDivisionError

    jobs: list[Job] = [(1, lambda stopped: 1), (2, fail), (3, lambda stopped: 3)]
    results = in_order(jobs, workers)
    assert next(results) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        next(results)
