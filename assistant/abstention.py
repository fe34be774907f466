"""When not to answer, and what is missing: decided from how question, sentences and draft fit together.

The signals do not depend on the size of the collection: shares of the question's terms, cosines, fits,
margins between the best and the next. Their weights are fitted (`python -m eval fit`), not chosen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from assistant.composition import Drafted
from assistant.final import without_label
from assistant.fit import RankedSentence, Weigh
from assistant.names import is_specific, mentions, names, spells_out
from assistant.polarity import conflicts
from assistant.quantities import quantities
from assistant.quantity_fit import RankedQuantity
from assistant.question import Question
from assistant.records import Filters, Paper, Reason, ScoredPaper, Usage
from assistant.sentences import sentence_spans
from assistant.similarity import Similarity
from assistant.subject import is_defined, is_subject_of
from assistant.terms import STOP_WORDS, stem, terms, words
from assistant.verification import reported

_LEAST_SHARE, _LEAST_COSINE = 0.7, 0.3  # below both, nothing found is anywhere near
_MOST_AHEAD = 6.0  # by which the best paper's score counts as ahead of the next one's
_UNTOLD = 3.0  # the same where there is no next one to tell by
_MOST_DOUBT = 5.0  # of the model in its draft
_USUAL_DOUBT = 1.6  # the median of drafts; taken where the engine does not tell
_FAR = 10  # places; a sentence of the draft that rests on one ranked lower fits no better
_MOST_NAMES = 3  # that a reply lists as not found
_MOST_MISSING = 2  # words that a reply names as not found
_TELLING = 0.5  # weight of a word that a reply may name
# Before a noun: what marks one. After a verb: what its object begins with.
_BEFORE_NOUN = frozenset(
    "the a an its their this that these those any no each every all some what which many own other of in on"
    " for with by from at into over without between about".split()
)
_AUXILIARY = frozenset("is are was were do does did can could has have had".split())
_ASKING = frozenset("what which that who".split())
_AFTER_NOUN = _BEFORE_NOUN | _AUXILIARY | {"", "and", "or", "to"}
_AFTER_VERB = frozenset("the a an it its their them this these those each all any some".split())
# What is asked with, and words of every text: an abstract that lacks one of these lacks nothing.
_EVERYDAY = frozenset(
    """absolute additional alone amount average besides best better big bigger biggest cannot case cases
    common count counts current different earlier easy end exact example examples extra faster few
    fewer final first full fully general given good hard higher kind kinds large larger largest last
    later least less like long longer low lower main major means most much must need needs new next
    number numbers old original other others overall part parts per percent percentage point points
    quicker rather real reason right role round second several share short similar simple single
    size slower small smaller smallest some sooner sort special specific still term terms thing
    things time times together top total type use used usual value values way ways whole work works
    worse year years""".split()
)
_BENT = re.compile(r"(?:ly|ed|ing)$")  # an adverb or a verb, or too like one to be told apart
_HOW_MANY = re.compile(r"\b(?:how many|number of)\b", re.I)
_WRITTEN = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")
_WHY_OR_HOW = re.compile(
    r"(?:and |so |but )?(?:why|how (?:do|does|did|is|are|was|were|can|could|has|have))\b", re.I
)
_DECLINES = re.compile(
    r"\b(excerpts?|abstracts?|papers?|texts?|passages?|context|information)\b.{0,30}"
    r"\b(do(es)? not (mention|state|say|specify|provide|contain|include|give)"
    r"|not (mentioned|stated|given|provided|specified))\b"
    r"|\b(no information|(I )?(do not|don['’]t|cannot|can['’]t) (know|answer|find|determine))\b",
    re.I,
)


def nothing_found(filters: Filters) -> Reason:
    """Why there is no answer where no paper was found."""
    restricted = " that pass the filters" if filters != Filters() else ""
    return Reason("nothing_retrieved", f"No papers{restricted} were found for this question.")


def is_far(question: Question, papers: Sequence[ScoredPaper]) -> bool:
    """Whether nothing found is near the question: few of its words are there, and no passage is like it.

    A system that it names, or a name that an abstract has, makes it one about papers.
    """
    found = [scored.paper for scored in papers]
    if any(is_specific(name) or _anywhere(name, found) for name in question.names):
        return False
    asked = {stemmed for stemmed, _ in question.terms}
    there = frozenset().union(*map(_terms_of, found))
    share = len(asked & there) / len(asked) if asked else 0.0
    cosine = max(passage.dense for scored in papers for passage in scored.passages)
    return share < _LEAST_SHARE and cosine < _LEAST_COSINE


def off_topic(question: Question, papers: Sequence[ScoredPaper], ranked: Sequence[RankedSentence]) -> Reason:
    """Why there is no answer where no paper found is about the question."""
    nearest = ranked[0].sentence.paper
    return _unnamed(question, papers, nearest) or Reason(
        "off_topic", "These abstracts do not seem to be about that."
    )


def out_of_reach(
    question: Question, ranked: Sequence[RankedSentence], numbers: Sequence[RankedQuantity]
) -> bool:
    """Whether the nearest abstract can't answer, whatever else fits.

    It lacks a system, model or data set that the question names; or it has no number, or none in the unit
    that the question names; or it only mentions what the question asks what it is.
    """
    paper = ranked[0].sentence.paper
    here = reported(paper)
    if any(is_specific(name) and not mentions(here, name) for name in question.names):
        return True
    if _only_mentions(paper, question.subject):
        return True
    return question.kind == "number" and (not numbers or numbers[0].features["unit"] < 0)


def signals(
    question: Question,
    papers: Sequence[ScoredPaper],
    ranked: Sequence[RankedSentence],
    numbers: Sequence[RankedQuantity],
    weigh: Weigh,
    similarity: Similarity,
    *,
    chosen: bool = False,
) -> dict[str, float]:
    """What retrieval and question fit say, before a draft is written; `chosen`: the best paper was given."""
    rivalled = len(papers) > 1 and not chosen
    best = ranked[0]
    paper = best.sentence.paper
    asked = {stemmed: weigh(stemmed) for stemmed, _ in question.terms}
    total = sum(asked.values()) or 1.0
    here = _terms_of(paper)
    anywhere = frozenset().union(*(_terms_of(scored.paper) for scored in papers))
    found = {f"best_{name}": value for name, value in best.features.items()}
    runner_up = ranked[1].score if len(ranked) > 1 else best.score - 3.0
    found |= {
        "fit": best.score,
        "fit_margin": min(best.score - runner_up, 3.0),
        **_missed(question, asked, paper, similarity),
        "covered": sum(weight for term, weight in asked.items() if term in here) / total,
        "unknown": sum(weight for term, weight in asked.items() if term not in anywhere) / total,
        "names_missing": _missing_share(question, [paper]),
        "names_unknown": _missing_share(question, [scored.paper for scored in papers]),
        # The paper that a question is about stands out, whatever the collection and its field.
        "ahead": min(papers[0].score - papers[1].score, _MOST_AHEAD) if rivalled else _UNTOLD,
        "dense": max(passage.dense for scored in papers for passage in scored.passages),
        "terms": min(len(asked), 15) / 10,
        "conflicts": float(bool(conflicts(question.text, best.sentence.text))),
        f"is_{question.kind}": 1.0,
    }
    if question.subject and is_subject_of(paper, question.subject):
        found["subject_here"] = 1.0
    elif names(question.subject):
        found["subject_elsewhere"] = 1.0
    if question.kind == "yes_no":
        # Half of the labels are right by chance, so that how near the abstract is counts for more here.
        found["yes_no_unlike"] = 1 - found["paper_like"]
        found["yes_no_ahead"] = found["ahead"]
    if question.kind == "number":
        found |= number_signals(numbers)
    return found


def draft_signals(
    question: Question,
    drafted: Sequence[Drafted],
    ranked: Sequence[RankedSentence],
    draft: str,
    usage: Usage,
) -> dict[str, float]:
    """What the draft adds: whether it is supported, agrees with the best sentence, and says anything new.

    Beside that, how much the model doubted it: the root of the negative log-probability of all of its words,
    which says more of whether it is right than the log-probability itself or its mean over the words.
    """
    place = {(one.sentence.paper.id, one.sentence.start): n for n, one in enumerate(ranked)}
    spans = [span for one in drafted for span in one.support.spans]
    places = [place.get((span.paper.id, span.start), _FAR) for span in spans]
    asked = {stemmed for stemmed, _ in question.terms}
    said = [term for one in drafted for term in terms(without_label(one.sentence.text))]
    new = [term for term in said if term not in asked]
    shares = [one.support.share for one in drafted]
    verdicts = [one.support.verdict for one in drafted]
    here = _terms_of(ranked[0].sentence.paper)
    told = usage.log_probability if usage.completion_tokens else None
    return {
        "draft_doubt": _USUAL_DOUBT if told is None else min(math.sqrt(max(-told, 0.0)), _MOST_DOUBT),
        "draft_share": sum(shares) / len(shares) if shares else 0.0,
        "draft_supported": verdicts.count("supported") / len(verdicts) if verdicts else 0.0,
        "draft_denied": verdicts.count("unsupported") / len(verdicts) if verdicts else 1.0,
        "draft_agrees": float(0 in places),
        "draft_place": min(min(places, default=_FAR), _FAR) / _FAR,
        "draft_fit": max((ranked[n].score for n in places if n < len(ranked)), default=-5.0),
        "draft_new": min(len(new), 10) / 10,
        "draft_news": len(new) / len(said) if said else 0.0,
        "draft_news_found": sum(term in here for term in new) / len(new) if new else 0.0,
        "draft_number": float(bool(quantities(draft))),
        "draft_declines": float(declines(draft)),
    }


def declines(draft: str) -> bool:
    """Whether the draft's first sentence says that the excerpts do not tell."""
    sentences = sentence_spans(draft)
    first = draft[slice(*sentences[0])] if sentences else ""
    return bool(_DECLINES.search(first))


