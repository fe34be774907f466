"""The settings that can be changed on the page: what each means, what can be chosen, and what is in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from assistant.errors import SettingsError
from assistant.models import CATALOGUE, Model, ModelStore
from assistant.models.disk import megabytes
from assistant.page.settings_file import Value
from assistant.settings import SECRETS, Settings, file_path, variables

OFFERED = ("model", "papers", "context_sentences", "strictness", "theme")
STRICTNESS = {"Lenient": "lenient", "Default": "default", "Strict": "strict"}
THEMES = {"As the machine has it": "system", "Light": "light", "Dark": "dark"}

_EXPLAINED = {
    "model": "Writes the answers. Another one is loaded at once, which takes seconds.",
    "papers": "How many papers are found for a question. More find more, and are slower to read.",
    "context_sentences": "The most sentences the model is shown. A small model errs more with many.",
    "strictness": "How sure an answer must be to be given. Strict asks for twice the odds of being right "
    "that were fitted, lenient for half of them.",
    "theme": "The colours of the page.",
}
_WITHOUT_MODEL = "No model: answers are quoted sentences"
_SIGNED_IN = re.compile(r"(?<=//)[^/@]*@")  # name and password in the address of a model server


def explained(key: str) -> str:
    """What a setting does, in a line; or also that the environment fixes it."""
    variable = variables().get(key)
    return f"{_EXPLAINED[key]} Fixed by {variable} in the environment." if variable else _EXPLAINED[key]


def models(settings: Settings) -> list[tuple[str, str]]:
    """The models that can be chosen, label and value: those installed, none, and the one in force."""
    store = ModelStore(settings.cache_dir)
    there = {model.name: model.description for model in _writing() if store.state(model.name).installed}
    there["none"] = _WITHOUT_MODEL
    there.setdefault(_model(settings), f"{_named(settings.model)}, as it is")
    return [(description, name) for name, description in there.items()]


def shown(settings: Settings) -> dict[str, Value]:
    """The values of the settings offered; a model known to its owner alone, with a path, is an empty one."""
    return {name: getattr(settings, name) for name in OFFERED} | {"model": _model(settings)}


def others_html(settings: Settings) -> str:
    """The models that are not installed, and how to get them."""
    store = ModelStore(settings.cache_dir)
    absent = [model for model in _writing() if not store.state(model.name).installed]
    listed = "".join(
        f"<li>{escape(model.description)} ({megabytes(model.bytes)})<br>"
        f"<code>assistant models pull {escape(model.name)}</code></li>"
        for model in absent
    )
    known = f"<p>Not on this machine; get one on the terminal:</p><ul>{listed}</ul>" if absent else ""
    return (
        f'<div class="models">{known}<p>A GGUF file, a model server or a hub model is named in '
        f"<code>{escape(str(file_path()))}</code>, as the README tells.</p></div>"
    )


def whose_html(settings: Settings) -> str:
    """Whom a change concerns, and where it is kept."""
    who = "who signs in" if settings.page_password else "who opens this page"
    return (
        f'<p class="placeholder">These are the settings of the server: a change is for everyone {who}, from '
        f"the next question on. They are kept in <code>{escape(str(file_path().resolve()))}</code>.</p>"
    )


def in_force_html(settings: Settings) -> str:
    """Every setting but the secret ones, with where it is from, and where the file says otherwise."""
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{escape(str(value))}</td><td>{escape(origin)}</td></tr>'
        for name, value, origin in _in_force(settings)
    )
    notes = "".join(f'<p class="fault">{escape(note)}</p>' for note in _not_in_force(settings))
    return f'{notes}<table class="in-force"><tbody>{rows}</tbody></table>'


def note_html(text: str) -> str:
    """What is going on, or has been done."""
    return f'<p class="stored" role="status">{escape(text)}</p>'


def _writing() -> list[Model]:
    return [model for model in CATALOGUE.values() if model.task == "generation"]


def _model(settings: Settings) -> str:
    return settings.model if settings.model in (*CATALOGUE, "none") else ""


def _named(model: str) -> str:
    return _SIGNED_IN.sub("", model)


def _in_force(settings: Settings) -> Iterator[tuple[str, str, str]]:
    fixed, default = variables(), Settings()
    for name in Settings.model_fields:
        if name in SECRETS:
            continue
        value = getattr(settings, name)
        origin = "default" if value == getattr(default, name) else file_path().name
        yield name, "–" if value is None else _named(str(value)), fixed.get(name, origin)


def _not_in_force(settings: Settings) -> Iterator[str]:
    """What was written into the file by hand since the server has read it."""
    try:
        kept = Settings.load()
    except SettingsError as error:
        yield str(error)
        return
    if differing := [name for name in OFFERED if getattr(kept, name) != getattr(settings, name)]:
        yield (
            f"{file_path()} has been changed by hand: {', '.join(differing)}. "
            "What it says there holds once the server is started again."
        )
