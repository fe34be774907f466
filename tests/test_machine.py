from __future__ import annotations

from pathlib import Path

import pytest

from assistant import machine


def test_a_prompt_takes_two_operations_a_weight_and_token() -> None:
    # 2 · 500 million operations a token: 3 trillion a second are 3,000 tokens.
    assert machine.prefill_limit(500_000_000, 3e12) == 3_000


def test_a_token_written_takes_all_weights_out_of_memory() -> None:
    assert machine.decode_limit(500_000_000, 20e9) == 40


def test_the_machine_is_measured() -> None:
    assert machine.bandwidth(size=2**16, repeats=2) > 0
    assert machine.int8_ops(rows=8, narrow=32, wide=64, repeats=2) > 0
    assert 0 < machine.available_memory() <= machine.total_memory()
    assert 0 < machine.peak_memory() <= machine.total_memory()
    assert 1 <= machine.physical_cores() <= machine.usable_cores()


def test_threads_of_one_core_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cpu, siblings in {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}.items():
        (tmp_path / f"cpu{cpu}").write_text(f"{siblings}\n")
    monkeypatch.setattr(machine, "Path", lambda path: tmp_path / Path(path).parts[5])
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    assert machine.physical_cores() == 2
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2, 4}, raising=False)
    assert machine.physical_cores() == 3  # of the fifth nothing is told


def test_figures_of_proc_are_in_kilobytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       24000 kB\nMemAvailable:    6000 kB\n", encoding="utf-8")
    monkeypatch.setattr(machine, "Path", lambda path: told)
    assert machine.available_memory() == 6_144_000
    told.write_text("MemTotal:       24000 kB\n", encoding="utf-8")  # kernels before 3.14
    assert machine.available_memory() == machine.total_memory()