def missing(
    question: Question, papers: Sequence[ScoredPaper], ranked: Sequence[RankedSentence], weigh: Weigh
) -> Reason:
    """In one sentence what the abstracts do not give, with a code for programs.

    `unknown_name`: a name of the question is in no abstract found; `name_missing`: not in the nearest one;
    `false_premise`: nor should it be, since the question takes it for granted; `no_such_quantity`: it gives
    no number of what is asked; `not_in_abstracts`: it says something else.
    """
    paper = ranked[0].sentence.paper
    whose = _whose(paper)
    if reason := _unnamed(question, papers, paper):
        return reason
    if _only_mentions(paper, question.subject):
        return Reason(
            "not_in_abstracts",
            _sentence(f"{whose} mentions {question.subject}, but does not say what it is."),
        )
    asked = question.asked
    if asked and not any(candidate.features["number_fits"] > 0 for candidate in ranked[:5]):
        counted = _counted(question)
        what = f"a number of {counted}" if counted else "such a number"
        return Reason("no_such_quantity", _sentence(f"{whose} does not give {what}."))
    here = _terms_of(paper)
    nouns = _nouns(question.bare)
    absent_terms = [term for term in question.terms if term[0] not in here and term[1] in nouns]
    telling = [(stemmed, word) for stemmed, word in absent_terms if weigh(stemmed) >= _TELLING]
    if telling:
        rarest = sorted(telling, key=lambda term: -weigh(term[0]))[:_MOST_MISSING]
        said = _listed([word for stemmed, word in telling if (stemmed, word) in rarest])
        return Reason("not_in_abstracts", _sentence(f"{whose} does not mention {said}."))
    return Reason("not_in_abstracts", _sentence(f"{whose} does not say that."))


