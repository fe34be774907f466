from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openai_standin import standin

from assistant.doctor import Finding, examine
from assistant.errors import AssistantError
from assistant.fitted import FITTED, fitted_to_plain
from assistant.generation.threads import Tuning
from assistant.ingest import ingest
from assistant.models import CATALOGUE, DEFAULT_MODEL, EMBEDDER, ModelState
from assistant.progress import silent
from assistant.records import Paper
from assistant.settings import Settings
from assistant.testing import OPEN_GATES, HashingEmbedder

Patch = pytest.MonkeyPatch

STATES = {
    "installed": ModelState("", downloaded=True, converted=True, installed=True, bytes_on_disk=1),
    "absent": ModelState("", downloaded=False, converted=False, installed=False, bytes_on_disk=0),
}


@pytest.fixture
def healthy(monkeypatch: Patch, tmp_path: Path, papers: tuple[Paper, ...]) -> Settings:
    """A machine on which all is well: room, models, and an index that fits the embedder."""
    monkeypatch.setattr("assistant.doctor.ModelStore.state", lambda *_: STATES["installed"])
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
    assert found["model"].found == "qwen2.5-coder-0.5b, ready"
    assert found["offline"].found == "ready: nothing is fetched when you ask"
    assert {"openvino", "tokenizers", "PyStemmer"} <= set(found)
    assert found["index"].found == f"{healthy.index}: 3 papers, 3 passages"
    assert found["coefficients"].found.startswith("the program's, fitted on ")
    assert found["coefficients"].found.endswith(" questions with qwen2.5-coder-0.5b")
    assert found["memory"].found.startswith("8.2 GB, ")  # 4096 * 2,000,000


@pytest.mark.parametrize(
    ("cores", "setting", "chosen", "expected"),
    [
        (8, 3, None, "3, by the setting"),
        (2, None, None, "as OpenVINO chooses; there is nothing to measure on so few cores"),
        (
            8,
            None,
            None,
            f"as OpenVINO chooses, till `assistant models pull {DEFAULT_MODEL}` measures this machine",
        ),
        (8, None, Tuning(4, 8, 4), "4, quickest as measured on this machine of 8 cores"),
        (8, None, Tuning(None, 8, 8), "as OpenVINO chooses, quickest as measured on this machine of 8 cores"),
    ],
)
def test_the_number_of_threads_is_told(
    healthy: Settings,
    monkeypatch: Patch,
    cores: int,
    setting: int | None,
    chosen: Tuning | None,
    expected: str,
) -> None:
    monkeypatch.setattr("assistant.doctor.usable_cores", lambda: cores)
    monkeypatch.setattr("assistant.doctor.tuned", lambda *_: chosen)
    settings = healthy.model_copy(update={"threads": setting})
    found = {finding.subject: finding.found for finding in examine(settings, None)}
    assert found["threads"] == expected


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
    monkeypatch.setattr("assistant.doctor.ModelStore.state", lambda *_: STATES["absent"])
    disk = faults(healthy)[-1]
    assert (disk.subject, disk.remedy) == ("disk", "free 2.0 GB, or set ASSISTANT_CACHE_DIR")  # 3.0 - 1.0


def test_models_that_are_absent_are_to_be_pulled(healthy: Settings, monkeypatch: Patch) -> None:
    monkeypatch.setattr("assistant.doctor.ModelStore.state", lambda *_: STATES["absent"])
    qwen = "qwen2.5-coder-0.5b"
    assert faults(healthy) == [
        Finding("embedder", False, f"{EMBEDDER}, absent", f"assistant models pull {EMBEDDER}"),
        Finding("model", False, f"model {qwen} is not installed", f"run `assistant models pull {qwen}`"),
        Finding("offline", False, f"needs {EMBEDDER} and {qwen}", f"assistant models pull {EMBEDDER} {qwen}"),
    ]


def models(settings: Settings, model: str, **others: Any) -> tuple[Finding, Finding]:
    """What is found of the model and of working offline."""
    found = examine(settings.model_copy(update={"model": model, **others}), None)
    by_subject = {finding.subject: finding for finding in found}
    return by_subject["model"], by_subject["offline"]


READY = Finding("offline", True, "ready: nothing is fetched when you ask")


