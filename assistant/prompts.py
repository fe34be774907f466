"""Prompt templates: text files whose variables are checked when they are filled."""

from __future__ import annotations

from functools import cache
from string import Template

from assistant.errors import PromptError
from assistant.resources import prompts_folder


def fill(name: str, /, **variables: str) -> str:
    """The template prompts/<name>.txt with its `$variables` filled in.

    Raises:
        PromptError: there is no such template, or its variables are not the ones given.
    """
    template = _load(name)
    wanted = set(template.get_identifiers())
    if wanted != set(variables):
        raise PromptError(
            f"prompts/{name}.txt has the variables {sorted(wanted)}, it was given {sorted(variables)}"
        )
    return template.substitute(variables).strip()


@cache
def _load(name: str) -> Template:
    path = prompts_folder() / f"{name}.txt"
    try:
        template = Template(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(file.stem for file in prompts_folder().glob("*.txt"))
        raise PromptError(f"there is no prompt {name!r}; there are {', '.join(known)}") from None
    if not template.is_valid():
        raise PromptError(f"{path} has a $ that begins no variable; write it $$")
    return template
