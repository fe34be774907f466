"""Imports go one way, importing is cheap, and what is published is what is meant to be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import assistant

ROOT = Path(__file__).parent.parent

# Every module of the package; each may import those before it and none after it.
ORDER = """
    errors records progress arrays terms text sentences instructions names quantities polarity spelling
    resources storage machine
    models.catalogue models.disk models.receipt models.sources models.conversion models.store models
    settings tables rows parallel tokens prompts cluster cluster.pool
    readers.base readers.sources readers.blocks readers.columns readers.latex
    readers.bibtex readers.delimited readers.jsonl readers.listing readers.parquet readers.pubmed
    readers.spreadsheet readers.tagged readers.formats readers readers.rejects readers.preview
    embedding cluster.embedder embedded similarity chunking resemblance identity
    frames columns generations papers vectors nodes milvus lexical index vector_store building
    arrivals catalogue revision contents ingest retrieval
    subject question collection pairs conversation
    fitted fit quantity_fit expansion placing final selection clauses sides premise
    context verification citations labels composition abstention answer
    generation.base generation.hub generation.llama_index generation.openai generation.threads
    generation.openvino generation.transformers generation
    events inquiry decision prompting testing answering api __init__
    batch.columns batch.conditions batch.journal batch.formats batch.inputs batch.sinks batch.tasks
    batch.summary batch.work batch
    page page.exchange page.links page.cards page.export page.correction page.rendering
    page.gold page.suggestions page.owners
    page.conversations page.listing page.indexes page.settings_file page.evaluation page.batches page.desk
    page.visit page.narrowing page.chat
    page.intake page.shelf page.library page.evaluation_view page.evaluation_tab
    page.settings_view page.settings_tab page.ledger page.batching page.endpoints page.telling page.page
    doctor recommendation cli __main__
""".split()

# Libraries that one part of the package stands for, so that it can be exchanged there alone.
OWNERS = {
    "gradio": "page.visit page.narrowing page.chat page.library page.evaluation_tab page.settings_tab "
    "page.batching page.endpoints page.telling page.page",
    "tomlkit": "page.settings_file",
    "sqlalchemy": "page.conversations",
    "itsdangerous": "page.owners",
    "faiss": "vectors",
    "bm25s": "lexical",
    "zstandard": "frames",
    "Stemmer": "terms",
    "rapidfuzz": "spelling",
    "tiktoken": "tokens",
    "gguf": "models.conversion",
    "tenacity": "generation.openai",
    "httpx": "generation.openai",
    "torch": "generation.transformers",
    "typer": "cli",
    "ray": "cluster.pool",
    "bibtexparser": "readers.bibtex",
    "charset_normalizer": "readers.sources",
    "lxml": "readers.pubmed",
    "openpyxl": "readers.spreadsheet batch.formats",
    "pyarrow": "readers.parquet batch.formats",
    "pylatexenc": "readers.latex",
    "rispy": "readers.tagged",
    "llama_index": "chunking nodes milvus vector_store generation.llama_index",
    "pymilvus": "milvus",
    "grpc": "milvus",
}


def modules() -> dict[str, Path]:
    """The modules of the package by their names within it."""
    package = ROOT / "assistant"
    paths = {path.relative_to(package).with_suffix(""): path for path in package.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items()}


def imports(path: Path) -> Iterator[str]:
    """Everything that a module imports, at its top and in its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(imported: str) -> str:
    """The module of this package that an imported name is, or is in."""
    name = imported.removeprefix("assistant").removeprefix(".")
    while name not in modules() and name:
        name = name.rpartition(".")[0]
    return name or "__init__"


def test_every_module_has_its_place() -> None:
    assert sorted(ORDER) == sorted(modules())


@pytest.mark.parametrize("module", ORDER)
def test_imports_go_one_way(module: str) -> None:
    used = {own(name) for name in imports(modules()[module]) if name.split(".")[0] == "assistant"}
    assert used - set(ORDER[: ORDER.index(module)]) == set()


def test_each_library_is_imported_by_its_owners_alone() -> None:
    strangers = [
        (module, library)
        for module, path in modules().items()
        for library in {name.split(".")[0] for name in imports(path)} & set(OWNERS)
        if not any(f"{module}.".startswith(f"{owner}.") for owner in OWNERS[library].split())
    ]
    assert strangers == []


def test_the_package_imports_nothing_that_is_built_on_it() -> None:
    tops = {name.split(".")[0] for path in modules().values() for name in imports(path)}
    assert tops & {"eval", "app", "tests"} == set()


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import assistant", "llama_index gradio torch transformers numpy faiss bm25s openvino pydantic"),
        (
            "from assistant import Assistant",
            "llama_index pymilvus grpc gradio torch transformers openvino_genai",
        ),
        ("import assistant.cli", "llama_index gradio torch transformers numpy faiss"),
        (
            "import assistant.readers",
            "numpy bibtexparser charset_normalizer lxml openpyxl pyarrow pylatexenc rispy",
        ),
    ],
)
def test_importing_is_cheap(statement: str, absent: str) -> None:
    code = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & set(absent.split()) == set()


def test_the_public_names() -> None:
    assert assistant.__all__ == [
        "Answer",
        "Assistant",
        "AssistantError",
        "Citation",
        "DraftGrew",
        "DraftRejected",
        "Evidence",
        "EvidenceFound",
        "Filters",
        "Final",
        "Paper",
        "Passage",
        "Sentence",
        "SentenceVerified",
        "Settings",
        "Turn",
        "__version__",
    ]
    assert assistant.__all__ == sorted(assistant.__all__)
    assert [name for name in assistant.__all__ if not hasattr(assistant, name)] == []
    with pytest.raises(AttributeError, match="module 'assistant' has no attribute 'Oracle'"):
        assistant.Oracle  # noqa: B018


def test_the_changelog_ends_with_this_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0] == assistant.__version__


def test_importing_openvino_tells_nobody() -> None:
    """openvino looks up its maker's statistics server in a child process, which no socket guard here sees."""
    code = "import sys, assistant, openvino; sys.exit(sys.modules['openvino_telemetry'] is not None)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
