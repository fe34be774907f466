"""What this machine can do: free memory, and how fast it reads memory and multiplies 8-bit matrices.

The last two bound every language model. Writing a token reads all weights once, so that no more tokens come
in a second than the weights fit into what is read in one; reading a prompt multiplies every weight with every
token, so that it takes at least the time of so many operations (the roofline model: Williams, Waterman and
Patterson, CACM 52, 2009).
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_READ = 2**29  # bytes: more than any cache holds
_READS = 8
_ROWS, _NARROW, _WIDE = 1024, 896, 4864  # tokens, and the sizes of the default model's feed-forward layers
_PRODUCTS = 30


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine in figures: bytes, bytes a second, 8-bit multiplications and additions a second."""

    cores: int
    memory: int
    available: int
    bandwidth: float
    int8_ops: float


def measured() -> Machine:
    """This machine, measured within some seconds; what else runs on it lowers the figures."""
    return Machine(usable_cores(), total_memory(), available_memory(), bandwidth(), int8_ops())


def usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def physical_cores() -> int:
    """Of the usable cores, those that share nothing: the threads of one core count once, where it is told."""
    if not hasattr(os, "sched_getaffinity"):
        return usable_cores()
    topology = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    return len({_siblings(Path(topology.format(cpu)), cpu) for cpu in os.sched_getaffinity(0)})


def total_memory() -> int:
    """Bytes of memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_memory() -> int:
    """Bytes that programs can still have; all of the memory where the system does not tell."""
    return _told(Path("/proc/meminfo"), "MemAvailable:") or total_memory()


def peak_memory() -> int:
    """The most bytes that this process had in memory so far, those of mapped files among them."""
    # Linux's other count, ru_maxrss, begins with what the parent had.
    if told := _told(Path("/proc/self/status"), "VmHWM:"):
        return told
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def bandwidth(size: int = _READ, repeats: int = _READS) -> float:
    """Bytes of memory read in a second by all cores together, in the best of some reads of `size` bytes."""
    import numpy as np

    cores = usable_cores()
    parts = np.array_split(np.ones(size // 8, dtype=np.int64), cores)

    with ThreadPoolExecutor(cores) as threads:
        return size / _best(lambda: list(threads.map(np.max, parts)), repeats)


def int8_ops(rows: int = _ROWS, narrow: int = _NARROW, wide: int = _WIDE, repeats: int = _PRODUCTS) -> float:
    """8-bit operations a second, in the best of some passes of OpenVINO through a feed-forward layer.

    The layer multiplies a matrix of `rows` × `narrow` with one of `narrow` × `wide` and the product, again of
    8 bits, with one of `wide` × `narrow`: 2 · 2 · rows · narrow · wide operations.
    """
    import numpy as np
    import openvino
    from openvino import opset13 as operators

    def quantised(values: openvino.Node, levels: int) -> openvino.Node:
        low, high = -128 if levels == 256 else -127, 127
        ends = [operators.constant(np.array([[end / 32]], dtype=np.float32)) for end in (low, high)]
        return operators.fake_quantize(values, *ends, *ends, levels)

    def multiplied(values: openvino.Node, inner: int, outer: int) -> openvino.Node:
        weights = np.random.default_rng(0).standard_normal((outer, inner)).astype(np.float32)
        # 255 levels for weights and 256 for what they are multiplied with: else OpenVINO computes in floats.
        constant = quantised(operators.constant(weights), 255)
        return operators.matmul(quantised(values, 256), constant, False, True)

    tokens = operators.parameter([rows, narrow], np.float32)
    layer = multiplied(multiplied(tokens, narrow, wide), wide, narrow)
    compiled = openvino.Core().compile_model(
        openvino.Model([operators.result(layer)], [tokens]), "CPU", {"PERFORMANCE_HINT": "LATENCY"}
    )
    request = compiled.create_infer_request()
    batch = np.random.default_rng(1).standard_normal((rows, narrow)).astype(np.float32)
    return 2 * 2 * rows * narrow * wide / _best(lambda: request.infer([batch]), repeats)


def prefill_limit(parameters: int, int8_ops: float) -> float:
    """The most tokens of a prompt that can be read in a second: int8_ops / (2 · parameters).

    `parameters` are the weights that each token of a prompt is multiplied with: a multiplication and an
    addition each.
    """
    return int8_ops / (2 * parameters)


def decode_limit(read: int, bandwidth: float) -> float:
    """The most tokens that can be written in a second, one after another: bandwidth / read.

    `read` are the bytes of weights that each token written is multiplied with; those of earlier tokens, the
    cache, are few beside them.
    """
    return bandwidth / read


def _best(call: Callable[[], object], repeats: int) -> float:
    """Seconds of the quickest call, after one that does not count."""
    call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _siblings(file: Path, cpu: int) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return str(cpu)


def _told(file: Path, name: str) -> int | None:
    """The bytes that a line of /proc tells in kilobytes."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)
