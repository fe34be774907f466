from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from assistant.errors import SettingsError
from assistant.settings import PRESETS, Settings, Store

KNOWN = ", ".join(sorted(Settings.model_fields))


def write(text: str, path: str = "assistant.toml") -> None:
    Path(path).write_text(text, encoding="utf-8")


def test_defaults_stand_without_file_environment_and_arguments() -> None:
    assert Settings.load() == Settings()


def test_arguments_beat_environment_beats_file_beats_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    write("papers = 2\ncontext_tokens = 200\nmax_answer_tokens = 20")
    monkeypatch.setenv("ASSISTANT_CONTEXT_TOKENS", "300")
    monkeypatch.setenv("ASSISTANT_MAX_ANSWER_TOKENS", "30")
    settings = Settings.load(max_answer_tokens=40, papers=None)  # None counts as not given
    taken = (settings.max_answer_tokens, settings.context_tokens, settings.papers, settings.passage_tokens)
    assert taken == (40, 300, 2, 240)


def test_sentences_shown_and_what_becomes_of_unsupported_ones_can_be_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (Settings().context_sentences, Settings().unsupported) == (6, "remove")
    write("unsupported = 'flag'")
    monkeypatch.setenv("ASSISTANT_CONTEXT_SENTENCES", "2")
    settings = Settings.load()
    assert (settings.context_sentences, settings.unsupported) == (2, "flag")


def test_how_abstracts_are_cut_is_told_in_ingests_own_words() -> None:
    assert Settings().passages == {"passage_tokens": 240, "passage_overlap": 0}
    write("passage_overlap = 30")
    assert Settings.load(passage_tokens=100).passages == {"passage_tokens": 100, "passage_overlap": 30}


