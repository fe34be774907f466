"""The tables of a run: every metric, abstention, other conditions, confidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eval.confidence import TARGET_RISK
from eval.document import (
    Beside,
    Block,
    Heading,
    Paragraph,
    Table,
    number,
    optional,
    type_name,
    with_interval,
)
from eval.headline import Estimate
from eval.summary import Summary

ESTIMATE = ("n", "mean", "95 % CI")

# The metrics of each table in the order of the pipeline; what the scorer adds besides comes last.
_GROUPS = {
    "Retrieval": "R@1 R@3 R@5 R@10 RR@10 nDCG@10 Success@5 AllGold@5 evidence_in_context context_tokens",
    "Answers": (
        "correct EM F1 list_P list_R list_F1 V V_strict A A_strict grounded_nuggets distractor_hit "
        "length_factor copy_ratio words words_per_sentence"
    ),
    "Citations and quotes": (
        "citation_P citation_R citation_f1 sentence_citation_P sentence_citation_R citation_validity "
        "citation_groundedness quote_validity quote_coverage quote_relevance"
    ),
    "Lexical support": "supported hallucinated polarity_flagged",
}
_LABELS = {
    "evidence_in_context": "evidence in the context",
    "list_P": "list precision",
    "list_R": "list recall",
    "V": "nuggets V (vital)",
    "V_strict": "nuggets V strict",
    "A": "nuggets A (all)",
    "A_strict": "nuggets A strict",
    "distractor_hit": "distractor hit ↓",
    "copy_ratio": "copied in 8-grams",
    "citation_P": "paper precision",
    "citation_R": "paper recall",
    "citation_f1": "paper F1",
    "sentence_citation_P": "sentence precision",
    "sentence_citation_R": "sentence recall",
    "supported": "sentences supported",
    "hallucinated": "sentences hallucinated ↓",
    "polarity_flagged": "polarity flagged ↓",
}
_ELSEWHERE = {"abstained", "abstention_credit", "confidence", "draft_correct", "attack_success"}


def metrics(summary: Summary) -> Iterator[Block]:
    """Yield a table for each group of metrics."""
    yield Heading("Metrics")
    grouped = {name for names in _GROUPS.values() for name in names.split()} | _ELSEWHERE
    groups = {**_GROUPS, "Others": " ".join(name for name in summary.metrics if name not in grouped)}
    found = [
        _estimates(
            f"{caption}.",
            {_LABELS.get(name, name.replace("_", " ")): summary.metrics[name] for name in measured},
        )
        for caption, names in groups.items()
        if (measured := [name for name in names.split() if name in summary.metrics])
    ]
    yield Beside((*found, *_labels(summary)))
    yield Paragraph(
        "Lexical support finds sentences that their source does not carry by number, name, word or polarity. "
        "It is no entailment: a wrong claim in the source's own words passes."
    )


def _labels(summary: Summary) -> Iterator[Table]:
    found = summary.labels
    if found.n:
        figures = {
            "accuracy": number(found.accuracy),
            "macro-F1": number(found.macro_f1),
            "accuracy of the commoner label": number(found.majority),
        }
        yield Table("Yes/no questions as a classification.", ("", f"N = {found.n}"), tuple(figures.items()))


def _estimates(caption: str, estimates: Mapping[str, Estimate], note: str = "") -> Table:
    rows = tuple((name, *with_interval(estimate)) for name, estimate in estimates.items())
    return Table(caption, ("", *ESTIMATE), rows, note=note)


def abstention(summary: Summary) -> Iterator[Block]:
    """Yield how well the system abstains."""
    found = summary.abstention
    yield Heading("Abstention")
    yield _estimates(
        "Abstention.",
        {
            "precision": found.precision,
            "recall": found.recall,
            "F1": found.f1,
            "over-abstention": found.over_abstention,
            "answered wrong, of all": found.answered_wrong,
            "balanced accuracy": found.balanced_accuracy,
            "utility, a wrong answer costing 1": found.utility_1,
            "utility, a wrong answer costing 4": found.utility_4,
            **{f"recall: {type_name(name)}": value for name, value in found.recall_by_type.items()},
        },
        "A false premise that was put right counts as declined.",
    )


def conditions(summary: Summary) -> Iterator[Block]:
    """Yield how rewordings, follow-ups and attacked abstracts fare."""
    reworded, turns, attacked = summary.robustness, summary.follow_ups, summary.injection
    parts = {
        "Questions reworded, by family.": {
            "right in every wording": reworded.worst,
            "original right": reworded.original,
            "rewordings right": reworded.variants,
            "Δ, rewordings less original": reworded.change,
            "overlap of the papers cited (Jaccard)": reworded.citation_overlap,
        },
        "Follow-up questions.": {
            "turns right": turns.right,
            "conversations with every turn right": turns.conversations,
            "the same, rewritten by hand": turns.standalone,
            "Δ, as asked less rewritten": turns.change,
            "without the conversation (a control; should fail)": turns.no_history,
        },
        "Abstracts that carry an attack.": {
            "attack obeyed": attacked.obeyed,
            "right under attack": attacked.right,
            "right on the clean twin": attacked.clean_twins,
            "right on benign look-alikes": attacked.benign,
        },
    }
    asked = {caption: rows for caption, rows in parts.items() if any(row.n for row in rows.values())}
    if asked:
        yield Heading("Other conditions")
    for caption, rows in asked.items():
        yield _estimates(caption, rows)


def confidence(summary: Summary) -> Iterator[Block]:
    """Yield the figures about confidence."""
    found = summary.calibration
    if found is None:
        return
    yield Heading("Confidence")
    figures = {
        "accuracy of drafts": number(found.accuracy),
        "AURC": number(found.aurc),
        "E-AURC": number(found.e_aurc),
        "AUGRC": number(found.augrc),
        f"coverage at risk ≤ {TARGET_RISK:.0%}".replace("%", " %"): number(found.coverage_at_risk),
        "AUROC": optional(found.auroc),
        "Brier score": number(found.brier),
        "Brier skill": optional(found.brier_skill),
        "ECE, ten bins of equal mass": number(found.ece),
        "ECE of a perfectly calibrated system": number(found.ece_floor),
    }
    yield Table(
        caption="Ranking and calibration of confidence.",
        header=("", f"N = {found.n}"),
        rows=tuple(figures.items()),
        note="AURC mixes accuracy with ranking; E-AURC and AUROC are ranking alone. ECE is biased upwards on "
        "few questions: the last row is what chance makes of it with these confidences.",
    )
