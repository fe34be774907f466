"""Fits what the assistant decides by: which sentence, which number, yes or no, which papers, and when not to.

Every part is a logistic regression over features that the assistant computes itself, on questions with known
answers (`eval/gold/fit`, about dev papers only). The gates come last, on answers that the assistant gave with
the other parts fitted and no gate shut. Whoever has questions of their own refits the gates alone: two
numbers, slope and offset of the log-odds (Platt 1999), and the threshold.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from assistant.answer import Answer
from assistant.answering import Pipeline
from assistant.embedding import open_embedder
from assistant.errors import AssistantError, GenerationError, IndexFormatError
from assistant.fit import RankedSentence
from assistant.fitted import FITTED, GATES, Fitted, Gate, Linear, fitted_to_plain, load_fitted
from assistant.generation import open_model
from assistant.index import Index
from assistant.labels import label_said, label_signals
from assistant.progress import Progress
from assistant.question import Question, understood
from assistant.records import Filters, to_plain
from assistant.selection import CANDIDATES, criterion, members
from assistant.settings import Settings
from assistant.storage import write_atomically
from eval import numbers
from eval.asking import adapted, is_injection
from eval.experiments import read_material
from eval.recording import RecordedModel
from eval.records import Corpus, FinalAnswer, GoldItem
from eval.runs import weights_sha256
from eval.scoring import score_question

UNANSWERABLE = 0.38  # their share among the gold questions; the questions for fitting have more of them
FOLDS = 5
MOST_OVER_ABSTENTION = 0.10  # of answerable questions
LOST_EARLY = 0.01  # of right answers, that the gate before the draft may cost

# Inverse strength of the penalty, by five-fold cross-validation over papers, among values from 0.03 to 3.
_PENALTY = {"sentence": 0.3, "quantity": 1.0, "label": 0.3, "member": 0.5, "gate": 0.1}

_PLATT_PENALTY = 10.0
_LEAST_SLOPE = 0.1  # so that few or odd questions do not turn the gate round
_LEAST_GATES, _LEAST_ALL = 10, 200
# The settings that change what is fitted.
_SETTINGS = ("fusion", "papers", "context_sentences", "context_tokens", "max_answer_tokens", "unsupported")
_LONG_PART = 25  # characters; a shorter part of a quote may stand anywhere

Features = Mapping[str, float]
Row = tuple[Features, bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question with no gate shut: the signals, and whether the answer was right."""

    cluster: str
    answerable: bool
    right: bool
    before: Features
    after: Features


Signals = Callable[[Outcome], Features]


@dataclass(frozen=True, slots=True)
class Choice:
    """A gate's threshold, and the Trusted-Answer Rate that it gives on the questions it was chosen by."""

    threshold: float
    trusted: float


def fit(
    pipeline: Pipeline,
    items: Sequence[GoldItem],
    corpus: Corpus,
    progress: Progress,
    held_out: Sequence[GoldItem] = (),
) -> Fitted:
    """All parts, fitted in the order in which they build on each other.

    The thresholds are chosen on the questions held out, if there are any: they come as users ask, while those
    for fitting have more near misses, and harder ones.
    """
    asked = [item for item in items if item.type != "about"]
    fitted = Fitted(sentence=_part(pipeline, "sentence", _sentence_rows(pipeline, asked)))
    first = _with(pipeline, fitted)
    drafts = {}
    for done, item in enumerate(asked, start=1):
        drafts[item.id] = _answer(first, item).draft
        progress(done, len(asked), "drafting")
    fitted = replace(
        fitted,
        quantity=_part(pipeline, "quantity", _quantity_rows(first, asked, drafts)),
        label=_part(pipeline, "label", _label_rows(first, asked, drafts)),
        member=_part(pipeline, "member", _member_rows(first, asked)),
    )
    fitted = with_gates(pipeline, fitted, asked, corpus, progress)
    held = [item for item in held_out if item.type != "about"]
    return with_thresholds(pipeline, fitted, held, corpus, progress) if held else fitted


