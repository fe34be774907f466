"""Yes or no: what the model said, and whether the sentences of the abstract say the same as the question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.final import Label, label_of
from assistant.fit import RankedSentence
from assistant.polarity import conflicts, negated
from assistant.question import Question
from assistant.terms import terms

_CONCLUSION = re.compile(r"\b(yes|no)\W*(?:\[\d+\]\W*)*$", re.I)  # "No [1]." too
# A finding of no effect: "no significant difference", "was not associated with", "P = .31".
_NULL = re.compile(
    r"\bno (?:[\w-]+ ){0,3}(?:differen\w+|associations?|correlations?|effects?|changes?|improvements?"
    r"|relation\w*|evidence|benefits?|increases?|decreases?|influence|impact|advantages?|trends?|link)\b"
    r"|\b(?:not|n['’]t|neither) (?!only\b)(?:[\w-]+ ){0,3}?(?:significant\w*|associated|differ\w*|correlat\w*"
    r"|affect\w*|related|improv\w*|predict\w*|influenc\w*|increas\w*|reduc\w*|chang\w*|decreas\w*)\b"
    r"|\b(?:non-?|in)significant|\bfail(?:ed|s)? to\b|\bunchanged\b|\bunrelated\b|\bp ?[>=] ?0?\.[1-9]",
    re.I,
)
_RESULTS = 3  # last sentences of an abstract, where its findings are


def label_said(draft: str) -> Label | None:
    """The label that the draft begins with, or else ends with.

    >>> label_said("No. It needs none."), label_said("It needs no training. Yes."), label_said("Perhaps.")
    ('no', 'yes', None)
    """
    if label := label_of(draft):
        return label
    found = _CONCLUSION.search(draft)
    if found is None:
        return None
    return "yes" if found[1].casefold() == "yes" else "no"


def label_signals(question: str, said: Label | None, ranked: Sequence[RankedSentence]) -> dict[str, float]:
    """What speaks for yes (above 0) and for no (below): the model's word, and the best sentences' polarity.

    A question asks whether a statement is true, so a sentence that is negated where the question is not, or
    that goes the other way ("slower" for "faster"), speaks against it.
    """
    best = [one.sentence.text for one in ranked[:2]]
    opposed = [float(bool(conflicts(question, text))) for text in best]
    return {
        "said": {"yes": 1.0, "no": -1.0, None: 0.0}[said],
        "opposed": opposed[0] if opposed else 0.0,
        "opposed_next": opposed[1] if len(opposed) > 1 else 0.0,
        "negated": float(bool(best) and negated(best[0]) != negated(question)),
        "asked_negated": float(negated(question)),
        "share": ranked[0].features["soft_share"] if ranked else 0.0,
    }


def null_finding(question: Question, ranked: Sequence[RankedSentence]) -> RankedSentence | None:
    """The best fitting sentence by which the nearest abstract finds no effect of what is asked about.

    Without it a label leans on the model, which says yes to nearly all questions of medicine. What it is
    worth there is told by `python -m eval external pubmedqa --model MODEL`.
    """
    if not ranked:
        return None
    nearest = [one for one in ranked if one.sentence.paper is ranked[0].sentence.paper]
    findings = sorted(nearest, key=lambda one: one.sentence.start)[-_RESULTS:]
    asked = {stemmed for stemmed, _ in question.terms}
    found = [
        one
        for one in nearest
        if one in findings and _NULL.search(one.sentence.text) and asked & set(terms(one.sentence.text))
    ]
    return found[0] if found else None
