"""A run: every question of a gold file asked once, and a folder that holds what came of it.

    manifest.json   what was run, on what, and when
    answers.jsonl   one SystemAnswer a line, appended as they come
    scores.jsonl    one QuestionScore a line, written when the run is scored
    summary.json    the figures of the whole run

A run that was stopped goes on where it ended, as long as what it asks, and whom, is still the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from assistant import __version__
from assistant.errors import AssistantError
from assistant.fitted import load_fitted
from assistant.machine import peak_memory
from assistant.models import CATALOGUE
from assistant.progress import Progress, silent
from assistant.records import to_plain
from assistant.settings import Settings
from assistant.storage import write_atomically
from eval.asking import Ask, controls
from eval.decoding import decode
from eval.records import GoldItem, QuestionScore, SystemAnswer

MANIFEST = "manifest.json"
ANSWERS = "answers.jsonl"
SCORES = "scores.jsonl"
SUMMARY = "summary.json"
TEST_RUNS = Path(__file__).parent / "TEST_RUNS.md"

_FIXED = (
    "split",
    "limit",
    "model",
    "model_sha256",
    "settings",
    "index",
    "attacked_index",
    "gold_sha256",
    "fitted",
)  # what must be the same for a run to go on
_TEST_RUNS_HEAD = (
    "# Runs on the test split\n\n"
    "| date | commit | model | gold | questions | TAR |\n|---|---|---|---|---:|---:|\n"
)

T = TypeVar("T")


class RunError(AssistantError):
    """A run folder can't be read, or a run can't go on in it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder holds; `scores` is empty until the run is scored."""

    folder: Path
    manifest: Mapping[str, Any]
    answers: Mapping[str, SystemAnswer]
    scores: tuple[QuestionScore, ...]


def run(
    items: Sequence[GoldItem],
    ask: Ask,
    folder: Path,
    manifest: Mapping[str, Any],
    *,
    resume: bool = False,
    progress: Progress = silent,
) -> Run:
    """Ask every item and record the answers in `folder`.

    Raises:
        RunError: the folder holds a run already, or, to be resumed, one of something else.
    """
    started, done = begin(folder, manifest, resume=resume)
    asked = in_fixed_order([*items, *controls(items)])
    left = [item for item in asked if item.id not in done]
    if not left:
        return read_run(folder)
    started = {"first_ms": _warmed_up(ask, left[0]), **started}
    for number, item in enumerate(left, start=len(asked) - len(left) + 1):
        record(folder, ask(item))
        progress(number, len(asked), "asking")
    end(folder, started, peak_memory())
    return read_run(folder)


def begin(
    folder: Path, manifest: Mapping[str, Any], *, resume: bool = False
) -> tuple[Mapping[str, Any], set[str]]:
    """The manifest of the run in `folder`, a new one or one that goes on, and the ids answered so far.

    Raises:
        RunError: the folder holds a run already, or, to be resumed, one of something else.
    """
    return _begun(folder, manifest, resume=resume), _repaired_answers(folder / ANSWERS)


def record(folder: Path, answer: SystemAnswer) -> None:
    """Add an answer to a run."""
    with (folder / ANSWERS).open("a", encoding="utf-8") as file:
        file.write(_line(answer))


def end(folder: Path, manifest: Mapping[str, Any], peak: int) -> None:
    """Note that a run has come to its end, and the most bytes of memory that it took."""
    with (folder / ANSWERS).open("rb") as file:
        os.fsync(file.fileno())
    _write_json(folder / MANIFEST, {**manifest, "ended": _now(), "peak_rss_mb": peak // 1_000_000})


def in_fixed_order(items: Sequence[GoldItem]) -> list[GoldItem]:
    """The items shuffled, always alike: so the first n are a sample, and speed is not tied to a topic."""
    return sorted(items, key=lambda item: hashlib.sha256(item.id.encode()).digest())


def describe(
    settings: Settings,
    *,
    model: str,
    index: str,
    gold: Sequence[Path],
    split: str,
    limit: int | None = None,
    attacked_index: str | None = None,
    fitted: Path | None = None,
) -> dict[str, Any]:
    """The manifest of a run that begins now; `fitted` is the file of the coefficients, if any count."""
    return {
        **_commit(),
        "version": __version__,
        "split": split,
        "limit": limit,
        "model": model,
        "model_sha256": weights_sha256(settings),
        "settings": settings.model_dump(mode="json", exclude={"api_key", "cache_dir", "index"}),
        "index": index,
        "attacked_index": attacked_index,
        "gold_sha256": fingerprint(gold),
        "fitted": _coefficients(fitted) if fitted else None,
        "threads": int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "command": shlex.join(["python", "-m", "eval", *sys.argv[1:]]),
        "started": _now(),
        "ended": None,
    }


def weights_sha256(settings: Settings) -> str | None:
    """The SHA-256 of the largest file of a model that the program knows by name."""
    known = CATALOGUE.get(settings.model)
    return max(known.files, key=lambda file: file.bytes).sha256 if known else None


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a run that came to its end."""
    return (folder / MANIFEST).exists() and _manifest(folder).get("ended") is not None


