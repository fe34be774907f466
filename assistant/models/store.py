"""The models on this machine: getting them, checking them, converting them, saying where they are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import ModelError, SourceFailed
from assistant.models import conversion, sources
from assistant.models.catalogue import CATALOGUE, Model, ModelFile, Source
from assistant.models.disk import faults_named, require_space
from assistant.models.receipt import RECEIPT, Entry, Receipt, read_receipt
from assistant.progress import Progress, silent
from assistant.storage import sha256_of

_CONVERTED = "openvino"
# Converting writes the rewritten weights and OpenVINO's, each up to 1.5 times a Q4 file.
_CONVERSION_FACTOR = 3
# Stands for the receipt of a conversion that is not there, so that a check names what is missing.
_UNCONVERTED = Receipt((Entry("openvino_model.xml", 0, ""),), "", "")

Fetch = Callable[[Source, ModelFile, Path, Path, Progress], None]
Convert = Callable[[Path, Path, Progress], None]


@dataclass(frozen=True, slots=True)
class ModelState:
    """What is on disk of a model.

    `downloaded`: every file is here as its receipt says; `converted`: so is what OpenVINO loads (always
    False for an embedder, which needs none); `installed`: it can be used.
    """

    name: str
    downloaded: bool
    converted: bool
    installed: bool
    bytes_on_disk: int


class ModelStore:
    """The models below a cache folder.

    `models/NAME` holds a model's files and their receipt, and `models/NAME/openvino` what was converted
    from them; `downloads/NAME` what has arrived of a pull that is not finished; `converted` the user's own
    GGUF files for OpenVINO.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        catalogue: Mapping[str, Model] = CATALOGUE,
        fetch: Fetch = sources.fetch,
        convert: Convert = conversion.convert,
    ) -> None:
        self._cache_dir = cache_dir
        self._catalogue = catalogue
        self._fetch = fetch
        self._convert = convert

    def folder(self, name: str) -> Path:
        """Where a model is, or would be."""
        return self._cache_dir / "models" / self._model(name).name

    def state(self, name: str) -> ModelState:
        """What is on disk of a model, by its receipts and the sizes of its files."""
        model, folder = self._model(name), self.folder(name)
        downloaded = _complete(folder)
        converted = downloaded and _converted(folder / _CONVERTED)
        installed = converted if model.task == "generation" else downloaded
        size = sum(_size_of(path) for path in (folder, self._arriving(name)))
        return ModelState(name, downloaded, converted, installed, size)

    def ready(self, name: str) -> Path:
        """The folder to load: converted for OpenVINO for a generation model, else with the model's files.

        Raises:
            ModelError: the model is unknown or not installed.
        """
        state = self.state(name)
        if not state.installed:
            found = "downloaded but not converted" if state.downloaded else "not installed"
            raise ModelError(f"model {name} is {found}: run `assistant models pull {name}`")
        return self._ready_folder(self._model(name))

    def pull(self, name: str, progress: Progress = silent) -> Path:
        """Get a model and convert it, unless that is done already; the folder to load.

        Raises:
            ModelError: it can't be had, is not what was published, or the disk is full or read-only.
        """
        model = self._model(name)
        with faults_named(self._cache_dir), self._locked(name, progress):
            if not self.state(name).downloaded:
                self._download(model, progress)
            if not self.state(name).installed:
                self._convert(self.folder(name) / model.files[0].name, self._ready_folder(model), progress)
        return self.ready(name)

    def verify(self, name: str) -> tuple[Path, ...]:
        """Read every file of an installed model and compare SHA-256; the files, all sound.

        The receipt of a damaged folder is removed, so that the next pull mends it.

        Raises:
            ModelError: naming each damaged file with both hashes.
        """
        model = self._model(name)
        if read_receipt(self.folder(name)) is None:
            self.ready(name)
        receipts = {self.folder(name): _published(model)}
        if model.task == "generation":
            receipts[self._ready_folder(model)] = read_receipt(self._ready_folder(model)) or _UNCONVERTED
        faults = []
        for folder, receipt in receipts.items():
            if found := receipt.damaged(folder):
                faults += found
                (folder / RECEIPT).unlink(missing_ok=True)
        if faults:
            raise ModelError(f"{'; '.join(faults)}: run `assistant models pull {name}` to mend it")
        return tuple(folder / entry.name for folder, receipt in receipts.items() for entry in receipt.files)

    def convert_gguf(self, path: Path, progress: Progress = silent) -> Path:
        """A GGUF file's folder for OpenVINO, converted at the first call.

        Raises:
            ModelError: the file can't be read or converted.
        """
        with faults_named(self._cache_dir):
            file = path.resolve().stat() if path.is_file() else None
            if file is None:
                raise ModelError(f"there is no file {path}")
            identity = f"{path.resolve()}\0{file.st_size}\0{file.st_mtime_ns}"
            name = f"{path.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
            folder = self._cache_dir / "converted" / name
            if not _converted(folder):
                with self._locked(name, progress):
                    if not _converted(folder):
                        self._convert(path, folder, progress)
        return folder

    def _model(self, name: str) -> Model:
        if name not in self._catalogue:
            raise ModelError(f"unknown model {name!r}; the catalogue has {', '.join(self._catalogue)}")
        return self._catalogue[name]

    def _ready_folder(self, model: Model) -> Path:
        folder = self.folder(model.name)
        return folder / _CONVERTED if model.task == "generation" else folder

    def _arriving(self, name: str) -> Path:
        return self._cache_dir / "downloads" / name

    @contextmanager
    def _locked(self, name: str, progress: Progress) -> Iterator[None]:
        """Hold the lock on `name`, waiting for another process that has it."""
        from filelock import FileLock, Timeout

        lock = FileLock(self._cache_dir / "locks" / f"{name}.lock")
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            progress(0, 0, f"waiting for another process that is getting {name}")
            held = lock.acquire()
        with held:
            yield

    def _download(self, model: Model, progress: Progress) -> None:
        folder = self.folder(model.name)
        self._require_space(model)
        folder.mkdir(parents=True, exist_ok=True)
        for file in model.files:
            if not _is(folder / file.name, file, progress):
                self._get(model, file, progress)
        _published(model).write(folder)

    def _require_space(self, model: Model) -> None:
        size = sum(file.bytes for file in model.files)
        after = _CONVERSION_FACTOR * size if model.task == "generation" else 0
        there = self.state(model.name).bytes_on_disk
        needed = size + max(model.bytes, after) - there
        require_space(self._cache_dir, needed, f"get {model.name}")

    def _get(self, model: Model, file: ModelFile, progress: Progress) -> None:
        """Fetch one file from the first of its sources that can give it."""
        failures = []
        for source in file.sources:
            try:
                self._get_from(source, model, file, progress)
                return
            except SourceFailed as failure:
                failures.append(str(failure))
        raise ModelError(
            f"{file.name} of {model.name} can't be had: {'; '.join(failures)}; "
            f"run `assistant models pull {model.name}` to go on{self._instead_of(model)}"
        )

    def _get_from(self, source: Source, model: Model, file: ModelFile, progress: Progress) -> None:
        arriving, target = self._arriving(model.name), self.folder(model.name) / file.name
        partial = arriving / f"{file.name}.partial"
        try:
            self._fetch(source, file, arriving, partial, progress)
            found = _sha256(partial, file, progress)
            if found != file.sha256:
                shutil.rmtree(arriving)
                raise SourceFailed(f"{source}: {file.name} has SHA-256 {found}, expected {file.sha256}")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        shutil.rmtree(arriving)

    def _instead_of(self, model: Model) -> str:
        """What else a user can do who can't have a generation model."""
        if model.task != "generation":
            return ""
        smaller = [
            other
            for other in self._catalogue.values()
            if other.task == model.task and other.bytes < model.bytes
        ]
        next_smaller = max(smaller, key=lambda other: other.bytes, default=None)
        offer = f", or get the smaller {next_smaller.name}" if next_smaller else ""
        return f"{offer}; extractive answers need no model (--model none)"


def _published(model: Model) -> Receipt:
    files = tuple(Entry(file.name, file.bytes, file.sha256) for file in model.files)
    return Receipt(files, model.name, "its publisher")


def _complete(folder: Path) -> bool:
    receipt = read_receipt(folder)
    return receipt is not None and receipt.fits(folder)


def _converted(folder: Path) -> bool:
    receipt = read_receipt(folder)
    return receipt is not None and receipt.recipe == conversion.RECIPE and receipt.fits(folder)


def _is(path: Path, file: ModelFile, progress: Progress) -> bool:
    return (
        path.is_file() and path.stat().st_size == file.bytes and _sha256(path, file, progress) == file.sha256
    )


def _sha256(path: Path, file: ModelFile, progress: Progress) -> str:
    return sha256_of(path, lambda done: progress(done, file.bytes, "checking"))


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
