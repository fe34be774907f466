from __future__ import annotations

from dataclasses import replace

import pytest

from assistant.citations import DraftSentence
from assistant.composition import Composed, Drafted, composed, composed_number, extracts, fragment
from assistant.fit import RankedSentence, SourceSentence, sentences_of
from assistant.quantities import Quantity, quantities
from assistant.quantity_fit import RankedQuantity
from assistant.records import Paper, Passage, Verdict
from assistant.verification import Span, Support

CACHE = Paper(
    "a",
    "LongCache",
    "LongCache keeps one third of the layers. It reduces memory by 62%. Loss changes by 0.5.",
)
TUNE = Paper("b", "SlimTune", "SlimTune requires no gradient computation. It takes 36 hours.")
LAYERS, MEMORY, LOSS = sentences_of(CACHE)
GRADIENTS, HOURS = sentences_of(TUNE)


def ranked(*fits: tuple[SourceSentence, float]) -> list[RankedSentence]:
    """Sentences with their log-odds, best first, which leads."""
    return [RankedSentence(sentence, score, {}, leads=not n) for n, (sentence, score) in enumerate(fits)]


def leading(*sentences: SourceSentence) -> list[RankedSentence]:
    """The sentences for each of several questions in one."""
    return [RankedSentence(sentence, 1.0, {}, leads=True) for sentence in sentences]


RANKED = ranked((GRADIENTS, 3.0), (MEMORY, 1.0), (LAYERS, 0.0), (HOURS, -1.0))


def drafted(text: str, verdict: Verdict, *sources: SourceSentence) -> Drafted:
    """A sentence of the draft with what it was drawn from."""
    spans = tuple(
        Span(1, source.paper, Passage("p", source.paper.id, 0, 1, ""), source.start, source.end)
        for source in sources
    )
    return Drafted(DraftSentence(text, ()), Support(spans, 1.0, verdict))


def written(result: Composed) -> list[str]:
    return [part.text for part in result.parts]


FIVE = "LongCache keeps third of layers."  # just a sentence
STANDS: dict[str, tuple[str, Verdict, bool, bool]] = {
    "supported sentence": (FIVE, "supported", True, False),
    "sentence supported in part": (FIVE, "partial", False, False),
    "unsupported sentence": (FIVE, "unsupported", False, False),
    "four words": ("LongCache keeps third layers.", "supported", False, True),
    "number": ("62%", "supported", False, True),
    "nothing": ("", "unsupported", False, True),
}


@pytest.mark.parametrize(("text", "verdict", "stands", "is_fragment"), STANDS.values(), ids=STANDS)
def test_a_supported_sentence_stands_and_a_fragment_does_not(
    text: str, verdict: Verdict, stands: bool, is_fragment: bool
) -> None:
    one = drafted(text, verdict, LAYERS)
    assert (one.stands, one.is_fragment) == (stands, is_fragment)


GOOD = drafted("LongCache keeps a third of layers.", "supported", LAYERS)
PARTLY = drafted("It reduces memory and all whales.", "partial", MEMORY)
BAD = drafted("Whales sing in the deep sea.", "unsupported", LAYERS)
BARE = drafted("62%", "supported", MEMORY)
JOINED = drafted("It loses 0.5 and 62% of memory, and more.", "partial", MEMORY, LOSS)

