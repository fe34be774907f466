"""Weights of 4 bits beside those of 8: made from the same file, and how well each foretells abstracts.

The 4-bit file is written by the library `gguf`, so neither torch nor nncf is needed. Its matrices are made
from the publisher's file, which has most of them in about 4 bits already; the embedding, which is the output
layer too, and the vectors stay as they are converted for the program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.models import conversion
from assistant.progress import Progress
from eval.tables import Table

Logits = Callable[[NDArray[np.int64]], NDArray[np.float32]]

_BLOCK = 32  # weights that share a scale


def four_bits(tensor: Any) -> Any:
    """Q4_0 for the matrices of the layers; what the program's conversion takes for all else."""
    from gguf import GGMLQuantizationType as Kind

    is_of_a_layer = tensor.name.startswith("blk.") and len(tensor.shape) > 1
    is_whole = int(tensor.shape[0]) % _BLOCK == 0
    return Kind.Q4_0 if is_of_a_layer and is_whole else conversion.kind_after(tensor)


def converted(gguf: Path, folder: Path, progress: Progress) -> Path:
    """The folder of a model in 4 bits for OpenVINO, made in `folder` unless it is there.

    Raises:
        ModelError: the file is no language model, or OpenVINO does not read the 4-bit one.
    """
    target = folder / f"{gguf.stem}-q4_0"
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as scratch:
            file = Path(scratch) / "q4_0.gguf"
            conversion.rewrite(conversion.read(gguf), file, progress, four_bits)
            conversion.convert(file, target, progress)
    return target


def perplexity(logits: Logits, texts: Sequence[NDArray[np.int64]]) -> float:
    """exp of the mean -log p(token | tokens before it in its text), over all tokens but each text's first.

    `texts` are rows of token ids; `logits` maps n of them to n × vocabulary.
    """
    losses = np.concatenate([_losses(logits(ids[:-1]), ids[1:]) for ids in texts])
    return math.exp(float(losses.mean()))


def reader_of(folder: Path) -> tuple[Callable[[str], NDArray[np.int64]], Logits]:
    """A converted model's tokenizer and what it says of each token of a text."""
    import openvino
    import openvino_genai

    tokenizer = openvino_genai.Tokenizer(str(folder))
    request = openvino.Core().compile_model(folder / "openvino_model.xml", "CPU").create_infer_request()

    def tokens(text: str) -> NDArray[np.int64]:
        ids: NDArray[np.int64] = tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].copy()
        return ids

    def logits(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        request.reset_state()  # or it would read on after the text before
        whole = np.ones((1, len(ids)), dtype=np.int64)
        places = np.arange(len(ids), dtype=np.int64)[None]
        given = {"input_ids": ids[None], "attention_mask": whole, "position_ids": places}
        request.infer({**given, "beam_idx": np.zeros(1, dtype=np.int32)})
        said: NDArray[np.float32] = request.get_tensor("logits").data[0]
        return said

    return tokens, logits


def quality_table(folders: Sequence[Path], texts: Sequence[str]) -> Table:
    """The perplexity of converted models on texts, and the bytes of their weights."""
    rows: dict[str, dict[str, float | str]] = {}
    counted = 0
    for folder in folders:
        tokens, logits = reader_of(folder)
        ids = [tokens(text) for text in texts]
        counted = sum(map(len, ids)) - len(ids)
        size = (folder / "openvino_model.bin").stat().st_size
        rows[str(folder)] = {"perplexity": perplexity(logits, ids), "weights": f"{size / 1e6:.0f} MB"}
    return Table(f"{len(texts)} texts, {counted} tokens foretold", rows)


def _losses(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """-log p of each target: log Σ exp(logits) - its own logit, kept from overflowing by the largest."""
    rows = logits.astype(np.float64)
    rows -= rows.max(axis=1, keepdims=True)
    losses: NDArray[np.float64] = np.log(np.exp(rows).sum(axis=1)) - rows[np.arange(len(targets)), targets]
    return losses
