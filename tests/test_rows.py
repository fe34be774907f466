from __future__ import annotations

from typing import Any

import pytest

from assistant.errors import BatchError
from assistant.records import Filters, Turn
from assistant.rows import Request, read_request

READ: dict[str, tuple[dict[str, Any], Request]] = {
    "question alone": ({"question": "Why?"}, Request("Why?")),
    "null": ({"question": None, "history": None, "filters": None}, Request("")),
    "number": ({"question": 42}, Request("42")),
    "blank texts": ({"question": "Why?", "history": " ", "filters": ""}, Request("Why?")),
    "JSON texts": (
        {"question": "Why?", "history": '[["a", "b"]]', "filters": '{"years": [2020, null]}'},
        Request("Why?", (Turn("a", "b"),), Filters(years=(2020, None))),
    ),
    "values of JSON lines": (
        {"question": "Why?", "history": [["a", "b"]], "filters": {"venues": ["ACL"], "years": None}},
        Request("Why?", (Turn("a", "b"),), Filters(venues=("ACL",))),
    ),
    "records": (
        {"question": "Why?", "history": [Turn("a", "b"), ("c", "d")], "filters": Filters(authors=("Ada",))},
        Request("Why?", (Turn("a", "b"), Turn("c", "d")), Filters(authors=("Ada",))),
    ),
}


@pytest.mark.parametrize(("values", "request_read"), READ.values(), ids=READ)
def test_requests_are_read_from_texts_and_from_values(values: dict[str, Any], request_read: Request) -> None:
    assert read_request(values) == request_read


def test_the_column_of_questions_may_have_another_name() -> None:
    assert read_request({"q": "Why?"}, "q").question == "Why?"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"history": [["a"]]}, r"history is not a JSON list of \[question, answer\] pairs: \[\[\"a\"\]\]"),
        ({"filters": {"year": []}}, "filters has the unknown key 'year'; known are authors, "),
        ({"filters": ["ACL"]}, r"filters is not a JSON object of lists: \[\"ACL\"\]"),
        ({"filters": {"years": [True, 2020]}}, r"filters.years is not \[first, last\]"),
    ],
)
def test_values_that_fit_nothing_are_shown(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BatchError, match=message):
        read_request({"question": "Why?", **values})
