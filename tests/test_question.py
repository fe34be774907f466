from __future__ import annotations

import pytest

from assistant.errors import QuestionError
from assistant.question import MOST_CHARACTERS, Asked, Kind, kind_of, read_question, understood

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


KINDS: dict[Kind, list[str]] = {
    "greeting": [
        "Hello!",
        "hi there",
        "Good morning :)",
        "Thanks a lot, that helped",
        "Thank you!",
        "Bye.",
        "hey... :D",
        "Hi, how are you?",
    ],
    "collection": [
        "How many papers are there?",
        "how many papers do you have",
        "How many papers are from 2023?",
        "What's the total number of abstracts in your collection?",
        "What topics do your documents cover?",
        "Which years do the papers cover?",
        "Who wrote the papers in here?",
        "What can I ask you about?",
        "Who are you?",
        "Do you read the full papers?",
        "Which papers are there?",
        "papers from 2021?",
        "what's in here?",
        "Please list all papers.",
        "papers by Emmy Noether since 2019",
        "What is in the collection?",
    ],
    "yes_no": [
        "So it does without an index?",
        "So the large model still needs the cache?",
        "Is it fast?",
        "isn't it slow?",
        "Isn’t it slow?",
        "And does it need training?",
        "Does LongCache reduce memory?",
        "On long inputs, does LongCache save memory?",
        "When layers are dropped, is it faster?",
        "LongCache and SlimTune differ. Is the first the faster one?",
        "It needs no training, right?",
        "LongCache needs no training, doesn't it?",
        "LongCache faster than SlimTune, yes or no?",
        "LongCache - tested on speech as well?",
    ],
    "number": [
        "OK, and what does LongGen save in memory, at most?",
        "So the speedup is?",
        "What exact match did the newer one get?",
        "By how much does it cut memory?",
        "How many papers are surveyed?",
        "How many papers does the survey review?",
        "How many papers in this review are on speech?",
        "How much faster is it?",
        "How accurate is SlimTune on SentiBank?",
        "On SentiBank, how many points does it gain?",
        "What is the speed-up of LongCache?",
        "What's LongCache's time to first token?",
        "What accuracy is reached?",
        "What MRR@10 does it get?",
        "What is the largest cut in energy use reported?",
        "What did the baseline score there?",
        "Which percentage of layers is kept?",
        "It speeds up decoding by what factor?",
        "And the latency?",
        "longcache decoding speedup",
        "tokens per second when serving",
    ],
    "list": [
        "Which papers use full attention?",
        "list papers by topic",
        "Which papers are from the survey?",
        "Which of the papers are surveys?",
        "Name two studies of speech.",
        "List works on tuning",
        "Are there papers on tuning?",
        "Can you list papers on tuning?",
        "In which speech recognition papers does it come up?",
        "What are the papers on tuning?",
        "Is there anything on tuning? List it.",
        "papers on tuning",
        "papers comparing LoRA and full fine-tuning",
        "Any papers on speech?",
        "is there any work on speech?",
        "Do you have any work on tuning?",
        "anything on speech?",
        "List work on tuning",
        "Which works on speech exist?",
    ],
    "text": [
        "So what does it do without an index?",
        "What does the method require, at least?",
        "So explain the loss that it uses?",
        "So-called attention sinks in models that can stream?",
        "What does LongGen keep at least one of?",
        "How does it work?",
        "Hi, how does it work?",
        "Thanks, list the reasons",
        "Hello world programs: what are they?",
        "Which is faster, LongCache or SlimTune?",
        "Which paper uses full attention?",
        "What do these papers say about retrieval?",
        "Why does it matter how many documents there are?",
        "How does it decide how many layers are kept?",
        "What does the accuracy mean?",
        "What does FID stand for?",
        "What is capacity density?",
        "What is the effect of noise on accuracy?",
        "Which treatment works for migraine?",
        "Which algorithm works on sparse graphs?",
        "Can you tell me what LongGen is?",
        "How were papers screened?",
        "what's perplexity",
        "Which speed measure tells how fast it runs?",
        "Which GPU were the latencies measured on?",
        "What method improves accuracy on SentiBank?",
        "Which parameters are tuned?",
        "By how much is LongCache faster, and by what factor is SlimTune smaller?",
        "Compare the speed-ups of LongCache and SlimTune",
        "Explain the cost of training.",
        "When was it published?",
        "Isotropy: what is it?",
        "Write me a poem.",
        "¿Es rápido?",
        "",
    ],
}


@pytest.mark.parametrize(("kind", "question"), [(kind, q) for kind, asked in KINDS.items() for q in asked])
def test_kind_is_read_from_the_words(kind: Kind, question: str) -> None:
    assert kind_of(question) == kind


