"""Loading from a folder, from the hub's cache or from the hub, in that order, and quick to say why not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from assistant.errors import GenerationError, first_line

_T = TypeVar("_T")

_PROBE_SECONDS = 5.0


def load_tokenizer(source: str) -> Any:
    """The transformers tokenizer of a folder or hub id; works without torch."""
    logging.getLogger("transformers").addFilter(_is_not_about_torch)
    # Imported here because it takes more than a second, which no other engine should wait for.
    from transformers import AutoTokenizer

    return from_hub(
        source,
        lambda local: AutoTokenizer.from_pretrained(source, local_files_only=local, trust_remote_code=False),
    )


def from_hub(source: str, load: Callable[[bool], _T]) -> _T:
    """What `load(local_files_only)` gives for a folder or hub id; what is cached needs no network.

    Raises:
        GenerationError: it can't be loaded, is not on the hub, or the hub can't be reached.
    """
    try:
        return load(True)
    except GenerationError:
        raise
    except Exception as error:
        if Path(source).is_dir():
            raise GenerationError(f"{source} can't be loaded: {first_line(error)}") from error
    return _fetched(source, load)


def _fetched(source: str, load: Callable[[bool], _T]) -> _T:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        # Asked first because the loaders try an unreachable hub for 23 s a file.
        HfApi().model_info(source, timeout=_PROBE_SECONDS)
        return load(False)
    except GenerationError:
        raise
    except OfflineModeIsEnabled as error:
        raise GenerationError(f"{source} is not in the hub's cache, and HF_HUB_OFFLINE is set") from error
    except RepositoryNotFoundError as error:
        raise GenerationError(
            f"the hub has no model {source}, or not for you: check the id, or log in with `hf auth login`"
        ) from error
    except Exception as error:
        raise GenerationError(f"{source} can't be had from the hub: {first_line(error)}") from error


def _is_not_about_torch(record: logging.LogRecord) -> bool:
    return "PyTorch was not found" not in str(record.msg)
