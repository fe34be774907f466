"""Texts to unit vectors: the seam to every embedder, and all-MiniLM-L6-v2 on OpenVINO."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.arrays import Vectors
from assistant.errors import ModelError
from assistant.models import CATALOGUE, EMBEDDER, ModelStore
from assistant.settings import Settings

if TYPE_CHECKING:
    import openvino

_BATCH = 16


class Embedder(Protocol):
    """Maps texts to unit vectors, so that an inner product is a cosine."""

    @property
    def name(self) -> str:
        """What an index's manifest says."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same text would get another vector."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Most tokens of a text, special tokens not counted; what is beyond is not read."""

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text`, special tokens not counted."""

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors, one row a text (n × dimension); `progress` gets the number done after each batch."""


class MiniLM:
    """all-MiniLM-L6-v2 (Wang et al. 2020, sentence-transformers), int8, mean-pooled.

    All cores work on a query, so that it is quick; on many texts each core works on a batch of its own, which
    wastes less. `folder` holds model.onnx and tokenizer.json; compiled forms are kept in `cache_dir`.
    """

    name = "all-MiniLM-L6-v2"
    dimension = 384
    max_tokens = 254  # the model reads 256 wordpieces, [CLS] and [SEP] included

    def __init__(self, folder: Path, *, fingerprint: str, cache_dir: Path) -> None:
        import openvino
        from tokenizers import Tokenizer

        self.fingerprint = fingerprint
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            core = openvino.Core()
            core.set_property({"CACHE_DIR": str(cache_dir)})
            self._core = core
            self._file = folder / "model.onnx"
            self._model = self._compiled("LATENCY")
        except Exception as error:
            raise ModelError(
                f"the embedder in {folder} can't be loaded; run `assistant models verify {folder.name}`"
            ) from error
        # The file asks for truncation at 128 wordpieces and fixed padding; both are set here instead.
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._lock = threading.Lock()

    def count_tokens(self, text: str) -> int:
        """Number of wordpieces of `text`, [CLS] and [SEP] not counted."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors, one row a text (n × 384)."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        tokens = [
            [*ids[: self.max_tokens + 1], ids[-1]] if len(ids) > self.max_tokens + 2 else ids
            for ids in tokens
        ]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        report = progress or (lambda done: None)
        # Texts of like length share a batch, so that little is spent on padding.
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        batches = [order[first : first + _BATCH] for first in range(0, len(order), _BATCH)]
        with self._lock:  # a compiled model's own inference requests serve one caller at a time
            if len(batches) == 1:
                inputs, mask = _padded(tokens)
                vectors[:] = _pooled(self._model(inputs)[0], mask)
                report(len(texts))
            else:
                self._encode_side_by_side(tokens, batches, vectors, report)
        return vectors

    def _encode_side_by_side(
        self,
        tokens: Sequence[Sequence[int]],
        batches: Sequence[list[int]],
        vectors: Vectors,
        progress: Callable[[int], None],
    ) -> None:
        # Threads, not the library's own queue of requests: its callbacks take Python's lock in the threads
        # that the model's destructor joins, which then wait for each other for ever.
        requests: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        streams = int(self._bulk_model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        for _ in range(streams):
            requests.put(self._bulk_model.create_infer_request())

        def infer(rows: list[int]) -> None:
            inputs, mask = _padded([tokens[row] for row in rows])
            request = requests.get()
            try:
                vectors[rows] = _pooled(request.infer(inputs)[0], mask)
            finally:
                requests.put(request)

        # The first batch by itself: at its first call the library's binding sets something up; two threads
        # that both make it wait for ever, each for a lock that the other has; one is Python's.
        first, *others = batches
        infer(first)
        done = len(first)
        progress(done)
        pool = ThreadPoolExecutor(streams)
        try:
            for rows, _ in zip(others, pool.map(infer, others), strict=True):
                done += len(rows)
                progress(done)
        finally:
            pool.shutdown(cancel_futures=True)

    @cached_property
    def _bulk_model(self) -> openvino.CompiledModel:
        return self._compiled("THROUGHPUT")

    def _compiled(self, hint: str) -> openvino.CompiledModel:
        # By its path: then the graph is not read where its compiled form is kept.
        return self._core.compile_model(self._file, "CPU", {"PERFORMANCE_HINT": hint})


def _padded(tokens: Sequence[Sequence[int]]) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
    """What the model reads for some texts, and the mask of what of that is text."""
    ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(tokens):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}, mask


def _pooled(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> Vectors:
    """Mean of each text's token vectors, at length 1."""
    summed = (hidden * mask[:, :, None]).sum(axis=1, dtype=np.float32)
    unit: Vectors = summed / np.linalg.norm(summed, axis=1, keepdims=True)
    return unit


def open_embedder(settings: Settings) -> Embedder:
    """The default embedder from the model folder.

    Raises:
        ModelError: it is not installed.
    """
    store = ModelStore(settings.cache_dir)
    return MiniLM(
        store.ready(EMBEDDER),
        fingerprint=CATALOGUE[EMBEDDER].fingerprint,
        cache_dir=settings.cache_dir / "compiled",
    )