def with_thresholds(
    pipeline: Pipeline, fitted: Fitted, items: Sequence[GoldItem], corpus: Corpus, progress: Progress
) -> Fitted:
    """The same gates, their thresholds chosen on other questions than they were fitted on."""
    quoting, drafting = _with_open_gates(pipeline, fitted, items, corpus, progress)

    def moved(known: Gate, found: Sequence[Outcome], signals: Signals) -> Gate:
        return Gate(
            known.model,
            choose(found, np.array([known.model.probability(signals(one)) for one in found])).threshold,
        )

    early = min(fitted.before.threshold, early_threshold(drafting, fitted.before.model))
    return replace(
        fitted,
        before=Gate(fitted.before.model, early),
        after=moved(fitted.after, drafting, _after),
        extracts=moved(fitted.extracts, quoting, _before),
    )


def with_gates(
    pipeline: Pipeline,
    fitted: Fitted,
    items: Sequence[GoldItem],
    corpus: Corpus,
    progress: Progress,
    *,
    calibrate: bool = False,
) -> Fitted:
    """The gates fitted on answers given with the other parts as they are; or only calibrated anew.

    Without a model, the gate after the draft stays as it is.

    Raises:
        AssistantError: no question gets as far as a gate.
    """
    quoting, drafting = _with_open_gates(pipeline, fitted, items, corpus, progress)

    def refitted(known: Gate, found: Sequence[Outcome], signals: Signals) -> Gate:
        return calibrated(known, found, signals) if calibrate else gate(found, signals)

    before = refitted(fitted.before, drafting, _before).model
    return replace(
        fitted,
        before=Gate(before, early_threshold(drafting, before)),
        after=refitted(fitted.after, drafting, _after) if pipeline.model else fitted.after,
        extracts=refitted(fitted.extracts, quoting, _before),
    )


def _with_open_gates(
    pipeline: Pipeline, fitted: Fitted, items: Sequence[GoldItem], corpus: Corpus, progress: Progress
) -> tuple[list[Outcome], list[Outcome]]:
    """What comes of the questions where nothing is abstained from: without a model, and with it."""
    open_gates = replace(fitted, before=Gate(), after=Gate(), extracts=Gate())
    quoting = outcomes(_with(replace(pipeline, model=None), open_gates), items, corpus, progress)
    if not quoting:
        raise AssistantError(
            "none of the questions is one that could be abstained from; add questions of fact"
        )
    if pipeline.model is None:
        return quoting, quoting
    drafted = outcomes(_with(pipeline, open_gates), items, corpus, progress)
    # The signals of an answer with a draft know what number was drafted; those before it can't.
    return quoting, [replace(one, before=bare.before) for one, bare in zip(drafted, quoting, strict=True)]


def outcomes(
    pipeline: Pipeline, items: Sequence[GoldItem], corpus: Corpus, progress: Progress
) -> list[Outcome]:
    """Each question answered and scored; those that no gate decides are left out."""
    found = []
    for done, item in enumerate(items, start=1):
        answer = _answer(pipeline, item)
        progress(done, len(items), "answering")
        if not answer.signals or answer.reason.code == "false_premise":
            continue
        scored = score_question(item, adapted(item.id, answer), corpus)
        found.append(
            Outcome(
                item.cluster,
                item.answerable,
                item.answerable and scored.trusted == 1,
                {name: value for name, value in answer.signals.items() if not name.startswith("draft_")},
                answer.signals,
            )
        )
    return found


def gate(found: Sequence[Outcome], signals: Signals) -> Gate:
    """The probability of being right, and the threshold that keeps the most trust, out of fold."""
    rows: list[Row] = [(signals(one), one.right) for one in found]
    weights = balanced(found)
    model = logistic(rows, _PENALTY["gate"], weights)
    return Gate(model, choose(found, out_of_fold(found, rows, weights)).threshold)


