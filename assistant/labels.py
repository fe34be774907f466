"""Yes or no: what the model said, and whether the sentences it was shown say the same as the question."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.final import Label, label_of
from assistant.fit import RankedSentence
from assistant.polarity import conflicts, negated

_CONCLUSION = re.compile(r"\b(yes|no)\W*(?:\[\d+\]\W*)*$", re.I)  # "No [1]." too


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
