from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.doctor import Finding, examine
from assistant.errors import AssistantError
from assistant.ingest import ingest
from assistant.models import CATALOGUE, EMBEDDER
from assistant.progress import silent
from assistant.records import Paper
from assistant.settings import Settings
from assistant.testing import HashingEmbedder

Patch = pytest.MonkeyPatch


@pytest.fixture
def healthy(monkeypatch: Patch, tmp_path: Path, papers: tuple[Paper, ...]) -> Settings:
    """A machine on which all is well: room, models, and an index that fits the embedder."""
    monkeypatch.setattr("assistant.doctor.ModelStore.state", lambda *_: SimpleNamespace(installed=True))
    monkeypatch.setattr("assistant.doctor.shutil.disk_usage", lambda _: SimpleNamespace(free=9e9))
    monkeypatch.setattr("assistant.doctor.os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2_000_000}.get)
    monkeypatch.setattr("assistant.doctor.os.access", lambda *_: True)
    monkeypatch.setattr("assistant.doctor.importlib.metadata.version", lambda _: "1.0")
    embedder = HashingEmbedder()
    embedder.fingerprint = CATALOGUE[EMBEDDER].fingerprint
    ingest(papers, tmp_path / "papers", embedder, passage_tokens=160, progress=silent)
    return Settings(cache_dir=tmp_path / "cache", index=tmp_path / "papers")


def faults(settings: Settings, index: Path | None = None) -> list[Finding]:
    return [finding for finding in examine(settings, index) if not finding.ok]


def test_nothing_is_wrong_with_a_healthy_machine(healthy: Settings) -> None:
    found = {finding.subject: finding for finding in examine(healthy, None)}
    assert [finding for finding in found.values() if not finding.ok or finding.remedy] == []
    assert found["model"].found == "qwen2.5-coder-0.5b, installed"
    assert found["index"].found == f"{healthy.index}: 3 papers, 3 passages"
    assert found["memory"].found.startswith("8.2 GB, ")  # 4096 * 2,000,000


def _no_gradio(name: str) -> str:
    if name == "gradio":
        raise importlib.metadata.PackageNotFoundError(name)
    return "1.0"


def _no_cl100k() -> Any:
    raise AssistantError("the tokenizer file is damaged")


# What is broken: the name that is replaced, by what, and the subject, finding and remedy to be told.
BROKEN: dict[str, tuple[str, Any, str, str, str]] = {
    "old python": (
        "sys",
        SimpleNamespace(version_info=(3, 10, 4)),
        *("python", "3.10.4", "install Python 3.11 or newer"),
    ),
    "package missing": (
        "importlib.metadata.version",
        _no_gradio,
        *("gradio", "not installed", "pip install gradio"),
    ),
    "no prompts": (
        "prompts_folder",
        lambda: Path("none"),
        *("prompts", "none", "the installation is incomplete; install it again"),
    ),
    "no sample": (
        "sample_corpus",
        lambda: Path("none"),
        *("sample corpus", "none", "the installation is incomplete; install it again"),
    ),
    "no tokenizer": (
        "cl100k",
        _no_cl100k,
        "token counts",
        "the tokenizer file is damaged",
        "pip install --force-reinstall llama-index-core",
    ),
    "read-only cache": (
        "os.access",
        lambda *_: False,
        *("cache folder", "cache is not writable", "make it writable, or set ASSISTANT_CACHE_DIR"),
    ),
    "little memory": (
        "os.sysconf",
        {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 500_000}.get,  # 2.0 GB
        *("memory", "2.0 GB, ", "use a smaller model: --model smollm2-135m, or --model none"),
    ),
}


@pytest.mark.parametrize(("name", "broken", "subject", "says", "remedy"), BROKEN.values(), ids=BROKEN)
def test_each_fault_is_told_with_its_remedy(
    healthy: Settings, monkeypatch: Patch, name: str, broken: Any, subject: str, says: str, remedy: str
) -> None:
    monkeypatch.setattr(f"assistant.doctor.{name}", broken)
    (fault,) = faults(healthy)
    assert (fault.subject, fault.remedy) == (subject, remedy)
    assert says in fault.found


def test_a_full_disk_is_a_fault_while_the_model_is_still_to_come(
    healthy: Settings, monkeypatch: Patch
) -> None:
    monkeypatch.setattr("assistant.doctor.shutil.disk_usage", lambda _: SimpleNamespace(free=1e9))
    assert faults(healthy) == []
    monkeypatch.setattr("assistant.doctor.ModelStore.state", lambda *_: SimpleNamespace(installed=False))
    disk = faults(healthy)[-1]
    assert (disk.subject, disk.remedy) == ("disk", "free 2.0 GB, or set ASSISTANT_CACHE_DIR")  # 3.0 - 1.0


def test_models_that_are_absent_are_to_be_pulled(healthy: Settings, monkeypatch: Patch) -> None:
    monkeypatch.setattr("assistant.doctor.ModelStore.state", lambda *_: SimpleNamespace(installed=False))
    assert faults(healthy) == [
        Finding("embedder", False, f"{EMBEDDER}, absent", f"assistant models pull {EMBEDDER}"),
        Finding("model", False, "qwen2.5-coder-0.5b, absent", "assistant models pull qwen2.5-coder-0.5b"),
    ]


@pytest.mark.parametrize("model", ["none", "my.gguf", "http://localhost:8000/v1"])
def test_model_that_is_not_of_the_catalogue_is_no_fault(healthy: Settings, model: str) -> None:
    assert faults(healthy.model_copy(update={"model": model})) == []


def _damage(name: str) -> Callable[[Path], object]:
    return lambda folder: next(folder.glob(f"generations/*/{name}")).write_bytes(b"?")


DAMAGED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "absent": (
        lambda folder: (folder / "CURRENT").unlink(),
        "no index at ",
        "make one with `assistant ingest",
    ),
    "no generation": (lambda folder: (folder / "CURRENT").write_text("9"), "names generation '9'", "remove "),
    "no manifest": (_damage("manifest.json"), "is missing or damaged", "remove "),
    "no papers": (_damage("papers.jsonl"), "has 1 bytes, its manifest says ", "remove "),
    "no vectors": (
        _damage("vectors.faiss"),
        "has 1 bytes, its manifest says ",
        "run `assistant index rebuild",
    ),
}


@pytest.mark.parametrize(("damage", "says", "remedy"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_index_is_told_with_its_remedy(
    healthy: Settings, damage: Callable[[Path], object], says: str, remedy: str
) -> None:
    assert healthy.index is not None
    damage(healthy.index)
    (fault,) = faults(healthy)
    assert fault.subject == "index"
    assert says in fault.found
    assert fault.remedy.startswith(remedy)


def test_index_of_another_embedder_is_to_be_rebuilt(healthy: Settings, index_folder: Path) -> None:
    (fault,) = faults(healthy, index_folder)
    assert fault == Finding(
        "index",
        False,
        f"{index_folder}: 3 papers, 3 passages, made with another embedder",
        f"assistant index rebuild --index {index_folder}",
    )


def test_sample_index_that_is_not_there_yet_is_no_fault(healthy: Settings) -> None:
    assert faults(healthy.model_copy(update={"index": None})) == []
