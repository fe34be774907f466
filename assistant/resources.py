"""Where the files that belong to the program are: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_INSTALLED = _PACKAGE / "data"
_CHECKOUT = _PACKAGE.parent


def prompts_folder() -> Path:
    """The folder of prompt templates."""
    return _INSTALLED / "prompts" if _INSTALLED.is_dir() else _CHECKOUT / "prompts"


def sample_corpus() -> Path:
    """The sample corpus, 109 papers as JSONL."""
    root = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT / "index"
    return root / "corpora" / "sample.jsonl"
