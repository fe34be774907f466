"""Question fit: which sentences of the papers found answer what is asked.

The right paper is found nearly always; the wrong sentence of it is what small models answer with. So every
sentence of the papers found is judged by how it fits the question: terms shared and terms of like meaning,
names, the quantity asked for and its unit, and where it stands. What a feature is worth is fitted on
questions with known evidence (`python -m eval fit`), not chosen here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from assistant.fitted import Linear
from assistant.instructions import planted
from assistant.names import mentions, normalised, own_names
from assistant.quantities import DURATION, POINTS, Quantity, quantities
from assistant.question import Asked, Question
from assistant.records import Paper, ScoredPaper
from assistant.sentences import sentence_spans
from assistant.similarity import Similarity
from assistant.subject import is_subject_of
from assistant.terms import STOP_WORDS, stem, terms, words

SHORTLIST = 12  # sentences that are compared by embedding, which costs the most
_MOST_BEHIND = 6.0  # by which a paper's score counts as behind the best one's
_TOLD_BY_TITLE = 0.2  # what is left of a term's weight for telling sentences, if the title has it
_LONG_NAME = 8  # letters; a longer name is no ordinary word, whatever its case
_ORDINARY = STOP_WORDS | frozenset("first last best next one two".split())  # FIRST is a name, "first" is none
_METRICS = frozenset("ap map acc accuracy bleu f1 ndcg auroc psnr rouge dsc".split())  # that points are of
_SPANS = frozenset(("epoch", "step", "iteration"))  # what training takes besides time
_POSSESSIVE = re.compile(r"['’]s$")
_ASKS_WHAT_IT_IS = re.compile(
    r"^(?:and |so )?(?:what|who)(?:['’]s| is| are| was| were| does| do)\b(?!.*\bof\b)", re.I
)
_INTRODUCES = re.compile(
    r"\b(?:propos|introduc|present|develop|design|call|dub|term|name|coin|is an?|are)\w*\b", re.I
)
_PRESENTS = re.compile(
    r"\b(?:we|(?:this|the present) (?:paper|work|study|article|survey|report))\b.{0,60}"
    r"\b(?:propos|introduc|present|develop|design|describ|build|built|create|show|stud|compar|investigat)\w*\b",
    re.I,
)
_ASKS_REASON = re.compile(r"^(?:and |so |but )?(?:why|how)\b(?! (?:much|many|long|often|large|far))", re.I)
_REASONS = re.compile(
    r"\b(?:because|due to|since|owing to|in order to|thereby|by \w+ing|via|through|using)\b", re.I
)
# Where the authors begin to speak of their own work; what comes before is about others'.
_OWN_WORK = re.compile(
    r"\b(?:we|our|(?:this|the present) (?:paper|work|study|article|survey|report|note))\b", re.I
)
_ASKS_OTHERS = re.compile(
    r"\b(?:existing|exist|previous|prior|earlier|conventional|traditional|usual\w*|current\w*|others?|common"
    r"|problem\w*|challenge\w*|limit\w*|drawback\w*|issue\w*|difficult\w*|hard|wrong|lack\w*|suffer\w*"
    r"|fail\w*|motivat\w*|against|why|need\w*|gap)\b",
    re.I,
)

Weigh = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class SourceSentence:
    """A sentence of an abstract: `paper.abstract[start:end]`, the `position`-th of it."""

    paper: Paper
    start: int
    end: int
    position: int

    @property
    def text(self) -> str:
        """What stands there, verbatim."""
        return self.paper.abstract[self.start : self.end]


@dataclass(frozen=True, slots=True)
class RankedSentence:
    """A sentence, how well it fits the question (log-odds of being its evidence), and why.

    It `leads` where it fits the question, or one of several questions in it, best.
    """

    sentence: SourceSentence
    score: float
    features: dict[str, float]
    leads: bool = False


def ranked_sentences(
    question: Question,
    papers: Sequence[ScoredPaper],
    weigh: Weigh,
    similarity: Similarity,
    weights: Linear,
    previous: str = "",
) -> list[RankedSentence]:
    """The sentences of the papers, best first. `weigh` tells how much a term (stem) says, in [0, 1].

    A question that names what a paper calls its own is answered from that paper alone. `previous` is what a
    follow-up goes on from, the question before it and its answer.
    """
    papers = [paper for paper in papers if owns(question, paper.paper)] or papers
    sentences = [sentence for paper in papers for sentence in sentences_of(paper.paper)]
    if not sentences:
        return []
    rank = {paper.paper.id: position for position, paper in enumerate(papers)}
    best = papers[0].score
    behind = {paper.paper.id: min(best - paper.score, _MOST_BEHIND) for paper in papers}
    asked = {stemmed: weigh(stemmed) for stemmed, _ in question.terms}
    share = [term_share(asked, _stems(sentence.text)) for sentence in sentences]
    with_title = [
        term_share(asked, _stems(sentence.text) | _stems(sentence.paper.title)) for sentence in sentences
    ]
    focus = {paper.paper.id: _focused(asked, paper.paper) for paper in papers}
    focused = [term_share(focus[sentence.paper.id], _stems(sentence.text)) for sentence in sentences]
    order = sorted(
        range(len(sentences)), key=lambda i: (rank[sentences[i].paper.id] > 0) - with_title[i] - focused[i]
    )
    shortlist = order[:SHORTLIST]
    candidates = [sentences[i] for i in shortlist]
    continued = _continued(previous, sentences, weigh)
    cosines = _cosines(question, papers[0].paper, [one.text for one in candidates], similarity)
    soft_shares = _soft_shares(question, asked, focus, candidates, similarity)
    found = []
    for i, cosine, soft in zip(shortlist, cosines, soft_shares, strict=True):
        sentence = sentences[i]
        paper = sentence.paper
        place = sentence.position / max(len(sentences_of(paper)) - 1, 1)
        around = [
            share[j] for j in (i - 1, i + 1) if 0 <= j < len(sentences) and sentences[j].paper.id == paper.id
        ]
        features = {
            "share": share[i],
            "share_with_title": with_title[i],
            "soft_share": soft[0],
            "soft_focus": soft[1],
            "focus": focused[i],
            "cosine": cosine[0],
            "cosine_focus": cosine[1],
            "expands": _expands(question, sentence.text),
            "introduces": _introduces(question, sentence.text),
            "presents": _presents(question, sentence),
            "around": max(around, default=0.0),
            "first_paper": float(rank[paper.id] == 0),
            "behind": behind[paper.id],
            "names": _named(question, sentence.text),
            "names_of_paper": _named(question, f"{paper.title} {paper.abstract}"),
            "own_name": float(owns(question, paper)),
            "place": place,
            "is_first": float(sentence.position == 0),
            "length": math.log(max(len(words(sentence.text)), 1)) - 3.0,
            "number_place": place if question.kind == "number" else 0.0,
            "number_fits": _best_unit_fit(question, sentence.text),
            "counted": _best_noun_fit(question, sentence.text),
            "reason": _reason(question, sentence.text),
            **_background(question, sentence),
            **continued[i],
        }
        found.append(RankedSentence(sentence, weights.score(features), features))
    return sorted(found, key=lambda ranked: -ranked.score)


@lru_cache(maxsize=4096)
def sentences_of(paper: Paper) -> tuple[SourceSentence, ...]:
    """The sentences of a paper's abstract, without those that address a language model."""
    hidden = set(planted(paper.abstract))
    spans = [span for span in sentence_spans(paper.abstract) if span not in hidden]
    return tuple(SourceSentence(paper, start, end, n) for n, (start, end) in enumerate(spans))


