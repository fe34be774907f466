from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assistant import recommendation
from assistant.errors import AssistantError, ModelError
from assistant.machine import Machine
from assistant.progress import silent
from assistant.recommendation import Trial, chosen, recommend, tried
from assistant.settings import Settings

GB = 1_000_000_000
ROOMY = Machine(cores=2, memory=16 * GB, available=10 * GB, bandwidth=20e9, int8_ops=2e12)
TIGHT = Machine(cores=2, memory=4 * GB, available=2 * GB, bandwidth=20e9, int8_ops=2e12)

NONE, SMALL, LARGE = "none", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"
TRIALS = {NONE: Trial(0.1, GB // 2), SMALL: Trial(1.5, 3 * GB // 2), LARGE: Trial(4.5, 3 * GB)}

DECISIONS: dict[str, tuple[Machine, dict[str, Trial], str, list[str]]] = {
    "everything fits": (ROOMY, TRIALS, "careful", ["", "", ""]),
    "too slow": (
        ROOMY,
        TRIALS | {LARGE: Trial(5.1, 3 * GB)},
        "default",
        ["", "", "an answer takes over 5 s"],
    ),
    # 0.8 of the 2 GB free are 1.6 GB.
    "too large": (TIGHT, TRIALS, "default", ["", "", "needs 3.0 GB of the 2.0 GB free"]),
    "only without a model": (
        TIGHT,
        TRIALS | {SMALL: Trial(9.0, GB)},
        "fast",
        ["", "an answer takes over 5 s", "needs 3.0 GB of the 2.0 GB free"],
    ),
}


@pytest.mark.parametrize(("machine", "trials", "preset", "obstacles"), DECISIONS.values(), ids=DECISIONS)
def test_the_most_careful_preset_that_fits_is_recommended(
    machine: Machine, trials: dict[str, Trial], preset: str, obstacles: list[str]
) -> None:
    found = chosen(machine, trials)
    assert found.preset == preset
    assert [option.preset for option in found.options] == ["fast", "default", "careful"]
    assert [option.obstacle for option in found.options] == obstacles


def test_where_nothing_fits_the_smallest_is_named_with_what_it_lacks() -> None:
    trials = {name: Trial(8.0, 4 * GB) for name in TRIALS}
    found = chosen(TIGHT, trials)
    assert (found.preset, found.why) == (
        "fast",
        "Nothing fits; this is the quickest and smallest (needs 4.0 GB of the 2.0 GB free).",
    )


def test_a_model_that_is_not_there_is_estimated_by_one_that_is() -> None:
    """The larger model has 1,543,569,408 / 493,961,216 = 3.125 times the weights.

    So both limits are 3.125 times as far: 0.1 + 3.125 · (1.5 - 0.1) = 4.475 s. Its weights take
    1,543,569,408 · 17/16 · 2 = 3.280 GB beside the half of a process without a model.
    """
    found = chosen(ROOMY, {name: trial for name, trial in TRIALS.items() if name != LARGE})
    careful = found.options[-1]
    assert (careful.installed, careful.obstacle, found.preset) == (False, "", "careful")
    assert careful.seconds == pytest.approx(4.475, abs=0.001)
    assert careful.memory == pytest.approx(3.780e9, rel=0.001)
    assert found.why == (
        f"It is the most careful, and it fits. Get its model by `assistant models pull {LARGE}`. "
        'Set it by preset = "careful" in assistant.toml.'
    )


def test_without_any_model_the_limits_of_the_machine_are_told_by_a_share() -> None:
    """250 tokens read take 250 · 2 · 493,961,216 / 2e12 = 0.1235 s at best, and 17 written
    17 · 493,961,216 · 17/16 / 20e9 = 0.4461 s; at 0.3 of that speed 1.899 s, and 0.1 s without the model.
    """
    found = chosen(ROOMY, {NONE: TRIALS[NONE]})
    assert found.options[1].seconds == pytest.approx(1.999, abs=0.001)
    assert found.preset == "default"  # the larger one would take 6.0 s


def test_what_is_estimated_is_marked() -> None:
    lines = list(chosen(TIGHT, {NONE: TRIALS[NONE], SMALL: TRIALS[SMALL]}).lines())
    assert lines == [
        "2 cores, 2.0 GB of 4.0 GB memory free, 20.0 GB/s, 2.00 trillion 8-bit operations/s",
        "preset    model                 an answer    memory  fits",
        "fast      none                      0.1 s    0.5 GB  yes",
        "default   qwen2.5-coder-0.5b        1.5 s    1.5 GB  yes",
        "careful   qwen2.5-coder-1.5b       ~4.5 s   ~3.8 GB  no: needs 3.8 GB of the 2.0 GB free",
        "~ estimated from the machine's speed, since the model is not installed",
        "Recommended: default. It is the most careful that fits.",
    ]


def test_a_trial_is_told_by_a_process_of_its_own() -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command[1:])
        told = json.dumps({"seconds": 1.5, "memory": 7})
        return subprocess.CompletedProcess(command, 0, f"noise of native code\n{told}\n", "")

    assert tried(SMALL, run) == Trial(1.5, 7)
    assert asked == [["-m", "assistant.recommendation", SMALL]]


def test_a_trial_that_failed_is_one_line() -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "noise\nthe weights are damaged\n")

    with pytest.raises(AssistantError, match=rf"^{SMALL} could not be tried: the weights are damaged$"):
        tried(SMALL, run)


def test_without_the_embedder_there_is_nothing_to_measure(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="all-minilm-l6-v2 is not installed: run `assistant models pull"):
        recommend(Settings(cache_dir=tmp_path), silent)


def test_only_what_is_installed_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class Store:
        def __init__(self, folder: object) -> None: ...

        def ready(self, name: str) -> None: ...

        def state(self, name: str) -> Any:
            return type("State", (), {"installed": name == SMALL})

    monkeypatch.setattr(recommendation, "ModelStore", Store)
    monkeypatch.setattr(recommendation, "measured", lambda: ROOMY)
    monkeypatch.setattr(recommendation, "tried", TRIALS.__getitem__)
    tuned = []
    monkeypatch.setattr(recommendation, "tune", lambda folder, name, *_: tuned.append(name))
    found = recommend(Settings(), silent)
    assert tuned == [SMALL]
    assert [(option.preset, option.installed) for option in found.options] == [
        ("fast", True),
        ("default", True),
        ("careful", False),
    ]
