"""Which preset fits this machine: each is tried if its model is installed, and estimated if it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median

from assistant.api import Assistant
from assistant.errors import AssistantError
from assistant.generation.threads import tune
from assistant.machine import Machine, decode_limit, measured, peak_memory, prefill_limit
from assistant.models import CATALOGUE, EMBEDDER, ModelStore
from assistant.progress import Progress
from assistant.settings import PRESETS, Preset, Settings

_BEST_FIRST: tuple[Preset, ...] = ("careful", "default", "fast")
_PATIENCE = 5.0  # seconds that an answer may take
_USABLE = 0.8  # share of the free memory that may be taken

# Of the sample corpus; the first is asked to get everything loaded and does not count.
_QUESTIONS = (
    "By how much does LongGen cut KV cache memory during inference?",
    "How often does the capacity density of LLMs double?",
    "Does SmoothQuant+ require additional training?",
    "What does PyramidDrop drop at the end of each stage?",
)
_SECONDS = 15.0  # after which a model is asked no further question

_PROMPT_TOKENS, _ANSWER_TOKENS = 250, 17  # of an answer: medians of `python -m eval run` on dev
_BYTES_A_WEIGHT = 17 / 16  # 8 bits, and a scale of 16 for each 32
_COPIES = 2  # the weights as they are on the disk, and as the processor wants them
_SHARE_OF_LIMIT = 0.3  # of the speed that the machine allows, where no model is there to measure it by


@dataclass(frozen=True, slots=True)
class Trial:
    """What an answer took in a process of its own: the median in seconds, and its peak memory in bytes."""

    seconds: float
    memory: int


@dataclass(frozen=True, slots=True)
class Option:
    """A preset on this machine; `obstacle` says why it does not fit, and is empty where it does."""

    preset: Preset
    model: str
    installed: bool
    seconds: float
    memory: int
    obstacle: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The machine, every preset on it, the one that is recommended, and why."""

    machine: Machine
    options: tuple[Option, ...]
    preset: Preset
    why: str

    def lines(self) -> Iterator[str]:
        """The recommendation as text; what is estimated bears a ~."""
        here = self.machine
        yield (
            f"{here.cores} cores, {_gigabytes(here.available)} of {_gigabytes(here.memory)} memory free, "
            f"{here.bandwidth / 1e9:.1f} GB/s, {here.int8_ops / 1e12:.2f} trillion 8-bit operations/s"
        )
        yield f"{'preset':<9} {'model':<20} {'an answer':>10} {'memory':>9}  fits"
        for option in self.options:
            sign = "" if option.installed else "~"
            seconds, memory = f"{sign}{option.seconds:.1f} s", f"{sign}{_gigabytes(option.memory)}"
            fits = (option.obstacle and f"no: {option.obstacle}") or "yes"
            yield f"{option.preset:<9} {option.model:<20} {seconds:>10} {memory:>9}  {fits}"
        if not all(option.installed for option in self.options):
            yield "~ estimated from the machine's speed, since the model is not installed"
        yield f"Recommended: {self.preset}. {self.why}"


def recommend(settings: Settings, progress: Progress) -> Recommendation:
    """Measure this machine and the installed models on it, which takes about a minute, and choose a preset.

    Raises:
        ModelError: the embedder is not installed, without which there is no answer.
    """
    store = ModelStore(settings.cache_dir)
    store.ready(EMBEDDER)
    models = [PRESETS[preset]["model"] for preset in _BEST_FIRST]
    installed = [model for model in models if model == "none" or store.state(model).installed]
    progress(0, len(installed) + 1, "measuring this machine")
    machine = measured()
    trials = {}
    for done, model in enumerate(installed, start=1):
        progress(done, len(installed) + 1, "measuring this machine")
        if model != "none" and not settings.threads:
            tune(store.ready(model), model, settings.cache_dir / "compiled")
        trials[model] = tried(model)
    progress(len(installed) + 1, len(installed) + 1, "measuring this machine")
    return chosen(machine, trials)


