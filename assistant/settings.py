"""All settings, their defaults, and the one place that reads files and the environment for them.

Order of precedence, weakest first: the defaults below, those that the preset has in their place,
`assistant.toml` in the working directory (or the file named by ASSISTANT_CONFIG), environment variables
`ASSISTANT_<NAME>`, arguments. Unknown keys are errors.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypedDict, get_args
from urllib.parse import urlsplit

from platformdirs import user_cache_path, user_data_path
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from assistant.errors import SettingsError
from assistant.models.catalogue import DEFAULT_MODEL

PREFIX = "ASSISTANT_"
CONFIG_VARIABLE = "ASSISTANT_CONFIG"
CONFIG_FILE = Path("assistant.toml")
SECRETS = ("api_key", "page_password", "milvus_token")  # taken from the environment, never from a file
_USERINFO = re.compile(r"//\S*@")  # of an address; it may be a password

Preset = Literal["fast", "default", "careful"]
# The settings that a preset has other defaults for. Measured side by side in eval/measured.
PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "fast": {"model": "none"},
    "default": {"model": DEFAULT_MODEL},
    "careful": {"model": "qwen2.5-coder-1.5b"},
}
assert set(PRESETS) == set(get_args(Preset))
Strictness = Literal["lenient", "default", "strict"]


class Passages(TypedDict):
    """How abstracts are cut into passages: the most tokens of one, and the tokens that neighbours share."""

    passage_tokens: int
    passage_overlap: int


@dataclass(frozen=True, slots=True)
class Store:
    """Where an index keeps its vectors, and how to get at them there.

    `kind` None means where they are, and FAISS for a new index; `uri` is a server's address or the absolute
    path of a file, None the Milvus that the index names, and a file in its folder for a new one.
    """

    kind: Literal["faiss", "milvus"] | None = None
    uri: str | None = None
    token: str = field(default="", repr=False)


class Settings(BaseModel):
    """Every choice a user can make; immutable once made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # What a preset stands for is in every record of how an answer was made; by which name, is not.
    preset: Preset = Field(
        "default",
        exclude=True,
        description="`fast` (quoted sentences, no model), `default` or `careful` (a larger model): other "
        "defaults for the settings below, each of which can still be set.",
    )
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
    exact_sentences: int = Field(
        3, ge=1, le=50, description="The same for a number or a yes or no, which more of them mislead about."
    )
    context_order: Literal["best_first", "best_at_ends"] = Field(
        "best_first", description="Order of the papers shown; at the ends, the second best comes last."
    )
    context_tokens: int = Field(450, ge=100, description="Most tokens of passages shown to the model.")
    prompts: Path | None = Field(
        None, description="Folder of prompt templates that take the place of the program's namesakes."
    )
    strictness: Strictness = Field(
        "default",
        description="How likely an answer must be right to be given: `strict` asks for twice the odds that "
        "the fitted gates ask for, `lenient` for half of them.",
    )
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
        description="Threads that the model computes with; unset, what `models pull` measured to be quickest "
        "here, or else as many as OpenVINO chooses.",
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
    # Where vectors are is told by the index, and the page's own settings change no answer, so the rest
    # are in no record of how an answer was made.
    vector_store: Literal["faiss", "milvus"] | None = Field(
        None,
        exclude=True,
        description="Where an index's vectors go; unset, where they are, and FAISS for a new index.",
    )
    milvus_uri: str | None = Field(
        None,
        exclude=True,
        description="A Milvus server (http://host:19530), or a file ending in .db for Milvus Lite; unset, "
        "what the index names, and milvus.db in its folder for a new one.",
    )
    milvus_token: SecretStr | None = Field(
        None,
        exclude=True,
        description="user:password or key of the Milvus server; only from ASSISTANT_MILVUS_TOKEN.",
    )
    data_dir: Path = Field(
        user_data_path("abstract-assistant"),
        exclude=True,
        description="Where the page keeps conversations, and papers added on it.",
    )
    theme: Literal["system", "light", "dark"] = Field(
        "system", exclude=True, description="Colours of the page; `system` follows the reader's machine."
    )
    page_password: SecretStr | None = Field(
        None,
        exclude=True,
        description="Password of the page, or a JSON object of passwords by name; only from "
        "ASSISTANT_PAGE_PASSWORD, never from a file.",
    )

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The preset's defaults under what is given."""
        others = [values for name, values in PRESETS.items() if name == given.get("preset")]
        return {**(others[0] if others else {}), **given}

    @property
    def passages(self) -> Passages:
        """How abstracts are cut into passages, as `ingest` and `rebuild` take it."""
        return {"passage_tokens": self.passage_tokens, "passage_overlap": self.passage_overlap}

    def anywhere(self) -> Self:
        """These settings for any working folder: with whole paths, and without the page's secret."""

        def absolute(named: str | None) -> str | None:
            if named is None or named == "none" or "://" in named or not Path(named).exists():
                return named
            return str(Path(named).absolute())

        changed = {
            "model": absolute(self.model),
            "tokenizer": absolute(self.tokenizer),
            "cache_dir": self.cache_dir.absolute(),
            "prompts": self.prompts and self.prompts.absolute(),
            "page_password": None,
        }
        return self.model_copy(update=changed)

    @property
    def store(self) -> Store:
        """Where vectors are kept, as `ingest`, `rebuild` and `Index.open` take it."""
        token = self.milvus_token.get_secret_value() if self.milvus_token else ""
        return Store(self.vector_store, self.milvus_uri, token)

    @field_validator("milvus_uri")
    @classmethod
    def _address_without_secrets(cls, uri: str | None) -> str | None:
        if uri is None:
            return None
        if "://" not in uri and uri.endswith(".db"):
            path = cls._home_written_out(Path(uri))
            return str(path.absolute()) if path else None
        parts = urlsplit(uri)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is neither http://host:port nor a file ending in .db")
        if "@" in uri:  # anywhere: a password with a / in it ends the host's part
            raise ValueError("it holds a user or password; put user:password into ASSISTANT_MILVUS_TOKEN")
        _ = parts.port  # a ValueError where it is none
        return uri

    @field_validator("cache_dir", "index", "prompts", "data_dir")
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
        return cls.of_file(read_file(), **arguments)

    @classmethod
    def of_file(cls, text: str, **arguments: Any) -> Self:
        """The settings that there would be if that were the text of the file.

        Raises:
            SettingsError: as `load`.
        """
        source = file_path()
        from_file = _parsed(text, source)
        for secret in SECRETS:
            if secret in from_file:
                variable = f"{PREFIX}{secret.upper()}"
                raise SettingsError(f"{source} holds {secret}; set {variable} in the environment instead")
        from_environment = {key: os.environ[variable] for key, variable in variables().items()}
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            return cls.model_validate({**from_file, **from_environment, **given})
        except ValidationError as error:
            raise SettingsError(_first_fault(error, cls, str(source), from_file, from_environment)) from error


def file_path() -> Path:
    """The file of settings, whether or not it is there."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else CONFIG_FILE


def read_file() -> str:
    """The text of the file of settings, empty where there is none.

    Raises:
        SettingsError: it can't be read, or is named by ASSISTANT_CONFIG and not there.
    """
    path = file_path()
    try:
        with path.open(encoding="utf-8", newline="") as file:  # line ends as they are, to be kept in writing
            return file.read()
    except FileNotFoundError:
        if os.environ.get(CONFIG_VARIABLE):
            raise SettingsError(f"{CONFIG_VARIABLE} names {path}, which does not exist") from None
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {error}") from error


def variables() -> dict[str, str]:
    """The environment variables that are set, by the keys that they fix."""
    return {
        name.removeprefix(PREFIX).lower(): name
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE and value
    }


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
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
    shown = _USERINFO.sub("//…@", repr(fault["input"]))
    return f"{where}: {shown} is not possible: {fault['msg']}"
