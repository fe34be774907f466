from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import IndexFormatError
from assistant.fitted import (
    GATES,
    Fitted,
    Gate,
    Linear,
    coefficients_of,
    fitted_to_plain,
    load_fitted,
    probability,
)

PARTS = ("sentence", "quantity", "label", "member")


def plain(**changed: Any) -> dict[str, Any]:
    """The JSON of coefficients that are all 0, but for what is given."""
    parts: dict[str, Any] = {name: {"intercept": 0, "weights": {}} for name in PARTS}
    parts |= {name: {"intercept": 0, "weights": {}, "threshold": 0} for name in GATES}
    return {"provenance": {}} | parts | changed


def written(folder: Path, content: str) -> Path:
    path = folder / "fitted.json"
    path.write_text(content, encoding="utf-8")
    return path


SCORES: dict[str, tuple[Linear, dict[str, float], float]] = {
    "intercept and weights": (Linear(0.5, {"a": 2.0, "b": -1.0}), {"a": 1.5, "b": 0.25}, 3.25),
    "feature it does not know": (Linear(0.5, {"a": 2.0}), {"a": 1.0, "c": 9.0}, 2.5),
    "feature that is missing": (Linear(0.5, {"a": 2.0, "b": -1.0}), {"b": 1.0}, -0.5),
    "nothing fitted": (Linear(), {"a": 1.0}, 0.0),
}


@pytest.mark.parametrize(("linear", "features", "expected"), SCORES.values(), ids=SCORES)
def test_score_is_the_log_odds(linear: Linear, features: dict[str, float], expected: float) -> None:
    assert linear.score(features) == expected


def test_probability_of_features_is_that_of_their_score() -> None:
    assert Linear(-math.log(3), {"a": 1.0}).probability({"a": 0.0}) == pytest.approx(0.25)  # odds of 1 to 3


PROBABILITIES = {
    "even": (0.0, 0.5),
    "three to one": (math.log(3), 0.75),
    "one to three": (-math.log(3), 0.25),
    "sure": (1e6, 1.0),
    "sure that not": (-1e6, 0.0),
}


@pytest.mark.parametrize(("log_odds", "expected"), PROBABILITIES.values(), ids=PROBABILITIES)
def test_probability(log_odds: float, expected: float) -> None:
    assert probability(log_odds) == pytest.approx(expected, abs=1e-12)


def test_packaged_coefficients_have_every_part() -> None:
    fitted = load_fitted()
    assert [name for name in PARTS if not getattr(fitted, name).weights] == []
    assert [name for name in GATES if not getattr(fitted, name).model.weights] == []
    assert all(0 <= getattr(fitted, name).threshold <= 1 for name in GATES)


def test_a_file_of_before_there_was_a_gate_on_what_papers_are_about_has_it_open(tmp_path: Path) -> None:
    older = plain(before={"intercept": 1, "weights": {}, "threshold": 0.5})
    del older["about"]
    fitted = load_fitted(written(tmp_path, json.dumps(older)))
    assert (fitted.about, fitted.before) == (Gate(), Gate(Linear(1.0), 0.5))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    fitted = Fitted(
        about=Gate(Linear(0.5, {"dense": 2.0}), 0.25),
        sentence=Linear(-1.25, {"share": 2.5}),
        quantity=Linear(0.0625, {"unit": 1.5, "near": -0.5}),
        label=Linear(1.0),
        member=Linear(weights={"dense": 3.0}),
        before=Gate(Linear(0.5, {"fit": 1.0}), 0.25),
        after=Gate(Linear(-0.5, {"fit": 2.0}), 0.5),
        extracts=Gate(Linear(0.0, {"fit": 3.0}), 0.75),
        provenance={"questions": 12, "settings": {"papers": 5}},
    )
    assert load_fitted(written(tmp_path, json.dumps(fitted_to_plain(fitted)))) == fitted


def test_coefficients_are_written_rounded_and_without_those_that_are_0_then() -> None:
    linear = Linear(0.123456, {"a": 1.00004, "b": 0.00004, "c": -0.00006})
    found = fitted_to_plain(Fitted(sentence=linear, after=Gate(linear, 0.33333)))
    rounded = {"intercept": 0.1235, "weights": {"a": 1.0, "c": -0.0001}}
    assert found["sentence"] == rounded
    assert found["after"] == {**rounded, "threshold": 0.3333}


def test_file_is_read_once(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(plain()))
    assert load_fitted(path) is load_fitted(path)


DAMAGED = {
    "empty": "",
    "cut short": json.dumps(plain())[:-9],
    "list": "[]",
    "nothing": "null",
    "part missing": json.dumps({name: part for name, part in plain().items() if name != "quantity"}),
    "gate missing": json.dumps({name: part for name, part in plain().items() if name != "before"}),
    "provenance missing": json.dumps({name: part for name, part in plain().items() if name != "provenance"}),
    "provenance no table": json.dumps(plain(provenance="me")),
    "part no table": json.dumps(plain(label=3)),
    "weights no table": json.dumps(plain(label={"intercept": 0, "weights": [1]})),
    "weight no number": json.dumps(plain(label={"intercept": 0, "weights": {"a": "much"}})),
    "intercept no number": json.dumps(plain(label={"intercept": None, "weights": {}})),
    "weight not a number": json.dumps(plain(label={"intercept": 0, "weights": {"a": math.nan}})),
    "intercept infinite": json.dumps(plain(label={"intercept": -math.inf, "weights": {}})),
    "threshold not a number": json.dumps(plain(after={"intercept": 0, "weights": {}, "threshold": math.nan})),
    "threshold missing": json.dumps(plain(after={"intercept": 0, "weights": {}})),
    "weight too large": json.dumps(plain(label={"intercept": 10**400, "weights": {}})),
    "nested without end": "[" * 100_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_file_is_named_with_what_to_do(content: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(
        IndexFormatError, match=r"is damaged .*make it anew with `python -m eval fit`"
    ) as caught:
        load_fitted(path)
    assert str(caught.value).startswith(str(path))


def test_file_of_other_bytes_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "fitted.json").write_bytes(b"\xff\xfe")
    with pytest.raises(IndexFormatError, match="UnicodeDecodeError"):
        load_fitted(tmp_path / "fitted.json")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="FileNotFoundError"):
        load_fitted(tmp_path / "fitted.json")


def test_coefficients_are_the_index_s_own_or_the_programs_for_the_model(tmp_path: Path) -> None:
    index, packaged = tmp_path / "index", tmp_path / "fitted.json"
    index.mkdir()
    packaged.touch()
    model = "qwen2.5-coder-1.5b"
    assert coefficients_of(index, model, packaged) == packaged
    of_model = tmp_path / f"fitted-{model}.json"
    of_model.touch()
    assert coefficients_of(index, model, packaged) == of_model
    assert coefficients_of(index, "qwen2.5-coder-0.5b", packaged) == packaged
    assert coefficients_of(index, f"../{tmp_path.name}/fitted", packaged) == packaged  # no model of ours
    (index / "fitted.json").touch()
    assert coefficients_of(index, model, packaged) == index / "fitted.json"


@pytest.mark.parametrize("threshold", [0.0, 0.0845, 0.176, 0.5, 1.0])
def test_strictness_keeps_a_gate_that_is_always_or_never_open_and_the_default_as_fitted(
    threshold: float,
) -> None:
    gate = Gate(threshold=threshold)
    assert gate.least() == threshold
    if threshold in (0.0, 1.0):
        assert gate.least("lenient") == gate.least("strict") == threshold
    else:
        assert gate.least("lenient") < threshold < gate.least("strict")
