"""What an answer claims: its sentences as the scorer splits them, each with what it cites and quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from eval.normalise import norm, sentences, words
from eval.records import AnswerSentence, Corpus, SystemAnswer

_MARK = re.compile(r"(?<!\s)\s*\[\d+(?:\s*[,;-]\s*\d+)*\]")
_LABEL = re.compile(r"^\s*(?:yes|no|maybe)\b[\s,.:;!-]*", re.I)
_BOILERPLATE_WORDS = 25
# A digit inside a name (LLaVA-1.5, Canary-1B, S$^{2}$FT, Llama 2) is no number that a refusal could hide.
_MORE = re.compile(r"(?<![\w.\-/{^])\d(?![\w-]*[A-Za-z])|\b(?:but|however|though|although)\b", re.I)
_NUMBERED_NAME = re.compile(r"(?<=[a-z] )[A-Z][\w-]* \d+(?:\.\d+)?(?![\w%]|\.\d|\s?%)")
_SOURCE = r"(?:abstracts?|papers?|passages?|excerpts?|texts?|context|collection|corpus|sources?)"
# The fixed list of sentences that claim nothing: short, with neither a number nor a "but".
_BOILERPLATE = re.compile(
    rf"\b{_SOURCE}\b(?: \w+){{0,3}} (?:do|does|did) not (?:\w+ )?"
    r"(?:say|state|mention|report|give|specify|contain|provide|include|discuss|answer|address)\b"
    rf"|\b{_SOURCE} do not seem to be about\b"
    rf"|\b{_SOURCE} of [^;:]{{1,60}} does not (?:say|state|mention|report|give|specify)\b"
    rf"|\bno {_SOURCE}\b.{{0,40}}\b(?:found|retrieved|says?|states?|mentions?|answers?|belongs?)\b"
    rf"|\bnothing in the (?:\w+ )?{_SOURCE}\b"
    r"|\bnot (?:said|stated|mentioned|given|reported|specified|found) (?:in|by) "
    rf"(?:the|these|any) (?:\w+ )?{_SOURCE}\b"
    r"|\bi (?:cannot|can not|can't|could not|am unable to|do not|don't) (?:answer|know|find|determine|tell)\b"
    r"|\b(?:insufficient|not enough|no) information\b"
    rf"|^the (?:nearest|closest|best matching) {_SOURCE} (?:is|are)\W*$",
    re.I,
)


def claims(answer: SystemAnswer, corpus: Corpus) -> tuple[AnswerSentence, ...]:
    """Every sentence that claims something, split by the scorer; each part keeps what it cites.

    Text outside the sentences is claimed too, citing nothing. Labels ("Yes."), refusals and the titles of
    an abstention's nearest papers are no claims.
    """
    titles = corpus.titles.values() if answer.status == "abstained" else ()
    return tuple(part for part in _parts(answer, titles) if not _is_boilerplate(part.text))


def answered(answer: SystemAnswer, corpus: Corpus) -> bool:
    """Whether it answered; an abstention whose text still claims something did."""
    if answer.status == "abstained":
        return bool(claims(answer, corpus))
    return answer.status != "error"


def cited(answer: SystemAnswer) -> tuple[str, ...]:
    """The cited ids in order of first use."""
    return tuple(dict.fromkeys(paper_id for sentence in answer.sentences for paper_id in sentence.cites))


def said(answer: SystemAnswer) -> str:
    """The answer's whole text without marks."""
    return _MARK.sub("", answer.text) or " ".join(_MARK.sub("", part.text) for part in answer.sentences)


def without_label(text: str) -> str:
    """A claim without a leading yes or no, which is a label and no negation."""
    return _LABEL.sub("", text)


def _parts(answer: SystemAnswer, titles: Iterable[str]) -> Iterator[AnswerSentence]:
    given = " ".join(norm(_MARK.sub("", sentence.text)) for sentence in answer.sentences)
    hidden = [part for part in sentences(_MARK.sub("", answer.text)) if part not in given]
    for sentence in (*answer.sentences, *map(AnswerSentence, hidden)):
        text = _without(titles, norm(_MARK.sub("", sentence.text)))
        for part in sentences(text):
            yield AnswerSentence(part, tuple(dict.fromkeys(sentence.cites)), sentence.quotes)


def _without(titles: Iterable[str], text: str) -> str:
    for title in titles:
        text = text.replace(norm(title), "") if title else text
    return text


def _is_boilerplate(text: str) -> bool:
    if not words(without_label(text)):
        return True
    plain = len(words(text)) <= _BOILERPLATE_WORDS and not _MORE.search(_NUMBERED_NAME.sub("", text))
    return plain and bool(_BOILERPLATE.search(text))
