"""Where a model is looked for, and what is said when it is not there. The hub itself is replaced."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

from assistant.errors import GenerationError
from assistant.generation.hub import from_hub


def cached(local: bool) -> str:
    return "cached" if local else "fetched"


def not_cached(local: bool) -> str:
    if local:
        raise OSError("couldn't find it\nin the cached files")
    return "fetched"


def hub_answers(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> list[str]:
    """Replace the hub by one that gives `error`; the list will hold what it was asked for."""
    asked: list[str] = []

    def model_info(self: object, repo_id: str, *, timeout: float) -> None:
        asked.append(repo_id)
        if error:
            raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    return asked


def test_what_is_cached_needs_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = hub_answers(monkeypatch, None)
    assert from_hub("org/name", cached) == "cached"
    assert asked == []


def test_what_is_not_cached_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = hub_answers(monkeypatch, None)
    assert from_hub("org/name", not_cached) == "fetched"
    assert asked == ["org/name"]


ABSENT = RepositoryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))
REFUSALS = [
    (ConnectionError("no route to host\nmore"), "org/name can't be had from the hub: no route to host"),
    (TimeoutError(), "org/name can't be had from the hub: TimeoutError"),
    (OfflineModeIsEnabled("x"), "org/name is not in the hub's cache, and HF_HUB_OFFLINE is set"),
    (
        ABSENT,
        "the hub has no model org/name, or not for you: check the id, or log in with `hf auth login`",
    ),
]


@pytest.mark.parametrize(("error", "expected"), REFUSALS)
def test_a_hub_that_has_it_not_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: str
) -> None:
    hub_answers(monkeypatch, error)
    with pytest.raises(GenerationError) as caught:
        from_hub("org/name", not_cached)
    assert str(caught.value) == expected


def test_a_folder_is_not_looked_for_on_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = hub_answers(monkeypatch, None)
    with pytest.raises(GenerationError) as caught:
        from_hub(str(tmp_path), not_cached)
    assert str(caught.value) == f"{tmp_path} can't be loaded: couldn't find it"
    assert asked == []


@pytest.mark.parametrize("is_local", [True, False])
def test_the_loaders_own_verdict_is_kept(monkeypatch: pytest.MonkeyPatch, is_local: bool) -> None:
    def load(local: bool) -> str:
        if local is is_local:
            raise GenerationError("no model that writes text")
        return not_cached(local)

    hub_answers(monkeypatch, None)
    with pytest.raises(GenerationError, match=r"^no model that writes text$"):
        from_hub("org/name", load)


def test_the_tokenizer_of_a_folder_is_loaded_without_a_word_about_torch(
    repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_text(
        """{"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"""
    )
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    code = (
        "import sys; from assistant.generation.hub import load_tokenizer;"
        "print(len(load_tokenizer(sys.argv[1]).encode('one two three')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("3\n", "")
