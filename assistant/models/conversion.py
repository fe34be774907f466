"""GGUF to the folder that OpenVINO GenAI loads, in a child process whose crash or memory can't hurt ours.

openvino_genai reads GGUF itself, but not every tensor type, and not every type it reads exactly. Tensors of
the other types are first rewritten as Q8_0.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assistant.errors import ModelError, first_line
from assistant.models.disk import full, megabytes, require_space
from assistant.models.receipt import Receipt, entries
from assistant.progress import Progress, silent
from assistant.storage import sha256_of, sync_tree

_WEIGHTS = "weights.gguf"
_EXPECTED = ("openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml", "openvino_detokenizer.xml")

# The types that are kept. Of the others openvino_genai refuses some (Q5_*), rounds the minima of blocks to
# whole steps in Q4_1 and Q4_K, an error of 8 % of the weights (SmolLM2-135M Q4_1: perplexity 41 on abstracts,
# 34 when rewritten), and widens Q6_K to 16 bits, twice the size of Q8_0.
_KEPT_MATRICES = {"F16", "Q8_0", "Q4_0"}
_KEPT_VECTORS = {"F32", "F16"}
RECIPE = 1  # raised whenever the same file would be converted in another way: what there is is made anew
_ROWS = 1024  # rewritten at a time, so that a vocabulary's matrix does not fill the memory as float32

# How Python and OpenVINO put it.
_DISK_FULL = re.compile("No space left on device|iostream error")

# Lines of the child that begin so are for the parent; all others are the noise of native code.
_STEP = "@step "
_FAULT = "@fault "


def convert(gguf: Path, target: Path, progress: Progress) -> None:
    """Make the folder `target` from a GGUF file; it appears whole or not at all.

    Raises:
        ModelError: the file is damaged, no GGUF, of an architecture not known here, or the disk is full.
    """
    staging = target.with_name(f".{target.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _run_child(gguf, staging, progress)
        missing = [name for name in _EXPECTED if not (staging / name).is_file()]
        if missing:
            raise ModelError(f"{gguf} could not be converted: OpenVINO did not write {', '.join(missing)}")
        progress(0, 0, "checking")
        made = sorted(staging.iterdir())
        made_by = f"openvino-genai {version('openvino-genai')}"
        Receipt(entries(made), f"{gguf.name} {sha256_of(gguf)}", made_by, RECIPE).write(staging)
        sync_tree(staging)
        shutil.rmtree(target, ignore_errors=True)
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _run_child(gguf: Path, staging: Path, progress: Progress) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "assistant.models.conversion", str(gguf.resolve()), str(staging.resolve())],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    said: deque[str] = deque(maxlen=50)
    try:
        assert child.stdout
        for line in child.stdout:
            if line.startswith(_STEP):
                done, total, what = line.removeprefix(_STEP).rstrip("\n").split(" ", 2)
                progress(int(done), int(total), what)
            elif line.strip():
                said.append(line.strip())
        if child.wait():
            raise _failure(gguf, staging, child.returncode, said)
    finally:
        child.kill()
        child.wait()
        assert child.stdout
        child.stdout.close()


def _failure(gguf: Path, staging: Path, code: int, said: deque[str]) -> ModelError:
    if any(_DISK_FULL.search(line) for line in said):
        return full(staging)
    faults = [line.removeprefix(_FAULT) for line in said if line.startswith(_FAULT)]
    if faults:
        return ModelError(faults[-1])
    ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    last = f": {said[-1][:200]}" if said else ""
    return ModelError(f"{gguf} could not be converted for OpenVINO ({ended}){last}")


def _convert_here(gguf: Path, staging: Path) -> None:
    """What the child does."""
    _say_step(0, 0, "reading the weights")
    reader = read(gguf)
    _require_space(reader, staging)
    weights = staging / _WEIGHTS
    if any(kind_after(tensor) != tensor.tensor_type for tensor in reader.tensors):
        rewrite(reader, weights, _say_step)
    else:
        weights.symlink_to(gguf)  # OpenVINO writes beside the path it is given
    _say_step(0, 0, "compiling for this machine")
    _save_openvino(gguf, weights, reader.fields["general.architecture"].contents())
    weights.unlink()
    _write_config(reader, staging)


def read(gguf: Path) -> Any:
    """A GGUF file's reader.

    Raises:
        ModelError: the file is damaged, one part of several, or no language model.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(gguf)
    except Exception as error:  # on a damaged file the reader fails in whatever way its bytes lead to
        size = megabytes(gguf.stat().st_size)
        raise ModelError(f"{gguf} ({size}) is not a GGUF file, or it is damaged: {error}") from error
    if "split.count" in reader.fields and reader.fields["split.count"].contents() > 1:
        raise ModelError(
            f"{gguf} is one part of a split GGUF; join the parts with `llama-gguf-split --merge`"
        )
    if "general.architecture" not in reader.fields or not reader.tensors:
        raise ModelError(f"{gguf} holds no language model")
    return reader


