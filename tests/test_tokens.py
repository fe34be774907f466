"""The cl100k tokenizer: right, offline, and clear when its file is not there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import tiktoken

from assistant import tokens
from assistant.errors import AssistantError
from assistant.tokens import cl100k

# Token numbers as published for cl100k_base.
KNOWN = [
    ("hello world", [15339, 1917]),
    ("", []),
    ("tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
    ("antidisestablishmentarianism", [519, 85342, 34500, 479, 8997, 2191]),
    ("2 + 2 = 4", [17, 489, 220, 17, 284, 220, 19]),
]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def uncached() -> None:
    cl100k.cache_clear()


@pytest.mark.parametrize(("text", "expected"), KNOWN)
@pytest.mark.usefixtures("no_network", "uncached")
def test_tokens_are_the_published_ones_and_nothing_is_fetched(text: str, expected: list[int]) -> None:
    assert cl100k().encode(text) == expected


def test_text_is_cut_as_tiktoken_cuts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    core = Path(tiktoken.__file__).parent.parent / "llama_index" / "core"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(core / "_static" / "tiktoken_cache"))
    text = "We'll cut 12345 KV-caches by 5.75x,\r\n\n  naïvely — 论文 𝛼≥0.5 🙂\t$\\mathcal{O}(n^2)$   "
    assert cl100k().encode(text) == tiktoken.get_encoding("cl100k_base").encode(text)


def test_a_special_token_in_a_document_is_ordinary_text() -> None:
    assert cl100k().decode(cl100k().encode("ends <|endoftext|> here")) == "ends <|endoftext|> here"


@pytest.mark.usefixtures("no_network", "uncached")
def test_a_missing_file_is_named_and_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_FILE", Path("nowhere"))
    with pytest.raises(AssistantError, match=r"llama_index.core.nowhere can't be read .*: pip install"):
        cl100k()


@pytest.mark.usefixtures("no_network", "uncached")
def test_a_damaged_file_is_reported_with_both_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_FILE", Path("__init__.py"))
    with pytest.raises(AssistantError, match=r"is damaged: its SHA-256 is \w{64}, not 223921b7"):
        cl100k()


def test_llama_index_is_not_imported_for_it(repository: Path) -> None:
    code = (
        "import sys; from assistant.tokens import cl100k; cl100k(); print('llama_index.core' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