def chosen(machine: Machine, trials: Mapping[str, Trial]) -> Recommendation:
    """The best preset that fits, by what was measured of some models; `none` is always among them."""
    options = [_option(preset, machine, trials) for preset in _BEST_FIRST]
    best = next((option for option in options if not option.obstacle), options[-1])
    why = _why(best, is_best=best is options[0])
    return Recommendation(machine, tuple(reversed(options)), best.preset, why)


def tried(model: str, run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> Trial:
    """What answers take with an installed model, measured in a process that does nothing else.

    Raises:
        AssistantError: the process failed.
    """
    done = run(
        [sys.executable, "-m", "assistant.recommendation", model],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise AssistantError(f"{model} could not be tried: {said[-1]}")
    return Trial(**json.loads(done.stdout.splitlines()[-1]))


def _option(preset: Preset, machine: Machine, trials: Mapping[str, Trial]) -> Option:
    model = str(PRESETS[preset]["model"])
    trial = trials.get(model) or _estimate(model, machine, trials)
    return Option(preset, model, model in trials, trial.seconds, trial.memory, _obstacle(trial, machine))


def _obstacle(trial: Trial, machine: Machine) -> str:
    if trial.memory > _USABLE * machine.available:
        return f"needs {_gigabytes(trial.memory)} of the {_gigabytes(machine.available)} free"
    return f"an answer takes over {_PATIENCE:.0f} s" if trial.seconds > _PATIENCE else ""


def _why(best: Option, *, is_best: bool) -> str:
    if best.obstacle:
        return f"Nothing fits; this is the quickest and smallest ({best.obstacle})."
    why = "It is the most careful, and it fits." if is_best else "It is the most careful that fits."
    if not best.installed:
        why += f" Get its model by `assistant models pull {best.model}`."
    setting = "" if best.preset == "default" else f' Set it by preset = "{best.preset}" in assistant.toml.'
    return why + setting


def _estimate(model: str, machine: Machine, trials: Mapping[str, Trial]) -> Trial:
    """What the model would take: the time that the machine's limits allow, by the share of them reached.

    The share is that of an installed model, beyond what an answer takes without any.
    """
    without = trials["none"]
    shares = [
        _least_seconds(name, machine) / max(trial.seconds - without.seconds, 1e-3)
        for name, trial in trials.items()
        if name != "none"
    ]
    share = median(shares) if shares else _SHARE_OF_LIMIT
    weights = CATALOGUE[model].parameters * _BYTES_A_WEIGHT
    return Trial(
        without.seconds + _least_seconds(model, machine) / share,
        without.memory + round(_COPIES * weights),
    )


def _least_seconds(model: str, machine: Machine) -> float:
    """What an answer's tokens take of the model where the machine's limits are reached."""
    parameters = CATALOGUE[model].parameters
    reading = _PROMPT_TOKENS / prefill_limit(parameters, machine.int8_ops)
    return reading + _ANSWER_TOKENS / decode_limit(round(parameters * _BYTES_A_WEIGHT), machine.bandwidth)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _try_here(model: str) -> Trial:
    """What the process of a trial does."""
    assistant = Assistant.open(settings=Settings.load(model=model).model_copy(update={"index": None}))
    first, *others = _QUESTIONS
    assistant.ask(first)
    began = time.perf_counter()
    seconds = []
    for question in others:
        started = time.perf_counter()
        answer = assistant.ask(question)
        seconds.append(time.perf_counter() - started)
        if answer.status == "error":
            raise AssistantError(answer.reason.sentence)
        if time.perf_counter() - began > _SECONDS:
            break
    return Trial(median(seconds), peak_memory())


def main(model: str) -> int:
    """Try a model here, and tell the parent on standard output."""
    try:
        trial = _try_here(model)
    except AssistantError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(trial)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
