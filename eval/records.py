"""The records of the harness: a gold question, and what a system answered to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Split = Literal["dev", "test"]
AnswerType = Literal["number", "boolean", "short", "list", "free"]
Status = Literal["answered", "partial", "abstained", "error"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verbatim piece of an abstract that answers the question."""

    paper_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class Nugget:
    """What an answer must contain: every group of `all_of`, each by one of its alternatives."""

    id: str
    importance: Literal["vital", "okay"]
    paper_id: str | None
    all_of: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class GoldValue:
    """The gold answer of a typed question; which fields count depends on the answer type."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    aliases: tuple[str, ...] = ()
    equiv: tuple[str, ...] = ()
    abs_tol: float = 0.0
    rel_tol: float = 0.0
    allow_rounding: bool = False
    unit_optional: bool = False
    wrong_values: tuple[float, ...] = ()
    label: Literal["yes", "no", "maybe"] | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldItem:
    """One gold question.

    `gold_papers` is an AND of OR-groups: an answer needs one paper of each group. `cluster` is the unit
    that is resampled for intervals: the paper, or the paraphrase family. `standalone` is a follow-up
    rewritten by hand. `exclude_ids` are papers taken out of the index for this question.
    """

    id: str
    split: Split
    cluster: str
    type: str
    question: str
    answerable: bool
    answer_type: AnswerType
    turn: int = 1
    history: tuple[tuple[str, str], ...] = ()
    standalone: str | None = None
    gold: GoldValue | None = None
    gold_papers: tuple[tuple[str, ...], ...] = ()
    acceptable_papers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    nuggets: tuple[Nugget, ...] = ()
    forbidden: tuple[str, ...] = ()
    variant_of: str | None = None
    unanswerable_reason: str | None = None
    correction: Nugget | None = None
    canary: str | None = None
    exclude_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """The bare answer a system gave to a typed question."""

    kind: str
    text: str = ""
    value: float | None = None
    unit: str | None = None
    label: str | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of a system's answer: the papers it cites and the quotes it gives, by paper."""

    text: str
    cites: tuple[str, ...] = ()
    quotes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    """What a system answered to one gold question, as the scorer reads it from a run folder.

    `draft_final` and `draft_text` are the best answer before the abstain gate; `retrieved` are paper ids,
    best first; `context_text` is the text of the passages that the model was shown, by paper id; `ms` has
    at least `retrieve`, `generate` and `total`.
    """

    id: str
    status: Status
    text: str = ""
    final: FinalAnswer | None = None
    sentences: tuple[AnswerSentence, ...] = ()
    confidence: float = 0.0
    draft_text: str = ""
    draft_final: FinalAnswer | None = None
    retrieved: tuple[tuple[str, float], ...] = ()
    context_text: Mapping[str, str] = field(default_factory=dict)
    context_tokens: int = 0
    completion_tokens: int = 0
    reason: str = ""
    ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The papers that questions are asked about: title and abstract by id."""

    titles: Mapping[str, str]
    abstracts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class QuestionScore:
    """What one answer scored: each metric that applies to its question, and where it failed.

    A metric that does not apply to the question (citations of an unanswerable one) is absent, never NaN.
    `trusted` is the question's share of the Trusted-Answer Rate; `failure` is the first step of the
    waterfall that was missed, None where none was.
    """

    id: str
    cluster: str
    type: str
    answerable: bool
    trusted: float
    failure: str | None
    metrics: Mapping[str, float]
