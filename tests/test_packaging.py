"""The wheel stands on its own: prompts, coefficients and sample corpus inside, usable from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from assistant.settings import Settings


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built as a publisher would."""
    folder = tmp_path_factory.mktemp("dist")
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel installed into it."""
    folder = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(folder),
        str(wheel),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder


def test_the_wheel_holds_the_package_what_it_reads_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "assistant/fitted.json",
        "assistant/py.typed",
        "assistant/page/page.css",
        "assistant/data/prompts/system.txt",
        "assistant/data/corpora/sample.jsonl",
    } <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"assistant", "abstract_assistant"}


@pytest.mark.models
def test_the_installed_wheel_answers_from_elsewhere(
    installed: Path, tmp_path: Path, real_settings: Settings
) -> None:
    """It finds its own prompts, coefficients and sample corpus, which it indexes into the cache folder."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "models").symlink_to(real_settings.cache_dir / "models")
    environment = {**os.environ, "PYTHONPATH": str(installed), "ASSISTANT_CACHE_DIR": str(cache)}

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(installed) in run("-c", "import assistant; print(assistant.__file__)")
    found = run("-c", "from assistant.fitted import PACKAGED, load_fitted; load_fitted(); print(PACKAGED)")
    assert found == f"{installed / 'assistant' / 'fitted.json'}\n"
    said = run("-m", "assistant", "ask", "By how much does LongGen cut KV cache memory?")
    assert "62%" in said
    assert "(p010)" in said
    assert (cache / "index" / "sample" / "CURRENT").is_file()