def _require_space(reader: Any, staging: Path) -> None:
    size = sum(tensor.n_elements for tensor in reader.tensors) * 34 // 32  # all as Q8_0
    require_space(staging, 2 * size, "convert the model")


def kind_after(tensor: Any) -> Any:
    """The type that a tensor is to have: its own where OpenVINO reads that exactly."""
    from gguf import GGMLQuantizationType as Kind

    is_matrix = len(tensor.shape) > 1
    if tensor.tensor_type.name in (_KEPT_MATRICES if is_matrix else _KEPT_VECTORS):
        return tensor.tensor_type
    if not is_matrix:
        return Kind.F32
    return Kind.Q8_0 if int(tensor.shape[0]) % 32 == 0 else Kind.F16


def rewrite(
    reader: Any,
    target: Path,
    progress: Progress = silent,
    kind_of: Callable[[Any], Any] = kind_after,
) -> None:
    """Copy a GGUF file: metadata as it is, each tensor in the type that `kind_of` says."""
    from gguf import GGUFValueType, GGUFWriter

    writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), field.types[0], inner)
    for tensor in reader.tensors:
        _announce(writer, tensor, kind_of(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    total, done = sum(int(tensor.n_bytes) for tensor in reader.tensors), 0
    for tensor in reader.tensors:
        progress(done, total, "converting weights")
        writer.write_tensor_data(_rewritten(tensor, kind_of(tensor)))
        done += int(tensor.n_bytes)
    writer.close()


def _announce(writer: Any, tensor: Any, kind: Any) -> None:
    import numpy as np
    from gguf import GGML_QUANT_SIZES

    block, size = GGML_QUANT_SIZES[kind]
    shape = tuple(int(length) for length in reversed(tensor.shape))
    writer.add_tensor_info(
        tensor.name, shape, np.dtype(np.float32), int(tensor.n_elements) // block * size, raw_dtype=kind
    )


def _rewritten(tensor: Any, kind: Any) -> Any:
    import numpy as np
    from gguf import quants

    if kind == tensor.tensor_type:
        return tensor.data
    rows = tensor.data.reshape(-1, tensor.data.shape[-1])
    return np.concatenate(
        [
            quants.quantize(quants.dequantize(rows[first : first + _ROWS], tensor.tensor_type), kind)
            for first in range(0, len(rows), _ROWS)
        ]
    )


def _save_openvino(gguf: Path, weights: Path, architecture: str) -> None:
    import openvino_genai

    try:
        openvino_genai.LLMPipeline(str(weights), "CPU", enable_save_ov_model=True)
    except Exception as error:
        raise ModelError(
            f"{gguf}, architecture {architecture}, could not be converted for OpenVINO: {first_line(error)}"
        ) from error


def _write_config(reader: Any, staging: Path) -> None:
    """Keep the context length, which OpenVINO's own files do not tell."""
    length = reader.fields.get(f"{reader.fields['general.architecture'].contents()}.context_length")
    if length:
        config = {"max_position_embeddings": int(length.contents())}
        (staging / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _say_step(done: int, total: int, what: str) -> None:
    sys.stdout.write(f"{_STEP}{done} {total} {what}\n")
    sys.stdout.flush()


def main(gguf: str, staging: str) -> int:
    """Convert here, and tell the parent on standard output."""
    try:
        _convert_here(Path(gguf), Path(staging))
    except (ModelError, OSError) as error:
        sys.stdout.write(f"\n{_FAULT}{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
