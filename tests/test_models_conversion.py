"""Rewriting GGUF tensors, and the child process, with hand-made files and a stand-in for OpenVINO GenAI."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFReader, GGUFWriter, quants
from numpy.typing import NDArray

from assistant.errors import ModelError
from assistant.models import conversion
from assistant.models.conversion import convert, rewrite
from assistant.models.receipt import read_receipt
from assistant.progress import silent
from assistant.storage import sha256_of

Steps = list[tuple[int, int, str]]

VALUES: NDArray[np.float32] = np.random.default_rng(7).normal(size=(2050, 256)).astype(np.float32)
VECTOR: NDArray[np.float32] = np.arange(8, dtype=np.float32)

PRETENDED = """
from pathlib import Path

class LLMPipeline:
    def __init__(self, path, device, enable_save_ov_model):
        assert device == "CPU" and enable_save_ov_model
        print("[INFO] native noise", flush=True)
        folder = Path(path).parent
        {before}
        for name in ("model", "tokenizer", "detokenizer"):
            (folder / f"openvino_{{name}}.xml").write_bytes(name.encode() + Path(path).read_bytes()[:4])
            (folder / f"openvino_{{name}}.bin").write_bytes(b"0")
"""


def write_gguf(path: Path, kind: Kind = Kind.Q8_0, architecture: str = "llama") -> Path:
    writer = GGUFWriter(path, architecture)
    writer.add_context_length(2048)
    writer.add_token_list(["a", "b"])
    writer.add_chat_template("{{ messages }}")
    writer.add_array("numbers", [1, 2, 3])
    writer.add_tensor("blk.0.attn_norm.weight", VECTOR)
    writer.add_tensor("blk.0.ffn_down.weight", quants.quantize(VALUES, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def pretend_openvino(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str = "pass") -> None:
    """Let a module of that name, first on the path of parent and child, answer for OpenVINO GenAI."""
    (folder / "openvino_genai.py").write_text(PRETENDED.format(before=before))
    monkeypatch.syspath_prepend(folder)


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "model"


# Rewriting


@pytest.mark.parametrize("kind", [Kind.Q5_0, Kind.Q5_1, Kind.Q4_1, Kind.BF16, Kind.F32])
def test_what_openvino_does_not_read_exactly_becomes_q8_0(tmp_path: Path, kind: Kind) -> None:
    rewrite(GGUFReader(write_gguf(tmp_path / "in.gguf", kind)), tmp_path / "out.gguf")
    vector, matrix = GGUFReader(tmp_path / "out.gguf").tensors
    assert matrix.tensor_type is Kind.Q8_0
    assert matrix.shape.tolist() == [256, 2050]
    before = quants.dequantize(quants.quantize(VALUES, kind), kind)
    after = quants.dequantize(matrix.data, Kind.Q8_0)
    # Q8_0 keeps 32 values as whole multiples, up to 127, of one step; it is stored in half precision.
    largest = np.abs(before).reshape(-1, 32).max(axis=1)
    error = np.abs(after - before).reshape(-1, 32).max(axis=1)
    assert (error <= largest / 127 * 0.5 + largest * 2**-11 * 1.01).all()
    assert vector.tensor_type is Kind.F32
    assert np.array_equal(vector.data, VECTOR)


@pytest.mark.parametrize("kind", [Kind.Q8_0, Kind.Q4_0, Kind.F16])
def test_what_openvino_reads_exactly_is_copied(tmp_path: Path, kind: Kind) -> None:
    rewrite(GGUFReader(write_gguf(tmp_path / "in.gguf", kind)), tmp_path / "out.gguf")
    matrix = GGUFReader(tmp_path / "out.gguf").tensors[1]
    assert matrix.tensor_type is kind
    assert np.array_equal(matrix.data, quants.quantize(VALUES, kind))


def test_metadata_is_copied(tmp_path: Path) -> None:
    rewrite(GGUFReader(write_gguf(tmp_path / "in.gguf", Kind.Q5_0)), tmp_path / "out.gguf")
    before, after = (
        {key: field.contents() for key, field in GGUFReader(tmp_path / name).fields.items()}
        for name in ("in.gguf", "out.gguf")
    )
    assert after == before
    assert after["numbers"] == [1, 2, 3]


def test_rows_that_no_block_fits_become_f16(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "in.gguf", "llama")
    writer.add_tensor("blk.0.ffn_down.weight", VALUES[:, :40].copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    rewrite(GGUFReader(tmp_path / "in.gguf"), tmp_path / "out.gguf")
    (matrix,) = GGUFReader(tmp_path / "out.gguf").tensors
    assert np.array_equal(matrix.data, VALUES[:, :40].astype(np.float16))


# The whole conversion, in its child process


@pytest.mark.parametrize("kind", [Kind.Q8_0, Kind.Q5_0])
def test_a_converted_folder_has_its_files_and_a_receipt_and_nothing_else(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    pretend_openvino(tmp_path, monkeypatch)
    gguf = write_gguf(tmp_path / "in.gguf", kind)
    steps: Steps = []
    convert(gguf, target, lambda *step: steps.append(step))
    made = [
        f"openvino_{name}.{kind}" for name in ("detokenizer", "model", "tokenizer") for kind in ("bin", "xml")
    ]
    assert below(target) == ["config.json", *made, "receipt.json"]
    assert (target / "openvino_model.xml").read_bytes() == b"modelGGUF"
    assert (target / "config.json").read_text() == '{"max_position_embeddings": 2048}'
    receipt = read_receipt(target)
    assert receipt
    assert receipt.damaged(target) == []
    assert receipt.source == f"in.gguf {sha256_of(gguf)}"
    assert receipt.made_by.startswith("openvino-genai 20")
    assert receipt.recipe == conversion.RECIPE
    assert below(target.parent) == ["model", *[f"model/{name}" for name in below(target)]]
    assert gguf.is_file()
    said = [what for _, _, what in steps]
    rewriting = ["converting weights"] * 2 if kind is Kind.Q5_0 else []
    assert said == ["reading the weights", *rewriting, "compiling for this machine", "checking"]


def test_a_damaged_folder_is_replaced(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_openvino(tmp_path, monkeypatch)
    target.mkdir(parents=True)
    (target / "openvino_model.xml").write_bytes(b"half")
    convert(write_gguf(tmp_path / "in.gguf"), target, silent)
    assert (target / "openvino_model.xml").read_bytes() == b"modelGGUF"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", r"\(\d MB\) is not a GGUF file, or it is damaged: .+"),
        (b"PK\x03\x04 an archive" * 9, r"\(\d MB\) is not a GGUF file, or it is damaged: GGUF magic invalid"),
        (None, r"\(\d MB\) is not a GGUF file, or it is damaged: .+"),
    ],
    ids=["empty", "archive", "truncated"],
)
def test_what_is_no_gguf_is_one_line_and_leaves_nothing(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, expected: str
) -> None:
    pretend_openvino(tmp_path, monkeypatch)
    gguf = write_gguf(tmp_path / "in.gguf")
    sound = gguf.read_bytes()
    gguf.write_bytes(sound[:-1000] if content is None else content)
    with pytest.raises(ModelError, match=rf"^{gguf} {expected}$"):
        convert(gguf, target, silent)
    assert below(target.parent) == []
    gguf.write_bytes(sound)
    convert(gguf, target, silent)


def test_an_unsupported_architecture_is_one_line(tmp_path: Path, target: Path) -> None:
    gguf = write_gguf(tmp_path / "in.gguf", architecture="mamba")
    with pytest.raises(
        ModelError, match=rf"^{gguf}, architecture mamba, could not be converted .+$"
    ) as caught:
        convert(gguf, target, silent)
    assert "/src/" not in str(caught.value)
    assert below(target.parent) == []


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (
            'raise RuntimeError("Exception from src/cpp/src/x.cpp:1:\\nno such layer\\n")',
            ", architecture llama, could not be converted for OpenVINO: no such layer",
        ),
        ("import os; os.kill(os.getpid(), 11)", r" could not be converted for OpenVINO \(SIGSEGV\): .*noise"),
        ("import os; os._exit(0)", " could not be converted: OpenVINO did not write openvino_model.xml, .*"),
        (
            "return",
            " could not be converted: OpenVINO did not write openvino_model.xml, openvino_model.bin, .*",
        ),
    ],
    ids=["error", "crash", "exit", "nothing written"],
)
def test_a_failure_of_openvino_is_one_line_and_a_second_run_succeeds(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, before: str, expected: str
) -> None:
    gguf = write_gguf(tmp_path / "in.gguf")
    with monkeypatch.context() as failing:
        pretend_openvino(tmp_path, failing, before)
        with pytest.raises(ModelError, match=rf"^{gguf}{expected}$"):
            convert(gguf, target, silent)
    assert below(target.parent) == []
    pretend_openvino(tmp_path, monkeypatch)
    convert(gguf, target, silent)


@pytest.mark.parametrize(
    "error", ['OSError(28, "No space left on device")', 'RuntimeError("basic_ios::clear: iostream error")']
)
def test_a_disk_that_fills_up_in_native_code_is_one_line(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    pretend_openvino(tmp_path, monkeypatch, f"raise {error}")
    with pytest.raises(ModelError, match=r"^the disk of .* is full"):
        convert(write_gguf(tmp_path / "in.gguf"), target, silent)
    assert below(target.parent) == []


def test_an_interruption_stops_the_child_and_leaves_nothing(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"
    wait = f"import os, time; Path('{pid_file}').write_text(str(os.getpid())); time.sleep(60)"
    pretend_openvino(tmp_path, monkeypatch, wait)

    def interrupt(done: int, total: int, what: str) -> None:
        if what.startswith("compiling"):
            while not pid_file.exists() or not pid_file.read_text():
                pass
            raise KeyboardInterrupt

    gguf = write_gguf(tmp_path / "in.gguf")
    with pytest.raises(KeyboardInterrupt):
        convert(gguf, target, interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert below(target.parent) == []
    pretend_openvino(tmp_path, monkeypatch)
    convert(gguf, target, silent)


def test_a_part_of_a_split_file_names_the_tool_that_joins(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_openvino(tmp_path, monkeypatch)
    writer = GGUFWriter(tmp_path / "in.gguf", "llama")
    writer.add_uint16("split.count", 2)
    writer.add_tensor("blk.0.attn_norm.weight", VECTOR)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(
        ModelError, match="is one part of a split GGUF; join the parts with `llama-gguf-split"
    ):
        convert(tmp_path / "in.gguf", target, silent)


def test_too_little_space_is_told_before_converting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": 1_000_000}))
    with pytest.raises(ModelError, match=r"needs 1 MB, .* has 1 MB free"):
        # 2050 × 256 weights of 34/32 bytes, twice, are 1.1 MB.
        conversion._convert_here(write_gguf(tmp_path / "in.gguf"), tmp_path)