# What a draft becomes, with the best fitting sentence being of another paper: GRADIENTS.
COMPOSED: dict[str, tuple[list[Drafted], list[str]]] = {
    "what stands stays": ([GOOD], [GOOD.sentence.text]),
    "what does not is left out": ([BAD, GOOD, PARTLY], [GOOD.sentence.text]),
    "in the draft's order": (
        [GOOD, drafted("It reduces memory by 62% overall.", "supported", MEMORY)],
        [GOOD.sentence.text, "It reduces memory by 62% overall."],
    ),
    "a part gives way to its source": ([PARTLY], [MEMORY.text]),
    "a fragment gives way to its source": ([BARE], [MEMORY.text]),
    "each source once": ([PARTLY, BARE], [MEMORY.text]),
    "sources in the draft's order": (
        [BARE, drafted("layers", "supported", LAYERS)],
        [MEMORY.text, LAYERS.text],
    ),
    "two sources at most": (
        [BARE, drafted("36 hours", "partial", HOURS), drafted("layers", "supported", LAYERS)],
        [MEMORY.text, HOURS.text],
    ),
    "sources that are not ranked are left out": ([JOINED], [MEMORY.text]),
    "no ranked source at all": ([drafted("0.5", "supported", LOSS)], [GRADIENTS.text]),
    "nothing supported": ([BAD], [GRADIENTS.text]),
    "no draft": ([], [GRADIENTS.text]),
}


@pytest.mark.parametrize(("draft", "answer"), COMPOSED.values(), ids=COMPOSED)
def test_what_stays_of_a_draft_or_stands_in_for_it(draft: list[Drafted], answer: list[str]) -> None:
    assert written(composed(draft, RANKED, keep_unsupported=False)) == answer


# The same paper's best sentence is heard beside a draft that was drawn from another one.
BESIDE: dict[str, tuple[list[Drafted], SourceSentence, list[str]]] = {
    "drawn from another": ([GOOD], MEMORY, [GOOD.sentence.text, MEMORY.text]),
    "drawn from it": ([GOOD], LAYERS, [GOOD.sentence.text]),
    "drawn from it and another": (
        [drafted("It keeps layers and cuts memory.", "supported", LAYERS, MEMORY)],
        MEMORY,
        ["It keeps layers and cuts memory."],
    ),
    "of another paper": ([GOOD], HOURS, [GOOD.sentence.text]),
    # Sixty words are an answer: "LongCache keeps one third of the layers." has seven.
    "no room": ([drafted("word " * 54, "supported", MEMORY)], LAYERS, ["word " * 54]),
    "just room": ([drafted("word " * 53, "supported", MEMORY)], LAYERS, ["word " * 53, LAYERS.text]),
    "nothing stands": ([PARTLY], LAYERS, [MEMORY.text]),
}


@pytest.mark.parametrize(("draft", "best", "answer"), BESIDE.values(), ids=BESIDE)
def test_the_best_sentence_is_heard_beside_a_draft_from_elsewhere(
    draft: list[Drafted], best: SourceSentence, answer: list[str]
) -> None:
    fits = ranked((best, 4.0), *((one.sentence, one.score) for one in RANKED if one.sentence != best))
    assert written(composed(draft, fits, keep_unsupported=False)) == answer


def test_nothing_at_all_composes_nothing() -> None:
    assert composed([], [], keep_unsupported=False) == Composed(())


KEPT: dict[str, tuple[list[Drafted], list[str]]] = {
    "beside what stands": (
        [BAD, GOOD, PARTLY],
        [BAD.sentence.text, GOOD.sentence.text, PARTLY.sentence.text],
    ),
    "not without": ([BAD, PARTLY], [MEMORY.text]),
}


@pytest.mark.parametrize(("draft", "answer"), KEPT.values(), ids=KEPT)
def test_what_is_unsupported_is_kept_on_demand_if_something_stands(
    draft: list[Drafted], answer: list[str]
) -> None:
    assert written(composed(draft, RANKED, keep_unsupported=True)) == answer


def test_an_answer_is_extracts_where_all_of_it_is_quoted() -> None:
    assert composed([BAD], RANKED, keep_unsupported=False).extracts
    assert not composed([GOOD], RANKED, keep_unsupported=False).extracts
    assert not Composed((GOOD.sentence, MEMORY)).extracts