def fingerprint(paths: Sequence[Path]) -> str:
    """One hash of all the files; of a single file, its own."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_run(folder: Path) -> Run:
    """What a run folder holds.

    Raises:
        RunError: it holds no run, or one that is damaged.
    """
    manifest = _manifest(folder)
    answers = _records(folder / ANSWERS, SystemAnswer)
    scores = _records(folder / SCORES, QuestionScore) if (folder / SCORES).exists() else []
    return Run(folder, manifest, {answer.id: answer for answer in answers}, tuple(scores))


def write_scores(folder: Path, scores: Iterable[QuestionScore], summary: Any) -> None:
    """Put the scores of a run, and their summary, beside its answers."""
    write_atomically(folder / SCORES, "".join(map(_line, scores)).encode())
    _write_json(folder / SUMMARY, to_plain(summary))


def log_test_run(run: Run, items: Iterable[GoldItem], tar: float | None, path: Path = TEST_RUNS) -> None:
    """List a run that asked questions of the split test, once."""
    if all(item.split != "test" for item in items):
        return
    about = run.manifest
    listed = path.read_text(encoding="utf-8") if path.exists() else _TEST_RUNS_HEAD
    if about["started"] in listed:
        return
    commit = f"{(about['commit'] or '')[:10]}{' (dirty)' if about['dirty'] else ''}" or "-"
    scored = "-" if tar is None else f"{tar:.3f}"
    listed += (
        f"| {about['started']} | {commit} | {about['model']} | {about['gold_sha256'][:10]} "
        f"| {len(run.answers)} | {scored} |\n"
    )
    write_atomically(path, listed.encode())


def _coefficients(path: Path) -> dict[str, Any]:
    """What tells coefficients apart: the questions they were fitted on, and their file."""
    provenance = load_fitted(path).provenance
    return {"questions_sha256": provenance.get("questions_sha256"), "sha256": fingerprint([path])[:16]}


def _warmed_up(ask: Ask, item: GoldItem) -> float | None:
    """What the first question took, loading included; it is asked once more for the record."""
    return ask(item).ms.get("total")


def _begun(folder: Path, manifest: Mapping[str, Any], *, resume: bool) -> Mapping[str, Any]:
    """The manifest of the run in `folder`, written if it is a new one."""
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / MANIFEST, manifest)
        return manifest
    if not resume:
        raise RunError(f"{folder} holds a run already; go on with --resume, or name another folder by --out")
    old = _manifest(folder)
    for key in _FIXED:
        if old.get(key) != manifest.get(key):
            raise RunError(
                f"{folder} was run with {key} {_difference(old.get(key), manifest.get(key))}; "
                "name another folder by --out"
            )
    return old


def _difference(old: Any, new: Any) -> str:
    """Both values; of two objects only the entries that differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        old, new = ({key: values.get(key) for key in keys} for values in (old, new))
    return f"{old}, now it is {new}"


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RunError(
            f"{folder} holds no run: there is no {MANIFEST}; make one by `python -m eval run`"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read: {error}") from error


def _repaired_answers(path: Path) -> set[str]:
    """The ids answered so far; what a kill left of a last line is cut off."""
    if not path.exists():
        return set()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        write_atomically(path, whole)
    return {answer.id for answer in _records(path, SystemAnswer)}


def _records(path: Path, record: type[T]) -> list[T]:
    """The records of a file of a run; a last line without an end is still being written."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} can't be read: {error}") from error
    return [_record(line, record, f"{path} line {number}") for number, line in enumerate(lines, start=1)]


def _record(line: str, record: type[T], where: str) -> T:
    try:
        decoded: T = decode(record, json.loads(line))
    except ValueError as error:
        raise RunError(f"{where} is damaged: {error}; remove the line and go on with --resume") from error
    return decoded


def _line(record: Any) -> str:
    return json.dumps(to_plain(record), ensure_ascii=False) + "\n"


def _write_json(path: Path, plain: Any) -> None:
    write_atomically(path, (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _commit() -> dict[str, Any]:
    """The commit that runs, and whether files of it were changed; nothing outside a checkout."""
    head = _git("rev-parse", "HEAD")
    dirty = bool(_git("status", "--porcelain", "--untracked-files=no")) if head else None
    return {"commit": head, "dirty": dirty}


def _git(*arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(
        [git, *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None
