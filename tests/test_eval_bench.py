from __future__ import annotations

from collections.abc import Callable

import pytest

from assistant.index import Index
from assistant.settings import Settings
from assistant.testing import HashingEmbedder
from eval import bench
from eval.bench import Measurement

Clock = Callable[..., Callable[[], None]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Makes calls that take as many milliseconds as they are told, on a clock of their own."""
    now = [0.0]
    monkeypatch.setattr("eval.bench.time.perf_counter", lambda: now[0])

    def taking(*milliseconds: float) -> Callable[[], None]:
        turns = iter(milliseconds)

        def call() -> None:
            now[0] += next(turns) / 1000

        return call

    return taking


def test_a_measurement_summarises_the_calls_after_the_warmup(
    clock: Clock,
) -> None:
    found = bench.measure("x", clock(500, 1, 2, 3, 10), repeats=4, warmup=1)
    assert (found.n, found.unit) == (4, "ms")
    assert (found.median, found.min, found.max, found.p95) == pytest.approx((2.5, 1, 10, 10))


def test_two_calls_are_timed_by_turns_and_divided_pair_by_pair(clock: Clock) -> None:
    slow, fast, ratio = bench.by_turns(
        ("slow", clock(2, 40, 6)), ("fast", clock(1, 10, 2)), repeats=3, warmup=0
    )
    assert (slow.name, slow.unit, fast.name, fast.unit) == ("slow", "ms", "fast", "ms")
    assert (slow.median, fast.median, fast.max) == pytest.approx((6, 2, 10))
    assert (ratio.median, ratio.min, ratio.max) == pytest.approx((3, 2, 4))  # 2/1, 40/10, 6/2
    assert (ratio.name, ratio.unit) == ("slow / fast", "x")


def test_the_two_calls_are_interleaved() -> None:
    order: list[str] = []
    bench.by_turns(("a", lambda: order.append("a")), ("b", lambda: order.append("b")), repeats=2, warmup=1)
    assert order == ["a", "b"] * 3


def test_the_table_and_the_json_say_the_same() -> None:
    found = [Measurement("search", 10, 1.5, 1.0, 4.0, 3.25)]
    head, machine, columns, row = bench.table(found, {"papers": 3})
    assert head == "papers 3"
    assert "cores" in machine
    assert columns.split() == ["n", "median", "min", "p95", "max"]
    assert row.split() == ["search", "10", "1.50", "1.00", "3.25", "4.00", "ms"]
    plain = bench.to_plain(found, {"papers": 3})
    assert plain["papers"] == 3
    assert plain["machine"]["cores"] >= 1
    assert plain["measurements"][0]["p95"] == 3.25


def test_search_is_timed_in_its_stages(index: Index, embedder: HashingEmbedder) -> None:
    found = bench.search(index, embedder, Settings(), ["cache memory", "speech"], repeats=2)
    assert [(one.name, one.n) for one in found] == [
        ("query embedding", 2),
        ("dense search", 2),
        ("lexical search", 2),
        ("retrieval, end to end", 2),
    ]
    assert all(one.median > 0 for one in found)