SAYING = drafted("Memory is reduced by 62 percent.", "supported", MEMORY)
OTHER = drafted("Memory is reduced by 62 hours.", "supported", MEMORY)
NUMBER: dict[str, tuple[list[Drafted], list[str]]] = {
    "the draft says it": ([SAYING], [SAYING.sentence.text]),
    "in another sentence too": ([GOOD, SAYING], [SAYING.sentence.text]),
    "not in that unit": ([OTHER], [MEMORY.text]),
    "another number": ([drafted("It takes 36 hours on GPUs.", "supported", HOURS)], [MEMORY.text]),
    "the bare number": ([BARE], [MEMORY.text]),
    "unsupported": ([drafted("Whales shrink by 62% each year.", "unsupported", MEMORY)], [MEMORY.text]),
    "no draft": ([], [MEMORY.text]),
}


@pytest.mark.parametrize(("draft", "answer"), NUMBER.values(), ids=NUMBER)
def test_the_number_that_fits_is_said_by_the_draft_or_by_its_own_sentence(
    draft: list[Drafted], answer: list[str]
) -> None:
    found = RankedQuantity(RANKED[1], quantities(MEMORY.text)[0], 0.0, {})
    assert written(composed_number(draft, found, keep_unsupported=False)) == answer


KEPT_BESIDE_A_NUMBER: dict[str, tuple[list[Drafted], list[str]]] = {
    "beside what says it": ([BAD, SAYING], [BAD.sentence.text, SAYING.sentence.text]),
    "not what says another": ([SAYING, GOOD, BAD], [SAYING.sentence.text, BAD.sentence.text]),
    "not without": ([BAD, GOOD], [MEMORY.text]),
}


@pytest.mark.parametrize(("draft", "answer"), KEPT_BESIDE_A_NUMBER.values(), ids=KEPT_BESIDE_A_NUMBER)
def test_what_is_unsupported_is_kept_on_demand_beside_a_number_too(
    draft: list[Drafted], answer: list[str]
) -> None:
    found = RankedQuantity(RANKED[1], quantities(MEMORY.text)[0], 0.0, {})
    assert written(composed_number(draft, found, keep_unsupported=True)) == answer


FRAGMENTS: dict[str, tuple[list[Drafted], str | None]] = {
    "number": ([BARE], "62%"),
    "words": ([drafted("no gradient computation.", "supported", GRADIENTS)], "no gradient computation"),
    "in quotes": ([drafted('"62%".', "supported", MEMORY)], "62%"),
    "supported in part": ([drafted("one third", "partial", LAYERS)], "one third"),
    "in either of two": ([drafted("0.5", "supported", MEMORY, LOSS)], "0.5"),
    "before a sentence": ([BARE, GOOD], "62%"),
    "after a sentence": ([GOOD, BARE], None),
    "a sentence": ([drafted(LAYERS.text, "supported", LAYERS)], None),
    "unsupported": ([drafted("62%", "unsupported", MEMORY)], None),
    "in other words": ([drafted("62 percent", "supported", MEMORY)], None),
    "part of a word": ([drafted("the layer", "supported", LAYERS)], None),
    "part of a number": ([drafted("2%", "supported", MEMORY)], None),
    "nothing": ([], None),
}


@pytest.mark.parametrize(("draft", "bare"), FRAGMENTS.values(), ids=FRAGMENTS)
def test_a_fragment_is_the_bare_answer_where_the_abstract_has_it_word_for_word(
    draft: list[Drafted], bare: str | None
) -> None:
    assert fragment(draft) == bare


def long_paper(*lengths: int) -> tuple[SourceSentence, ...]:
    """The sentences, of so many words, of one paper."""
    text = " ".join("Word" + " word" * (length - 1) + "." for length in lengths)
    return sentences_of(Paper("c", "", text))


