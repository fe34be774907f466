"""The cl100k tokenizer without the network: the measure of passages and of models whose own is unknown."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tiktoken import Encoding

from assistant.errors import AssistantError

# llama-index-core carries tiktoken's cache: a file is named by the SHA-1 of the address it came from.
_FILE = Path("_static/tiktoken_cache/9b5ad71b2ce5302211f9c61530b329a4922fc6a4")
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


@cache
def cl100k() -> Encoding:
    """The encoding cl100k_base, built from the carried file.

    Built by hand because tiktoken downloads what it misses; without special tokens because a document
    that spells one out is text like any other.

    Raises:
        AssistantError: the carried file is missing or damaged.
    """
    ranks = (line.split() for line in _carried_file().splitlines())
    return Encoding(
        "cl100k_base",
        pat_str=_PATTERN,
        mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in ranks},
        special_tokens={},
    )


def _carried_file() -> bytes:
    # Looking the package up does not import it, which would take 2 s.
    package = find_spec("llama_index.core")
    if package is None or package.origin is None:
        raise AssistantError("llama-index-core is not installed: pip install llama-index-core")
    path = Path(package.origin).parent / _FILE
    reinstall = "pip install --force-reinstall --no-deps llama-index-core"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssistantError(
            f"the tokenizer file {path} can't be read ({error.strerror}): {reinstall}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != _SHA256:
        raise AssistantError(f"{path} is damaged: its SHA-256 is {found}, not {_SHA256}: {reinstall}")
    return content
