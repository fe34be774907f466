"""The records that flow through the pipeline: frozen, typed, and free of behaviour beyond rendering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["answered", "partial", "abstained", "error"]
Verdict = Literal["supported", "partial", "unsupported"]
FinalKind = Literal["boolean", "number", "list", "text"]


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper of the collection; `abstract` is the canonical string that all offsets refer to."""

    id: str
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    venue: str | None = None
    doi: str | None = None
    arxiv_id: str | None = None
    url: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record of a paper stands, and the digest of its raw text that a later ingest knows it by."""

    source: str
    line: int
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of a paper before it is decoded.

    `paper` decodes it; it raises CorpusError, one whole line, where there is no paper in it.
    """

    origin: Origin
    paper: Callable[[], Paper]


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one abstract: `paper.abstract[start:end] == text`."""

    id: str
    paper_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which papers may be retrieved; an empty field does not restrict.

    `years` is an inclusive range, either end of which may be None; `authors` are beginnings of words of an
    author's name. A paper without a year, venue or author does not pass a filter on it.
    """

    years: tuple[int | None, int | None] | None = None
    venues: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    include_ids: tuple[str, ...] = ()
    exclude_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("venues", "authors", "include_ids", "exclude_ids"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} is a tuple of texts, not the text {value!r}; write ({value!r},)")
        years: Any = self.years
        if years is not None and not (isinstance(years, tuple | list) and len(years) == 2):
            raise TypeError(f"years is a pair (first, last), either may be None, and not {years!r}")


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A retrieved passage with its fused score and the two scores it was fused from."""

    passage: Passage
    score: float
    dense: float
    lexical: float


@dataclass(frozen=True, slots=True)
class ScoredPaper:
    """A retrieved paper: its retrieved passages, best first, and the best one's score."""

    paper: Paper
    score: float
    passages: tuple[ScoredPassage, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one paper contributed to an answer.

    `retrieved` papers were found, `context` papers were shown to the model, `used` papers are cited.
    """

    paper: Paper
    score: float
    passages: tuple[ScoredPassage, ...]
    role: Literal["retrieved", "context", "used"]


@dataclass(frozen=True, slots=True)
class Citation:
    """Mark `[n]` of an answer: a paper and the span `paper.abstract[start:end] == quote`."""

    n: int
    paper_id: str
    passage_id: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, without marks, with what it cites and whether that supports it.

    `citations` are the numbers `n` of the answer's citations and `quotes` what those quote; `support` is
    the share of the sentence's content words found there.
    """

    text: str
    citations: tuple[int, ...]
    quotes: tuple[str, ...]
    verdict: Verdict
    support: float


@dataclass(frozen=True, slots=True)
class Marks:
    """What became of the `[n]` marks of the model's draft.

    `kept`: its paper supports the sentence; `dropped`: it does not; `unknown`: no such paper was shown;
    `added`: made by the system, for sentences that had no mark that holds.
    """

    kept: int = 0
    dropped: int = 0
    unknown: int = 0
    added: int = 0


@dataclass(frozen=True, slots=True)
class Final:
    """The bare answer to a typed question; the fields that do not belong to `kind` are None or empty."""

    kind: FinalKind
    text: str
    value: float | None = None
    unit: str | None = None
    label: Literal["yes", "no"] | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer has its status: a stable code for programs, a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds spent in each stage of one question."""

    retrieve_ms: float = 0.0
    first_token_ms: float = 0.0
    generate_ms: float = 0.0
    verify_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a language model spent on one completion; `truncated` when the token limit ended it.

    `log_probability` is the natural logarithm of the completion's probability, where the engine tells it.
    """

    prompt_tokens: int
    completion_tokens: int
    truncated: bool
    log_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier question of a conversation and the answer it got."""

    question: str
    answer: str


def to_plain(value: Any) -> Any:
    """A record as plain dictionaries, lists and scalars, ready for JSON."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: to_plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value
