from __future__ import annotations

import pytest

from assistant.conversation import continues, roots, standalone
from assistant.records import Turn

NAMED = [Turn("What does LongGen reduce?", "KV cache memory.")]
IN_ANSWER = [Turn("Which method needs no gradients?", "That is SlimTune.")]
NAMELESS = [Turn("What does attention cost?", "It costs much memory.")]
CAUSE = [Turn("What makes the tokens of long texts slow?", "Attention does.")]
NUMBER = [Turn("By how many points does LongGen beat FlashAttention on KILT in 2023?", "By 10 points.")]
SHORT = [Turn("What is distillation?", "A way to train.")]
TWO_METHODS = [Turn("What are the two methods called?", "RR and RATD.")]
TWO_NAMED = [Turn("How do LongGen and SlimTune differ on the BEIR tasks?", "In their size.")]

CASES = {
    "pronoun": (NAMED, "How fast is it?", "How fast is LongGen?"),
    "only the first pronoun": (NAMED, "Is it fast and is it small?", "Is LongGen fast and is it small?"),
    "pronoun under a conjunction": (NAMED, "And is it fast?", "And is LongGen fast?"),
    "possessive": (NAMED, "What is its accuracy?", "What is LongGen's accuracy?"),
    "plural possessive": (NAMED, "What are their costs?", "What are LongGen's costs?"),
    "the paper": (NAMED, "Who wrote this paper about training?", "Who wrote LongGen about training?"),
    "the method": (NAMED, "Does the method need training?", "Does LongGen need training?"),
    "ellipsis": (NAMED, "What about training?", "What about training? (LongGen)"),
    "one word": (NAMED, "Why?", "Why? (What does LongGen reduce: KV cache memory)"),
    "name only in the answer": (IN_ANSWER, "How fast is it?", "How fast is SlimTune?"),
    "name with a digit": ([Turn("What is Llama-2?", "A model.")], "Is it fast?", "Is Llama-2 fast?"),
    "a count is not a name": ([Turn("Does LongGen use 8 GPUs?", "")], "Is it fast?", "Is LongGen fast?"),
    "no name in the turn": (NAMELESS, "Why?", "Why? (What does attention cost: It costs much memory)"),
    "the last turn counts": ([*NAMELESS, *NAMED], "Is it fast?", "Is LongGen fast?"),
    "name two turns before": ([*NAMED, Turn("Why?", "Reasons.")], "Is it fast?", "Is LongGen fast?"),
    "name after the pronoun": (NAMED, "Does it run on GPUs?", "Does LongGen run on GPUs?"),
    "another name": (NAMED, "How fast is SlimTune?", "How fast is SlimTune?"),
    "another name and a pronoun": (NAMED, "Is SlimTune fast, and is it small?", None),
    "the method's": (NAMED, "What is the method's cost?", "What is LongGen's cost?"),
    "that method after a verb": (NAMED, "Does that method need training?", "Does LongGen need training?"),
    "this at the end": (NAMED, "How fast is this?", "How fast is LongGen?"),
    "the method of something": (NAMED, "Which is the method of choice for long contexts?", None),
    "they": (NAMED, "How fast are they?", "How fast are they? (LongGen)"),
    "that": (NAMED, "Does that need many labels?", "Does that need many labels? (LongGen)"),
    "there": (NAMED, "What accuracy is reached there?", "What accuracy is reached there? (LongGen)"),
    "pronoun beside that": (NAMED, "Does that make it fast?", "Does that make it fast? (LongGen)"),
    "the former": (TWO_NAMED, "Is the former the faster one?", "Is LongGen the faster one?"),
    "the latter, of an answer": (
        [Turn("What does LongGen prune?", "Parts of both the base model and the adapters, early on.")],
        "And how much of the latter?",
        "And how much of the adapters? (LongGen)",
    ),
    "the latter, two turns before": (
        [
            Turn("What does LongGen prune?", "The heads and the layers."),
            Turn("How much of the former?", "Half."),
        ],
        "And how much of the latter?",
        "And how much of the layers? (LongGen)",
    ),
    "the former of nothing told": (NAMED, "Is the former faster?", "Is the former faster? (LongGen)"),
    "its own": (NAMED, "Why not treat each on its own?", "Why not treat each on its own? (LongGen)"),
    "put right, for a number": (
        NUMBER,
        "No, I meant the time it takes to train.",
        "How much time it takes to train? (LongGen, FlashAttention, KILT)",
    ),
    "put right by a question": (
        NAMED,
        "No, not how well it scores. How does it choose?",
        "How does LongGen choose?",
    ),
    "put right, after more": (
        NUMBER,
        "Oh no, I meant on BEIR.",
        "By how many points does LongGen beat FlashAttention on BEIR in 2023?",
    ),
    "put right by a name": (
        NUMBER,
        "Sorry, I meant SlimTune.",
        "By how many points does SlimTune beat FlashAttention on KILT in 2023?",
    ),
    "put right to nothing": (NAMED, "No, not the memory, the latency.", None),
    "a no that is none": (NAMED, "No-reference image quality assessment: which papers?", None),
    "an everyday word": (NAMED, "Actually, how do agents plan with tools?", None),
    "the former and the latter": (
        TWO_NAMED,
        "How does the latter compare to the former?",
        "How does SlimTune compare to LongGen?",
    ),
    "clauses are no pair": (
        [Turn("How do they differ?", "LongGen cuts memory and SlimTune cuts training time.")],
        "Is the latter faster?",
        "Is the latter faster? (How do they differ)",
    ),
    "words of grammar are no pair": (
        [Turn("Which does LongGen use?", "Both, and then more."), Turn("Why?", "It is, and was.")],
        "Is the latter faster?",
        "Is the latter faster? (LongGen)",
    ),
    "adjectives are no pair": (
        [*TWO_NAMED, Turn("Which is better?", "LongGen is faster and cheaper.")],
        "Is the latter faster?",
        "Is SlimTune faster?",
    ),
    "its own thing": (
        NAMED,
        "How does its own reward model judge?",
        "How does LongGen's own reward model judge?",
    ),
    "a whole question that begins with a preposition": (
        NAMED,
        "In which layers of transformers lie factual associations?",
        None,
    ),
    "a number without a verb": (NAMED, "Down to how many bits?", "Down to how many bits? (LongGen)"),
    "a number with a verb": (NAMED, "On how many GPUs does training on documents run?", None),
    "all names of the turn": (
        TWO_NAMED,
        "Why?",
        "Why? (How do LongGen and SlimTune differ on the BEIR tasks: In their size)",
    ),
    "something else": (NAMED, "Something else: how fast is it?", None),
    "a new question": (NAMED, "A new question: why?", None),
    "pronoun of a scene set before": (
        NAMED,
        "Having seen only long English texts, does it do well on short ones?",
        "Having seen only long English texts, does LongGen do well on short ones?",
    ),
    "pronoun of a clause before": (NAMED, "If attention is sparse, is it fast?", None),
    "name in a whole question after a conjunction": (NAMED, "And how fast is SlimTune?", None),
    "acronym is no subject of its own": (NAMED, "And which LLMs?", "And which LLMs? (LongGen)"),
    "acronym in the turn is no subject": (
        [Turn("How large is the KV cache?", "Very.")],
        "Does it grow?",
        "Does it grow? (How large is the KV cache: Very)",
    ),
    "long answer is not quoted": (
        [Turn("What does attention cost?", "It costs more memory than all else.")],
        "Why?",
        "Why? (What does attention cost)",
    ),
    "a short answer without its mark": (
        [Turn("What does attention cost?", "It costs much memory. [1]")],
        "Why?",
        "Why? (What does attention cost: It costs much memory)",
    ),
    "no answer": ([Turn("What does attention cost?", "")], "Why?", "Why? (What does attention cost)"),
    "brackets within the turn": (
        [Turn("Does attention (softmax) cost much?", "Yes.")],
        "Why?",
        "Why? (Does attention (softmax) cost much: Yes)",
    ),
    "brackets that the turn was given": (
        [*NAMELESS, Turn("Why?", "Reasons.")],
        "Since when?",
        "Since when? (What does attention cost: It costs much memory)",
    ),
    "elsewhere": (
        NUMBER,
        "And on BEIR?",
        "By how many points does LongGen beat FlashAttention on BEIR in 2023?",
    ),
    "elsewhere without a conjunction": (
        NUMBER,
        "On the BEIR tasks?",
        "By how many points does LongGen beat FlashAttention on the BEIR tasks in 2023?",
    ),
    "elsewhere after what about": (
        NUMBER,
        "And what about in 2022?",
        "By how many points does LongGen beat FlashAttention on KILT in 2022?",
    ),
    "elsewhere, where the turn is nowhere": (NAMED, "And on BEIR?", "What does LongGen reduce on BEIR?"),
    "elsewhere, the last of two": (
        [Turn("How much faster on long texts is LongGen on KILT?", "Twice.")],
        "And on BEIR?",
        "How much faster on long texts is LongGen on BEIR?",
    ),
    "elsewhere, up to a comma": (
        [Turn("On KILT, how many points does LongGen gain?", "10")],
        "And on BEIR?",
        "on BEIR, how many points does LongGen gain?",
    ),
    "elsewhere of it": (NAMED, "And with it?", "And with LongGen?"),
    "elsewhere, where the turn got a number": (
        [Turn("What does LongGen save on KILT?", "It saves 62% of the memory.")],
        "And on BEIR?",
        "How much does LongGen save on BEIR?",
    ),
    "elsewhere, where the turn got a number and asked for none": (
        [Turn("What does LongGen propose on KILT?", "An index 62% smaller.")],
        "And on BEIR?",
        "What does LongGen propose on BEIR?",
    ),
    "out of how many": (
        [Turn("How many papers per year does LongGen read?", "65 papers.")],
        "Out of how many?",
        "Out of how many papers per year? (LongGen)",
    ),
    "out of how many, after another kind of question": (
        NAMED,
        "Out of how many?",
        "Out of how many? (LongGen)",
    ),
    "by how many": (
        [Turn("How many papers per year does LongGen read?", "65 papers.")],
        "And by how many?",
        "And by how many? (LongGen)",
    ),
    "elsewhere, where the number was a means": (
        [Turn("What does LongGen use to improve recall on KILT?", "An index 62% smaller.")],
        "And on BEIR?",
        "What does LongGen use to improve recall on BEIR?",
    ),
    "another measure": (NUMBER, "And latency?", "How much latency? (LongGen, FlashAttention, KILT)"),
    "another measure with an article": (
        NUMBER,
        "What about the training time?",
        "How much training time? (LongGen, FlashAttention, KILT)",
    ),
    "another measure of it": (
        NUMBER,
        "And its latency?",
        "How much latency? (LongGen, FlashAttention, KILT)",
    ),
    "another measure, but no number before": (NAMED, "And latency?", "And latency? (LongGen)"),
    "whole question after a number": (NUMBER, "And is it fast?", "And is LongGen fast?"),
    "nothing but it after a number": (NUMBER, "What about it?", "What about LongGen?"),
    "another subject alone": (
        NUMBER,
        "And SlimTune?",
        "By how many points does SlimTune beat FlashAttention on KILT in 2023?",
    ),
    "another subject alone, what about": (NAMED, "What about SlimTune?", "What does SlimTune reduce?"),
    "another subject alone, of an ordinary word": (
        [Turn("What does FIRST decode first?", "A token.")],
        "And SlimTune?",
        "What does SlimTune decode first?",
    ),
    "another subject alone, of nothing": (
        [Turn("How much memory is saved?", "62%")],
        "And SlimTune?",
        "How much memory for SlimTune? (How much memory is saved: 62%)",
    ),
    "another subject, part of a name": (
        [Turn("Is LongGen smaller than LongGen-2?", "Yes.")],
        "And SlimTune?",
        "Is SlimTune smaller than LongGen-2?",
    ),
    "elsewhere, for ones of a kind": (
        [Turn("What does YOLOE use for text prompts?", "RepRTA.")],
        "And for visual ones?",
        "What does YOLOE use for visual prompts?",
    ),
    "another one, of a counted thing": (
        [Turn("And how many tokens per document does LongGen need?", "258 tokens.")],
        "And the older one?",
        "How many tokens per document for the older one? "
        "(And how many tokens per document does LongGen need: 258 tokens)",
    ),
    "another one, of a question after a remark": (
        [Turn("Never mind. How long does LongGen train?", "62 hours.")],
        "and the old one?",
        "How long for the old one? (Never mind. How long does LongGen train: 62 hours)",
    ),
    "another thing, but no number before": (
        NAMED,
        "And the old one?",
        "And the old one? (What does LongGen reduce: KV cache memory)",
    ),
    "the right one": (
        NAMED,
        "How does one find the right one at inference?",
        "How does one find the right one at inference? (What does LongGen reduce: KV cache memory)",
    ),
    "the one that is described": (NAMED, "What does the small one for speech translation cost?", None),
    "several things are no measure": (
        NUMBER,
        "And the sizes of the models?",
        "And the sizes of the models? (LongGen, FlashAttention, KILT)",
    ),
    "to another": (
        [Turn("What does LongGen add to ViT-B/16 on ImageNet?", "Accuracy.")],
        "And to Mixer-B/16?",
        "What does LongGen add to Mixer-B/16 on ImageNet?",
    ),
    "to do something else": (
        [Turn("How much cheaper is LongGen to train on GPUs?", "62%.")],
        "And to deploy?",
        "How much cheaper is LongGen to deploy on GPUs?",
    ),
    "from one to another": (
        [Turn("By how much does accuracy rise from 1B to 7B?", "By 5%.")],
        "And from 7B to 13B?",
        "By how much does accuracy rise from 7B to 13B?",
    ),
    "elsewhere, after there": (
        [*NUMBER, Turn("And how much faster is it there?", "Twice as fast.")],
        "On BEIR?",
        "And how much faster is it on BEIR? (LongGen, FlashAttention, KILT)",
    ),
    "elsewhere by its name": (
        [Turn("What F1 does the best small model get on KILT-2?", "27.3")],
        "and BEIR-2?",
        "What F1 for BEIR-2? (What F1 does the best small model get on KILT-2: 27.3)",
    ),
    "the first of two": (
        TWO_METHODS,
        "What's the first one short for?",
        "What's RR short for? (What are the two methods called: RR and RATD)",
    ),
    "the second of two": (
        [*TWO_METHODS, Turn("What's the first one short for?", "Rationale Ranking.")],
        "And the second?",
        "What's RATD short for? (What are the two methods called: RR and RATD)",
    ),
    "the other of two": (
        [
            Turn("Which techniques help?", "ConvexDA and RewardFusion."),
            Turn("At what stage does the first act?", "In training."),
        ],
        "And the other one?",
        "At what stage does RewardFusion act?",
    ),
    "the other of two is the first": (
        [*TWO_METHODS, Turn("When does the second act?", "Late.")],
        "And the other?",
        "When does RR act? (What are the two methods called: RR and RATD)",
    ),
    "the other of two, told by the answer": (
        [*TWO_NAMED, Turn("Which of the two is faster?", "LongGen.")],
        "How fast is the other one?",
        "How fast is SlimTune?",
    ),
    "the other of two things": (
        [
            Turn("What does LongGen prune?", "The heads and the layers."),
            Turn("How many of the heads does it prune?", "Half."),
        ],
        "And how many of the other?",
        "And how many of the layers? (LongGen)",
    ),
    "the other, where nothing tells which": (
        TWO_METHODS,
        "When does the other one act?",
        "When does the other one act? (What are the two methods called: RR and RATD)",
    ),
    "the other of two written in TeX": (
        [
            Turn("Which terms does it scale?", r"The \alpha term and the \beta term."),
            Turn("How large is the former?", "0.1"),
        ],
        "And the latter?",
        r"How large is the \beta term?",
    ),
    "one and the other": (
        TWO_METHODS,
        "Is one better than the other?",
        "Is one better than the other? (What are the two methods called: RR and RATD)",
    ),
    "the first to do so": (
        TWO_NAMED,
        "Is LongGen the first one to do so?",
        None,
    ),
    "the first of three": (
        [Turn("What are the three methods called?", "RR, RATD and SSF.")],
        "What's the first one short for?",
        "What's the first one short for? (What are the three methods called: RR, RATD and SSF)",
    ),
    "the first of a kind": (TWO_METHODS, "Which is the first step of training on many GPUs?", None),
    "what an answer stands for": (
        [Turn("Which method is extended to several machines?", "SPSA.")],
        "What does that stand for?",
        "What does SPSA stand for?",
    ),
    "what an answer with its citation stands for": (
        [Turn("Which method is extended to several machines?", "SPSA. [1]")],
        "And what is that short for?",
        "And what is SPSA short for?",
    ),
    "no short form of an answer": (
        [Turn("Which optimizer does LongGen use?", "SPSA.")],
        "Does it fine-tune the model in full?",
        "Does LongGen fine-tune the model in full?",
    ),
    "what a longer answer stands for": (
        NAMED,
        "What does that stand for?",
        "What does that stand for? (LongGen)",
    ),
    "a clause set before the question": (
        NAMED,
        "OK. In training, how much memory does it take?",
        "OK. In training, how much memory does LongGen take?",
    ),
    "what is asked for is no subject": (
        [Turn("What mIoU does the small model of the LongGen paper reach?", "62")],
        "How fast is it?",
        "How fast is LongGen?",
    ),
    "the larger ones of a new question": (NAMED, "Can small language models match the larger ones?", None),
    "hyphens tear nothing": (NAMED, "To-do lists for language agents?", None),
    "another one, of a measure that is": (
        [Turn("What is the accuracy of LongGen?", "62%.")],
        "And the old one?",
        "How much for the old one? (What is the accuracy of LongGen: 62%)",
    ),
    "a name set before the question": (
        NAMED,
        "OK. And Dynamic Sparse Learning, does that one need a trained model?",
        None,
    ),
    "another one is no measure": (
        NUMBER,
        "And the old one?",
        "By how many points for the old one? "
        "(By how many points does LongGen beat FlashAttention on KILT in 2023: By 10 points)",
    ),
    "elsewhere, in a name of its own": (
        [Turn("By how many points does LongGen beat others on KILT?", "By 10 points.")],
        "On BEIR-2?",
        "By how many points does LongGen beat others on BEIR-2?",
    ),
    "what it was measured on is not what it was": (
        [Turn("What accuracy does the best small model get on StrategyQA?", "61.7")],
        "And which larger ones did it leave behind in training?",
        "And which larger ones did it leave behind in training? "
        "(What accuracy does the best small model get on StrategyQA: 61.7)",
    ),
    "another system, after a short form": (
        [Turn("Is SSF better than full fine-tuning?", "Yes.")],
        "What about S2FT?",
        "Is S2FT better than full fine-tuning?",
    ),
    "the first one": (
        NAMED,
        "What's the first one short for?",
        "What's the first one short for? (What does LongGen reduce: KV cache memory)",
    ),
    "torn, however long": (
        NAMED,
        "Any good with very little training data?",
        "Any good with very little training data? (LongGen)",
    ),
    "torn, but with a name": (NAMED, "Any use of SlimTune in training?", None),
    "whole, though it begins like that": (NAMED, "In which layers is attention sparse?", None),
    "an abstention tells nothing": (
        [Turn("What does attention cost?", "The abstract does not say.")],
        "Why?",
        "Why? (What does attention cost)",
    ),
    "acronym that does something": (
        [Turn("What does STORM put between the encoder and the LLM?", "A temporal encoder.")],
        "How fast is it?",
        "How fast is STORM?",
    ),
    "another subject": (NAMED, "Which papers study speech recognition?", None),
    "a year is no name": (NAMED, "How fast was it in 2023?", "How fast was LongGen in 2023?"),
}