def unit_fit(asked: Asked, quantity: Quantity) -> float:
    """1 where the unit is the one asked for, -1 where it can't be, 0 where nothing tells.

    Where the question tells only what sort of number it may be, a number of that sort is worth half.
    """
    if quantity.unit in asked.units:
        return 1.0 if asked.exact else 0.5
    if asked.units == {POINTS} and quantity.nouns and quantity.nouns[0] in _METRICS:
        return 1.0
    if asked.units == {POINTS} and quantity.unit == "%":
        return 0.0
    if not asked.exact:
        return 0.0 if asked.units else 0.5
    if DURATION in asked.units and quantity.nouns and quantity.nouns[0].rstrip("s") in _SPANS:
        return 0.0
    # A bare number may stand for one with its unit left out, unless it counts something.
    return 0.0 if not quantity.unit and not quantity.nouns else -1.0


def noun_fit(asked: Asked, text: str, quantity: Quantity) -> float:
    """Whether what is counted is what the question counts: 1 if so, -1 if not, 0 if it names nothing.

    0.3 where it stands right before the number instead: "parameters are cut to 7M".
    """
    if not asked.nouns or "" not in asked.units:  # hours and percents are measured, not counted
        return 0.0
    after = [stem(noun.rstrip("s")) for noun in quantity.nouns]
    if asked.nouns[-1] in after or (len(asked.nouns) > 1 and set(asked.nouns[:2]) & set(after[:3])):
        return 1.0
    before = [stem(word) for word in words(text[max(0, quantity.start - 40) : quantity.start])[-4:]]
    return 0.3 if set(asked.nouns) & set(before) else -1.0


