from __future__ import annotations

import pytest

from assistant.polarity import conflicts, negated, opposed

# A claim, what the source says, and the stems on which the source denies it.
CONFLICTS: dict[str, tuple[str, str, set[str]]] = {
    "the same": ("It needs labels.", "It needs labels.", set()),
    "nothing in common": ("It needs labels.", "Whales sing.", set()),
    "nothing said": ("", "", set()),
    "no": ("It needs labels.", "It needs no labels.", {"label"}),
    "not": ("It scales.", "It does not scale.", {"scale"}),
    "n't": ("It scales.", "It doesn't scale.", {"scale"}),
    "n’t with a typographic apostrophe": ("It scales.", "It doesn’t scale.", {"scale"}),
    "without": ("It needs extra training.", "It works without extra training.", {"extra", "train"}),
    "cannot": ("It scales.", "It cannot scale.", {"scale"}),
    "fails to": ("It converges.", "It fails to converge.", {"converg"}),
    "lacks": ("It has labels.", "It lacks labels.", {"label"}),
    "instead of": ("It uses labels.", "It uses prompts instead of labels.", {"label"}),
    "avoids": ("It uses labels.", "It avoids labels.", {"label"}),
    "removes the need": ("It needs tuning.", "It removes the need for tuning.", {"tune"}),
    "in capitals": ("It needs labels.", "NO LABELS NEEDED.", {"label", "need"}),
    "denied by the claim": ("It needs no labels.", "It needs labels.", {"label"}),
    "denied by both": ("It needs no labels.", "It works without labels.", set()),
    "said both ways": ("It needs labels.", "It needs labels, but no gold labels.", set()),
    # Three content words at most: "code", "data", "labels", and no longer "weights".
    "three words on": ("It has weights.", "It has no code data labels weights.", set()),
    "third word": ("It has labels.", "It has no code data labels weights.", {"label"}),
    "stop words do not count": ("It has labels.", "It has none of the more of the labels.", {"label"}),
    "comma ends what is denied": ("It uses labels.", "With no code, labels are used.", set()),
    "but ends what is denied": ("It uses labels.", "It uses no code but labels.", set()),
    "bracket ends what is denied": ("It uses labels.", "It is not new (labels exist).", set()),
    "-free denies the word before": ("It needs training.", "It is training-free.", {"train"}),
    "-free denies no word after": ("It is a method without training.", "A training-free method.", set()),
    "-free denies that word alone": ("It is a fast method.", "A fast, training-free method.", set()),
    "not -free": ("It needs training.", "It is not training-free.", set()),
    "non- denies one word": ("It is linear.", "It is a non-linear model.", {"linear"}),
    "non- denies no second word": ("It is a model.", "It is a non-linear model.", set()),
    "un- denies one word": ("It is trained.", "It is an un-trained model.", {"train"}),
    "not only denies nothing": ("It is accurate.", "It is not only accurate but cheap.", set()),
    "not just denies nothing": ("It is cheap.", "It is not just cheap.", set()),
    "not merely denies nothing": ("It is cheap.", "It is not merely cheap.", set()),
    "no inside a word": ("It knows labels.", "It knows notable labels.", set()),
    "faster and slower": ("It is faster.", "It is slower.", {"faster"}),
    "cuts and raises": ("It cuts memory.", "It raises memory.", {"cut"}),
    "beats and lags behind": ("It beats BERT.", "It lags behind BERT.", {"beat"}),
    "first and last": ("It prunes the first layer.", "It prunes the last layer.", {"first"}),
    "encoder and decoder": ("It prunes the encoder.", "It prunes the decoder.", {"encod"}),
    "same direction in other words": ("It lowers memory use.", "It reduces memory use.", set()),
    "both directions in the source": ("It is faster.", "It is faster, others are slower.", set()),
    "both directions in the claim": ("It is faster, others slower.", "It is slower.", set()),
    "other directions": ("It is faster.", "It uses less memory.", set()),
    "denied direction is the opposite one": ("It is not slower.", "It is faster.", set()),
    "denied opposite is the same direction": ("It is faster.", "It is not slower.", set()),
    "denied direction beside itself": ("It is not slower.", "It is slower.", {"slower"}),
    "both denied, opposite": ("It is not slower.", "It is not faster.", {"slower"}),
    "more goes with any adjective": ("It is more stable.", "It uses less memory.", set()),
}