def _unnamed(question: Question, papers: Sequence[ScoredPaper], nearest: Paper) -> Reason | None:
    """What of the names in the question no abstract has, or not the nearest one."""
    every = [scored.paper for scored in papers]
    if unknown := [name for name in question.names if not _anywhere(name, every)]:
        return Reason("unknown_name", f"No abstract found mentions {_listed(unknown[:_MOST_NAMES])}.")
    if absent := [name for name in question.names if not _anywhere(name, [nearest])]:
        # "Why does STORM use an LSTM?" takes for granted what its abstract does not have.
        code = "false_premise" if _WHY_OR_HOW.match(question.bare) else "name_missing"
        return Reason(code, _sentence(f"{_whose(nearest)} does not mention {_listed(absent[:_MOST_NAMES])}."))
    return None


def _whose(paper: Paper) -> str:
    return f"the abstract of {name}" if (name := _short_name(paper)) else "the nearest abstract"


def number_signals(numbers: Sequence[RankedQuantity]) -> dict[str, float]:
    """How well the best quantity fits, and how much better than the next."""
    if not numbers:
        return {"no_quantity": 1.0}
    best = numbers[0]
    runner_up = numbers[1].score if len(numbers) > 1 else best.score - 3.0
    names = ("unit", "counted", "clause", "near", "nearest", "drafted", "paired", "sentence")
    found = {f"quantity_{name}": best.features[name] for name in names}
    return found | {
        "quantity_fit": best.score,
        "quantity_margin": min(best.score - runner_up, 3.0),
        "quantity_first": float(best.sentence.score >= max(other.sentence.score for other in numbers)),
    }


