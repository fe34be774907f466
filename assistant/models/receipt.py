"""The receipt of a model folder: which files belong to it, with size and SHA-256; written last."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from assistant.storage import sha256_of, write_atomically

RECEIPT = "receipt.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the folder."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The files of a folder, what they were made from, by what, and by which recipe of a conversion."""

    files: tuple[Entry, ...]
    source: str
    made_by: str
    recipe: int = 1

    def write(self, folder: Path) -> None:
        """Put the receipt beside the files."""
        write_atomically(folder / RECEIPT, json.dumps(asdict(self), indent=2).encode())

    def fits(self, folder: Path) -> bool:
        """Whether every file is there with its size; content is not read."""
        return all(_size(folder / entry.name) == entry.bytes for entry in self.files)

    def damaged(self, folder: Path) -> list[str]:
        """For each file that is missing or differs, what is wrong with it; reads everything."""
        return [fault for entry in self.files if (fault := _fault(entry, folder))]


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt of `folder`, or None where there is none that can be read."""
    try:
        found = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        files = tuple(Entry(**entry) for entry in found["files"])
        return Receipt(files, found["source"], found["made_by"], found.get("recipe", 1))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def entries(paths: Sequence[Path]) -> tuple[Entry, ...]:
    """Receipt entries of files as they are now."""
    return tuple(Entry(path.name, path.stat().st_size, sha256_of(path)) for path in paths)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _fault(entry: Entry, folder: Path) -> str | None:
    path = folder / entry.name
    if not path.is_file():
        return f"{path} is missing"
    found = sha256_of(path)
    return None if found == entry.sha256 else f"{path} has SHA-256 {found}, expected {entry.sha256}"