def test_what_is_on_this_machine_is_ready(healthy: Settings, tmp_path: Path) -> None:
    for file in ("my.gguf", "converted/openvino_model.xml", "converted/config.json"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    gguf, folder = f"{tmp_path}/my.gguf", f"{tmp_path}/converted"
    assert models(healthy, "none") == (Finding("model", True, "none, ready"), READY)
    assert models(healthy, folder) == (Finding("model", True, f"{folder}, ready"), READY)
    assert models(healthy, gguf) == (Finding("model", True, f"{gguf}, converted when first used"), READY)


WRONG = {
    "misspelt": (
        "qwen2.5-coder-05b",
        "no model is known as 'qwen2.5-coder-05b'",
        "did you mean qwen2.5-coder-0.5b?",
    ),
    "the embedder": (EMBEDDER, f"no model is known as '{EMBEDDER}'", "known are qwen2.5-coder-0.5b, "),
    "no such file": ("gone.gguf", "there is no file gone.gguf", "choose another by --model"),
    "no such path": ("/gone/model", "no model is known as '/gone/model'", "known are qwen2.5"),
    "not a model's folder": (".", "the folder . holds no model", ""),
}


@pytest.mark.parametrize(("model", "says", "remedy"), WRONG.values(), ids=WRONG)
def test_a_model_that_is_not_there_is_told_with_its_remedy(
    healthy: Settings, model: str, says: str, remedy: str
) -> None:
    found, _ = models(healthy, model)
    assert (found.ok, found.found) == (False, says)
    assert found.remedy
    assert found.remedy.startswith(remedy)


def test_a_server_is_asked_for_its_models(healthy: Settings) -> None:
    with standin() as server:
        assert models(healthy, server.url) == (
            Finding("model", True, f"{server.url}, ready"),
            Finding("offline", True, f"needs the server {server.url}: nothing is fetched when you ask"),
        )


def test_a_server_that_is_not_there_is_a_fault(healthy: Settings) -> None:
    found, _ = models(healthy, "http://127.0.0.1:9/v1")
    assert not found.ok
    assert found.found.startswith("http://127.0.0.1:9/v1 can't be reached: ")
    assert found.remedy == "is the server running?"


def test_a_server_is_given_two_seconds(healthy: Settings, monkeypatch: Patch) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr("assistant.doctor.open_model", asked.append)
    models(healthy, "http://127.0.0.1:9/v1", tokenizer="org/tokenizer")
    assert [(settings.request_timeout, settings.tokenizer) for settings in asked] == [(2.0, None)]


@pytest.mark.parametrize("model", ["org/name", "trained"])
def test_what_transformers_loads_needs_torch_and_is_not_loaded(
    healthy: Settings, monkeypatch: Patch, model: str
) -> None:
    Path("trained").mkdir()
    Path("trained/config.json").touch()
    monkeypatch.setattr("assistant.doctor.find_spec", lambda name: None)
    assert models(healthy, model)[0] == Finding(
        "model",
        False,
        f"the model {model} needs the extra 'torch'",
        "pip install '.[torch]' in the checkout",
    )
    monkeypatch.setattr("assistant.doctor.find_spec", lambda name: object())
    assert models(healthy, model)[0] == Finding("model", True, f"{model}, ready")


@pytest.mark.parametrize(
    ("model", "tokenizer", "file"),
    [
        ("org/name", None, "config.json"),
        ("http://127.0.0.1:9/v1", "org/name", "tokenizer_config.json"),
    ],
)
def test_what_is_not_in_the_hubs_cache_is_to_be_fetched(
    healthy: Settings, monkeypatch: Patch, model: str, tokenizer: str | None, file: str
) -> None:
    cached: dict[tuple[str, str], str] = {}
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *wanted: cached.get(wanted))
    assert models(healthy, model, tokenizer=tokenizer)[1] == Finding(
        "offline", False, "needs org/name from the hub", "ask once while online"
    )
    cached["org/name", file] = "there"
    assert models(healthy, model, tokenizer=tokenizer)[1].ok


def _damage(name: str) -> Callable[[Path], object]:
    return lambda folder: next(folder.glob(f"generations/*/{name}")).write_bytes(b"?")


DAMAGED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "absent": (
        lambda folder: (folder / "CURRENT").unlink(),
        "CURRENT is missing",
        "run `assistant index rebuild",
    ),
    "no generation": (
        lambda folder: (folder / "CURRENT").write_text("9"),
        "names generation '9'",
        "run `assistant index rebuild",
    ),
    "no manifest": (_damage("manifest.json"), "is missing or damaged", "ingest your files into "),
    "no papers": (_damage("papers/frames.zst"), "has 1 bytes, its manifest says ", "ingest your files into "),
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


