"""Language models: the protocol, the engines, and the one place that chooses between them."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from assistant.errors import ModelError
from assistant.generation.base import LanguageModel
from assistant.progress import Progress, silent
from assistant.settings import Settings

_LONGEST_NAME = 1_000  # characters; file systems refuse to look longer ones up
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def open_model(settings: Settings, progress: Progress = silent) -> LanguageModel | None:
    """The language model that the setting `model` names; None for `none`.

    `progress` is told of the conversion of a GGUF file that is used for the first time.

    Raises:
        ModelError: nothing is known by that name, or the model is not on this machine.
        GenerationError: the model is there and can't be opened.
        MissingExtraError: the engine for it is not installed.
    """
    # Engines and the registry are imported where they are chosen, each being slow or not installed.
    named = settings.model
    if named == "none":
        return None
    if named.startswith(("http://", "https://")):
        from assistant.generation.openai import OpenAIServer

        return OpenAIServer(named, settings)
    if len(named) > _LONGEST_NAME:
        raise ModelError(f"{named[:40]}… names no model: it has {len(named)} characters")
    path = Path(named)
    if path.is_dir() and (found := _from_folder(path, settings)):
        return found
    if path.is_file() or path.suffix.lower() == ".gguf":
        return _from_gguf(path, settings, progress)
    return _from_name(named, settings)


def _from_folder(folder: Path, settings: Settings) -> LanguageModel | None:
    if (folder / "openvino_model.xml").is_file():
        return _openvino(folder, folder.resolve().name, settings)
    if (folder / "config.json").is_file():
        from assistant.generation.transformers import TransformersModel

        return TransformersModel(folder)
    return None


def _from_gguf(path: Path, settings: Settings, progress: Progress) -> LanguageModel:
    from assistant.models import ModelStore

    return _openvino(ModelStore(settings.cache_dir).convert_gguf(path, progress), path.stem, settings)


def _from_name(named: str, settings: Settings) -> LanguageModel:
    from assistant.models import CATALOGUE, ModelStore

    known = [model.name for model in CATALOGUE.values() if model.task == "generation"]
    if named in known:
        return _openvino(ModelStore(settings.cache_dir).ready(named), named, settings)
    if _HUB_ID.fullmatch(named) and not Path(named).exists():
        from assistant.generation.transformers import TransformersModel

        return TransformersModel(named)
    raise _unknown(named, known)


def _openvino(folder: Path, name: str, settings: Settings) -> LanguageModel:
    from assistant.generation.openvino import OpenVINOModel
    from assistant.generation.threads import threads_of

    cache_dir = settings.cache_dir / "compiled"
    threads = threads_of(name, cache_dir, settings.threads)
    return OpenVINOModel(folder, name=name, cache_dir=cache_dir, threads=threads)


def _unknown(named: str, known: list[str]) -> ModelError:
    if Path(named).expanduser().is_dir():
        return ModelError(f"the folder {named} holds no model: neither openvino_model.xml nor config.json")
    similar = get_close_matches(named.lower(), known, n=1)
    guess = f"did you mean {similar[0]}? " if similar else ""
    return ModelError(
        f"no model is known as {named!r}: {guess}known are {', '.join(known)}; or give a .gguf file, a model "
        "folder, a hub id (org/name), a server's URL (http://host:port/v1), or none"
    )
