from __future__ import annotations

import inspect

import pytest

from assistant import errors
from assistant.errors import AssistantError, MissingExtraError, first_line


def test_the_docstring_shows_every_error() -> None:
    assert errors.__doc__
    named = {word for word in errors.__doc__.split() if inspect.isclass(getattr(errors, word, None))}
    defined = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, AssistantError)
    }
    assert named == defined


def test_a_missing_extra_is_installed_from_the_checkout() -> None:
    assert str(MissingExtraError("the model a/b", "torch")) == (
        "the model a/b needs the extra 'torch': pip install '.[torch]' in the checkout"
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("one\ntwo", "one"),
        ("", "ValueError"),
        ("\n\n late", "late"),
        ("x" * 301, "x" * 300),
        (
            "Exception from src/core/a.cpp:1:\nCheck 'n > 0' failed at src/core/b.hpp:20:\nno layer\n",
            "no layer",
        ),
        ("Exception from src/core/a.cpp:1:\n", "ValueError"),
        ("/home/x/src/m.bin is damaged\nsee its log", "/home/x/src/m.bin is damaged"),
    ],
)
def test_the_first_line_that_tells_something_is_taken(message: str, expected: str) -> None:
    assert first_line(ValueError(message)) == expected