def term_share(asked: Mapping[str, float], there: frozenset[str]) -> float:
    """The share of the weight of the terms asked that is there."""
    total = sum(asked.values())
    return sum(weight for term, weight in asked.items() if term in there) / total if total else 0.0


@lru_cache(maxsize=16_384)
def _stems(text: str) -> frozenset[str]:
    return frozenset(terms(text))


def _focused(asked: Mapping[str, float], paper: Paper) -> dict[str, float]:
    """The weights of the terms, less for those that all of the paper is about and so tell no sentence."""
    sentences = [_stems(sentence.text) for sentence in sentences_of(paper)]
    title = _stems(paper.title) | {stem(name) for name in own_names(paper.title, paper.abstract)}
    return {
        term: weight
        * (_TOLD_BY_TITLE if term in title else 1.0)
        * (1 - sum(term in sentence for sentence in sentences) / (len(sentences) + 1)) ** 2
        for term, weight in asked.items()
    }


def _cosines(
    question: Question, paper: Paper, texts: list[str], similarity: Similarity
) -> list[tuple[float, float]]:
    """The cosine of each text to the question, and to the question without what names the paper."""
    title = _stems(paper.title)
    own = own_names(paper.title, paper.abstract)

    def names_it(word: str) -> bool:
        written = written_name(word)
        stems = {stem(part) for part in words(word)}
        return bool(stems & title or {written, written.rstrip("s")} & own)

    left = " ".join(word for word in question.text.split() if not names_it(word))
    both = similarity.cosines(texts, [question.text, left or question.text])
    return [(float(whole), float(focused)) for whole, focused in both]


def _expands(question: Question, text: str) -> float:
    """Whether a short form asked about has brackets or stands in some, so that it may be written out."""
    return float(any(_in_brackets(short, text) for short in question.short_forms))


@lru_cache(maxsize=4096)
def _own_work_begins(paper: Paper) -> int:
    """The position of the first sentence in which the authors speak of their own work; 0 where none does."""
    return next((one.position for one in sentences_of(paper) if _OWN_WORK.search(one.text)), 0)


def _background(question: Question, sentence: SourceSentence) -> dict[str, float]:
    """Whether it stands before the authors' own work, and whether what stands there is asked about."""
    background = float(sentence.position < _own_work_begins(sentence.paper))
    return {
        "background": background,
        "background_asked": background * bool(_ASKS_OTHERS.search(question.bare)),
    }


def _continued(previous: str, sentences: Sequence[SourceSentence], weigh: Weigh) -> list[dict[str, float]]:
    """How each sentence goes on from what was said before a follow-up: nothing where nothing was.

    What is asked next mostly stands in the sentence that answered before, or beside it.
    """
    said = {term: weigh(term) for term in terms(previous)}
    if not said:
        return [{}] * len(sentences)
    shares = [term_share(said, _stems(sentence.text)) for sentence in sentences]
    answered = sentences[max(range(len(sentences)), key=shares.__getitem__)]
    found = []
    for sentence, share in zip(sentences, shares, strict=True):
        apart = sentence.position - answered.position if sentence.paper.id == answered.paper.id else None
        found.append(
            {
                "said_before": share,
                "answered_before": float(apart == 0),
                "after_answered": float(apart == 1),
                "near_answered": float(apart in (-1, 2)),
            }
        )
    return found


