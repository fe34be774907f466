"""An embedder whose bulk work is done by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial

from assistant.arrays import Vectors
from assistant.cluster.pool import Pool
from assistant.embedding import Embedder
from assistant.errors import ClusterError


class PooledEmbedder:
    """An embedder that embeds a corpus on a cluster, and all else here.

    `local` and what `opener` opens on a worker are to be the same embedder.
    """

    def __init__(self, local: Embedder, pool: Pool, opener: Callable[[], Embedder]) -> None:
        self._local, self._pool, self._opener = local, pool, opener
        self.name = local.name
        self.fingerprint = local.fingerprint
        self.dimension = local.dimension
        self.max_tokens = local.max_tokens
        self.count_tokens = local.count_tokens
        self.encode = local.encode

    def encode_windows(self, windows: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """Unit vectors of each window's texts (n × dimension), in the order of the windows.

        Raises:
            ClusterError: a worker has no such embedder, or the cluster is lost.
        """
        opener = partial(_encoder, self._opener, self.fingerprint)
        with closing(self._pool.in_order(((None, window) for window in windows), opener)) as encoded:
            for _, vectors in encoded:
                assert vectors is not None, "every window is work"
                yield vectors


def _encoder(opener: Callable[[], Embedder], fingerprint: str) -> Callable[[Sequence[str]], Vectors]:
    embedder = opener()
    if embedder.fingerprint != fingerprint:
        raise ClusterError(f"it has the embedder {embedder.fingerprint[:12]}, not {fingerprint[:12]}")
    return embedder.encode
