"""Everything but the question itself that an answer depends on, and the key of a question under it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from assistant import __version__
from assistant.api import Assistant
from assistant.fitted import fitted_to_plain
from assistant.models.catalogue import CATALOGUE
from assistant.prompts import templates
from assistant.records import Filters
from assistant.rows import Request
from assistant.settings import Settings
from assistant.storage import sha256_of

Conditions = Mapping[str, str]  # what each of them is, by name

_FILTERS = tuple(field.name for field in fields(Filters))  # asdict would take most of a key's time

# Settings that say where things are, how long to wait, or what is in the index's fingerprint already.
_WITHOUT_EFFECT = {
    *("model", "cache_dir", "index", "prompts", "request_timeout", "api_key"),
    *("passage_tokens", "passage_overlap"),
}


def conditions_of(assistant: Assistant) -> Conditions:
    """The conditions under which an assistant answers; nothing secret is among them."""
    settings = assistant.settings.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
    fitted = json.dumps(fitted_to_plain(assistant.fitted)).encode()
    return {
        "version": __version__,
        "model": assistant.model_name,
        "weights": _weights(assistant.settings),
        "index": assistant.index.manifest.fingerprint,
        "coefficients": hashlib.sha256(fitted).hexdigest()[:16],
        **{
            f"prompt {name}": sha256_of(path)[:16]
            for name, path in templates(assistant.settings.prompts).items()
        },
        **{f"setting {name}": json.dumps(value) for name, value in sorted(settings.items())},
    }


def digest_of(conditions: Conditions) -> str:
    """A short name for conditions, which changes with any of them."""
    return _blake2b(sorted(conditions.items()))


def key_of(request: Request, conditions: str) -> str:
    """The key of a request under conditions of that digest: 32 hexadecimal digits."""
    history = [[turn.question, turn.answer] for turn in request.history]
    filters = [getattr(request.filters, name) for name in _FILTERS]
    return _blake2b([request.question, history, filters, conditions])


def changes(before: Conditions, now: Conditions) -> Iterator[str]:
    """What has changed between two conditions, a short line each."""
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{name} {before.get(name, 'unset')} -> {now.get(name, 'unset')}"


def _blake2b(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=16).hexdigest()


def _weights(settings: Settings) -> str:
    """What tells one model of a name from another: its hash, its address, or its files' sizes and times."""
    named = settings.model
    if named in CATALOGUE:
        return CATALOGUE[named].fingerprint
    if "://" in named:
        parts = urlsplit(named)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))  # without a password
    try:
        path = Path(named)
        files = sorted(file for file in (path, *path.rglob("*")) if file.is_file())
        return _blake2b([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])
    except OSError:
        return named[:100]