def calibrated(known: Gate, found: Sequence[Outcome], signals: Signals) -> Gate:
    """A gate whose log-odds are stretched and shifted to the questions, with a threshold of their own."""
    log_odds = np.array([known.model.score(signals(one)) for one in found])
    # From their middle, so that the shift is right for a slope that is held at the least, too.
    middle = float(log_odds.mean())
    rows: list[Row] = [({"log_odds": x - middle}, one.right) for x, one in zip(log_odds, found, strict=True)]
    platt = logistic(rows, _PLATT_PENALTY)
    model = known.model
    if platt.weights:  # some were right and some wrong
        slope = max(platt.weights["log_odds"], _LEAST_SLOPE)
        model = Linear(
            platt.intercept + slope * (known.model.intercept - middle),
            {name: slope * weight for name, weight in known.model.weights.items()},
        )
    return Gate(model, choose(found, np.array([model.probability(signals(one)) for one in found])).threshold)


def choose(found: Sequence[Outcome], probabilities: NDArray[np.floating]) -> Choice:
    """The threshold with the highest Trusted-Answer Rate, unanswerable questions at their share in the gold.

    Of several as good, the lowest; none that abstains from more than a tenth of the answerable questions.
    """
    weights = balanced(found)
    right = np.array([one.right for one in found])
    answerable = np.array([one.answerable for one in found])
    best = Choice(0.0, -1.0)
    # Rounded down, so that an answer passes a threshold that is its own probability.
    for threshold in np.unique(np.floor(probabilities * 1e3) / 1e3):
        answered = probabilities >= threshold
        if answerable.any() and np.mean(~answered[answerable]) > MOST_OVER_ABSTENTION:
            break
        trusted = np.average(np.where(answerable, answered & right, ~answered), weights=weights)
        if trusted > best.trusted:
            best = Choice(float(threshold), float(trusted))
    return best


def early_threshold(found: Sequence[Outcome], model: Linear) -> float:
    """The threshold below which hardly a right answer lies, so that no draft need be written."""
    right = [model.probability(one.before) for one in found if one.right]
    if not right:
        return 0.0
    # An answer's own probability, rounded down: between two of them, the lower one would be lost for nothing.
    return math.floor(float(np.quantile(right, LOST_EARLY, method="lower")) * 1e4) / 1e4