# Ways to say that something is needed, and that it is not.
NEEDED = (
    "It needs training.",
    "It requires training.",
    "Training is needed.",
    "Training is required.",
    "Training is necessary.",
    "It relies on training.",
    "It must be trained.",
    "It uses training.",
    "It cannot avoid training.",
)
NOT_NEEDED = (
    "It needs no training.",
    "It does not need training.",
    "It doesn't require training.",
    "It does not require any additional training.",
    "It never needs training.",
    "It no longer needs training.",
    "It need not be trained.",
    "It needn't be trained.",
    "It does not rely on training.",
    "It does not use training.",
    "It works without training.",
    "It works without requiring training.",
    "It works without the need for training.",
    "No training is needed.",
    "There is no need for training.",
    "Training is not needed.",
    "Training is not strictly required.",
    "Training is never necessary.",
    "Training is unnecessary.",
    "It makes training unnecessary for users.",
    "It is training-free.",
    "It is free from training.",
    "It eliminates the need for training.",
    "It obviates training.",
    "It dispenses with training.",
    "It bypasses training.",
    "It works in the absence of training.",
    "It needs neither training nor labels.",
)
CONFLICTS |= {
    "nothing added": ("It does not add cost.", "It adds no cost.", set()),
    "nothing new shown": ("It shows no loss.", "It does not show any new loss.", set()),
    "another thing denied": ("It adds no heads.", "It adds heads without extra cost.", {"head"}),
    "what it adds to": ("It adds no extra heads.", "It adds heads without extra cost.", {"head"}),
    "unnecessary work": ("LongGen prunes.", "LongGen avoids unnecessary work.", set()),
    "denied twice": ("It has labels.", "It does not lack labels.", set()),
    "denied twice, one word on": ("It has labels.", "It has no training without labels.", {"label"}),
    "no more than": ("It prunes layers.", "It prunes no more than layers.", set()),
    "non- under a negation": ("It has no linear layers.", "It has no non-linear layers.", {"linear"}),
}


@pytest.mark.parametrize("one", NOT_NEEDED)
def test_what_is_not_needed_is_said_in_many_ways(one: str) -> None:
    assert [other for other in NOT_NEEDED if opposed(one, other)] == []
    assert [other for other in NEEDED if not opposed(one, other) or not opposed(other, one)] == []


@pytest.mark.parametrize("one", NEEDED)
def test_what_is_needed_is_said_in_many_ways(one: str) -> None:
    assert [other for other in NEEDED if opposed(one, other)] == []


@pytest.mark.parametrize(("claim", "source", "expected"), CONFLICTS.values(), ids=CONFLICTS)
def test_source_denies_the_stems(claim: str, source: str, expected: set[str]) -> None:
    found = conflicts(claim, source)
    assert set(found) == expected
    assert len(found) == len(expected)
    assert opposed(claim, source) is bool(expected)


@pytest.mark.parametrize(("claim", "source", "expected"), CONFLICTS.values(), ids=CONFLICTS)
def test_who_denies_whom_makes_no_difference(claim: str, source: str, expected: set[str]) -> None:
    assert opposed(source, claim) is bool(expected)


NEGATED = {
    "It scales.": False,
    "It does not scale.": True,
    "It is training-free.": True,
    "A training-free, label-free method.": False,
    "It is not training-free.": False,
    "It does not lack labels.": False,
    "It is not only fast.": False,
    "It's non-linear.": True,
    "It can't and won't, not ever.": True,
    "Free of charge, a note on knots.": True,  # "free of" is one, the parts of words are none
    "": False,
}


@pytest.mark.parametrize(("text", "expected"), NEGATED.items())
def test_odd_number_of_negations(text: str, expected: bool) -> None:
    assert negated(text) is expected
