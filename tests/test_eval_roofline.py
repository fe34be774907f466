from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as operators

from assistant.machine import Machine
from assistant.settings import Settings
from eval.roofline import Roofline, Speed, Weights, measured, weights

HERE = Machine(cores=2, memory=16, available=8, bandwidth=20e9, int8_ops=2e12)


def test_speeds_are_shares_of_what_the_machine_allows() -> None:
    """2e12 operations a second, two for each of 250 million weights, are 4,000 tokens read a second; 20 GB a
    second are 40 readings of 500 MB.
    """
    found = Roofline(HERE, Weights(250_000_000, 500_000_000), Speed(1_000, 1_000.0, 30.0))
    assert (found.prefill_limit, found.decode_limit) == (4_000, 40)
    assert found.table().rows == {
        "prefill, 1000 tokens": {"tokens/s": "1000.0", "limit": "4000.0", "share": "0.25"},
        "decode, no prompt lookup": {"tokens/s": "30.0", "limit": "40.0", "share": "0.75"},
    }
    assert found.table().title == "2.00 trillion 8-bit operations/s, 20.0 GB/s"


def compressed(outer: int, inner: int) -> openvino.Node:
    """A matrix of 8-bit weights with a zero point and, for each row, a scale of 16 bits."""
    eight = operators.convert(operators.constant(np.ones((outer, inner), np.uint8)), "f16")
    centred = operators.subtract(eight, operators.constant(np.full((outer, 1), 128, np.float16)))
    scaled = operators.multiply(centred, operators.constant(np.ones((outer, 1), np.float16)))
    return operators.convert(scaled, "f32")


def test_weights_are_counted_in_the_graph_with_their_scales_and_the_output_layer_apart(
    tmp_path: Path,
) -> None:
    """Two layers, 4 → 8 → 16: 32 weights for a token of a prompt. A token written takes the 128 of the output
    layer too: 32 + 128 bytes of weights, and 2 bytes for the scale of each of the 8 + 16 rows.
    """
    tokens = operators.parameter([3, 4], np.float32)
    hidden = operators.matmul(tokens, compressed(8, 4), False, True)
    # Attention multiplies what it has computed: no weights.
    hidden = operators.add(
        hidden, operators.matmul(operators.matmul(hidden, hidden, False, True), hidden, False, False)
    )
    logits = operators.matmul(hidden, compressed(16, 8), False, True)
    model = openvino.Model([operators.result(logits)], [tokens])
    openvino.save_model(model, tmp_path / "openvino_model.xml", compress_to_fp16=False)
    assert weights(tmp_path) == Weights(parameters=32, bytes=32 + 128 + 2 * (8 + 16))


@pytest.mark.parametrize("model", ["none", "http://127.0.0.1:1/v1", "smollm2-135m"])
def test_what_openvino_has_not_got_has_no_roofline(model: str, tmp_path: Path) -> None:
    assert measured(Settings(model=model, cache_dir=tmp_path), ()) is None
