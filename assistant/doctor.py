"""What is installed and ready, and what to do about each thing that is not."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from assistant.api import default_index
from assistant.errors import AssistantError, MissingExtraError
from assistant.fitted import FITTED, PACKAGED, coefficients_of, load_fitted
from assistant.generation import open_model
from assistant.generation.threads import FEW, tuned
from assistant.generations import current_generation, exists, read_manifest
from assistant.index import Index
from assistant.machine import usable_cores
from assistant.models import CATALOGUE, EMBEDDER, ModelStore
from assistant.resources import prompts_folder, sample_corpus
from assistant.settings import Settings, Store
from assistant.tokens import cl100k

_PACKAGES = """
    faiss-cpu bm25s PyStemmer openvino openvino-genai tokenizers llama-index-core transformers tiktoken gradio
""".split()
_REINSTALL = "the installation is incomplete; install it again"
_SERVER_SECONDS = 2.0
_DISK_NEEDED = 3e9  # bytes: the default model, its conversion and its compiled form
_MEMORY_NEEDED = 3e9  # bytes: the default model at work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, what was found, and what to do if it is not.

    One that is well and has a remedy is a warning: questions are answered, but not as well as they could be.
    """

    subject: str
    ok: bool
    found: str
    remedy: str = ""


def examine(settings: Settings, index: Path | None) -> list[Finding]:
    """Look at everything that an answer needs."""
    folder = index or default_index(settings)
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _files,
        lambda: _models(settings, folder),
        lambda: _index(folder, settings.store, named=bool(index or settings.index)),
        lambda: _disk(settings),
        _memory,
    )
    return [finding for look in looks for finding in look()]


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    enough = sys.version_info >= (3, 11)
    yield Finding("python", enough, version, "" if enough else "install Python 3.11 or newer")


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, "not installed", f"pip install {name}")


def _files() -> Iterator[Finding]:
    prompts = sorted(path.stem for path in prompts_folder().glob("*.txt"))
    yield Finding("prompts", bool(prompts), ", ".join(prompts) or "none", "" if prompts else _REINSTALL)
    there = sample_corpus().is_file()
    yield Finding("sample corpus", there, str(sample_corpus()), "" if there else _REINSTALL)
    try:
        cl100k()
        yield Finding("token counts", True, "cl100k_base is on disk; nothing is fetched")
    except AssistantError as error:
        yield Finding("token counts", False, str(error), "pip install --force-reinstall llama-index-core")


def _models(settings: Settings, index: Path) -> Iterator[Finding]:
    installed = ModelStore(settings.cache_dir).state(EMBEDDER).installed
    remedy = "" if installed else f"assistant models pull {EMBEDDER}"
    yield Finding("embedder", installed, f"{EMBEDDER}, {'installed' if installed else 'absent'}", remedy)
    name = settings.model
    try:
        name, state = _model(settings)
        yield Finding("model", True, f"{settings.model}, {state}")
    except AssistantError as error:
        found, _, remedy = str(error).partition("; " if _is_url(settings.model) else ": ")
        yield Finding("model", False, found, remedy or "choose another by --model or ASSISTANT_MODEL")
    if settings.model in CATALOGUE:
        yield Finding("threads", True, _threads(settings))
    yield _offline(settings)
    yield _coefficients(index, name)


def _threads(settings: Settings) -> str:
    """How many the model computes with, and why."""
    if settings.threads:
        return f"{settings.threads}, by the setting"
    if usable_cores() <= FEW:
        return "as OpenVINO chooses; there is nothing to measure on so few cores"
    found = tuned(settings.model, settings.cache_dir / "compiled")
    if not found:
        return f"as OpenVINO chooses, till `assistant models pull {settings.model}` measures this machine"
    chosen = found.threads or "as OpenVINO chooses"
    return f"{chosen}, quickest as measured on this machine of {found.cores} cores"


def _model(settings: Settings) -> tuple[str, str]:
    """The name and the state of what `open_model` finds; weights are neither converted nor loaded."""
    named = settings.model
    path = Path(named).expanduser()
    if path.is_file():
        return path.stem, "converted when first used"
    if not _is_for_transformers(named):
        quickly = settings.model_copy(update={"request_timeout": _SERVER_SECONDS, "tokenizer": None})
        model = open_model(quickly)
        return model.name if model else "none", "ready"
    if find_spec("torch") is None:
        raise MissingExtraError(f"the model {named}", "torch")
    return path.resolve().name if path.is_dir() else named, "ready"


def _is_url(named: str) -> bool:
    return named.startswith(("http://", "https://"))


def _is_for_transformers(named: str) -> bool:
    folder = Path(named).expanduser()
    is_trained = (folder / "config.json").is_file() and not (folder / "openvino_model.xml").is_file()
    return is_trained or _is_hub_id(named)


