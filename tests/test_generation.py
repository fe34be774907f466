"""Which engine the setting `model` chooses; the engines and the registry are replaced by recorders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import ModelError
from assistant.generation import open_model
from assistant.models import Model
from assistant.progress import Progress
from assistant.settings import Settings

Opened = list[tuple[Any, ...]]


CATALOGUE = [
    Model("qwen-0.5b", "generation", "", "", ()),
    Model("smol-135m", "generation", "", "", ()),
    Model("mini-lm", "embedding", "", "", ()),
]


class Store:
    """A registry whose models are all there."""

    def __init__(self, cache_dir: Path) -> None:
        self.cache_dir = cache_dir

    def ready(self, name: str) -> Path:
        return self.cache_dir / "ready" / name

    def convert_gguf(self, path: Path, progress: Progress) -> Path:
        if not path.exists():
            raise ModelError(f"there is no file {path}")
        return self.cache_dir / "converted" / path.name


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Opened:
    """What was opened: the engine's name and its arguments."""
    calls: Opened = []

    def recorder(engine: str) -> Callable[..., object]:
        def construct(*args: Any, **kwargs: Any) -> object:
            calls.append((engine, *args, *kwargs.values()))
            return object()

        return construct

    for engine in ("openvino.OpenVINOModel", "openai.OpenAIServer", "transformers.TransformersModel"):
        monkeypatch.setattr(f"assistant.generation.{engine}", recorder(engine.split(".")[0]))
    monkeypatch.setattr("assistant.models.ModelStore", Store)
    monkeypatch.setattr("assistant.models.CATALOGUE", {model.name: model for model in CATALOGUE})
    monkeypatch.chdir(tmp_path)
    for file in ("converted/openvino_model.xml", "converted/config.json", "trained/config.json", "empty/x"):
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).touch()
    for file in ("a.gguf", "B.GGUF", "blob"):
        Path(file).touch()
    Path("smol-135m").mkdir()
    return calls


CACHE = Path("cache")
COMPILED = CACHE / "compiled"
CHOICES = [
    ("qwen-0.5b", ("openvino", CACHE / "ready" / "qwen-0.5b", "qwen-0.5b", COMPILED, None)),
    # A folder that holds no model does not hide the catalogue's.
    ("smol-135m", ("openvino", CACHE / "ready" / "smol-135m", "smol-135m", COMPILED, None)),
    ("a.gguf", ("openvino", CACHE / "converted" / "a.gguf", "a", COMPILED, None)),
    ("B.GGUF", ("openvino", CACHE / "converted" / "B.GGUF", "B", COMPILED, None)),
    ("blob", ("openvino", CACHE / "converted" / "blob", "blob", COMPILED, None)),
    ("converted", ("openvino", Path("converted"), "converted", COMPILED, None)),
    ("./converted/", ("openvino", Path("converted"), "converted", COMPILED, None)),
    ("trained", ("transformers", Path("trained"))),
    ("org/name", ("transformers", "org/name")),
    ("Org-2/name_1.5b-it", ("transformers", "Org-2/name_1.5b-it")),
]


@pytest.mark.parametrize(("model", "expected"), CHOICES)
def test_the_setting_chooses_the_engine(opened: Opened, model: str, expected: tuple[Any, ...]) -> None:
    assert open_model(Settings(model=model, cache_dir=CACHE)) is not None
    assert opened == [expected]


def test_the_engine_gets_the_threads_that_are_set(opened: Opened) -> None:
    open_model(Settings(model="qwen-0.5b", cache_dir=CACHE, threads=3))
    assert opened == [("openvino", CACHE / "ready" / "qwen-0.5b", "qwen-0.5b", COMPILED, 3)]


@pytest.mark.parametrize("url", ["http://host:8000/v1", "https://host/v1#large"])
def test_a_url_opens_the_server_with_the_settings(opened: Opened, url: str) -> None:
    settings = Settings(model=url, cache_dir=CACHE)
    open_model(settings)
    assert opened == [("openai", url, settings)]


def test_none_opens_nothing(opened: Opened) -> None:
    assert open_model(Settings(model="none")) is None
    assert opened == []


FORMS = (
    "known are qwen-0.5b, smol-135m; or give a .gguf file, a model folder, a hub id (org/name), "
    "a server's URL (http://host:port/v1), or none"
)
FAULTS = [
    ("quen-0.5b", f"no model is known as 'quen-0.5b': did you mean qwen-0.5b? {FORMS}"),
    ("SMOL-135M", f"no model is known as 'SMOL-135M': did you mean smol-135m? {FORMS}"),
    ("mini-lm", f"no model is known as 'mini-lm': {FORMS}"),
    ("gpt", f"no model is known as 'gpt': {FORMS}"),
    ("/no/such/folder", f"no model is known as '/no/such/folder': {FORMS}"),
    ("./no", f"no model is known as './no': {FORMS}"),
    ("gone.gguf", "there is no file gone.gguf"),
    ("empty", "the folder empty holds no model: neither openvino_model.xml nor config.json"),
]


@pytest.mark.parametrize(("model", "expected"), FAULTS)
def test_what_can_not_be_opened_is_explained(opened: Opened, model: str, expected: str) -> None:
    with pytest.raises(ModelError) as caught:
        open_model(Settings(model=model, cache_dir=CACHE))
    assert str(caught.value) == expected
    assert opened == []