def _missed(
    question: Question, asked: Mapping[str, float], paper: Paper, similarity: Similarity
) -> dict[str, float]:
    """How far the abstract is from the words of the question: on the whole, and from the farthest one.

    A near miss shares all words with an abstract but one: the data set, the quantity, the condition.
    """
    there = list(dict.fromkeys(word for word in words(reported(paper)) if word not in STOP_WORDS))
    likeness = similarity.of_words([word for _, word in question.terms], there).max(axis=1, initial=0.0)
    here = _terms_of(paper)
    like = [1.0 if term in here else float(near) for term, near in zip(asked, likeness, strict=True)]
    missed = sorted(
        (weight * (1 - near) for weight, near in zip(asked.values(), like, strict=True)), reverse=True
    )
    total = sum(asked.values()) or 1.0
    return {
        "paper_like": 1 - sum(missed) / total,
        "paper_missed": missed[0] if missed else 0.0,
        "paper_missed_next": missed[1] if len(missed) > 1 else 0.0,
    }


def _only_mentions(paper: Paper, subject: str) -> bool:
    """Whether a name that is asked about is in the abstract, and nothing there says what it is."""
    if names(subject) != (subject,):
        return False
    return not is_subject_of(paper, subject) and not is_defined(subject, reported(paper))


def _missing_share(question: Question, papers: Sequence[Paper]) -> float:
    if not question.names:
        return 0.0
    return sum(not _anywhere(name, papers) for name in question.names) / len(question.names)


def _anywhere(name: str, papers: Sequence[Paper]) -> bool:
    texts = [reported(paper) for paper in papers]
    return any(mentions(text, name) or spells_out(text, name) for text in texts)


def _terms_of(paper: Paper) -> frozenset[str]:
    return frozenset(terms(reported(paper)))


def _short_name(paper: Paper) -> str | None:
    """What the paper calls itself before its title's colon, where that is as short as a name."""
    before, colon, _ = paper.title.partition(":")
    return before if colon and len(before.split()) <= 2 else None


def _counted(question: Question) -> str:
    """What is counted, in the question's own words up to a plural; nothing where it is measured."""
    match = _HOW_MANY.search(question.bare)
    if not match or not question.asked or "" not in question.asked.units:
        return ""
    found = []
    for word in _WRITTEN.findall(question.bare, match.end()):
        if not any(stem(part.rstrip("s")) in question.asked.nouns for part in words(word)):
            break
        found.append(word)
    while found and not found[-1].endswith("s"):
        found.pop()
    return " ".join(found)


def _nouns(text: str) -> set[str]:
    """The words of a question that stand where a noun does, and so are a thing that can be missing."""
    found: set[str] = set()
    every = ["", "", *words(text), ""]
    for earlier, before, word, after in zip(every, every[1:], every[2:], every[3:], strict=False):
        if word in STOP_WORDS or word in _EVERYDAY or _BENT.search(word) or after in _AFTER_VERB:
            continue
        if before in _ASKING and word.endswith("s") and after not in _AFTER_NOUN:
            continue  # "what lets models run", "content that matters little"
        joined = before in ("and", "or") and earlier in found
        subject = before in _AUXILIARY and word.endswith("s")
        if word.isalpha() and (before in _BEFORE_NOUN or joined or subject):
            found.add(word)
    return found


def _listed(found: Sequence[str]) -> str:
    *others, last = found
    return f"{', '.join(others)} or {last}" if others else last


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
