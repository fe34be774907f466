"""Which number of threads is chosen, on machines and by times that are made up; and a real measurement."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.generation import threads
from assistant.generation.threads import Tuning, threads_of, tune, tuned
from assistant.models import DEFAULT_MODEL, ModelStore
from assistant.settings import Settings

Times = dict[int | None, float]


class Machine:
    """One with so many cores, on which a model takes the times given; what was tried is written down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._folder = folder
        self.tried: list[int | None] = []
        self.told: list[tuple[int, int, str]] = []

    def tune(self, cores: int, physical: int, times: Times) -> int | None:
        self._monkeypatch.setattr(threads, "usable_cores", lambda: cores)
        self._monkeypatch.setattr(threads, "physical_cores", lambda: physical)

        def measure(folder: Path, count: int | None) -> float:
            assert folder == Path("model")
            self.tried.append(count)
            return times[count]

        def progress(done: int, total: int, what: str) -> None:
            self.told.append((done, total, what))

        tune(Path("model"), "m", self._folder, progress=progress, measure=measure)
        return threads_of("m", self._folder, None)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path / "compiled")


@pytest.mark.parametrize(
    ("cores", "physical", "times", "expected"),
    [
        (8, 4, {None: 1.0, 4: 0.8, 2: 0.9}, 4),
        (8, 4, {None: 1.0, 4: 0.9, 2: 0.7}, 2),
        (8, 8, {None: 1.0, 8: 1.1, 4: 1.2}, None),
        (8, 8, {None: 1.0, 8: 0.96, 4: 1.2}, None),  # 4 % less is noise
        (4, 1, {None: 1.0, 1: 0.5}, 1),  # half a core is a whole one
    ],
)
def test_the_quickest_count_is_used(
    machine: Machine, cores: int, physical: int, times: Times, expected: int | None
) -> None:
    assert machine.tune(cores, physical, times) == expected
    assert machine.tried == list(times)  # the default first, then the more before the fewer
    assert machine.told[0] == (0, len(times), "choosing the number of threads")


def test_two_cores_leave_nothing_to_choose(machine: Machine) -> None:
    assert machine.tune(2, 2, {}) is None
    assert machine.tried == []


def test_a_machine_is_measured_once_and_another_one_anew(machine: Machine, tmp_path: Path) -> None:
    quick_by_half: Times = {None: 1.0, 8: 1.0, 4: 0.5}
    assert machine.tune(8, 8, quick_by_half) == 4
    assert machine.tune(8, 8, {}) == 4
    assert machine.tune(8, 4, {None: 1.0, 4: 2.0, 2: 2.0}) is None  # as many cores, of two threads each
    assert tuned("m", tmp_path / "compiled") == Tuning(None, cores=8, physical=4)
    assert machine.tried == [None, 8, 4, None, 4, 2]


def test_the_setting_counts_more(machine: Machine, tmp_path: Path) -> None:
    machine.tune(8, 8, {None: 1.0, 8: 1.0, 4: 0.5})
    assert threads_of("m", tmp_path / "compiled", 3) == 3
    assert threads_of("another", tmp_path / "compiled", None) is None


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"threads": 4}', '{"threads": 4, "of": 1}'])
def test_a_damaged_file_is_measured_anew(machine: Machine, tmp_path: Path, damaged: str) -> None:
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled" / "m.threads.json").write_text(damaged)
    assert machine.tune(8, 8, {None: 1.0, 8: 1.0, 4: 0.5}) == 4


@pytest.mark.models
def test_a_real_model_is_measured() -> None:
    folder = ModelStore(Settings.load().cache_dir).ready(DEFAULT_MODEL)
    assert threads.seconds(folder, 1) > 0