@pytest.mark.parametrize(("history", "question", "expected"), CASES.values(), ids=CASES)
def test_follow_up_is_written_out(history: list[Turn], question: str, expected: str | None) -> None:
    assert standalone(question, history) == (expected or question)


@pytest.mark.parametrize("question", ["How fast is it?", "Why?", "And its memory?", "What about the paper?"])
def test_without_history_nothing_changes(question: str) -> None:
    assert standalone(question, []) == question


def test_the_subject_may_lie_turns_back() -> None:
    """The second turn leans on the first and the third on the second; KV is no subject of its own."""
    history = [
        Turn("What is LongGen?", "An architecture."),
        Turn("How much KV cache does it save?", "62%."),
    ]
    assert standalone("And how fast is its training?", history) == "And how fast is LongGen's training?"


def test_a_thousand_turns_are_no_burden() -> None:
    history = [Turn("How fast is it?", "Fast.")] * 1_000
    assert standalone("Why?", history) == "Why? (How fast is it: Fast)"


@pytest.mark.parametrize(
    "question",
    [
        "Is it true that caches grow?",
        "Which apps that drain the battery are measured?",
        "What is speculative decoding and how does it help?",
    ],
)
def test_words_that_refer_to_nothing_before_are_left(question: str) -> None:
    assert standalone(question, NAMED) == question


