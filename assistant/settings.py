"""All settings, their defaults, and the one place that reads files and the environment for them.

Order of precedence, weakest first: the defaults below, `assistant.toml` in the working directory (or the
file named by ASSISTANT_CONFIG), environment variables `ASSISTANT_<NAME>`, arguments. Unknown keys are errors.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from platformdirs import user_cache_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from assistant.errors import SettingsError
from assistant.models.catalogue import DEFAULT_MODEL

PREFIX = "ASSISTANT_"
CONFIG_VARIABLE = "ASSISTANT_CONFIG"
CONFIG_FILE = Path("assistant.toml")
_SECRETS = ("api_key", "page_password")  # taken from the environment, never from a file


class Passages(TypedDict):
    """How abstracts are cut into passages: the most tokens of one, and the tokens that neighbours share."""

    passage_tokens: int
    passage_overlap: int


class Settings(BaseModel):
    """Every choice a user can make; immutable once made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        DEFAULT_MODEL,
        min_length=1,
        description="A name from `assistant models list`, a .gguf file, a hub id (org/name), "
        "an OpenAI-compatible URL (http://host:port/v1, with #model where it serves several), or `none`.",
    )
    cache_dir: Path = Field(
        user_cache_path("abstract-assistant"), description="Where models and the sample index live."
    )
    index: Path | None = Field(
        None, description="Index folder; unset, index/sample here or else the sample corpus's in cache_dir."
    )
    fusion: Literal["zscore", "reciprocal_rank", "dense", "bm25"] = Field(
        "zscore", description="How dense and lexical scores are put together, or which of them counts alone."
    )
    papers: int = Field(5, ge=1, le=100, description="Papers retrieved for a question.")
    context_sentences: int = Field(6, ge=1, le=50, description="Most sentences shown to the model.")
    context_tokens: int = Field(450, ge=100, description="Most tokens of passages shown to the model.")
    unsupported: Literal["remove", "flag"] = Field(
        "remove", description="What becomes of a sentence of the model that no abstract supports."
    )
    max_answer_tokens: int = Field(160, ge=1, description="Most tokens of an answer.")
    passage_tokens: int = Field(240, ge=16, description="Most tokens (cl100k) of a passage when indexing.")
    passage_overlap: int = Field(
        0, ge=0, description="Most tokens (cl100k) of whole sentences that a passage shares with the next."
    )
    # No answer depends on it, so it is in no record of how an answer was made.
    threads: int | None = Field(
        None,
        ge=1,
        exclude=True,
        description="Threads that the model computes with; unset, as many as OpenVINO chooses (one a core).",
    )
    request_timeout: float = Field(
        120.0, gt=0, allow_inf_nan=False, description="Seconds to wait for a model server."
    )
    tokenizer: str | None = Field(
        None, description="Hub id or folder of the tokenizer that counts tokens for a model server."
    )
    api_key: SecretStr | None = Field(
        None, description="Key for a model server; only from ASSISTANT_API_KEY, never from a file."
    )
    # No answer depends on the page's own settings, so they are in no record of how an answer was made.
    data_dir: Path = Field(
        user_data_path("abstract-assistant"),
        exclude=True,
        description="Where the page keeps conversations, and papers added on it.",
    )
    page_password: SecretStr | None = Field(
        None,
        exclude=True,
        description="Password of the page, or a JSON object of passwords by name; only from "
        "ASSISTANT_PAGE_PASSWORD, never from a file.",
    )

    @property
    def passages(self) -> Passages:
        """How abstracts are cut into passages, as `ingest` and `rebuild` take it."""
        return {"passage_tokens": self.passage_tokens, "passage_overlap": self.passage_overlap}

    @field_validator("cache_dir", "index", "data_dir")
    @classmethod
    def _home_written_out(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        if "\0" in str(path):
            raise ValueError("a path holds no NUL character")
        try:
            return path.expanduser()
        except RuntimeError as error:
            raise ValueError(f"{path.parts[0]} is nobody's home folder") from error

    @classmethod
    def load(cls, **arguments: Any) -> Self:
        """Settings from file, environment and arguments; an argument of None counts as not given.

        Raises:
            SettingsError: a key is unknown, a value is impossible, or the file is not TOML.
        """
        from_file, source = _read_file()
        for secret in _SECRETS:
            if secret in from_file:
                variable = f"{PREFIX}{secret.upper()}"
                raise SettingsError(f"{source} holds {secret}; set {variable} in the environment instead")
        from_environment = {
            key.removeprefix(PREFIX).lower(): value
            for key, value in os.environ.items()
            if key.startswith(PREFIX) and key != CONFIG_VARIABLE and value
        }
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            return cls.model_validate({**from_file, **from_environment, **given})
        except ValidationError as error:
            raise SettingsError(_first_fault(error, cls, str(source), from_file, from_environment)) from error


def _read_file() -> tuple[dict[str, Any], Path]:
    named = os.environ.get(CONFIG_VARIABLE)
    path = Path(named) if named else CONFIG_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise SettingsError(f"{CONFIG_VARIABLE} names {path}, which does not exist") from None
        return {}, path
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {error}") from error
    try:
        return tomllib.loads(text), path
    except (ValueError, RecursionError) as error:  # not TOML, or numbers or nesting beyond Python's limits
        raise SettingsError(f"{path} is not valid TOML: {error}") from error


def _first_fault(
    error: ValidationError,
    cls: type[Settings],
    file: str,
    from_file: dict[str, Any],
    from_environment: dict[str, str],
) -> str:
    fault = error.errors(include_url=False)[0]
    key = str(fault["loc"][0])
    if key in from_environment:
        where = f"environment variable {PREFIX}{key.upper()}"
    elif key in from_file:
        where = f"{file}, key {key}"
    else:
        where = f"setting {key}"
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown setting; known are {', '.join(sorted(cls.model_fields))}"
    return f"{where}: {fault['input']!r} is not possible: {fault['msg']}"
