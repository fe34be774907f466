"""How near a model comes to what the machine allows: prefill and decode as shares of their rooflines.

    prefill, tokens/s  at most  int8_ops / (2 · parameters)  two operations a weight for each token read
    decode, tokens/s   at most  bandwidth / bytes            every weight read once for each token written

`parameters` leaves the output layer out, which is computed for the last token of a prompt alone; `bytes` has
it in, and the scales of the weights. Both are read off the model's graph. Speeds are those of OpenVINO GenAI
without prompt lookup, which writes several tokens a reading of the weights and so may pass the limit of one.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

from assistant import machine
from assistant.machine import Machine, decode_limit, prefill_limit
from assistant.models import CATALOGUE, ModelStore
from assistant.records import Paper
from assistant.settings import Settings
from eval.naive import PAPERS
from eval.tables import Table

_WRITTEN = 48  # tokens
_PROMPTS = 4
_BETWEEN = ("Convert", "Multiply", "Subtract", "Reshape", "Transpose")  # a constant and its product


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights that a prompt's token is multiplied with, and the bytes read for a token written."""

    parameters: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second, of a prompt of so many tokens and of what is written after it."""

    prompt_tokens: int
    prefill: float
    decode: float


@dataclass(frozen=True, slots=True)
class Roofline:
    """A model's speed on a machine beside the limits of that."""

    machine: Machine
    weights: Weights
    speed: Speed

    @property
    def prefill_limit(self) -> float:
        """Tokens a second."""
        return prefill_limit(self.weights.parameters, self.machine.int8_ops)

    @property
    def decode_limit(self) -> float:
        """Tokens a second."""
        return decode_limit(self.weights.bytes, self.machine.bandwidth)

    def table(self) -> Table:
        """Both speeds, their limits, and the shares of them."""
        here = self.machine
        rows = {
            f"prefill, {self.speed.prompt_tokens} tokens": (self.speed.prefill, self.prefill_limit),
            "decode, no prompt lookup": (self.speed.decode, self.decode_limit),
        }
        title = f"{here.int8_ops / 1e12:.2f} trillion 8-bit operations/s, {here.bandwidth / 1e9:.1f} GB/s"
        return Table(
            title,
            {
                name: {
                    "tokens/s": f"{speed:.1f}",
                    "limit": f"{limit:.1f}",
                    "share": f"{speed / limit:.2f}",
                }
                for name, (speed, limit) in rows.items()
            },
        )


def measured(settings: Settings, papers: Sequence[Paper]) -> Roofline | None:
    """A model of the catalogue on this machine; None of one that is not there.

    The prompts are three abstracts each, as those of the naive pipeline.
    """
    store = ModelStore(settings.cache_dir)
    if settings.model not in CATALOGUE or not store.state(settings.model).installed:
        return None
    folder = store.ready(settings.model)
    prompts = [
        "\n\n".join(paper.abstract for paper in papers[first : first + PAPERS])
        for first in range(0, _PROMPTS * PAPERS, PAPERS)
    ]
    return Roofline(machine.measured(), weights(folder), speed(folder, list(filter(None, prompts))))


def weights(folder: Path) -> Weights:
    """The weights of a converted model, counted in its graph."""
    import openvino

    parameters = read = 0
    for node in openvino.Core().read_model(folder / "openvino_model.xml").get_ops():
        if node.get_type_name() != "MatMul":
            continue
        constants = list(_constants(node.input_value(1).get_node()))
        read += sum(constant.get_byte_size() for constant in constants)
        is_output = any(
            target.get_node().get_type_name() == "Result" for target in node.output(0).get_target_inputs()
        )
        if constants and not is_output:
            parameters += max(prod(constant.get_output_shape(0)) for constant in constants)
    return Weights(parameters, read)


def speed(folder: Path, prompts: Sequence[str]) -> Speed:
    """What a converted model does on prompts, medians of all but the first, in a process of its own.

    No two may begin alike: what a prompt shares with an earlier one may be remembered.
    """
    alone = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=alone) as process:
        return process.submit(_measured, folder, prompts).result()


def _constants(node: Any) -> Iterator[Any]:
    """The constants that a product's second factor is made of: weights and scales.

    The zero points are left out: they are all the same.
    """
    kind = node.get_type_name()
    if kind == "Constant":
        yield node
    elif kind in _BETWEEN:
        for source in node.input_values()[: 1 if kind == "Subtract" else None]:
            yield from _constants(source.get_node())


def _measured(folder: Path, prompts: Sequence[str]) -> Speed:
    import openvino_genai

    pipeline = openvino_genai.LLMPipeline(str(folder), "CPU")
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = _WRITTEN
    config.ignore_eos = True
    config.do_sample = False
    config.apply_chat_template = False
    runs = [pipeline.generate([prompt], config).perf_metrics for prompt in prompts][1:]
    return Speed(
        round(median(run.get_num_input_tokens() for run in runs)),
        median(1000 * run.get_num_input_tokens() / run.get_ttft().mean for run in runs),
        median(1000 / run.get_tpot().mean for run in runs),
    )
