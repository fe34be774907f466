"""Follow-up questions made to stand alone, by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.names import names
from assistant.pairs import Pair, asked_of_the_other, pair_in, swapped, with_one_by_name
from assistant.quantities import quantities
from assistant.question import kind_of
from assistant.records import Turn
from assistant.terms import terms

_ANSWER_WORDS = 60  # of the last answer that count
_NOT_ANSWERED = "The nearest papers are:"  # in an abstention
_MARKS = re.compile(r"\s?\[\d+\]")
_TURNS = 8  # how far back a subject may lie
_FEW_TERMS = 3
_SHORT_ANSWER = 6  # words; what a longer one was about is not easily told
# "Something else: …" begins anew.
_ANEW = re.compile(
    r"^(?:something else|(?:a|another) (?:different|new) (?:question|topic)|different topic|new topic)\b",
    re.I,
)
# "No, I meant the latency" and "No, not its speed. How …" put a question right, and go on with its topic.
_PUT_RIGHT = re.compile(
    r"^(?:(?:no|nope|sorry|wait|actually|oh)\b[,.;:!]?\s+){0,3}"
    r"i (?:mean|meant|was asking(?: about| for)?)\b[,:]?\s*"
    r"|^(?:no|nope)\b[,.;:!]\s+not [^.;:!?]*[.;:!]\s+(?=\S)",
    re.I,
)
_LEAD = re.compile(
    rf"(?:{_PUT_RIGHT.pattern})|^(?:(?:and )?(?:what|how) about|and|but|so|also|then|ok(?:ay)?)\b[,:]?\s*",
    re.I,
)
_ONE = r"(?:paper|work|study|method|model|approach|system)"
# The one thing spoken of, which a name can take the place of. "It is true that" speaks of nothing.
_IT = re.compile(
    rf"\b(?:this|that|the) {_ONE}(?:['’]s)?\b(?! (?:of|for|that|which|by)\b)"
    r"|\b(?:its|it|their)\b(?! (?:is |was )?(?:true|possible|likely|clear|known)\b)(?! own\W*$)"
    r"|\bthis(?= (?:is|was|does|can|has)\b|\W*$)",
    re.I,
)
# Other words that lean on what was said before.
_LEANS = re.compile(
    r"\b(?:they|them|both of them|the (?:former|latter|others?))\b"
    r"|\bthe (?:first|second|third|last|old|older|new|newer|right|other) ones?\b"
    r"|\b(?:do|does|did|is|are|was|were|can|could|would) (?:that|these|those)\b"
    rf"(?! {_ONE}\b)(?! \w+ (?:is|are|was|were)\b)"
    r"|\bthere(?=\W*$| (?:for|too)\b)",
    re.I,
)
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would)"
# "Any good with little data?" says too little to stand alone, however long it is.
_TORN = re.compile(r"^(?:any|with|without|on|in|for|at|by|of|from|to|than|even|not)\b(?!-)", re.I)
# "Down to how many bits?" has no verb of its own.
_VERBLESS = re.compile(
    r"^(?:down to|up to|out of|from|at|by|in|on|over|to|for|with) (?:how (?:many|much)|what|which)\b"
    rf"(?!.*\b(?:{_AUXILIARY}|should|may|might|must|shall)\b)"
    r"(?:\s\S+){0,3}$",
    re.I,
)
_ONES = re.compile(r"\bones?$", re.I)
_SOME_ONE = re.compile(r"\b\w+ ones?\b", re.I)  # of those that were spoken of
_UNSAID = re.compile(r"\b(?:does|do) not (?:say|give|mention|tell|state)\b", re.I)
# "What does STORM use": a short form that the question is about, as "an LLM" is not.
_DOER = re.compile(r"\b(?i:do|does|did|is|was|can|could|has|will)\s(?P<name>[A-Z]{3,}s?)\b(?!\s[A-Z])")
# "Having seen only English, does its …": the clause sets the scene, and the subject is not in it.
_SETTING = re.compile(
    r"^(?:having|given|once|after|before|when|while|besides|apart from|trained|tested)\b", re.I
)
_CLAUSE = re.compile(r",|\b(?:and|but|or)\b", re.I)
_PREPOSITION = r"(?:on|for|with|in|at|by|over|against|under|from|during)"
# "And on BEIR?", or "On BEIR?", asks the previous question elsewhere.
_ELSEWHERE = re.compile(rf"^(?P<preposition>{_PREPOSITION}|to)\s+(?P<what>[^?,]+?)\s*[?.]*$", re.I)
# "And OpenELM, how does that one …": what stands before the comma is what "that one" means.
_SET_BEFORE = re.compile(
    r"^(?:(?i:and|but|so|now|ok(?:ay)?|then)[,.]? ){1,3}(?:the )?[A-Z][\w+-]*(?: [\w+-]+){0,3}, "
    r"(?:how|what|which|who|where|when|why|does|do|did|is|are|was|were|can|could|has|have)\b"
    r".*\bth(?:at|is) one\b"
)
# "What does it save on …?", answered by a number with a unit, asked for that; "use to save" did not.
_ASKS_CHANGE = re.compile(
    r"^what(?= (?:do|does|did|can|could|will|would)\b.*(?<!\bto) (?:add|bring|cut|gain|increase|improve|lose"
    r"|lower|raise|reduce|save|shorten|shrink|win)(?:\W*$| (?:on|over|to|in|for|with|at|against)\b))",
    re.I,
)
_OUT_OF_HOW_MANY = re.compile(r"(?<=\bout of )how many(?=\W*$)", re.I)
_THERE = re.compile(r"\bthere(?=\W*(?:$|\())", re.I)
# What a question for a number begins with, up to its verb: "How many tokens per document", "By how much".
_ASKS_NUMBER = re.compile(
    r"^(?:.*[.!:] )?(?:(?:and|but|so|then)\b,? )?"
    r"(?P<what>(?:[a-z]+ ){0,2}?(?:how (?:many|much|long|far|fast|large|big|often|high)"
    rf"|(?:what|which)(?! {_AUXILIARY}\b))\b.*?)(?= {_AUXILIARY}\b)",
    re.I,
)
# "What does that stand for?" asks of what was answered, where that is a name.
_FULL_FORM = re.compile(
    r"\bwhat\b.*\b(?P<it>that|it|this)\b.*\b(?:stands? for|short for|mean|abbreviat\w+|in full)\W*$", re.I
)
# "And the latency?" asks for another number.
_BARE = re.compile(r"^(?:the |its |their |any )?(?P<what>[\w /%-]{2,60})[?.]*$", re.I)
_THINGS_OF = re.compile(r"[a-z]+(?<![aisu])s of\b")  # "the sizes of the models" are no number
_IT_TAKES = re.compile(r"\b(?:time|memory|space|power) it (?:takes|needs)\b", re.I)  # names a measure
_VERB = re.compile(rf"\b(?:{_AUXILIARY}|should|which|what|who|when|where|why|how)\b", re.I)
_BRACKETS = re.compile(r"\s\(((?:[^()]|\([^()]*\))+)\)$")


def standalone(question: str, history: Sequence[Turn]) -> str:
    """`question` with what it leaves to the turns before written out; unchanged where it leaves nothing.

    >>> standalone("And how fast is it?", [Turn("What does LongGen reduce?", "KV cache memory.")])
    'And how fast is LongGen?'
    >>> standalone("And on BEIR?", [Turn("By how many points does SEAL improve retrieval on KILT?", "10")])
    'By how many points does SEAL improve retrieval on BEIR?'
    """
    previous = answer = ""
    pair: Pair | None = None
    for turn in history[-_TURNS:]:
        # What a turn was about may itself be said only in a turn before it.
        previous = _written_out(turn.question, previous, answer, pair)
        answer = _unmarked(turn.answer)
        pair = pair_in(answer) or pair_in(turn.question) or pair
    return _written_out(question, previous, answer, pair)


def roots(question: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """The questions of earlier turns that this one may still be about, the latest first.

    Each but the last names nothing, and so may itself go on with the next. One that begins anew has none. The
    first of all turns goes on from nothing, whatever it sounds like.

    >>> turns = [Turn("What does LongGen reduce?", "KV cache memory."), Turn("By how much?", "62%.")]
    >>> roots("And how fast is it?", turns)
    ('What does LongGen reduce?',)
    """
    if _ANEW.match(question):
        return ()
    found: list[str] = []
    first = next((turn for turn in history if kind_of(turn.question) not in ("greeting", "collection")), None)
    for turn in reversed(history[-_TURNS:]):
        if turn is first or not depends(turn.question):
            found.append(turn.question)
            if names(turn.question):
                break
    return tuple(found)


def continues(question: str, history: Sequence[Turn]) -> str:
    """What was said right before a question that leans on it: the turn's question, and any answer it got.

    >>> continues("And how fast is it?", [Turn("What does LongGen reduce?", "KV cache memory.")])
    'What does LongGen reduce? KV cache memory.'
    """
    if not history or not depends(question):
        return ""
    answer = "" if _NOT_ANSWERED in history[-1].answer else _unmarked(history[-1].answer)
    return " ".join([history[-1].question, *answer.split()[:_ANSWER_WORDS]])


def _unmarked(answer: str) -> str:
    """An answer without the marks of its citations."""
    return _MARKS.sub("", answer).strip()


def depends(question: str) -> bool:
    """Whether the question leaves something to the turns before it."""
    if _ANEW.match(question) or _SET_BEFORE.match(question):
        return False
    own = [name for name in names(question) if not _is_acronym(name)]
    if _LEAD.match(question) and not (own and _VERB.search(_LEAD.sub("", question))):
        return True
    reference = _IT.search(question) or _LEANS.search(question)
    if not reference:
        if _ELSEWHERE.match(question) and not _VERB.search(question):
            return True  # it names something, and asks nothing of it
        is_torn = (_TORN.match(question) and not _VERB.search(question)) or _VERBLESS.match(question)
        return not own and (bool(is_torn) or len(terms(question)) < _FEW_TERMS)
    # What is said in the question before its pronoun is what the pronoun means.
    before = _LEAD.sub("", question[: reference.start()])
    said_here = len(terms(before)) > 1 and _CLAUSE.search(before) and not _SETTING.match(before)
    return not said_here and not any(name in before for name in own)


def _written_out(question: str, previous: str, answer: str, pair: Pair | None) -> str:
    """The question with what the previous one, itself written out, was about; `pair` are two things told."""
    asked = _BRACKETS.sub("", previous)
    if pair:
        question = with_one_by_name(question, pair, asked, answer)
    if not previous or not depends(question):
        return question
    bare = _LEAD.sub("", question)
    topic = _topic(previous, answer, whole=not terms(bare) or bool(_SOME_ONE.search(bare)))
    subject = _subject(previous) or (_subject(answer) if not names(previous) else None)
    if _PUT_RIGHT.match(question):
        question = bare
    if not _VERB.search(bare):
        if pair and (turned := asked_of_the_other(bare.rstrip("?. "), asked, pair)):
            return turned + previous[len(asked) :]
        if turned := _of_something_else(bare, previous):
            is_told = any(quantity.unit for quantity in quantities(answer))
            return _ASKS_CHANGE.sub("How much", turned) if is_told else turned
        if kind_of(previous) == "number" and (number := _another_number(bare, previous)):
            return f"{number}? ({topic})"
    question = _OUT_OF_HOW_MANY.sub(lambda found: _counted(previous) or found.group(), question)
    told = answer.rstrip(".")
    if (form := _FULL_FORM.search(question)) and names(told) == (told,):
        return f"{question[: form.start('it')]}{told}{question[form.end('it') :]}"
    it = _IT.search(question)
    if it and subject and not _LEANS.search(question):
        possessive = "'s" if it.group().casefold().endswith(("its", "their", "'s", "’s")) else ""
        return f"{question[: it.start()]}{subject}{possessive}{question[it.end() :]}"
    return f"{question} ({topic})"


def _of_something_else(bare: str, previous: str) -> str | None:
    """The previous question with what stands alone in this one in the place of a phrase or the subject."""
    if elsewhere := _ELSEWHERE.match(bare):
        phrase = f"{elsewhere['preposition'].lower()} {elsewhere['what']}"
        if _THERE.search(previous):
            return _THERE.sub(lambda _: phrase, previous, count=1)
        if place := _place_of(elsewhere["preposition"], elsewhere["what"], previous):
            phrase = _ONES.sub(lambda _: place.group().split()[-1], phrase)
            return f"{previous[: place.start()]}{phrase}{previous[place.end() :]}"
        return f"{previous[:-1]} {phrase}?" if previous.endswith("?") and not _IT.search(bare) else None
    subject, other = _subject(previous), _subject(bare)
    if subject and other and bare.rstrip("?. ") == other:
        return swapped(previous, subject, other)
    return None


def _another_number(bare: str, previous: str) -> str | None:
    """The number that is asked for after a question for one: of another measure, or of another thing."""
    if measure := _measure(bare):
        return f"How much {measure}"
    if _IT.search(bare):
        return None
    thing = bare.rstrip("?. ")
    if _TORN.match(bare):
        return f"{_asked_for(previous)} {thing}"
    return f"{_asked_for(previous)} for {thing}" if _SOME_ONE.search(bare) or thing in names(bare) else None


def _measure(bare: str) -> str | None:
    """What another number is asked of, "the latency", unless that is a pronoun or a name."""
    found = _BARE.match(bare)
    what = found["what"].strip() if found else ""
    leans = (
        _IT.search(_IT_TAKES.sub("", what))
        or _LEANS.search(what)
        or _ONES.search(what)
        or _THINGS_OF.match(what)
    )
    return None if what == _subject(what) or leans else what or None


def _counted(previous: str) -> str | None:
    """What the previous question counted, "how many tokens per document"; None where it asked otherwise."""
    asked = _asked_for(previous)
    return asked[:1].lower() + asked[1:] if asked.casefold().startswith("how many ") else None


def _asked_for(previous: str) -> str:
    """What the previous question asked for: "How many tokens per document", or else "How much"."""
    found = _ASKS_NUMBER.match(previous)
    return found["what"][:1].upper() + found["what"][1:] if found else "How much"


def _place_of(preposition: str, what: str, previous: str) -> re.Match[str] | None:
    """The last phrase of the previous question with that preposition: "on KILT", up to the next one.

    "To train" is no place, so what follows "to" must be a name where `what` is one.
    """
    phrase = re.compile(rf"\b{preposition}\s+(?:(?!\b{_PREPOSITION}\b|[,?]).)+(?<=\S)", re.I)
    found = phrase.finditer(previous)
    if preposition.casefold() == "to":
        return next((one for one in found if bool(names(one.group())) == bool(names(what))), None)
    return next(reversed(list(found)), None)


def _topic(previous: str, answer: str, *, whole: bool = False) -> str:
    """The names of the previous question; the `whole` of it on demand, or where it names nothing."""
    if _subject(previous) and not whole:
        return ", ".join(names(previous))
    # What it leant on in its turn stands in brackets at its end.
    if before := _BRACKETS.search(previous):
        return before[1]
    said = previous.rstrip("?")
    is_told = 0 < len(answer.split()) <= _SHORT_ANSWER and not _UNSAID.search(answer)
    return f"{said}: {answer.rstrip('.')}" if is_told else said


def _subject(text: str) -> str | None:
    """The first name of the text that is more than an acronym, or an acronym that does something."""
    others = (name for name in names(text) if not _is_acronym(name))
    found = next((name for name in others if not (_is_place(name, text) or _is_asked(name, text))), None)
    return found or (doer["name"] if (doer := _DOER.search(text)) else None)


def _is_place(name: str, text: str) -> bool:
    """Whether the name is what something was measured on, "on KILT"."""
    return bool(re.search(rf"\bon (?:the )?{re.escape(name)}", text))


def _is_asked(name: str, text: str) -> bool:
    """Whether the name is what is asked for, "what F1 does"."""
    return bool(re.search(rf"\b(?:what|which) {re.escape(name)} {_AUXILIARY}\b", text, re.I))


def _is_acronym(name: str) -> bool:
    return name.rstrip("s").isalpha() and name.rstrip("s").isupper()