MADE = {
    "questions": 40,
    "model": DEFAULT_MODEL,
    "model_sha256": CATALOGUE[DEFAULT_MODEL].files[0].sha256,
    "embedder_fingerprint": CATALOGUE[EMBEDDER].fingerprint,
}
FIT = "python -m eval fit"

# What coefficients were fitted on and with, the model in use, what is said of that, and what to do.
COEFFICIENTS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "as in use": (MADE, DEFAULT_MODEL, f"fitted on 40 questions with {DEFAULT_MODEL}", ""),
    "extracts, which take no model": (MADE, "none", f"fitted on 40 questions with {DEFAULT_MODEL}", ""),
    "another model": (
        MADE,
        "smollm2-135m",
        f"fitted on 40 questions with {DEFAULT_MODEL}; the model in use is smollm2-135m",
        FIT,
    ),
    "no model": (
        MADE | {"model": "none", "model_sha256": None},
        DEFAULT_MODEL,
        f"fitted on 40 questions with none; the model in use is {DEFAULT_MODEL}",
        FIT,
    ),
    "a model's other weights": (
        MADE | {"model_sha256": "0" * 64},
        DEFAULT_MODEL,
        f"fitted on 40 questions with {DEFAULT_MODEL}; its weights are others now",
        FIT,
    ),
    "another embedder": (
        MADE | {"embedder_fingerprint": "hashing-64"},
        DEFAULT_MODEL,
        f"fitted on 40 questions with {DEFAULT_MODEL}; the embedder was another than {EMBEDDER}",
        FIT,
    ),
    "another model and embedder": (
        MADE | {"embedder_fingerprint": "hashing-64"},
        "smollm2-135m",
        f"fitted on 40 questions with {DEFAULT_MODEL}; the model in use is smollm2-135m; "
        f"the embedder was another than {EMBEDDER}",
        FIT,
    ),
    "one gate anew": (
        MADE | {"about": {"questions": 300, "model": "none"}},
        DEFAULT_MODEL,
        f"fitted on 40 questions with {DEFAULT_MODEL}, and on 300 for whether a paper is there at all",
        "",
    ),
    "not said": ({}, DEFAULT_MODEL, "which do not say what they were fitted on", ""),
}


def coefficients(settings: Settings) -> Finding:
    (found,) = [finding for finding in examine(settings, None) if finding.subject == "coefficients"]
    return found


@pytest.mark.parametrize(("provenance", "model", "says", "remedy"), COEFFICIENTS.values(), ids=COEFFICIENTS)
def test_coefficients_say_what_they_were_fitted_with_and_warn_where_that_is_another(
    healthy: Settings, provenance: dict[str, Any], model: str, says: str, remedy: str
) -> None:
    assert healthy.index is not None
    own = healthy.index / FITTED
    own.write_text(json.dumps(fitted_to_plain(replace(OPEN_GATES, provenance=provenance))))
    found = coefficients(healthy.model_copy(update={"model": model}))
    assert found == Finding("coefficients", True, f"the index's own, {own}, {says}", remedy)


def test_a_served_model_is_known_by_the_name_that_its_server_gives(healthy: Settings) -> None:
    with standin() as server:
        found = coefficients(healthy.model_copy(update={"model": server.url}))
    assert (found.ok, found.remedy) == (True, FIT)
    assert found.found.endswith("; the model in use is tiny")


def test_programs_coefficients_are_those_of_the_sample_index_that_is_not_there_yet(healthy: Settings) -> None:
    found = coefficients(healthy.model_copy(update={"index": None}))
    assert found.found.startswith("the program's, fitted on ")


@pytest.mark.parametrize("own", [True, False], ids=["the index's own", "the program's"])
def test_damaged_coefficients_are_told_with_their_remedy(
    healthy: Settings, monkeypatch: Patch, tmp_path: Path, own: bool
) -> None:
    assert healthy.index is not None
    path = healthy.index / FITTED if own else tmp_path / "packaged.json"
    path.write_text("{")
    if not own:
        monkeypatch.setattr("assistant.doctor.PACKAGED", path)
    (fault,) = faults(healthy)
    assert fault.subject == "coefficients"
    assert fault.found.startswith(f"{path} is damaged (JSONDecodeError: ")
    assert fault.remedy == (
        "make it anew with `python -m eval fit`, or remove it"
        if own
        else "the installation is incomplete; install it again"
    )


def test_sample_index_that_is_not_there_yet_is_no_fault(healthy: Settings) -> None:
    assert faults(healthy.model_copy(update={"index": None})) == []