def test_a_question_elsewhere_may_follow_another() -> None:
    history = [*NUMBER, Turn("And on BEIR?", "By 5.")]
    assert standalone("And in 2022?", history) == (
        "By how many points does LongGen beat FlashAttention on BEIR in 2022?"
    )


def test_a_subject_nine_turns_back_is_forgotten() -> None:
    """Eight turns are looked at; in the first of them "Why?" stands for itself."""
    turns = [Turn("Why?", "So.")] * 8
    assert (
        standalone("How so?", [*NAMED, *turns[:7]]) == "How so? (What does LongGen reduce: KV cache memory)"
    )
    assert standalone("How so?", [*NAMED, *turns]) == "How so? (Why: So)"


ROOTS = {
    "a question that leans on the last one": (NAMED, "And how fast is it?", [NAMED]),
    "one that stands alone": (NAMED, "Which memories are read by the attention?", [NAMED]),
    "over a turn that leans too": ([*NAMED, Turn("By how much?", "62%.")], "Why?", [NAMED]),
    "the later of two topics": ([*NAMED, *IN_ANSWER, *NUMBER], "Why?", [NUMBER]),
    "one that names nothing, and the one before": ([*IN_ANSWER, *NAMED, *CAUSE], "Why?", [CAUSE, NAMED]),
    "a new topic": (NAMED, "Something else: is it fast?", []),
    "no turn": ([], "Is it fast?", []),
    "a first turn that sounds as if it leaned": (SHORT, "Does that need labels?", [SHORT]),
    "a greeting first": ([Turn("Hello!", "Hello."), *SHORT], "Does that need labels?", [SHORT]),
    "a greeting alone": ([Turn("Hello!", "Hello.")], "Does that need labels?", []),
    "a later turn that leans, as the first does": ([*SHORT, Turn("Why?", "So.")], "Is it fast?", [SHORT]),
}


@pytest.mark.parametrize(("history", "question", "expected"), ROOTS.values(), ids=ROOTS)
def test_the_questions_that_a_conversation_began_with(
    history: list[Turn], question: str, expected: list[list[Turn]]
) -> None:
    assert roots(question, history) == tuple(turn.question for (turn,) in expected)


@pytest.mark.parametrize(
    ("question", "history", "expected"),
    [
        ("How fast is it?", [*NAMELESS, *NAMED], "What does LongGen reduce? KV cache memory."),
        ("How fast is SlimTune in training?", NAMED, ""),
        ("How fast is it?", [], ""),
    ],
    ids=["the last turn", "a question of its own", "nothing before"],
)
def test_what_a_follow_up_goes_on_from(question: str, history: list[Turn], expected: str) -> None:
    assert continues(question, history) == expected