def _in_brackets(short: str, text: str) -> bool:
    form = re.escape(short.rstrip("s"))
    return bool(re.search(rf"\({form}s?\)|\b{form}s?\s\(", text))


def _introduces(question: Question, text: str) -> float:
    """Whether the sentence introduces the one thing that the question asks what it is."""
    if question.subject:
        named: tuple[str, ...] = (question.subject,)
    elif _ASKS_WHAT_IT_IS.match(question.bare):
        named = question.names
    else:
        return 0.0
    return float(any(mentions(text, name) for name in named) and bool(_INTRODUCES.search(text)))


def _presents(question: Question, sentence: SourceSentence) -> float:
    """Whether the authors present their work in it, and what that is is all that is asked."""
    subject = question.subject
    if not (subject and _PRESENTS.search(sentence.text) and is_subject_of(sentence.paper, subject)):
        return 0.0
    return 1.0 if mentions(sentence.text, subject) else 0.5


def _soft_shares(
    question: Question,
    asked: dict[str, float],
    focus: Mapping[str, dict[str, float]],
    sentences: Sequence[SourceSentence],
    similarity: Similarity,
) -> list[tuple[float, float]]:
    """As `term_share`, but a term counts by the most similar word of the sentence or the title."""
    vocabulary = sorted({word for sentence in sentences for word in _content_words(sentence)})
    column = {word: i for i, word in enumerate(vocabulary)}
    matrix = similarity.of_words([word for _, word in question.terms], vocabulary)
    shares = []
    for sentence in sentences:
        columns = [column[word] for word in _content_words(sentence)]
        own = [column[word] for word in words(sentence.text) if word in column]
        there, title = _stems(sentence.text), _stems(sentence.paper.title)
        like = {
            term: 1.0 if term in there | title else float(matrix[row, columns].max(initial=0.0))
            for row, term in enumerate(asked)
        }
        like_here = {
            term: 1.0 if term in there else float(matrix[row, own].max(initial=0.0))
            for row, term in enumerate(asked)
        }
        shares.append((_mean(asked, like), _mean(focus[sentence.paper.id], like_here)))
    return shares


def _mean(weights: Mapping[str, float], values: Mapping[str, float]) -> float:
    total = sum(weights.values())
    return sum(weight * values[term] for term, weight in weights.items()) / total if total else 0.0


@lru_cache(maxsize=16_384)
def _content_words(sentence: SourceSentence) -> tuple[str, ...]:
    found = words(f"{sentence.paper.title} {sentence.text}")
    return tuple(dict.fromkeys(word for word in found if word not in STOP_WORDS and not word[0].isdigit()))


def _named(question: Question, text: str) -> float:
    """The share of the question's names that the text has; 0 where it has none."""
    if not question.names:
        return 0.0
    return sum(mentions(text, name) for name in question.names) / len(question.names)


def owns(question: Question, paper: Paper) -> bool:
    """Whether the question names what the paper calls its own, in capitals unless it has none at all."""
    lower = question.text.islower()
    own = own_names(paper.title, paper.abstract) - (_ORDINARY if lower else frozenset())
    written = {
        written_name(word)
        for word in question.text.split()
        if lower or not word.islower() or any(map(str.isdigit, word))
    }
    return bool(own & written) or any(
        mentions(question.text, name) for name in own if len(name) > _LONG_NAME or any(map(str.isdigit, name))
    )


def written_name(word: str) -> str:
    """A word of a question in the one spelling of names, without a possessive's s."""
    return normalised(_POSSESSIVE.sub("", word.strip("?,.:;'’\"()")))


def _best_unit_fit(question: Question, text: str) -> float:
    if question.asked is None:
        return 0.0
    return max((unit_fit(question.asked, found) for found in _answering(question, text)), default=-1.0)


def _best_noun_fit(question: Question, text: str) -> float:
    if question.asked is None or not question.asked.nouns:
        return 0.0
    return max((noun_fit(question.asked, text, found) for found in _answering(question, text)), default=-1.0)


def _answering(question: Question, text: str) -> list[Quantity]:
    return [found for found in quantities(text) if not any(found.same_value(own) for own in question.numbers)]


def _reason(question: Question, text: str) -> float:
    return float(bool(_ASKS_REASON.match(question.text) and _REASONS.search(text)))