@pytest.mark.parametrize(
    ("preset", "model"),
    [("fast", "none"), ("default", "qwen2.5-coder-0.5b"), ("careful", "qwen2.5-coder-1.5b")],
)
def test_a_preset_gives_other_defaults(preset: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load(preset=preset).model == Settings.model_validate({"preset": preset}).model == model
    write(f"preset = '{preset}'")
    assert Settings.load().model == model
    monkeypatch.setenv("ASSISTANT_PRESET", "fast")
    assert Settings.load().model == "none"
    assert Settings.load(preset=preset).model == model


def test_a_setting_that_is_given_anywhere_is_not_the_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    write("model = 'smollm2-135m'")
    assert Settings.load(preset="careful").model == "smollm2-135m"
    monkeypatch.setenv("ASSISTANT_MODEL", "none")
    assert Settings.load(preset="careful").model == "none"
    assert Settings.load(preset="careful", model="mine.gguf").model == "mine.gguf"


def test_every_preset_names_settings_there_are() -> None:
    assert {name for values in PRESETS.values() for name in values} <= set(Settings.model_fields)
    assert Settings.load(preset="default") == Settings()


def test_where_vectors_go_is_told_in_ingests_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().store == Store(None, None, "")
    write("vector_store = 'milvus'\nmilvus_uri = 'http://milvus:19530'")
    monkeypatch.setenv("ASSISTANT_MILVUS_TOKEN", "ada:secret")
    settings = Settings.load()
    assert settings.store == Store("milvus", "http://milvus:19530", "ada:secret")
    assert "secret" not in f"{settings!r}{settings.model_dump_json()}{settings.store!r}"
    assert Settings.load(milvus_uri="x.db").store.uri == str(Path("x.db").absolute())


def test_the_environment_can_name_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("papers = 2")
    write("papers = 3", "other.toml")
    monkeypatch.setenv("ASSISTANT_CONFIG", "other.toml")
    assert Settings.load().papers == 3


FAULTS: dict[str, tuple[str, dict[str, str], dict[str, Any], str]] = {
    "unknown key in the file": (
        "paper = 1",
        {},
        {},
        f"assistant.toml, key paper: unknown setting; known are {KNOWN}",
    ),
    "a table is an unknown key": (
        "[assistant]\npapers = 1",
        {},
        {},
        f"assistant.toml, key assistant: unknown setting; known are {KNOWN}",
    ),
    "unknown variable": (
        "",
        {"ASSISTANT_PAPER": "1"},
        {},
        f"environment variable ASSISTANT_PAPER: unknown setting; known are {KNOWN}",
    ),
    "unknown argument": ("", {}, {"paper": 1}, f"setting paper: unknown setting; known are {KNOWN}"),
    "a Milvus token in the file": (
        "milvus_token = 'x'",
        {},
        {},
        "assistant.toml holds milvus_token; set ASSISTANT_MILVUS_TOKEN in the environment instead",
    ),
    "an address of Milvus with a password, which is not shown": (
        "",
        {"ASSISTANT_MILVUS_URI": "http://ada:secret@milvus:19530"},
        {},
        "environment variable ASSISTANT_MILVUS_URI: 'http://…@milvus:19530' is not possible: Value error, it "
        "holds a user or password; put user:password into ASSISTANT_MILVUS_TOKEN",
    ),
    "an address of Milvus with a / in its password": (
        "",
        {"ASSISTANT_MILVUS_URI": "http://ada:sec/ret@milvus:19530"},
        {},
        "environment variable ASSISTANT_MILVUS_URI: 'http://…@milvus:19530' is not possible: Value error, it "
        "holds a user or password; put user:password into ASSISTANT_MILVUS_TOKEN",
    ),
    "a port of Milvus that is none": (
        "milvus_uri = 'http://milvus:99999'",
        {},
        {},
        "assistant.toml, key milvus_uri: 'http://milvus:99999' is not possible: Value error, Port out of "
        "range 0-65535",
    ),
    "no address of Milvus": (
        "milvus_uri = 'milvus:19530'",
        {},
        {},
        "assistant.toml, key milvus_uri: 'milvus:19530' is not possible: Value error, it is neither "
        "http://host:port nor a file ending in .db",
    ),
    "impossible in the file": (
        "papers = 0",
        {},
        {},
        "assistant.toml, key papers: 0 is not possible: Input should be greater than or equal to 1",
    ),
    "impossible in the environment": (
        "papers = 0",
        {"ASSISTANT_PAPERS": "many"},
        {},
        "environment variable ASSISTANT_PAPERS: 'many' is not possible: "
        "Input should be a valid integer, unable to parse string as an integer",
    ),
    "impossible argument": (
        "",
        {},
        {"fusion": "max"},
        "setting fusion: 'max' is not possible: "
        "Input should be 'zscore', 'reciprocal_rank', 'dense' or 'bm25'",
    ),
    "no preset": (
        "preset = ['fast']",
        {},
        {},
        "assistant.toml, key preset: ['fast'] is not possible: "
        "Input should be 'fast', 'default' or 'careful'",
    ),
    "no sentence shown": (
        "context_sentences = 0",
        {},
        {},
        "assistant.toml, key context_sentences: 0 is not possible: "
        "Input should be greater than or equal to 1",
    ),
    "less than no overlap": (
        "",
        {"ASSISTANT_PASSAGE_OVERLAP": "-1"},
        {},
        "environment variable ASSISTANT_PASSAGE_OVERLAP: '-1' is not possible: "
        "Input should be greater than or equal to 0",
    ),
    "neither removed nor flagged": (
        "unsupported = 'keep'",
        {},
        {},
        "assistant.toml, key unsupported: 'keep' is not possible: Input should be 'remove' or 'flag'",
    ),
    "no time at all": (
        "request_timeout = nan",
        {},
        {},
        "assistant.toml, key request_timeout: nan is not possible: Input should be a finite number",
    ),
    "not TOML": ("papers =", {}, {}, "assistant.toml is not valid TOML: Invalid value (at end of document)"),
    "named file is not there": (
        "",
        {"ASSISTANT_CONFIG": "none.toml"},
        {},
        "ASSISTANT_CONFIG names none.toml, which does not exist",
    ),
    "key in the file": (
        "api_key = 'k'",
        {},
        {},
        "assistant.toml holds api_key; set ASSISTANT_API_KEY in the environment instead",
    ),
}


@pytest.mark.parametrize(("file", "environment", "arguments", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_that_says_where(
    file: str,
    environment: dict[str, str],
    arguments: dict[str, Any],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load(**arguments)
    assert str(caught.value) == message


def test_a_file_that_cannot_be_read_is_named() -> None:
    Path("assistant.toml").write_bytes(b"model = '\xff'")
    with pytest.raises(SettingsError, match=r"^assistant.toml can't be read: "):
        Settings.load()


def test_the_key_comes_from_the_environment_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_API_KEY", "sesame")
    settings = Settings.load()
    assert settings.api_key
    assert settings.api_key.get_secret_value() == "sesame"
    assert "sesame" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().papers = 3  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
