"""A pool of workers on a Ray cluster: work is sent to them by Ray Data and comes back in its order.

Nothing but the work itself is done there. Whoever sends it keeps what comes back, so that a worker, a node or
the whole cluster may go at any moment and cost only what was in the air.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout

from assistant.errors import AssistantError, ClusterError, MissingExtraError

if TYPE_CHECKING:
    import ray.data

_Item = TypeVar("_Item")
_Work = TypeVar("_Work")
_Result = TypeVar("_Result")

# Makes, on a worker and once for it, what does the work there.
Opener = Callable[[], Callable[[_Work], _Result]]

# The work of one dataset, per worker and piece that it does at a time: each dataset starts its workers anew,
# which takes them some seconds.
_PIECES = 512
_BYTES = 64_000_000
_ITEMS = 20_000  # held at most, those included that need no work

_REACHED = 10.0  # seconds for a connection to a cluster's address
_FREED = 10.0  # seconds for the workers of the dataset before to free their cores

# Ray reads these when it is imported. It tells its maker nothing, and prints nothing: not the library's own
# lines, nor the cluster's (of a node that is lost, say), which it would put into our standard output.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}


@dataclass(frozen=True, slots=True)
class Pool:
    """So many workers of a Ray cluster, with so many cores each."""

    workers: int
    cores: int

    def in_order(
        self,
        jobs: Iterable[tuple[_Item, _Work | None]],
        opener: Opener[_Work, _Result],
        concurrency: int = 1,
    ) -> Generator[tuple[_Item, _Result | None], None, None]:
        """Each item with the result of its work, in the order of the items; one without passes through.

        A worker does `concurrency` pieces of work at a time. One that dies is replaced, and what it was
        doing is done again. Some hundred items are held for each piece that is done at a time.

        Raises:
            ClusterError: a worker can't open what it needs, or the cluster is lost.
        """
        pieces = _PIECES * self.workers * concurrency
        held: list[_Item] = []
        work: dict[int, bytes] = {}  # by the place of its item
        size = 0
        for item, one in jobs:
            if one is None and not work:
                yield item, None
                continue
            if one is not None:
                work[len(held)] = pickle.dumps(one)
                size += len(work[len(held)])
            held.append(item)
            if len(work) == pieces or len(held) == _ITEMS or size > _BYTES * self.workers:
                yield from self._done(held, work, opener, concurrency)
                held, work, size = [], {}, 0
        yield from self._done(held, work, opener, concurrency)

    def _done(
        self, held: list[_Item], work: dict[int, bytes], opener: Opener[_Work, _Result], concurrency: int
    ) -> Iterator[tuple[_Item, _Result | None]]:
        results = self._results(list(work.values()), opener, concurrency)
        for place, item in enumerate(held):
            yield item, next(results) if place in work else None

    def _results(
        self, work: list[bytes], opener: Opener[_Work, _Result], concurrency: int
    ) -> Iterator[_Result]:
        if not work:
            return
        dataset = self._dataset(work, opener, concurrency)
        with _errors_mapped():
            for batch in dataset.iter_batches(prefetch_batches=0, batch_size=None):
                for outcome in batch["outcome"]:
                    result: _Result | _Fault = pickle.loads(outcome)  # noqa: S301 - our own workers wrote it
                    if isinstance(result, _Fault):
                        raise ClusterError(str(result))
                    yield result

    def _dataset(
        self, work: list[bytes], opener: Opener[_Work, _Result], concurrency: int
    ) -> ray.data.Dataset:
        import ray.data

        workers = min(self.workers, len(work))
        return ray.data.from_items(
            [{"work": one} for one in work], override_num_blocks=len(work)
        ).map_batches(
            _Worker,
            fn_constructor_args=(opener, self.cores, _release()),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(
                size=workers,
                max_concurrent_calls_per_actor=concurrency,
                enable_true_multi_threading=concurrency > 1,
            ),
            # Half of what they use: the other nodes have room for the workers of one that is lost.
            num_cpus=self.cores / 2,
        )


@contextlib.contextmanager
def connected(address: str, workers: int | None = None) -> Iterator[Pool]:
    """A pool of workers on the cluster at an address: `auto`, `local` or `host:port`.

    Without a number of workers there is one a node. Where the process is connected to a cluster already,
    that one is used; otherwise the connection ends with the context.

    Raises:
        MissingExtraError: Ray is not installed.
        ClusterError: there is no such cluster, or none that this version of Ray can use.
    """
    if find_spec("ray") is None:
        raise MissingExtraError("--ray", "ray")
    _reach(address)
    os.environ |= _ENVIRONMENT
    import ray
    import ray.data

    ours = not ray.is_initialized()
    if ours:
        with _errors_mapped(f"the Ray cluster {address} can't be used"), _stderr_closed():
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({"include_dashboard": False} if address == "local" else {}),
            )
    try:
        _be_quiet_and_orderly()
        yield _pool(address, workers)
    finally:
        if ours:
            ray.shutdown()


def _reach(address: str) -> None:
    """Refuse at once an address that Ray, which takes seconds to import, would try for a minute."""
    if address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise ClusterError(
            f"{address!r} is no address of a Ray cluster; give auto, local, or the host:port that "
            "`ray start --head` prints"
        )
    try:
        socket.create_connection((host, int(port)), timeout=_REACHED).close()
    except (OSError, OverflowError, UnicodeError) as error:  # the last for a host that is no name
        raise ClusterError(
            f"no Ray cluster answers at {address}: {error}; start one by `ray start --head`, or give local"
        ) from error


@contextlib.contextmanager
def _stderr_closed() -> Iterator[None]:
    """Keep what the library writes past Python, on how it logs, from the terminal."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _be_quiet_and_orderly() -> None:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _pool(address: str, workers: int | None) -> Pool:
    import ray

    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    nodes = [cpus for cpus in nodes if cpus]
    if not nodes:
        raise ClusterError(f"the Ray cluster {address} has no cores to work with")
    workers = workers or len(nodes)
    fitting = (cores for cores in range(max(nodes), 0, -1) if sum(n // cores for n in nodes) >= workers)
    return Pool(workers, next(fitting, 1))


@contextlib.contextmanager
def _errors_mapped(what: str = "the Ray cluster failed") -> Iterator[None]:
    import ray.exceptions

    try:
        yield
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
        # What is raised on a worker comes with its traceback, which ends with what went wrong.
        foreign = isinstance(error, ray.exceptions.RayTaskError | ray.exceptions.RayActorError)
        told = str(error).strip().splitlines()[-1:] if foreign else str(error).split()
        raise ClusterError(f"{what}: {' '.join(told)[:300] or type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a worker can't work."""

    reason: str
    node: str

    def __str__(self) -> str:
        return (
            f"the worker on {self.node} can't work: {self.reason}; every node needs the same program, and "
            "index and models under the same paths"
        )


class _Worker:
    """Does work sent by a pool, in an actor of its own; it opens what it needs at its first piece."""

    def __init__(self, opener: Opener[Any, Any], cores: int, expected: str) -> None:
        self._opener, self._cores, self._expected = opener, cores, expected
        self._opening = threading.Lock()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"outcome": [pickle.dumps(self._outcome(pickle.loads(one))) for one in batch["work"]]}  # noqa: S301

    def _outcome(self, work: Any) -> Any:
        try:
            with self._opening:
                do = self._do
            return do(work)
        except AssistantError as error:
            return _Fault(str(error), socket.gethostname())

    @cached_property
    def _do(self) -> Callable[[Any], Any]:
        if (release := _release()) != self._expected:
            raise ClusterError(f"it runs release {release} of the program, not {self._expected}")
        self._held = _own_cores(self._cores)
        return self._opener()


def _release() -> str:
    try:
        return version("abstract-assistant")
    except PackageNotFoundError:  # run from a checkout
        return "unknown"


def _own_cores(count: int) -> list[FileLock]:
    """Keep this thread, and those it starts, to `count` cores that no other worker of this machine has.

    So an engine takes as many threads as the worker has cores, whatever engine it is. Where there are not so
    many cores, as when the workers of a lost node have moved here, all are shared.
    """
    until = time.monotonic() + _FREED
    while True:
        held = {}
        for core in sorted(os.sched_getaffinity(0)):
            lock = FileLock(Path(tempfile.gettempdir()) / f"assistant-core-{core}.lock", timeout=0)
            with contextlib.suppress(Timeout, OSError):
                lock.acquire()
                held[core] = lock
            if len(held) == count:
                os.sched_setaffinity(0, held)
                return list(held.values())
        for lock in held.values():
            lock.release()
        if time.monotonic() > until:
            return []
        time.sleep(0.1)
