"""Coefficients fitted on questions with known answers, kept as JSON with where they came from.

`assistant/fitted.json` belongs to the default models and was made by `python -m eval fit`; another model may
have a `fitted-MODEL.json` beside it. An index folder may hold one of its own, fitted on its owner's
questions, which then takes their place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from assistant.errors import IndexFormatError
from assistant.models import CATALOGUE
from assistant.settings import Strictness

FITTED = "fitted.json"
PACKAGED = Path(__file__).parent / FITTED

_LINEAR = ("sentence", "quantity", "label", "member")
GATES = ("about", "before", "after", "extracts")
_OPEN = {"intercept": 0.0, "weights": {}, "threshold": 0.0}
# How many times the odds of the threshold are asked for.
_ODDS: Mapping[Strictness, float] = {"lenient": 0.5, "default": 1.0, "strict": 2.0}


@dataclass(frozen=True, slots=True)
class Linear:
    """A logistic regression: what each feature is worth in log-odds, 0 where it does not know the feature."""

    intercept: float = 0.0
    weights: Mapping[str, float] = field(default_factory=dict)

    def score(self, features: Mapping[str, float]) -> float:
        """The log-odds."""
        return self.intercept + sum(self.weights.get(name, 0.0) * value for name, value in features.items())

    def probability(self, features: Mapping[str, float]) -> float:
        """The probability, in [0, 1]."""
        return probability(self.score(features))


def probability(log_odds: float) -> float:
    """The logistic function, in [0, 1]."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))


@dataclass(frozen=True, slots=True)
class Gate:
    """When to go on: the probability that it is right to, and the least that will do."""

    model: Linear = field(default_factory=Linear)
    threshold: float = 0.0

    def least(self, strictness: Strictness = "default", share: float = 1.0) -> float:
        """The least probability at which an answer is given, as strict as that, or for a share of its odds.

        >>> [round(Gate(threshold=0.2).least(how), 3) for how in ("lenient", "default", "strict")]
        [0.111, 0.2, 0.333]
        """
        odds = share * _ODDS[strictness]
        return odds * self.threshold / (1 + (odds - 1) * self.threshold)


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that was fitted.

    `sentence`: that a sentence is the evidence; `quantity`: that a quantity is the answer; `label`: that the
    answer is yes; `member`: that a paper belongs to a list; the gates: that one of the papers found is what
    the question is about, and that the answer is right, before a draft is written, after it, and where there
    is no model. `provenance` tells what with: questions, model, weights, embedder, passages.
    """

    sentence: Linear = field(default_factory=Linear)
    quantity: Linear = field(default_factory=Linear)
    label: Linear = field(default_factory=Linear)
    member: Linear = field(default_factory=Linear)
    about: Gate = field(default_factory=Gate)
    before: Gate = field(default_factory=Gate)
    after: Gate = field(default_factory=Gate)
    extracts: Gate = field(default_factory=Gate)
    provenance: Mapping[str, Any] = field(default_factory=dict)


def coefficients_of(index: Path, model: str, packaged: Path = PACKAGED) -> Path:
    """The file of what questions are decided by: the index's own, or the program's, for the model if any."""
    candidates = [index / FITTED]
    if model in CATALOGUE:
        candidates.append(packaged.with_name(f"{packaged.stem}-{model}{packaged.suffix}"))
    return next(filter(Path.exists, candidates), packaged)


@cache
def load_fitted(path: Path = PACKAGED) -> Fitted:
    """What was fitted, from its JSON file.

    Raises:
        IndexFormatError: the file is damaged.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        plain = {"about": _OPEN, **plain}  # a file of before there was that gate
        parts: dict[str, Any] = {name: _linear(plain[name]) for name in _LINEAR}
        for name in GATES:
            parts[name] = Gate(_linear(plain[name]), _finite(plain[name]["threshold"]))
        return Fitted(**parts, provenance=dict(plain["provenance"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise IndexFormatError(
            f"{path} is damaged ({type(error).__name__}: {error}); "
            "make it anew with `python -m eval fit`, or remove it"
        ) from error


def fitted_to_plain(fitted: Fitted) -> dict[str, Any]:
    """What was fitted as JSON, coefficients rounded to what matters."""
    plain: dict[str, Any] = {"provenance": dict(fitted.provenance)}
    for name in _LINEAR:
        plain[name] = _plain(getattr(fitted, name))
    for name in GATES:
        gate: Gate = getattr(fitted, name)
        plain[name] = {**_plain(gate.model), "threshold": round(gate.threshold, 4)}
    return plain


def _linear(plain: Mapping[str, Any]) -> Linear:
    weights = {name: _finite(value) for name, value in plain["weights"].items()}
    return Linear(_finite(plain["intercept"]), weights)


def _finite(value: float) -> float:
    """The number, unless it is NaN or infinite, which Python reads from JSON and no threshold stops."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no coefficient")
    return float(value)


def _plain(linear: Linear) -> dict[str, Any]:
    weights = {name: round(value, 4) for name, value in linear.weights.items() if round(value, 4)}
    return {"intercept": round(linear.intercept, 4), "weights": weights}
