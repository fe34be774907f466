"""What every test gets: no network beyond this machine, no settings of the user's, small hand-made data."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from asker import Asker

from assistant.fitted import FITTED, fitted_to_plain
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Paper
from assistant.settings import Settings
from assistant.testing import OPEN_GATES, HashingEmbedder, ScriptedModel

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The same examples in every run, and none of them timed: machines differ.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("fixed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PAPERS = (
    Paper(
        "a1",
        "LongCache: Shrinking the Key-Value Cache",
        "Long contexts make the key-value cache large. We present LongCache, which keeps one third of the "
        "layers at full attention. LongCache reduces cache memory by 62%, and decoding is 1.4x faster. "
        "Training takes 36 hours on 8 GPUs.",
        authors=("Ada Lovelace", "Charles Babbage"),
        year=2023,
        venue="ICML",
    ),
    Paper(
        "a2",
        "SlimTune: Tuning without Gradients",
        "Fine-tuning large models is costly. SlimTune requires no gradient computation. "
        "It reaches 91.5% accuracy on SentiBank, 2.1 points above full fine-tuning.",
        authors=("Emmy Noether",),
        year=2021,
        venue="ACL",
    ),
    Paper(
        "a3",
        "A Survey of Speech Recognition",
        "Speech recognition has moved from hidden Markov models to neural networks. "
        "We survey 140 papers and find that data quality matters most.",
        year=2019,
    ),
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where FAIL_ON_SKIP is set, a skipped test is a failed one: everything is meant to be there."""
    report = yield
    if report.skipped and os.environ.get("FAIL_ON_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but FAIL_ON_SKIP is set: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection beyond loopback, so that no test depends on, or tells, anyone else."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the user's reaches a test; the working folder is empty."""
    for name in [name for name in os.environ if name.startswith("ASSISTANT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


@pytest.fixture
def papers() -> tuple[Paper, ...]:
    """Three hand-made papers."""
    return PAPERS


@pytest.fixture
def embedder() -> HashingEmbedder:
    """An embedder without weights."""
    return HashingEmbedder()


@pytest.fixture
def index_folder(tmp_path: Path, embedder: HashingEmbedder) -> Path:
    """The three papers, indexed, with coefficients of its own that let every question be answered."""
    folder = tmp_path / "index"
    ingest(PAPERS, folder, embedder, passage_tokens=160, progress=silent)
    (folder / FITTED).write_text(json.dumps(fitted_to_plain(OPEN_GATES)), encoding="utf-8")
    return folder


@pytest.fixture
def index(index_folder: Path, embedder: HashingEmbedder) -> Index:
    """The three papers' index, opened."""
    return Index.open(index_folder, embedder)


@pytest.fixture
def ask(index: Index, embedder: HashingEmbedder) -> Asker:
    """Asks the three papers."""
    return Asker(index, embedder)


@pytest.fixture(scope="session")
def real_settings() -> Settings:
    """Settings with the user's own cache folder, for tests with the real models."""
    return Settings()


@pytest.fixture
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a module."""
    from pages import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page that most tests of a module share, each in a session of its own."""
    from pages import REPLY, served

    with served(ScriptedModel(REPLY)) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The shared page in a session of its own."""
    from pages import opened

    with opened(browser, address) as page:
        yield page