SIXTY = long_paper(30, 30, 31)
EXTRACTS = {
    "none": ([], []),
    "one": ([(MEMORY, 1.0)], [MEMORY]),
    "two of one paper, in its order": ([(MEMORY, 1.0), (LAYERS, 0.0)], [LAYERS, MEMORY]),
    "two at most": ([(MEMORY, 1.0), (LAYERS, 0.5), (LOSS, 0.4)], [LAYERS, MEMORY]),
    "another paper between": ([(MEMORY, 1.0), (GRADIENTS, 0.9), (LOSS, 0.5)], [MEMORY, LOSS]),
    "two of another paper between": (
        [(MEMORY, 1.0), (GRADIENTS, 0.9), (HOURS, 0.8), (LOSS, 0.7)],
        [MEMORY],
    ),
    "of another paper": ([(MEMORY, 1.0), (GRADIENTS, 0.9)], [MEMORY]),
    "just well enough": ([(MEMORY, 1.0), (LOSS, -1.49)], [MEMORY, LOSS]),
    "not well enough": ([(MEMORY, 1.0), (LOSS, -1.5)], [MEMORY]),
    "sixty words": ([(SIXTY[0], 1.0), (SIXTY[1], 0.5)], [SIXTY[0], SIXTY[1]]),
    "sixty-one words": ([(SIXTY[0], 1.0), (SIXTY[2], 0.5)], [SIXTY[0]]),
    "room for the next but one": (
        [(SIXTY[0], 1.0), (SIXTY[2], 0.5), (SIXTY[1], 0.4)],
        [SIXTY[0], SIXTY[1]],
    ),
}


@pytest.mark.parametrize(("fits", "taken"), EXTRACTS.values(), ids=EXTRACTS)
def test_extracts_are_the_best_sentence_and_a_near_one(
    fits: list[tuple[SourceSentence, float]], taken: list[SourceSentence]
) -> None:
    assert extracts(ranked(*fits)) == taken


def test_several_questions_in_one_are_answered_by_a_sentence_each() -> None:
    others = ranked((MEMORY, 9.0))[1:]
    assert extracts([*leading(LOSS, LAYERS), *others]) == [LAYERS, LOSS]
    assert extracts(leading(SIXTY[0], SIXTY[2], SIXTY[1])) == [SIXTY[0], SIXTY[1]]


ROOM: dict[str, tuple[list[Drafted], list[RankedSentence], list[str]]] = {
    "one part is drafted": ([GOOD], leading(LAYERS, MEMORY), [GOOD.sentence.text, MEMORY.text]),
    "both are": (
        [GOOD, drafted("It cuts memory by 62 percent.", "supported", MEMORY)],
        leading(MEMORY, LAYERS),
        [GOOD.sentence.text, "It cuts memory by 62 percent."],
    ),
    # What model and ranking agree on is said first, then what the model says, then what it does not.
    "no room for what else fits": (
        [drafted("word " * 50, "supported", LOSS), GOOD],
        leading(LAYERS, MEMORY),
        ["word " * 50, GOOD.sentence.text],
    ),
    "no room for anything else": (
        [drafted("word " * 61, "supported", LAYERS)],
        leading(LAYERS, MEMORY),
        ["word " * 61],
    ),
    "no room but for the best of the draft": (
        [drafted("word " * 58, "supported", LOSS), GOOD],
        ranked((LAYERS, 2.0), (LOSS, 1.0)),
        [GOOD.sentence.text],
    ),
}


@pytest.mark.parametrize(("draft", "fits", "answer"), ROOM.values(), ids=ROOM)
def test_what_there_is_no_room_for_is_left_out(
    draft: list[Drafted], fits: list[RankedSentence], answer: list[str]
) -> None:
    assert written(composed(draft, fits, keep_unsupported=False)) == answer


LONG = Paper(
    "d",
    "SlimNet",
    "SlimNet prunes the four heads of each layer, thus ensuring that all of the memory is enough for it. "
    "It is trained on two graphics cards for nine hours, which is less than others take for it.",
)
PRUNES, TRAINED = sentences_of(LONG)


