"""The indexes that the page can ask, each opened once, all with the same models."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from assistant.api import Assistant
from assistant.errors import PageError
from assistant.generations import exists


class Indexes:
    """Assistants by the name of their index; safe to share between threads.

    `first` is asked where nothing else is chosen; the others are in the folders of `homes`.
    """

    def __init__(self, first: Assistant, homes: Sequence[Path] = ()) -> None:
        self._homes = homes
        self._first = first.index.folder
        self._opened = {self._first: first}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The indexes there are, the first one first."""
        return list(self._folders())

    def assistant(self, name: str | None = None) -> Assistant:
        """The assistant over that index, or over the first one.

        Raises:
            PageError: there is no index of that name any more.
            IndexFormatError: it is damaged, or made with another embedder.
        """
        folders = self._folders()
        if name and name not in folders:
            raise PageError(f"there is no index {name!r}; choose one of {', '.join(folders)} in the library")
        folder = folders[name] if name else self._first
        with self._lock:
            if folder not in self._opened:
                self._opened[folder] = self._opened[self._first].over(folder)
            return self._opened[folder]

    def replace(self, first: Assistant) -> None:
        """Ask all indexes with this one's model and settings from now on; it is over the first of them."""
        with self._lock:
            # Opened anew, since papers may have been added to it while a model was loading.
            self._opened = {self._first: first.over(self._first)}

    def folder_of(self, name: str) -> Path:
        """Where the index of that name is, or is to be made."""
        return self._folders().get(name) or self._homes[-1] / name

    def refresh(self, name: str) -> None:
        """Open an index anew at its next use, once it has been written."""
        folder = self._folders()[name]
        with self._lock:
            if folder == self._first:
                self._opened[folder] = self._opened[folder].over(folder)
            else:
                self._opened.pop(folder, None)

    def _folders(self) -> dict[str, Path]:
        found = {self._first.name: self._first}
        for home in self._homes:
            for folder in sorted(home.iterdir()) if home.is_dir() else ():
                if exists(folder):
                    found.setdefault(folder.name, folder)
        return found
