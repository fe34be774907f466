"""Which weights become 4 bits, and perplexity, by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, GGUFWriter, quants
from numpy.typing import NDArray

from assistant.models import DEFAULT_MODEL, ModelStore, conversion
from assistant.progress import silent
from eval import weights


def logits_of(probabilities: dict[int, list[float]]) -> weights.Logits:
    """What a model says that thinks of the last token alone; logits may be shifted by anything."""

    def logits(ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray([np.log(probabilities[int(token)]) + 500 for token in ids], dtype=np.float32)

    return logits


def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities() -> None:
    # 0 -> 1 at 1/2, 1 -> 0 at 1/4, and in another text 1 -> 1 at 3/4: (1/2 · 1/4 · 3/4)^(-1/3).
    model = logits_of({0: [0.5, 0.5], 1: [0.25, 0.75]})
    texts = [np.array([0, 1, 0]), np.array([1, 1])]
    assert weights.perplexity(model, texts) == pytest.approx((3 / 32) ** (-1 / 3), rel=1e-4)


def test_who_knows_nothing_is_as_perplexed_as_there_are_tokens() -> None:
    model = logits_of({token: [0.2] * 5 for token in range(5)})
    assert weights.perplexity(model, [np.arange(5)]) == pytest.approx(5, rel=1e-4)
    assert math.isclose(weights.perplexity(model, [np.arange(2)] * 3), 5, rel_tol=1e-4)


def test_matrices_of_layers_become_four_bits(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=(4, 64)).astype(np.float32)
    writer = GGUFWriter(tmp_path / "in.gguf", "llama")
    for name in ("token_embd.weight", "blk.0.attn_q.weight"):
        writer.add_tensor(name, quants.quantize(values, Kind.Q5_0), raw_dtype=Kind.Q5_0)
    writer.add_tensor("blk.0.attn_norm.weight", values[0])
    writer.add_tensor("blk.0.odd.weight", np.ones((4, 8), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = conversion.read(tmp_path / "in.gguf")
    conversion.rewrite(reader, tmp_path / "out.gguf", silent, weights.four_bits)
    found = {tensor.name: tensor for tensor in GGUFReader(tmp_path / "out.gguf").tensors}
    assert {name: tensor.tensor_type for name, tensor in found.items()} == {
        "token_embd.weight": Kind.Q8_0,
        "blk.0.attn_q.weight": Kind.Q4_0,
        "blk.0.attn_norm.weight": Kind.F32,
        "blk.0.odd.weight": Kind.F16,  # rows of 8 hold no block of 32
    }
    back = quants.dequantize(found["blk.0.attn_q.weight"].data, Kind.Q4_0)
    assert np.abs(back - values).max() < 0.4  # a step of 4 bits is an eighth of the largest weight, 2.6 here
    assert values[0] == pytest.approx(np.array(found["blk.0.attn_norm.weight"].data))


@pytest.mark.models
def test_a_real_model_foretells_a_sentence() -> None:
    from assistant.settings import Settings

    folder = ModelStore(Settings.load().cache_dir).ready(DEFAULT_MODEL)
    table = weights.quality_table([folder], ["The capital of France is Paris."] * 2)
    assert table.title == "2 texts, 12 tokens foretold"
    assert 1 < float(table.rows[str(folder)]["perplexity"]) < 100