CUT = {
    # 19 and 18 words; 8 and 10 without what follows the main clause.
    "room for both": (37, [PRUNES.text, TRAINED.text]),
    "the longest is cut first": (36, ["SlimNet prunes the four heads of each layer", TRAINED.text]),
    "both are cut": (25, ["SlimNet prunes the four heads of each layer", TRAINED.text[:50]]),
    "no room for the second": (17, ["SlimNet prunes the four heads of each layer"]),
}


@pytest.mark.parametrize(("most_words", "answer"), CUT.values(), ids=CUT)
def test_the_ends_of_long_sentences_make_room_for_others(most_words: int, answer: list[str]) -> None:
    assert [one.text for one in extracts(leading(PRUNES, TRAINED), most_words)] == answer


def test_the_end_of_a_long_sentence_of_the_draft_makes_room_too() -> None:
    draft = drafted(
        "It cuts the four heads of every layer, while it keeps the other ones.", "supported", PRUNES
    )
    assert written(composed([draft], leading(PRUNES, TRAINED), keep_unsupported=False, most_words=20)) == [
        "It cuts the four heads of every layer.",
        "It is trained on two graphics cards for nine hours",
    ]


def test_what_limits_a_sentence_stays() -> None:
    limited = sentences_of(
        Paper("f", "", "It is far quicker than all of the others, but only where texts are short.")
    )
    assert extracts(leading(*limited), most_words=9) == list(limited)


def test_what_is_unsupported_is_kept_on_demand_beside_a_sentence_that_is_cut() -> None:
    cut = drafted(
        "It cuts the four heads of every layer, while it keeps the other ones.", "supported", PRUNES
    )
    assert written(composed([BAD, cut], leading(PRUNES), keep_unsupported=True, most_words=9)) == [
        BAD.sentence.text,
        "It cuts the four heads of every layer.",
    ]


def test_a_sentence_is_never_cut_before_the_number_that_it_is_quoted_for() -> None:
    _, hours = quantities(TRAINED.text)
    late = sentences_of(
        Paper("e", "", "It runs on some of the graphics cards, which makes it take nine hours.")
    )[0]

    def told(sentence: SourceSentence, number: Quantity, most_words: int) -> list[str]:
        found = RankedQuantity(RankedSentence(sentence, 0.0, {}), number, 0.0, {})
        return written(composed_number([], found, keep_unsupported=False, most_words=most_words))

    assert told(TRAINED, hours, 18) == [TRAINED.text]
    assert told(TRAINED, hours, 17) == ["It is trained on two graphics cards for nine hours"]
    assert told(late, quantities(late.text)[0], 10) == [late.text]


def test_a_long_draft_of_a_number_gives_way_to_its_source() -> None:
    found = RankedQuantity(RANKED[1], quantities(MEMORY.text)[0], 0.0, {})
    assert written(composed_number([SAYING], found, keep_unsupported=False, most_words=6)) == [
        SAYING.sentence.text
    ]
    assert written(composed_number([SAYING], found, keep_unsupported=False, most_words=5)) == [MEMORY.text]


def test_a_part_of_an_answer_has_less_room() -> None:
    assert written(composed([GOOD], ranked((MEMORY, 1.0)), keep_unsupported=False, most_words=10)) == [
        GOOD.sentence.text
    ]
    assert extracts(ranked((MEMORY, 1.0), (LAYERS, 0.0)), most_words=11) == [MEMORY]
    assert extracts(ranked((MEMORY, 1.0), (LAYERS, 0.0)), most_words=12) == [LAYERS, MEMORY]


def test_a_sentence_that_only_repeats_the_question_gives_way_to_its_source() -> None:
    parroted = replace(GOOD, parrots=True)
    assert composed([GOOD], RANKED, keep_unsupported=False).extracts is False
    assert composed([parroted], RANKED, keep_unsupported=False).extracts is True
