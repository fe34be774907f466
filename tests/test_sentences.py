from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assistant.sentences import sentence_spans

SAMPLE = Path(__file__).parent.parent / "index" / "corpora" / "sample.jsonl"

# Each text is written with a | where one sentence ends and the next begins.
CASES = {
    "two sentences": "It works. | We test it.",
    "abbreviation in the middle": "It helps, e.g. on code, i.e. Python. | We test it.",
    "abbreviation in brackets": "It helps (cf. Smith) a lot. | We test it.",
    "et al. goes on": "As Smith et al. show and Lee et al. 2020 deny, it works.",
    "et al. ends": "It follows Smith et al. | We extend it.",
    "etc. ends and goes on": "We use A, B, etc. and C. | It reads code, text, etc. | This helps.",
    "figure, equation, section": "Fig. 2 and Eq. (3) of Sec. 4.1 agree. | So does Tab. 5.",
    "number as a noun and No. as a mark": "No. 5 of 7 says no. | We agree.",
    "versus": "We compare A vs. B here. | A wins.",
    "decimals and multiples": "It is 5.75x faster at 0.5 bits. | Accuracy is 91.5%. | 3 of 4 agree.",
    "number at the end": "We use Llama 2. | It has 7B parameters, v1.5 has 13. | We stop.",
    "single letter ends": "We call it method A. | We compare it with B.",
    "initials": "We thank J. R. Smith for it. | We go on.",
    "URL": "Code is at https://github.com/a/b.git?x=1.2. | Data is at http://x.org/a.b too.",
    "formula of dollars": "Let $a. B$ be given. | $x$ grows.",
    "formulas of brackets": r"Let \(a. B\) and \[c. D\] be given. | \(x\) grows.",
    "prices are no formula": "It costs $5. | Then $6 more. | Nothing is free.",
    "formula at the end": "We bound $x$. | Then $y$.",
    "lower-case name begins": "It is fast. | vLLM is faster. | iPhones too.",
    "lower-case word goes on": "It needs approx. five of 3 vol. in all. | Done.",
    "quotes": 'He said "it works." | We agree. | “It does.” | “Really.”',
    "brackets": "(It works.) | [So it does.] | (We agree.)",
    "lost space": "It works.We show why. | It ends.",
    "names with dots are whole": "We call torch.nn and e.g. U.S. data in a.b.c order. | Done.",
    "question and exclamation marks": "Why? | Because! | Is it so?! | Yes.",
    "question in the middle": "We ask why? and how! in one go.",
    "ellipses": "It works... | We think… | So it goes... and on.",
    "full-width stops": "这很好。|我们继续！|对吗？|是。",
    "runs of full-width stops": "真的吗？！|是。",
    "Arabic": "الجملة الأولى؟ | الجملة الثانية.",
    "accents": "Été passes. | Élan stays.",
    "line breaks": "It works.\n| We go on\nand on.\t| Done.",
    "without an end": "It works. | Code is at https://x.org",
    "one word": "Word",
    "only a stop": ".",
    "nothing": "",
    "only space": " \n ",
}


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES)
def test_sentences_end_where_a_reader_says(marked: str) -> None:
    if marked == CASES["lost space"]:
        marked = marked.replace("works.We", "works.|We")
    text = re.sub(r" ?\| ?", lambda mark: " " if " " in mark.group() else "", marked)
    expected = [piece.strip() for piece in marked.split("|") if piece.strip()]
    assert [text[start:end] for start, end in sentence_spans(text)] == expected


def assert_spans_are_sound(text: str) -> None:
    """In order, apart, trimmed, and nothing but white space outside."""
    position, outside = 0, ""
    for start, end in sentence_spans(text):
        assert position <= start < end
        assert text[start:end] == text[start:end].strip()
        outside += text[position:start]
        position = end
    assert (outside + text[position:]).strip() == ""


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES)
def test_spans_never_overlap_and_leave_out_only_space(marked: str) -> None:
    assert_spans_are_sound(marked)
    assert_spans_are_sound(f"  {marked}\n\n{marked} ")


def test_spans_of_the_sample_corpus_join_to_its_abstracts() -> None:
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        abstract = json.loads(line)["abstract"]
        assert_spans_are_sound(abstract)
        # The corpus is canonical and has lost no space, so one space stands between any two sentences.
        assert " ".join(abstract[start:end] for start, end in sentence_spans(abstract)) == abstract