def out_of_fold(
    found: Sequence[Outcome], rows: Sequence[Row], weights: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Each question's probability by a model that has seen no question of its paper."""
    groups = [one.cluster for one in found]
    probabilities = np.zeros(len(found))
    folds = min(FOLDS, len(set(groups)))
    for train, held in GroupKFold(folds).split(rows, groups=groups):
        model = logistic([rows[i] for i in train], _PENALTY["gate"], weights[train])
        probabilities[held] = [model.probability(rows[i][0]) for i in held]
    return probabilities


def balanced(found: Sequence[Outcome]) -> NDArray[np.floating]:
    """Weights that give unanswerable questions the share they have in the gold."""
    unanswerable = np.array([not one.answerable for one in found])
    share = unanswerable.mean() if 0 < unanswerable.mean() < 1 else UNANSWERABLE
    return np.where(unanswerable, UNANSWERABLE / share, (1 - UNANSWERABLE) / (1 - share))


def logistic(rows: Sequence[Row], penalty: float, weights: NDArray[np.floating] | None = None) -> Linear:
    """A logistic regression over features scaled to unit spread, its coefficients scaled back."""
    names = sorted({name for features, _ in rows for name in features})
    labels = np.array([label for _, label in rows])
    if not names or len(set(labels)) < 2:
        return Linear()
    table = np.array([[features.get(name, 0.0) for name in names] for features, _ in rows])
    spread = table.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(C=penalty, max_iter=5000).fit(table / spread, labels, sample_weight=weights)
    return Linear(
        float(model.intercept_[0]), dict(zip(names, map(float, model.coef_[0] / spread), strict=True))
    )


def provenance(
    items: Sequence[GoldItem], settings: Mapping[str, Any], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Where the coefficients come from: the questions, the settings that count, and what they ran on."""
    return {
        "fitted": datetime.now(UTC).date().isoformat(),
        "questions": len(items),
        "questions_sha256": _digest(items),
        **about,
        "settings": dict(settings),
    }


def _digest(items: Sequence[GoldItem]) -> str:
    content = "\n".join(sorted(repr(to_plain(item)) for item in items))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def fit_to_file(
    gold: Path,
    index: Path,
    settings: Settings,
    *,
    everything: bool,
    held_out: Path | None = None,
    out: Path | None,
    drafts: Path,
    progress: Progress,
) -> tuple[Path, list[str]]:
    """Fit on the gold questions about an index, write what was fitted, and say what the gates do.

    It goes into the index folder unless `out` names a file; what the program came with is never changed.
    Questions of the split test are left out: what they are to measure must not have seen them.

    Raises:
        GoldError: a question is faulty.
        AssistantError: there are too few questions, or none of one sort, or no model to fit everything with.
    """
    material = read_material(gold, index)
    items = _for_fitting(material.items)
    others = _for_fitting(read_material(held_out, index).items) if held_out else []
    _check(items, everything=everything)
    embedder = open_embedder(settings)
    model = open_model(settings)
    if everything and model is None:
        raise AssistantError("fitting everything takes a model, whose drafts count; name one by --model")
    pipeline = Pipeline(
        Index.open(index, embedder),
        embedder,
        RecordedModel(model, drafts) if model else None,
        settings,
        None if everything else _known(index / FITTED),
    )
    if everything:
        fitted = fit(pipeline, items, material.corpus, progress, others)
    else:
        fitted = with_gates(pipeline, pipeline.fitted, items, material.corpus, progress, calibrate=True)
    manifest = pipeline.index.manifest
    about = {
        "parts": "all" if everything else "gates",
        "held_out_sha256": _digest(others) if everything and others else None,
        "model": pipeline.model_name,
        "model_sha256": weights_sha256(settings),
        "embedder": manifest.embedder,
        "embedder_fingerprint": manifest.embedder_fingerprint,
        "passage_tokens": manifest.passage_tokens,
        "passage_overlap": manifest.passage_overlap,
        "papers": manifest.papers,
    }
    counted = {name: getattr(settings, name) for name in _SETTINGS}
    fitted = replace(fitted, provenance=provenance(items, counted, about))
    path = out or index / FITTED
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(fitted_to_plain(fitted), indent=1) + "\n").encode())
    load_fitted.cache_clear()  # what was read of the old file no longer holds
    thresholds = {name: getattr(fitted, name).threshold for name in GATES}
    return path, [f"{name}: answers from a probability of {least:.3f}" for name, least in thresholds.items()]


def _for_fitting(items: Sequence[GoldItem]) -> list[GoldItem]:
    """Those not of the split test, and not about abstracts that were attacked, which no index has."""
    return [item for item in items if item.split != "test" and not is_injection(item)]


def _known(own: Path) -> Fitted:
    """What there is to begin with: the index's own coefficients if it has some that can be read."""
    with suppress(IndexFormatError):
        if own.exists():
            return load_fitted(own)
    return load_fitted()


def _check(items: Sequence[GoldItem], *, everything: bool) -> None:
    least = _LEAST_ALL if everything else _LEAST_GATES
    answered = sum(item.answerable for item in items)
    if len(items) < least or not 0 < answered < len(items):
        raise AssistantError(
            f"there are {len(items)} questions, {answered} of them with an answer; "
            f"fitting takes {least} or more, with and without answers"
        )
    papers = len({item.cluster for item in items})
    if everything and papers < FOLDS:
        raise AssistantError(
            f"the questions are about {papers} papers; fitting everything takes {FOLDS} or more"
        )


def _part(pipeline: Pipeline, name: str, rows: Sequence[Row]) -> Linear:
    """A part fitted on its rows; without right and wrong ones among them, it stays as it is."""
    if len({right for _, right in rows}) == 2:
        return logistic(rows, _PENALTY[name])
    known: Linear = getattr(pipeline.fitted, name)
    return known


def _before(one: Outcome) -> Features:
    return one.before


def _after(one: Outcome) -> Features:
    return one.after


def _with(pipeline: Pipeline, fitted: Fitted) -> Pipeline:
    return replace(pipeline, coefficients=fitted)


def _filters(item: GoldItem) -> Filters:
    return Filters(exclude_ids=item.exclude_ids)


def _answer(pipeline: Pipeline, item: GoldItem) -> Answer:
    """What the assistant answers; a model that fails ends the fit, or its silence would be learnt from."""
    *_, answer = pipeline.run(item.standalone or item.question, (), _filters(item))
    assert isinstance(answer, Answer)
    if answer.status == "error":
        raise GenerationError(f"question {item.id}: {answer.reason.sentence}")
    return answer


def _read(pipeline: Pipeline, item: GoldItem) -> tuple[Question, list[RankedSentence]]:
    question = understood(item.standalone or item.question)
    papers = pipeline.search(question.text, _filters(item))
    return question, pipeline.rank(question, papers)


def _about_one(items: Sequence[GoldItem]) -> list[GoldItem]:
    return [item for item in items if item.answerable and len(item.gold_papers) == 1]


def _sentence_rows(pipeline: Pipeline, items: Sequence[GoldItem]) -> list[Row]:
    bare = _with(pipeline, Fitted())
    rows: list[Row] = []
    for item in _about_one(items):
        if item.evidence and item.type != "list":
            _, ranked = _read(bare, item)
            rows += [(one.features, _is_evidence(item, one)) for one in ranked]
    return rows


def _is_evidence(item: GoldItem, one: RankedSentence) -> bool:
    text = one.sentence.text
    return any(
        evidence.paper_id == one.sentence.paper.id
        and (evidence.quote in text or text in evidence.quote or _shares_sentence(evidence.quote, text))
        for evidence in item.evidence
    )


def _shares_sentence(quote: str, text: str) -> bool:
    return any(part in text for part in re.split(r"(?<=[.!?])\s", quote) if len(part) > _LONG_PART)


def _quantity_rows(pipeline: Pipeline, items: Sequence[GoldItem], drafts: Mapping[str, str]) -> list[Row]:
    rows: list[Row] = []
    for item in _about_one(items):
        if item.answer_type != "number" or item.gold is None:
            continue
        question, ranked = _read(pipeline, item)
        for found in pipeline.quantities(question, ranked, drafts[item.id]):
            unit = "" if found.quantity.written else found.quantity.unit
            right = numbers.matches(FinalAnswer("number", f"{found.text} {unit}"), item.gold)
            there = found.sentence.sentence.paper.id in item.gold_papers[0]
            rows.append((found.features, there and right))
    return rows


def _label_rows(pipeline: Pipeline, items: Sequence[GoldItem], drafts: Mapping[str, str]) -> list[Row]:
    rows: list[Row] = []
    for item in _about_one(items):
        if item.answer_type != "boolean" or item.gold is None:
            continue
        question, ranked = _read(pipeline, item)
        signals = label_signals(question.bare, label_said(drafts[item.id]), ranked)
        rows.append((signals, item.gold.label == "yes"))
    return rows


def _member_rows(pipeline: Pipeline, items: Sequence[GoldItem]) -> list[Row]:
    rows: list[Row] = []
    weigh = pipeline.index.lexical.informativeness
    for item in items:
        if item.answer_type != "list":
            continue
        question = understood(item.standalone or item.question)
        found = pipeline.search(criterion(question.text), _filters(item), CANDIDATES)
        wanted = item.gold.ids if item.gold else ()
        judged = members(question, found, weigh, pipeline.similarity, Linear())
        rows += [(member.features, member.paper.id in wanted) for member in judged]
    return rows
