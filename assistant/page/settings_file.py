"""`assistant.toml` changed key by key; what else is in it stays as its owner wrote it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import tomlkit

from assistant.errors import SettingsError
from assistant.settings import Settings, file_path, read_file
from assistant.storage import write_atomically

Value = str | int

_WRITING = threading.Lock()


def changed(changes: Mapping[str, Value]) -> tuple[str, Settings]:
    """The text of the file with those keys changed or added, and the settings that it gives.

    Raises:
        SettingsError: a value is impossible, or the file as it is has a fault.
    """
    text = read_file()
    Settings.of_file(text)
    document = tomlkit.parse(text)
    document.update(changes)
    text = tomlkit.dumps(document)
    return text, Settings.of_file(text)


def keep(changes: Mapping[str, Value]) -> Path:
    """Change those keys of the file, or make it with them; the file.

    Raises:
        SettingsError: as `changed`, or the file can't be written.
    """
    with _WRITING:
        text, _ = changed(changes)
        path = file_path().resolve()  # a link goes on leading to the file
        try:
            mode = path.stat().st_mode if path.exists() else None
            write_atomically(path, text.encode())
            if mode:
                path.chmod(mode)
        except OSError as error:
            raise SettingsError(f"{path} can't be written: {error.strerror}; nothing was changed") from error
    return path
