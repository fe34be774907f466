"""Records read from plain JSON values, strictly: an unknown field or a wrong type is a fault."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class DecodeError(ValueError):
    """A value does not fit the record it is read into; the message names the field."""


def decode(hint: Any, value: Any, at: str = "") -> Any:
    """`value`, as JSON gives it, as an instance of the type `hint`.

    >>> decode(tuple[str, ...], ["p001"])
    ('p001',)
    """
    if is_dataclass(hint):
        return _record(hint, value, at)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in arguments:
            raise DecodeError(f"{at} is {value!r}, not one of {', '.join(map(repr, arguments))}")
        return value
    if origin in (Union, types.UnionType):
        some = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else decode(some, value, at)
    if origin is tuple:
        return _tuple(arguments, value, at)
    if origin is Mapping:
        _expect(dict, "an object", value, at)
        return {key: decode(arguments[1], item, f"{at}.{key}") for key, item in value.items()}
    return _scalar(hint, value, at)


def _record(record: Any, value: Any, at: str) -> Any:
    _expect(dict, "an object", value, at)
    hints = get_type_hints(record)
    if unknown := sorted(set(value) - set(hints)):
        raise DecodeError(f"{_place(at, unknown[0])} is no known field; known are {', '.join(hints)}")
    for spec in fields(record):
        if spec.name not in value and spec.default is MISSING and spec.default_factory is MISSING:
            raise DecodeError(f"{_place(at, spec.name)} is missing")
    return record(**{name: decode(hints[name], item, _place(at, name)) for name, item in value.items()})


def _tuple(arguments: tuple[Any, ...], value: Any, at: str) -> tuple[Any, ...]:
    _expect(list, "a list", value, at)
    if arguments[-1] is Ellipsis:
        return tuple(decode(arguments[0], item, f"{at}[{n}]") for n, item in enumerate(value))
    if len(value) != len(arguments):
        raise DecodeError(f"{at} has {len(value)} entries, not {len(arguments)}")
    return tuple(
        decode(hint, item, f"{at}[{n}]") for n, (hint, item) in enumerate(zip(arguments, value, strict=True))
    )


def _scalar(hint: type, value: Any, at: str) -> Any:
    names = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise DecodeError(f"{at} is {value!r}, not {names[hint]}")
    return value


def _expect(kind: type, name: str, value: Any, at: str) -> None:
    if not isinstance(value, kind):
        raise DecodeError(f"{at or 'the line'} is {value!r}, not {name}")


def _place(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