ANY = frozenset(("%", "points", "x", "time", "bytes", ""))
ASKED: dict[str, tuple[str, Asked]] = {
    "percent": ("How many percent are kept?", Asked(frozenset("%"), (), exact=True)),
    "percentage": ("By what percentage does it fall?", Asked(frozenset("%"), (), exact=True)),
    "share": ("What share of the layers is kept?", Asked(frozenset("%"), (), exact=True)),
    "factor": ("By what factor is it faster?", Asked(frozenset("x"), (), exact=True)),
    "times": ("How many times faster is it?", Asked(frozenset("x"), ("faster",), exact=True)),
    "times more": (
        "How many times more sparsity does it give?",
        Asked(frozenset("x"), ("sparsiti",), exact=True),
    ),
    "points": ("How many AP points does it gain?", Asked(frozenset(("points",)), ("ap",), exact=True)),
    "AP": ("How many box AP does it gain?", Asked(frozenset(("points",)), ("box", "ap"), exact=True)),
    "data points": ("How many data points are used?", Asked(frozenset(("",)), ("data",), exact=True)),
    "hours": ("How many hours does it take?", Asked(frozenset(("time",)), (), exact=True)),
    "the second of two": ("By how much on the second?", Asked(ANY)),
    "how long it takes": ("How long does it take?", Asked(frozenset(("time",)), (), exact=True)),
    "how long it has to be": (
        "How long does a context get in this work?",
        Asked(frozenset(("time", "")), (), exact=True),
    ),
    "how long it is": ("How long are the sequences?", Asked(frozenset(("time", "")), (), exact=True)),
    "time saved": ("How much time is saved?", Asked(ANY)),
    "memory": ("How many GB does it need?", Asked(frozenset(("bytes",)), (), exact=True)),
    "memory in words": ("How many gigabytes does it need?", Asked(frozenset(("bytes",)), (), exact=True)),
    "count": ("How many image datasets are used?", Asked(frozenset(("",)), ("imag", "dataset"), exact=True)),
    "count of some": (
        "In how many of the conditions is it best?",
        Asked(frozenset(("",)), ("condit",), exact=True),
    ),
    "number of": ("What is the number of GPUs?", Asked(frozenset(("",)), ("gpu",), exact=True)),
    "rate": ("How many reports per second is that?", Asked(frozenset(("",)), ("report", "per"), exact=True)),
    "difference": ("How much faster is it?", Asked(ANY)),
    "amount": ("How much energy does it save?", Asked(ANY, ("energi",))),
    "percent of a condition": ("What latency does it reach at 20% budget?", Asked(ANY)),
    "measure": ("What accuracy is reached?", Asked(ANY)),
}


@pytest.mark.parametrize(("question", "expected"), ASKED.values(), ids=ASKED)
def test_quantity_asked_for(question: str, expected: Asked) -> None:
    assert understood(question).asked == expected


@pytest.mark.parametrize(
    "question", ["Is it 62% smaller?", "How does it work?", "Which papers save 62%?", "Hello"]
)
def test_no_quantity_is_asked_for_by_other_kinds(question: str) -> None:
    assert understood(question).asked is None


def test_names_terms_and_numbers_of_a_question() -> None:
    text = (
        "Which tuning of Llama-2-7B saves 62% of LongCache's memory in 36 hours on 8 GPUs, tuned for memory?"
    )
    question = understood(text)
    assert (question.text, question.kind) == (text, "text")
    assert question.names == ("Llama-2-7B", "LongCache", "GPUs")
    assert question.terms[:3] == (("tune", "tuning"), ("llama", "llama"), ("2", "2"))
    assert [stem for stem, _ in question.terms].count("memori") == 1
    assert [(number.low, number.unit) for number in question.numbers] == [(62.0, "%"), (129_600.0, "time")]


def test_terms_are_in_order_of_first_use_without_words_that_ask() -> None:
    question = understood("According to the paper, how many caches does the cache of memory caches have?")
    assert question.terms == (("cach", "caches"), ("memori", "memory"))


NUMBERS = {
    "unit": ("Is it 4x faster?", [4.0]),
    "large": ("Are 140 papers surveyed?", [140.0]),
    "decimal": ("Is it 2.5?", [2.5]),
    "small count": ("Do the two models run on 8 GPUs?", []),
    "name": ("Is GPT-40 faster?", []),
}


@pytest.mark.parametrize(("question", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_that_are_claims(question: str, expected: list[float]) -> None:
    assert [number.low for number in understood(question).numbers] == expected


SEVERAL = {
    "Do both save memory?": True,
    "What does each of them save?": True,
    "LongCache versus SlimTune: what is saved?": True,
    "What is saved, and by how much is it faster?": True,
    "What do these papers say?": True,
    "What does the former save?": True,
    "By how much is one faster than the other?": True,
    "What does LongCache save?": False,
    "Is it small and fast?": False,
}


@pytest.mark.parametrize(("question", "several"), SEVERAL.items(), ids=SEVERAL)
def test_whether_several_are_asked_about(question: str, several: bool) -> None:
    assert understood(question).several is several


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What is capacity density?", "capacity density"),
        ("Can you tell me what LongCache is?", "LongCache"),
        ("Do you know how LongCache works?", "LongCache"),
        ("Is LongCache fast?", ""),
        ("What is the accuracy?", ""),
    ],
)
def test_subject_is_what_a_question_for_words_asks_to_be_told_about(question: str, subject: str) -> None:
    assert understood(question).subject == subject


SURVEYS = {
    "What do papers here say about pruning?": True,
    "How do these studies avoid labels?": True,
    "What makes it slow, according to these papers?": True,
    "What is known about pruning?": True,
    "What methods are there for pruning?": True,
    "How were the papers screened?": False,
    "What does LongCache say about pruning?": False,
    "Which papers are about pruning?": False,
}


@pytest.mark.parametrize(("question", "expected"), SURVEYS.items(), ids=SURVEYS)
def test_a_question_surveys_where_it_asks_what_the_papers_at_large_say(question: str, expected: bool) -> None:
    assert understood(question).surveys is expected