def _is_hub_id(named: str) -> bool:
    if "/" not in named or Path(named).expanduser().exists():
        return False
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(named)
    except HFValidationError:
        return False
    return True


def _offline(settings: Settings) -> Finding:
    """What is still to be fetched before, or when, a question is asked."""
    store, named = ModelStore(settings.cache_dir), settings.model
    used = [name for name in (EMBEDDER, named) if name in CATALOGUE]
    if absent := [name for name in used if not store.state(name).installed]:
        remedy = f"assistant models pull {' '.join(absent)}"
        return Finding("offline", False, f"needs {' and '.join(absent)}", remedy)
    served = _is_url(named)
    source, file = (settings.tokenizer, "tokenizer_config.json") if served else (named, "config.json")
    if source and _is_hub_id(source) and not _is_cached(source, file):
        return Finding("offline", False, f"needs {source} from the hub", "ask once while online")
    needs = f"needs the server {named}" if served else "ready"
    return Finding("offline", True, f"{needs}: nothing is fetched when you ask")


def _is_cached(hub_id: str, file: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, file), str)


def _coefficients(index: Path, model: str) -> Finding:
    """Whose coefficients decide when to answer, and whether they fit the model and the embedder in use."""
    file = coefficients_of(index, model, PACKAGED)
    own = file == index / FITTED
    whose = f"the index's own, {file}" if own else "the program's"
    try:
        made = load_fitted(file).provenance
    except AssistantError as error:
        found, _, remedy = str(error).rpartition("; ")
        return Finding("coefficients", False, found, remedy if own else _REINSTALL)
    if not made:
        return Finding("coefficients", True, f"{whose}, which do not say what they were fitted on")
    found = f"{whose}, fitted on {made.get('questions')} questions with {made.get('model')}"
    if isinstance(anew := made.get("about"), Mapping):
        found += f", and on {anew.get('questions')} for whether a paper is there at all"
    others = "".join(f"; {other}" for other in _others(made, model))
    return Finding("coefficients", True, f"{found}{others}", "python -m eval fit" if others else "")


def _others(made: Mapping[str, Any], model: str) -> Iterator[str]:
    """What is in use now and is not what coefficients were made with; extracts take no model."""
    if model not in ("none", made.get("model")):
        yield f"the model in use is {model}"
    elif model in CATALOGUE and made.get("model_sha256") not in (
        None,
        *(file.sha256 for file in CATALOGUE[model].files),
    ):
        yield "its weights are others now"
    if made.get("embedder_fingerprint") != CATALOGUE[EMBEDDER].fingerprint:
        yield f"the embedder was another than {EMBEDDER}"


def _index(folder: Path, store: Store, *, named: bool) -> Iterator[Finding]:
    if not named and not exists(folder):
        yield Finding("index", True, f"none yet; the sample corpus is indexed into {folder} when first asked")
        return
    try:
        manifest = read_manifest(current_generation(folder))
        fits = manifest.embedder_fingerprint == CATALOGUE[EMBEDDER].fingerprint
        found = f"{folder}: {manifest.papers} papers, {manifest.passages} passages"
        if manifest.milvus:
            Index(folder, store)  # the server has to be there, and to have them
            found = f"{found}, in Milvus at {store.uri or manifest.milvus.uri}"
        remedy = "" if fits else f"assistant index rebuild --index {folder}"
        yield Finding("index", fits, found if fits else f"{found}, made with another embedder", remedy)
    except AssistantError as error:
        found, _, remedy = str(error).partition("; ")
        yield Finding("index", False, found, remedy)


def _disk(settings: Settings) -> Iterator[Finding]:
    cache_dir = settings.cache_dir
    folder = next(path for path in (cache_dir, *cache_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    installed = settings.model in CATALOGUE and ModelStore(cache_dir).state(settings.model).installed
    enough = installed or free >= _DISK_NEEDED
    remedy = "" if enough else f"free {(_DISK_NEEDED - free) / 1e9:.1f} GB, or set ASSISTANT_CACHE_DIR"
    yield Finding("disk", enough, f"{free / 1e9:.1f} GB free for {cache_dir}", remedy)
    writable = os.access(folder, os.W_OK)
    remedy = "" if writable else "make it writable, or set ASSISTANT_CACHE_DIR"
    yield Finding("cache folder", writable, f"{cache_dir}{'' if writable else ' is not writable'}", remedy)


def _memory() -> Iterator[Finding]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    enough = total >= _MEMORY_NEEDED
    remedy = "" if enough else "use a smaller model: --model smollm2-135m, or --model none"
    yield Finding("memory", enough, f"{total / 1e9:.1f} GB, {os.cpu_count()} cores", remedy)
