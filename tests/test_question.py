from __future__ import annotations

import pytest

from assistant.errors import QuestionError
from assistant.question import MOST_CHARACTERS, kind_of, read_question

READ = {
    "as it is": ("Is it fast?", "Is it fast?"),
    "space at the ends and in runs": ("  Is\t it\n fast? ", "Is it fast?"),
    "unseen characters": ("Is\u200b it\u202e fast?\ufeff", "Is it fast?"),
    "emoji": ("Is it fast? 🚀👍🏽", "Is it fast? 🚀👍🏽"),
    "right to left": ("האם זה مهم؟", "האם זה مهم؟"),
    "the longest": ("x" * 2000, "x" * 2000),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ)
def test_question_is_read_in_canonical_form(text: str, expected: str) -> None:
    assert read_question(text) == expected


EMPTY = {"empty": "", "white space": " \t\r\n\u00a0\u2003", "unseen": "\u200b\ufeff\u202e\u00ad\x00"}


@pytest.mark.parametrize("text", EMPTY.values(), ids=EMPTY)
def test_question_without_a_visible_character_is_empty(text: str) -> None:
    with pytest.raises(QuestionError, match="empty"):
        read_question(text)


@pytest.mark.parametrize("length", [MOST_CHARACTERS + 1, 10_000])
def test_long_question_is_refused_with_both_lengths(length: int) -> None:
    with pytest.raises(QuestionError, match=rf"{length} characters, the most is {MOST_CHARACTERS}; shorten"):
        read_question("x" * length)


KINDS = {
    "greeting": ["Hello!", "hi there", "Good morning", "Thanks a lot", "Thank you!", "Bye.", "hey..."],
    "yes_no": [
        "Is it fast?",
        "isn't it slow?",
        "Isn’t it slow?",
        "Does LongCache reduce memory?",
        "Are there papers on tuning?",
        "Can you list papers on tuning?",
    ],
    "number": [
        "By how much does it cut memory?",
        "How many papers are surveyed?",
        "How much faster is it?",
        "What is the speed-up of LongCache?",
        "What accuracy is reached?",
        "Which percentage of layers is kept?",
    ],
    "list": ["Which papers use full attention?", "Name two studies of speech.", "List works on tuning"],
    "text": [
        "How does it work?",
        "Hi, how does it work?",
        "Hello world programs: what are they?",
        "Which is faster, LongCache or SlimTune?",
        "Isotropy: what is it?",
        "¿Es rápido?",
        "",
    ],
}


@pytest.mark.parametrize(("kind", "question"), [(kind, q) for kind, asked in KINDS.items() for q in asked])
def test_kind_is_read_from_the_words(kind: str, question: str) -> None:
    assert kind_of(question) == kind
