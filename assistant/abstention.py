"""When not to answer: decided from the retrieval before a word is generated, or read from the draft."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.final import label_of
from assistant.question import Kind
from assistant.records import Filters, Reason, ScoredPaper
from assistant.sentences import sentence_spans
from assistant.terms import terms

# Below both, nothing retrieved is about the question: it shares less than this part of its terms with
# the best papers' texts, and is farther from every passage than this cosine.
_LEAST_SHARE = 0.75
_LEAST_COSINE = 0.35

_DECLINES = re.compile(
    r"\b(excerpts?|abstracts?|papers?|texts?|passages?|context|information)\b.{0,30}"
    r"\b(do(es)? not (mention|state|say|specify|provide|contain|include|give)"
    r"|not (mentioned|stated|given|provided|specified))\b"
    r"|\b(no information|(I )?(do not|don't|cannot|can't) (know|answer|find|determine))\b",
    re.I,
)


def before_draft(question: str, papers: Sequence[ScoredPaper], filters: Filters) -> Reason | None:
    """Why the retrieved papers can't answer; None where they may."""
    if not papers:
        restricted = " that pass the filters" if filters != Filters() else ""
        return Reason("nothing_retrieved", f"No papers{restricted} were found for this question.")
    asked = set(terms(question))
    shown = set(terms(" ".join(f"{paper.paper.title} {paper.paper.abstract}" for paper in papers)))
    share = len(asked & shown) / len(asked) if asked else 0.0
    cosine = max(passage.dense for paper in papers for passage in paper.passages)
    if share < _LEAST_SHARE and cosine < _LEAST_COSINE:
        return Reason("off_topic", "These abstracts do not seem to be about that.")
    return None


def in_draft(draft: str, kind: Kind) -> Reason | None:
    """Why the model declined to answer, which its first sentence says; None where it did not."""
    sentences = sentence_spans(draft)
    first = draft[slice(*sentences[0])] if sentences else ""
    says_so = _DECLINES.search(first) and not (kind == "yes_no" and label_of(first))
    if says_so:
        return Reason("not_in_abstracts", "The abstracts found do not say.")
    return None
