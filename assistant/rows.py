"""A row of a table read as a question with its history and filters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from assistant.errors import BatchError
from assistant.records import Filters, Turn

_KNOWN = tuple(field.name for field in fields(Filters))
_ALL = Filters()


@dataclass(frozen=True, slots=True)
class Request:
    """A question as it is put to the assistant."""

    question: str
    history: tuple[Turn, ...] = ()
    filters: Filters = field(default_factory=Filters)


def read_request(values: Mapping[str, Any], question_column: str = "question") -> Request:
    """The request in a row's values: texts as a CSV has them, or lists and objects as JSON has them.

    Raises:
        BatchError: there is no question, or the history or the filters can't be made out.
    """
    if question_column not in values:
        raise BatchError(f"the row has no key {question_column!r}; its keys are {_shown(list(values))}")
    question = values.get(question_column)
    return Request(
        "" if question is None else str(question),
        _history(values.get("history")),
        _filters(values.get("filters")),
    )


def _history(value: Any) -> tuple[Turn, ...]:
    pairs = _json(value, "history", [])
    if not isinstance(pairs, list | tuple) or not all(_is_pair(pair) for pair in pairs):
        raise BatchError(f"history is not a JSON list of [question, answer] pairs: {_shown(value)}")
    return tuple(pair if isinstance(pair, Turn) else Turn(str(pair[0]), str(pair[1])) for pair in pairs)


def _is_pair(value: Any) -> bool:
    return isinstance(value, Turn) or (isinstance(value, list | tuple) and len(value) == 2)


def _filters(value: Any) -> Filters:
    if isinstance(value, Filters):
        return value
    plain = _json(value, "filters", {})
    if plain == {}:
        return _ALL
    if isinstance(plain, dict):  # a column of objects has all keys in every row
        plain = {key: item for key, item in plain.items() if item is not None}
    if not isinstance(plain, dict) or not all(isinstance(item, list | tuple) for item in plain.values()):
        raise BatchError(f"filters is not a JSON object of lists: {_shown(value)}")
    if unknown := sorted(set(plain) - set(_KNOWN)):
        raise BatchError(f"filters has the unknown key {unknown[0]!r}; known are {', '.join(sorted(_KNOWN))}")
    if "years" in plain and (len(plain["years"]) != 2 or not all(_is_year(year) for year in plain["years"])):
        raise BatchError(f"filters.years is not [first, last]: {_shown(value)}")
    if not all(isinstance(item, str) for key in set(plain) - {"years"} for item in plain[key]):
        raise BatchError(f"filters other than years are lists of texts: {_shown(value)}")
    return Filters(**{key: tuple(item) for key, item in plain.items()})


def _is_year(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _json(value: Any, column: str, blank: Any) -> Any:
    if value is None:
        return blank
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else blank
    except (ValueError, RecursionError) as error:
        raise BatchError(f"{column} is not JSON: {_shown(value)}") from error


def _shown(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, default=str))[:80]
