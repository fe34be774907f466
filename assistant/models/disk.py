"""What a disk can refuse: too little space, and folders that can't be written."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import ModelError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def require_space(folder: Path, needed: int, purpose: str) -> None:
    """Raise a ModelError unless `needed` bytes are free where `folder` is (its parents may not exist yet)."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise ModelError(
            f"the disk is too full to {purpose}: it needs {megabytes(needed)}, "
            f"{folder} has {megabytes(free)} free; make room or set ASSISTANT_CACHE_DIR"
        )


@contextmanager
def faults_named(folder: Path) -> Iterator[None]:
    """Turn what the system refuses below `folder` into a ModelError."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise full(folder) from error
        raise ModelError(
            f"{error.filename or folder} can't be used: {error.strerror or error}; "
            "set ASSISTANT_CACHE_DIR to a folder that can be written"
        ) from error


def full(folder: Path) -> ModelError:
    """The disk filled up in the middle of writing below `folder`."""
    free = shutil.disk_usage(folder).free
    return ModelError(
        f"the disk of {folder} is full ({megabytes(free)} free); make room and run it again, "
        "what has arrived is kept"
    )


def megabytes(size: int) -> str:
    """A size for people.

    >>> megabytes(491_400_064)
    '491 MB'
    """
    return f"{size / 1e6:,.0f} MB"
