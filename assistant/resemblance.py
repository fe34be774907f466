"""How much of two texts is the same, in runs of three words, and which of many nearly repeat another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from assistant.terms import words

Shingles = NDArray[np.uint32]  # hashes of the runs of three words of a text, sorted, each once

NEAR = 0.8  # resemblance from which two texts nearly repeat each other

_WIDTH = 3
_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)  # odd, so that the order of the words counts
_TABLE = 1 << 22  # counters of how frequent a shingle is; two that share one are taken for more frequent


@dataclass(frozen=True, slots=True)
class Near:
    """Two texts, by their positions, and their resemblance."""

    first: int
    second: int
    resemblance: float


def shingles(text: str) -> Shingles:
    """The shingles of a text; one that is shorter than a shingle is a single one."""
    hashes = np.array([crc32(word.encode()) for word in words(text)], dtype=np.uint32)
    if len(hashes) == 0:
        return hashes
    if len(hashes) < _WIDTH:
        hashes = np.pad(hashes, (0, _WIDTH - len(hashes)))
    runs = len(hashes) - _WIDTH + 1
    sums = sum(hashes[i : i + runs] * np.uint32(factor) for i, factor in enumerate(_FACTORS))
    return np.unique(np.asarray(sums, dtype=np.uint32))


def resemblance(some: Shingles, others: Shingles) -> float:
    """The share of all shingles of two texts that both have (Broder 1997); 0 where there are none."""
    both = len(np.intersect1d(some, others, assume_unique=True))
    return both / max(1, len(some) + len(others) - both)


def containment(some: Shingles, others: Shingles) -> float:
    """The share of the shorter text's shingles that the longer has (Broder 1997); 0 where there are none."""
    both = len(np.intersect1d(some, others, assume_unique=True))
    return both / max(1, min(len(some), len(others)))


def near_duplicates(texts: Iterable[str], changed: Collection[int]) -> list[Near]:
    """The pairs of texts with a resemblance of `NEAR` or more, of which one at least is in `changed`.

    None is missed: of two such texts, each sorted by how rare its shingles are in all, the first fifths share
    a shingle (the prefix filter of Chaudhuri et al. 2006), so only those that do are compared.
    """
    if not changed:
        return []
    sets = [shingles(text) for text in texts]
    frequency = np.zeros(_TABLE, dtype=np.uint32)
    for some in sets:
        np.add.at(frequency, some % _TABLE, 1)
    pairs = set(_sharing([_rarest(some, frequency) for some in sets]))
    wanted = changed if isinstance(changed, set | frozenset | range) else set(changed)
    compared = (
        Near(first, second, resemblance(sets[first], sets[second]))
        for first, second in sorted(pairs)
        if first in wanted or second in wanted
    )
    return [near for near in compared if near.resemblance >= NEAR]


def _rarest(some: Shingles, frequency: NDArray[np.uint32]) -> Shingles:
    """So many of a text's rarest shingles that whatever resembles it enough has one of them."""
    order = np.lexsort((some, frequency[some % _TABLE]))
    return some[order[: len(some) - ceil(NEAR * len(some)) + 1]]


def _sharing(sets: Sequence[Shingles]) -> Iterator[tuple[int, int]]:
    """The pairs of positions that share a shingle."""
    rows = np.repeat(np.arange(len(sets)), [len(some) for some in sets])
    values = np.concatenate(sets) if sets else np.empty(0, dtype=np.uint32)
    order = np.argsort(values, kind="stable")
    _, starts, counts = np.unique(values[order], return_index=True, return_counts=True)
    shared = counts > 1
    for start, count in zip(starts[shared].tolist(), counts[shared].tolist(), strict=True):
        yield from combinations(rows[order[start : start + count]].tolist(), 2)
