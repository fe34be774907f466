"""A batch that is killed loses no row that it has finished, and asks none twice."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from assistant.batch.journal import reading
from assistant.settings import Settings

ROOT = Path(__file__).parent.parent
ROWS = 600


def killed(folder: Path, kills: int, workers: int) -> list[str]:
    """The log of a batch that was killed so many times."""
    questions = [f"By how much does LongCache reduce cache memory in case {n}" for n in range(ROWS)]
    lines = [f"{n},{question}" for n, question in enumerate(questions)]
    (folder / "in.csv").write_text("\n".join(["id,question", *lines]))
    command = [
        sys.executable,
        str(ROOT / "tests" / "batch_killing.py"),
        str(folder),
        str(kills),
        str(workers),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, check=True)
    return (folder / "log").read_text().splitlines()


@pytest.mark.parametrize(("kills", "workers"), [(60, 1), (40, 3)])
def test_killed_at_random_moments_no_finished_row_is_lost_or_asked_twice(
    index_folder: Path, kills: int, workers: int
) -> None:
    folder = index_folder.parent
    log = killed(folder, kills, workers)

    finished, asked = 0, Counter[int]()
    for line in log:
        what, _, number = line.partition(" ")
        if what == "done":
            finished = max(finished, int(number))
        elif what == "asked":
            assert int(number) >= finished, "a finished row was asked again"
            asked[int(number)] += 1
    # Each kill costs what was being asked, one question a worker, and no more.
    assert set(asked) == set(range(ROWS))
    assert ROWS <= asked.total() <= ROWS + kills * workers
    assert finished == ROWS
    assert log[-1] == "finished"

    with (folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [str(n) for n in range(ROWS)]
    assert {row["status"] for row in rows} == {"answered"}
    journal = (folder / "out.csv.journal").read_text().splitlines()
    keys = Counter(json.loads(line).get("key") for line in journal)
    del keys[None]
    assert len(keys) == ROWS
    assert set(keys.values()) == {1}


@pytest.mark.models
def test_the_real_model_killed_goes_on_where_it_was(tmp_path: Path, real_settings: Settings) -> None:
    (tmp_path / "in.csv").write_text(
        "id,question\n"
        "1,By how much does LongGen cut KV cache memory?\n"
        "2,What is capacity density?\n"
        "3,Who won the world cup in 2022?\n"
        "4,By how much does LongGen cut KV cache memory?\n"
    )
    journal = tmp_path / "out.csv.journal"
    command = [sys.executable, "-m", "assistant", "batch", "in.csv", "out.csv"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ASSISTANT_CACHE_DIR": str(real_settings.cache_dir),
    }
    known = 0
    for _ in range(2):  # killed as soon as it has answered one more
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
        while process.poll() is None and answers(journal) <= known:
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert answers(journal) > known
        known = answers(journal)
    done = subprocess.run(
        [*command, "--json"], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    choices = json.loads(done.stdout)["choices"]
    assert choices["kept"] >= known
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["status"]) for row in rows] == [
        ("1", "answered"),
        ("2", "answered"),
        ("3", "abstained"),
        ("4", "answered"),
    ]
    assert answers(journal) == 3


def answers(journal: Path) -> int:
    with reading(journal) as (contents, _):
        return len(contents.places)
