"""Fits what the assistant decides by: which sentence, which number, yes or no, which papers, and when not to.

Every part is a logistic regression over features that the assistant computes itself, on questions with known
answers (`eval/gold/fit`, about dev papers only). The gates come last, on answers about papers that the other
parts have not seen, with no gate shut: so they learn how far to trust those on papers that are new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sklearn.model_selection import GroupKFold

from assistant.answering import Pipeline
from assistant.embedding import open_embedder
from assistant.errors import AssistantError, IndexFormatError
from assistant.fitted import FITTED, GATES, Fitted, Gate, fitted_to_plain, load_fitted
from assistant.generation import open_model
from assistant.index import Index
from assistant.progress import Progress
from assistant.records import to_plain
from assistant.settings import Settings
from assistant.storage import write_atomically
from eval.asking import adapted, is_injection
from eval.experiments import read_material
from eval.gates import (
    FOLDS,
    Outcome,
    Signals,
    about_calibrated,
    about_gate,
    calibrated,
    early_threshold,
    gate,
    tells_apart,
)
from eval.gold import is_about_one, leave_gold_out
from eval.headline import STANDALONE
from eval.parts import answers, drafted, parts, sentence_rows, with_coefficients
from eval.recording import RecordedModel
from eval.records import Corpus, GoldItem
from eval.runs import weights_sha256
from eval.scoring import score_question

_LEAST_GATES, _LEAST_ANEW = 10, 200
# The settings that change what is fitted.
_SETTINGS = (
    *("fusion", "papers", "context_sentences", "exact_sentences", "context_order", "context_tokens"),
    *("prompts", "max_answer_tokens", "unsupported"),
)

_LEFT_OUT = 6  # one question in so many is asked again without the paper that answers it

# Everything; the gates alone, calibrated; or the first of them alone, fitted anew, which takes no model.
What = Literal["all", "gates", "about"]
Pair = tuple[Outcome, Outcome]  # of one question: without a model, and with it


def fit(
    pipeline: Pipeline,
    items: Sequence[GoldItem],
    corpus: Corpus,
    progress: Progress,
    held_out: Sequence[GoldItem] = (),
) -> Fitted:
    """All parts, and the gates over them.

    The thresholds are chosen on the questions held out, too: they come as users ask, while those for fitting
    have more near misses, and harder ones.
    """
    # Half of the labels are right by chance, so all questions for one are asked without their paper, too.
    labelled = [item for item in items if item.type == "yes_no"]
    left_out = [*leave_gold_out(items, len(items) // _LEFT_OUT), *leave_gold_out(labelled, len(labelled))]
    known = _both_ways(list({item.id: item for item in (*items, *left_out)}.values()))
    others = _both_ways(held_out)
    sentences = sentence_rows(pipeline, known)
    drafts = drafted(pipeline, known, sentences, progress)
    found: list[Pair] = []
    held: list[Pair] = []
    told_apart: list[Outcome] = []
    held_apart: list[Outcome] = []
    for papers in _folds([*known, *others]):
        learnt = [item for item in known if item.cluster not in papers]
        unseen = parts(pipeline, learnt, sentences, drafts)
        for some, pairs in ((known, found), (others, held)):
            apart = [item for item in some if item.cluster in papers]
            pairs += _with_open_gates(pipeline, unseen, apart, corpus, progress)
        for asked, told in ((items, told_apart), (held_out, held_apart)):
            apart = [item for item in asked if item.cluster in papers]
            told += _there_and_gone(pipeline, unseen, apart, corpus, progress)
    _check_gated(found)

    def fitted_gate(place: int, signals: Signals) -> Gate:
        return gate([pair[place] for pair in found], signals, [pair[place] for pair in held])

    before = fitted_gate(1, _before).model
    return replace(
        parts(pipeline, known, sentences, drafts),
        about=about_gate(told_apart, held_apart),
        before=Gate(before, early_threshold([pair[1] for pair in (*found, *held)], before)),
        after=fitted_gate(1, _after),
        extracts=fitted_gate(0, _before),
    )


def recalibrated(pipeline: Pipeline, items: Sequence[GoldItem], corpus: Corpus, progress: Progress) -> Fitted:
    """The gates calibrated anew on answers given with everything else as it is.

    Without a model, the gate after the draft stays as it is.

    Raises:
        AssistantError: no question gets as far as a gate.
    """
    told_apart = _there_and_gone(pipeline, pipeline.fitted, items, corpus, progress)
    fitted = replace(pipeline.fitted, about=about_calibrated(pipeline.fitted.about, told_apart))
    pairs = _with_open_gates(pipeline, fitted, items, corpus, progress)
    _check_gated(pairs)
    quoting, drafting = ([pair[place] for pair in pairs] for place in (0, 1))
    before = calibrated(fitted.before, drafting, _before).model
    return replace(
        fitted,
        before=Gate(before, early_threshold(drafting, before)),
        after=calibrated(fitted.after, drafting, _after) if pipeline.model else fitted.after,
        extracts=calibrated(fitted.extracts, quoting, _before),
    )


def about_anew(pipeline: Pipeline, items: Sequence[GoldItem], corpus: Corpus, progress: Progress) -> Fitted:
    """The gate on what papers are about fitted anew, which takes no model; the rest as it is.

    Raises:
        AssistantError: the questions do not tell a paper that is there from one that is not.
    """
    told_apart = _there_and_gone(pipeline, pipeline.fitted, items, corpus, progress)
    if not tells_apart(told_apart):
        raise AssistantError(
            "hardly a question can be asked without its paper; add some that one paper answers and that do "
            "not name it, about several papers"
        )
    return replace(pipeline.fitted, about=about_gate(told_apart))


def _there_and_gone(
    pipeline: Pipeline, fitted: Fitted, items: Sequence[GoldItem], corpus: Corpus, progress: Progress
) -> list[Outcome]:
    """The questions that one paper answers, with that paper in the index and without it."""
    there = list(filter(is_about_one, items))
    asked = [*there, *leave_gold_out(there, len(there))]
    found = outcomes(replace(_open(pipeline, fitted), model=None), asked, corpus, progress)
    return [one for one in found if not one.before["side"]]  # a side's paper is known


def _open(pipeline: Pipeline, fitted: Fitted) -> Pipeline:
    """The pipeline with these coefficients and no gate shut."""
    opened = replace(fitted, about=Gate(), before=Gate(), after=Gate(), extracts=Gate())
    return with_coefficients(pipeline, opened)


def _both_ways(items: Sequence[GoldItem]) -> list[GoldItem]:
    """The questions that a gate may decide, follow-ups both as they stand and as rewritten by hand."""
    asked = [item for item in items if item.type != "about"]
    rewritten = [
        replace(item, id=item.id + STANDALONE, question=item.standalone, history=())
        for item in asked
        if item.history and item.standalone
    ]
    return [*asked, *rewritten]


def _folds(items: Sequence[GoldItem]) -> Iterator[set[str]]:
    """The papers in as many parts, about each as many questions."""
    papers = [item.cluster for item in items]
    for _, apart in GroupKFold(min(FOLDS, len(set(papers)))).split(papers, groups=papers):
        yield {papers[i] for i in apart}


def _with_open_gates(
    pipeline: Pipeline, fitted: Fitted, items: Sequence[GoldItem], corpus: Corpus, progress: Progress
) -> list[Pair]:
    """What comes of the questions where nothing is abstained from."""
    asked = _open(pipeline, fitted)
    quoting = outcomes(replace(asked, model=None), items, corpus, progress)
    if pipeline.model is None:
        return [(one, one) for one in quoting]
    drafting = outcomes(asked, items, corpus, progress)
    # The signals of an answer with a draft know what number was drafted; those before it can't.
    return [(bare, replace(one, before=bare.before)) for bare, one in zip(quoting, drafting, strict=True)]


def _check_gated(pairs: Sequence[Pair]) -> None:
    if not pairs:
        raise AssistantError(
            "none of the questions is one that could be abstained from; add questions of fact"
        )


def outcomes(
    pipeline: Pipeline, items: Sequence[GoldItem], corpus: Corpus, progress: Progress
) -> list[Outcome]:
    """Each question answered and scored; those that no gate decides are left out."""
    found = []
    for item, answer in answers(pipeline, items, progress, "answering"):
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
    what: What,
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
    everything = what == "all"
    _check(items, anew=what != "gates")
    embedder = open_embedder(settings)
    model = open_model(settings) if what != "about" else None
    if everything and model is None:
        raise AssistantError("fitting everything takes a model, whose drafts count; name one by --model")
    pipeline = Pipeline(
        Index.open(index, embedder, settings.store),
        embedder,
        RecordedModel(model, drafts) if model else None,
        settings,
        None if everything else _known(index / FITTED),
    )
    if what == "all":
        fitted = fit(pipeline, items, material.corpus, progress, others)
    elif what == "gates":
        fitted = recalibrated(pipeline, items, material.corpus, progress)
    else:
        fitted = about_anew(pipeline, items, material.corpus, progress)
    manifest = pipeline.index.manifest
    about = {
        "parts": what,
        "held_out_sha256": _digest(others) if everything and others else None,
        "model": pipeline.model_name,
        "model_sha256": weights_sha256(settings) if pipeline.model else None,
        "embedder": manifest.embedder,
        "embedder_fingerprint": manifest.embedder_fingerprint,
        "passage_tokens": manifest.passage_tokens,
        "passage_overlap": manifest.passage_overlap,
        "papers": manifest.papers,
    }
    counted = settings.model_dump(mode="json", include=set(_SETTINGS))
    made = provenance(items, counted, about)
    fitted = replace(fitted, provenance={**fitted.provenance, "about": made} if what == "about" else made)
    path = out or index / FITTED
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(fitted_to_plain(fitted), indent=1) + "\n").encode())
    load_fitted.cache_clear()  # what was read of the old file no longer holds
    thresholds = {name: getattr(fitted, name).threshold for name in GATES}
    return path, [f"{name}: opens at a probability of {least:.3f}" for name, least in thresholds.items()]


def _for_fitting(items: Sequence[GoldItem]) -> list[GoldItem]:
    """Those not of the split test, and not about abstracts that were attacked, which no index has."""
    return [item for item in items if item.split != "test" and not is_injection(item)]


def _known(own: Path) -> Fitted:
    """What there is to begin with: the index's own coefficients if it has some that can be read."""
    with suppress(IndexFormatError):
        if own.exists():
            return load_fitted(own)
    return load_fitted()


def _check(items: Sequence[GoldItem], *, anew: bool) -> None:
    least = _LEAST_ANEW if anew else _LEAST_GATES
    answered = sum(item.answerable for item in items)
    if len(items) < least or not 0 < answered < len(items):
        raise AssistantError(
            f"there are {len(items)} questions, {answered} of them with an answer; "
            f"fitting takes {least} or more, with and without answers"
        )
    papers = len({item.cluster for item in items})
    if anew and papers < FOLDS:
        raise AssistantError(f"the questions are about {papers} papers; fitting anew takes {FOLDS} or more")


def _before(one: Outcome) -> Mapping[str, float]:
    return one.before


def _after(one: Outcome) -> Mapping[str, float]:
    return one.after
