"""Prompt templates: text files whose variables are checked when they are filled."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import Template

from assistant.errors import PromptError
from assistant.resources import prompts_folder


def templates(own: Path | None = None) -> dict[str, Path]:
    """Every template by its name: the program's, and those of a folder `own` in the place of namesakes.

    Raises:
        PromptError: `own` is no folder, or has a template that takes no namesake's place.
    """
    ours = {path.stem: path for path in sorted(prompts_folder().glob("*.txt"))}
    if own is None:
        return ours
    if not own.is_dir():
        raise PromptError(f"{own} is no folder of prompts; the setting `prompts` names one")
    theirs = {path.stem: path for path in sorted(own.glob("*.txt"))}
    if unknown := sorted(set(theirs) - set(ours)):
        raise PromptError(f"{theirs[unknown[0]]} is never used; a prompt is one of {', '.join(ours)}")
    if not theirs:
        raise PromptError(f"{own} has no prompts; a prompt is one of {', '.join(ours)}, ending in .txt")
    return ours | theirs


def fill(name: str, own: Path | None = None, /, **variables: str) -> str:
    """The template of that name with its `$variables` filled in, from `own` where that folder has it.

    Raises:
        PromptError: there is no such template, or its variables are not the ones given.
    """
    path = _path(name, own)
    template = _load(path)
    wanted = set(template.get_identifiers())
    if wanted != set(variables):
        raise PromptError(f"{path} has the variables {sorted(wanted)}, it was given {sorted(variables)}")
    return template.substitute(variables).strip()


@cache
def _path(name: str, own: Path | None) -> Path:
    known = templates(own)
    if name not in known:
        raise PromptError(f"there is no prompt {name!r}; there are {', '.join(known)}")
    return known[name]


@cache
def _load(path: Path) -> Template:
    try:
        template = Template(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path} can't be read: {error}") from error
    if not template.is_valid():
        raise PromptError(f"{path} has a $ that begins no variable; write it $$")
    return template
