"""What an answer says, once its draft is verified: the expansion, the label, the number, or the draft."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.citations import is_bare_label
from assistant.composition import Composed, composed, composed_number, extracts, fragment
from assistant.expansion import find_expansion
from assistant.final import Label
from assistant.fitted import Linear
from assistant.inquiry import Inquiry
from assistant.labels import label_said, label_signals, null_finding
from assistant.polarity import negated
from assistant.quantity_fit import RankedQuantity


def decided(
    run: Inquiry, numbers: Sequence[RankedQuantity], label: Linear, *, keep_unsupported: bool
) -> Composed:
    """The parts of the answer; the inquiry is told what its final is made of.

    `label` weighs the model's yes or no against the sentences that fit.
    """
    for short in run.question.short_forms:
        if found := find_expansion(short, run.ranked):
            run.bare = found[1]
            return Composed((found[0].sentence,))
    if run.question.kind == "yes_no":
        return _labelled(run, label, keep_unsupported=keep_unsupported)
    if numbers:
        run.number = numbers[0]
        return composed_number(
            run.drafted, numbers[0], keep_unsupported=keep_unsupported, most_words=run.most_words
        )
    new = [one for one in run.drafted if not one.repeats]
    is_said = any(one.support.verdict == "supported" and not one.parrots for one in new)
    drafted = new if is_said else run.drafted
    run.bare = fragment(drafted)
    return composed(drafted, run.ranked, keep_unsupported=keep_unsupported, most_words=run.most_words)


def _labelled(run: Inquiry, label: Linear, *, keep_unsupported: bool) -> Composed:
    """Yes or no, and why."""
    if finding := null_finding(run.question, run.ranked):
        run.label = "yes" if negated(run.question.bare) else "no"
        return Composed((finding.sentence,))
    said = label_said(run.draft)
    run.label = _label(run, said, label)
    drafted = [one for one in run.drafted if not is_bare_label(one.sentence.text)]
    # A reason that the model gave for the other label is no reason for this one.
    if said not in (run.label, None) or not drafted:
        return Composed(tuple(extracts(run.ranked)[:1]))
    return composed(drafted, run.ranked, keep_unsupported=keep_unsupported, most_words=run.most_words)


def _label(run: Inquiry, said: Label | None, label: Linear) -> Label:
    signals = label_signals(run.question.bare, said, run.ranked)
    if said is None:
        # What is fitted weighs a model's word, and there is none.
        return "no" if signals["opposed"] else "yes"
    return "yes" if label.score(signals) > 0 else "no"
