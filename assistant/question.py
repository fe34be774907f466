"""What is asked, read from the question's words: the kind of answer, names, the quantity and its unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from assistant.errors import QuestionError
from assistant.names import names
from assistant.quantities import (
    BYTES,
    DURATION,
    PERCENT,
    POINTS,
    TIMES,
    Quantity,
    quantities,
    unit_class,
)
from assistant.subject import subject_of
from assistant.terms import STOP_WORDS, stem, words
from assistant.text import canonical

Kind = Literal["greeting", "collection", "yes_no", "number", "list", "text"]

MOST_CHARACTERS = 2_000

_OPEN = r"(?:what|which|who|whom|whose|where|when|why|how)"
_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|has|have|had|will|would|should|must|may|might)"
_PAPERS = r"(?:papers?|works?|stud(?:y|ies)|articles?|abstracts?|publications?)"
PLURALS = r"papers|studies|articles|abstracts|publications"  # and "works", which may be a verb
THESE = r"(?:the|these|those|all|most|other|different|various)"
_MANY = rf"(?:{PLURALS}|works)"
_ANY_WORK = rf"(?:{PLURALS}|works?(?= (?:on|about)\b)|research|anything|something)"
_ASKS_FOR_WORK = r"(?:are there|is there|do you have|have you got|any|some|more|all|other|recent|new)"
_PREPOSITION = r"(?:by|on|for|at|in|to|of|with|from|up to|down to)"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.I)


_GREETING = _pattern(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|many thanks|thanks?"
    r"|thank you|thx|cheers|(?:good)?bye)\b"
    r"(?:,? how are you|(?!"
    rf".{{0,40}}\b(?:{_OPEN}|list|name|find|show|give|tell|compare|explain|describe)\b|,? {_AUXILIARY}\b"
    r")[\s\w,'’]{0,40})[\W_dp]*"
)
_HAS_OPEN = _pattern(rf"\b{_OPEN}\b")
# Questions that yes or no answers: by their first word, by what follows a comma, by a tag; and those without
# any question word.
_YES_NO = _pattern(rf"^(?:(?:so|and|but|then|or)\b,?\s)?{_AUXILIARY}(?:n['’]t)?\s")
_YES_NO_LAST = _pattern(rf"[.!?]\s{_AUXILIARY}(?:n['’]t)?\s(?:[^.?]|\.\d)*\?$")  # the last sentence
_YES_NO_LATER = _pattern(rf"[,;:–-]\s?{_AUXILIARY} (?:it|they|there|this|that|these|those)\b")
_STARTS_OPEN = _pattern(rf"(?:(?:so|and|but) )?(?:{_PREPOSITION} )?(?:what|which|who|whom|whose|why|how)\b")
_TAG = _pattern(
    rf",\s?(?:right|correct|true|or not|{_AUXILIARY}n['’]t (?:it|they|there))\s?\?$|\byes or no\b"
)
_YES_NO_WITHOUT_OPEN = _pattern(
    rf"[,:;–-]\s{_AUXILIARY}(?:n['’]t)?\s|\b(?:as well|too|at all|already|yet|also)\s?\?$"
    r"|\bany good\b|\bstill [\w-]+ (?:after|with)\b"
    # "So it does without an index?"
    r"|^so,? (?!(?:tell|give|show|explain|describe|compare|name)\b)(?!.*\b(?:is|are|was|were)\s?\?$)"
    rf"(?!.* (?:it|they) \w+\s?\?$).*\b(?:{_AUXILIARY}|needs?|uses?|works?|keeps?|runs?|takes?)\b.*\?$"
)
_LIST = _pattern(
    rf"^(?:in |by )?(?:which|what)\s(?:of\s(?:the|these)\s)?"
    rf"(?:(?!{_AUXILIARY}\s)[\w-]+\s){{0,3}}?{_PAPERS}\b(?!['’])"
    # "Which treatment works best" has a verb.
    r"(?!(?<=works) (?:for|to|with|without|at|better|best|well|as|under)\b)"
    r"(?!(?<=works)(?<!which works)(?<!recent works)(?<!other works)(?<!previous works)(?<!these works) on\b)"
    rf"|^what are (?:the |all |some )*(?:[\w-]+ ){{0,2}}?{_PAPERS}\b"
    rf"|\b(?:list|name|find|show|give|collect|enumerate)\b.{{0,40}}\b{_PAPERS}\b"
    rf"|\b(?:list|name|show) (?:it|them|those|all)\b|\bare there (?:any |other )?{_PAPERS}\b"
    rf"|\b(?:in|by) which {_PAPERS}\b"
    # "Papers on speech", "any work about NeRF?", "anything on speech?"
    rf"|^(?:{_ASKS_FOR_WORK} )*{_ANY_WORK} (?:(?:here|in here) )?"
    r"(?:on|about|that|which|with|for|of|in|where|similar to|published|\w+ing)\b"
    r"(?! (?:the|its?|this|that|these|those)\b)(?!.*\bhow (?:many|much)\b)"
)
_SINGULAR = _pattern(r"\b(?:paper|work|study|article|abstract|publication)\b")
_PLURAL = _pattern(
    rf"\b{_MANY}\b"
    rf"|^(?:list|find|show|give|name|work|research|{_ASKS_FOR_WORK})\b.*?"
    r"(?<!the )(?<!this )\b(?:work|research) (?:on|about|that|with|using)\b"
)
# What is asked of the papers at large, none of which it names.
_SURVEYS = _pattern(
    rf"\b(?:do|did|have|can|could) (?:{THESE} )?{_MANY}\b"
    rf"|\b(?:are|were) (?:{THESE} )?{_MANY}\b(?! (?:\w+ed|chosen)\b)"
    rf"|\b(?:according to|across|among|in|from|by) (?:the|these|those|all) {_MANY}\b"
    r"(?! (?:on|about|of|that)\b)"
    r"|\bwhat (?:is|do (?:we|you)|does (?:the literature|research)) (?:known|know|say) (?:about|of|on)\b"
    r"|^what (?:\w+ ){0,2}(?:methods|approaches|techniques|ways|overviews|results|ideas|solutions|findings)"
    r" (?:are there|exist)\b"
)
_MEASURE = (
    r"(?:share|percentage|percent|fraction|proportion|ratio|number|count|density|speed-?ups?|accelerations?"
    r"|accurac(?:y|ies)|scores?|rates?|increases?|decreases?|reductions?|improvements?|gains?|savings?|cuts?|drops?"
    r"|leads?|boosts?|throughput|latenc(?:y|ies)|lengths?|size|factor|multiple|degree|cost|price|time|duration|memory"
    r"|budget|margins?|fps|fid|psnr|ssim|bleu|rouge|f1|auroc|coefficient"
    r"|(?:map|ndcg|mrr|pass|hits|recall|precision)(?:@\w+)?"
    r"|perplexity|wer|resolution|dimension(?:ality)?|bit-?width|flops|energy|overhead|amount|range|rank|value"
    r"|exact match|figure)"
)
# What may follow a measure that is itself asked for: "what accuracy does", but not "what accuracy measure".
_MEASURE_ENDS = (
    rf"(?=\s?(?:[?,;:.(]|$)|\s(?:{_AUXILIARY}|{_PREPOSITION}|over|when|after|before|between|under|per|that|than|if"
    r"|while|as|reported|achieved|reached|claimed)\b)"
)
_HOW_MUCH = _pattern(
    r"how (?:much|many|long|often|large|small|big|fast|far|few|high|low|wide|deep|quickly|soon|old"
    r"|accurate|cheap)\b"
)
# No verb between: neither an auxiliary nor a word that ends in s, such as "improves".
_WHAT_MEASURE = _pattern(
    rf"(?:what|which)(?:(?:['’]s| is| was| are| were)(?: (?!{_AUXILIARY}\b)[^\s,;:?]+){{0,6}}?"
    rf"|(?: (?!{_AUXILIARY}\b|[\w-]*(?-i:[a-rt-z])s\b)[^\s,;:?]+){{0,4}}?)"
    rf" (?:\w+-)?{_MEASURE}\b{_MEASURE_ENDS}"
    r"|what (?:did|does|do|had|has) [^,;:?]{1,80}\bscored?\b"
    # "What does it save, at most?"
    r"|what (?:did|does|do|can|could|will|would) [^;:?]{1,80}\bat most\s?(?:\?|$)"
)
_FIRST_ASKED = _pattern(r"\b(?:what|which|who|whom|whose|why|how)\b")
_KEYWORD_MEASURE = _pattern(
    rf"\b(?:{_MEASURE}|params?|parameters|iterations|epochs|per (?:second|minute|hour|day))\b"
)
_EXPLAIN = _pattern(
    r"(?:and |so |but )?(?:why|how (?:do|does|did|is|are|was|were|can|could|has|have|should|come)"
    r"|what (?:is|are|does|do) (?:\w+ ){0,3}(?:mean|meant|stand|abbreviat\w*)"
    r"|what(?:['’]s| is| was| are| were) (?:the |an? )?(?:[\w-]+ ){0,2}?(?:roles?|effects?|impact|influence"
    r"|causes?|reasons?|evidence|nature|link|relation(?:ship)?|way|meaning|importance)"
    r" (?=(?:of|for|on|in|between|behind|to)\b)"
    r"|compare|contrast|describe|discuss|explain|summari[sz]e|tell me about)\b"
)
# "What is capacity density?" asks for a thing: for a value of one it would be "the", "its" or "LongGen's".
_CONCEPT = _pattern(
    r"what(?:['’]s| is) (?!(?:the|its|their|an?|this|that|your)\b)(?!\S+['’]s)[\w-]+(?: [\w-]+){0,2}[\s?]*$"
)
_STANDS_FOR = _pattern(r"\bstands? for\b")
_WRITE_OUT = _pattern(
    r"\b(?:stands? for|short for|abbreviat\w*|acronym|full (?:form|name)|long form|spelled out)\b"
    r"|\bwhat (?:does|do) (?:the \w+ )?(?-i:[A-Z][\w-]*[A-Z]\w*) mean\b"
)
_ASKS_AGAIN = _pattern(
    rf"(?:[,;:?]\s(?:and\s)?(?:{_PREPOSITION}\s)?(?:how|what)|\band\s(?:{_PREPOSITION}\s)?(?:how|what|which))\b"
)
_SEVERAL = _pattern(
    r"\b(?:both|each|either|respectively|versus|vs\.?|compare[ds]?|comparison|differ(?:s|ent|ence)?|whereas)\b"
    rf"|\bwhat do (?:the|these|those)\b.{{0,200}}\b{_PAPERS}\b"
    rf"|\b(?:these|the|two|three|four) (?:\w+ ){{0,3}}{_PAPERS}\b"
    rf"|[,;:] and (?:{_PREPOSITION} )?{_OPEN}\b"
    rf"|\band (?:what|how|which) (?:\w+ ){{0,6}}{_AUXILIARY}\b"
    r"|\bthe (?:former|latter)\b|\bone\b.{3,80}\bthe other\b"
    r"|^(?:which|who|what) [^?:]*[:,] [^?]+ or \b|(?:^|[.?!:]\s)contrast\b"
    r"|^of [^?,:]+ (?:and|or) [^?,:]+, (?:which|who)\b(?! (?:does|do|did)\b)"
    r"|\bdo (?:the |these )?[^?]{3,120}\band\b"
)
# What the collection itself is asked about, not a paper of it.
_COLLECTION_NOUN = r"(?:collection|corpus|database|library|index|documents?|knowledge base)"
_COLLECTION = _pattern(
    "|".join(
        (
            rf"\bhow many {_PAPERS}\s?(?:\?|$)",
            rf"\bhow many {_PAPERS} (?:do you have|have you|in (?:the|this|your)"
            rf"|does (?:the|this|your) {_COLLECTION_NOUN}"
            r"|(?:(?:are|were) )?(?:there|in|here"
            r"|from (?:the year )?\d{4}|since|before|after|between|published|by))\b",
            rf"\b(?:number|count) of {_PAPERS}\s?(?:\?|$|in (?:the|this|your)|you have|there)",
            r"\b(?:what|which|how (?:many|big|large)|who|describe|summari[sz]e|overview)\b.{0,60}"
            rf"\b(?:this|your|these) (?:\w+ )?{_COLLECTION_NOUN}\b",
            r"\bwhat (?:can|could|should|may) (?:i|you|we) (?:ask|do|answer|search|find)\b",
            r"\b(?:who|what) are you\b|\bwhat do you (?:do|know|cover|have)\b(?! about\b)",
            r"\bhow do (?:you|i use you) work\b",
            rf"\bdo you (?:work|read|use|know|have)\b.{{0,40}}\b{_PAPERS}\b"
            r"(?! (?:on|about|that|which|using)\b)",
            r"\b(?:which|what) (?:years?|venues?|authors?|topics?) (?:do|are|is)\b.{0,20}"
            rf"\b(?:the|these|your) {_PAPERS}\b",
            r"\bwho (?:wrote|are the authors of|authored) (?:the|these|your) "
            rf"{_PAPERS}\b(?! (?:on|about|that|which))",
        )
    )
)
# What asks for all there is, or for all papers of some years or of somebody, and for nothing else.
EVERYTHING = (
    r"(?:what(?: is| are|['’]s) (?:available|(?:in(?:side)? )?(?:here|there)"
    rf"|in(?:side)? (?:the|this|your) {_COLLECTION_NOUN})"
    r"|what (?:do (?:you|we) have|have (?:you|we) got)(?: (?:in )?here)?"
    r"|(?:list|show|give|name)(?: me)? (?:all|everything)(?: (?:you have|there is|(?:in )?here))?"
    r"|what can i (?:read|find)(?: (?:in )?here)?)"
)
POLITE = (
    r"(?:(?:please|(?:can|could|would) you|i (?:want|would like) to|i['’]d like to|tell me|what about"
    r"|how about)\s)*"
)
_MANY_PAPERS = rf"(?:{PLURALS}|works|documents|titles)"
_ALL_PAPERS = _pattern(
    rf"{POLITE}(?:{EVERYTHING}"
    r"|(?:(?:list|show|name|give|find|see|what|which|are|is|do|you|have|there|me|us|the|a|an|any|all"
    rf"|some|other|of|your|these|those|titles of|(?:19|20)\d\d)\s)*{_MANY_PAPERS}"
    r"(?:\s(?:are|is|were|do|you|we|have|has|got|there|here|available|published|written|in|from|of|the|years?|since"
    r"|before|after|until|between|during|and|or|to|later|newer|older|earlier|than|onwards?|(?:19|20)\d\d"
    rf"|(?:19|20)\d\d ?[-–] ?(?:19|20)\d\d|(?:the|this|your) {_COLLECTION_NOUN}"
    r"|by (?-i:[A-Z])[\w'’-]+(?: (?-i:[A-Z])[\w'’-]+)*+))*)[\s?.!]*"
)
# A paper that has papers of its own: "how many papers in the review", "by the survey".
_OF_REVIEW = _pattern(
    r"\b(?:review|survey|screen|select|includ|examin|analy[sz]|identif|cit|retriev)"
    r"(?:e[ds]?|s|ing|ie[ds])?\b"
)

# "Can you tell me what it is?" is no question for yes or no.
_LEAD = _pattern(
    r"^(?:(?:can|could|would|will) you (?:please )?|please )"
    r"(?:tell me (?=(?:what|how|why|which|who|where|when|if|whether)\b)"
    r"|(?=(?:tell|explain|describe|define|summari[sz]e|give|compare|contrast)\b))"
    r"|^tell me (?=(?:what|how|why|which|who|where|when)\b)"
    r"|^(?:do you know|i (?:want|would like) to know) (?=(?:what|how|why|which|who|where|when)\b)"
)
_TOPIC = re.compile(r"(?<=[?.!])\s\((?:[^()]|\([^()]*\))+\)$")
_ORDINAL = re.compile(r"\bthe second\b")  # no unit of time
_TAKES_TIME = re.compile(r"\bhow long (?:did|does|do)\b.*\b(?:take|train|pre-?train|fine-?tune|run|last)\b")
_RELATIVE = frozenset((PERCENT, TIMES, POINTS, DURATION, BYTES, ""))
_WITHIN_HOW_MANY = 4  # words after "how many" that may name what is counted
_COUNTED = _pattern(r"\b(?:how (?:many|much)|number of|count of)\s((?:[\w/-]+[ ?]*){1,8})")
_NAMED_UNITS = (
    (
        POINTS,
        _pattern(
            r"\bhow many (?:(?!data|sample|key)[\w@-]+ )?(?:points|ap)\b"
            r"|(?:percentage|\bap|\bin) points?\b|\bpp\b"
        ),
    ),
    (
        PERCENT,
        _pattern(
            r"(?<!\d)(?<!\d )(?:per ?cent(?:age)?\b|%)|\b(?:what|which) (?:share|fraction|proportion)\b"
        ),
    ),
    (
        TIMES,
        _pattern(
            r"\bhow many times\b|\b(?:what|which) (?:\w+ )?multiple\b|\bhow many[- ]?fold\b"
            r"|\bfactor\b|\bspeed-?up\b"
            r"|\btimes (?:faster|slower|as|more|less|fewer|cheaper|smaller|larger)\b"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The quantity a question asks for: the classes of units that fit, and what is counted (stems).

    `exact` says that the question names the unit itself, so that another one does not answer it.
    """

    units: frozenset[str]
    nouns: tuple[str, ...] = ()
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was read. `terms` are (stem, word) of its content words, in order, each once.

    `bare` is the question without the topic that a follow-up was given in brackets, "Why? (LongGen)": a topic
    tells which paper is meant, but nothing is asked about its words, and its names need not be there.
    `short_forms` are its names where the question is what one of them stands for; `subject` is the thing of
    which it asks what it is, and nothing more; `surveys`: it asks what the papers at large say.
    """

    text: str
    bare: str
    kind: Kind
    names: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]
    numbers: tuple[Quantity, ...]
    asked: Asked | None
    several: bool
    short_forms: tuple[str, ...]
    subject: str
    surveys: bool


def read_question(text: str) -> str:
    """The question in canonical form.

    Raises:
        QuestionError: it is empty, or too long to be a question.
    """
    question = canonical(text)
    if not question:
        raise QuestionError("the question is empty; ask something about the papers")
    if len(question) > MOST_CHARACTERS:
        raise QuestionError(
            f"the question has {len(question)} characters, the most is {MOST_CHARACTERS}; shorten it"
        )
    return question


@lru_cache(maxsize=1024)
def understood(text: str) -> Question:
    """The question as read by rules.

    >>> question = understood("By what percentage does LongGen cut KV cache memory?")
    >>> question.kind, question.names, sorted(question.asked.units)
    ('number', ('LongGen', 'KV'), ['%'])
    """
    bare = _LEAD.sub("", _TOPIC.sub("", text))
    kind = kind_of(bare)
    asked = _asked(bare) if kind == "number" else None
    seen: dict[str, str] = {}
    for word in words(bare):
        if word not in _NO_SUBJECT:
            seen.setdefault(stem(word), word)
    return Question(
        text=text,
        bare=bare,
        kind=kind,
        names=names(bare),
        terms=tuple(seen.items()),
        numbers=tuple(quantity for quantity in quantities(bare) if _claims(quantity)),
        asked=asked,
        several=bool(_SEVERAL.search(bare)),
        short_forms=names(bare) if _WRITE_OUT.search(bare) else (),
        subject=subject_of(bare) if kind == "text" else "",
        surveys=kind == "text" and bool(_SURVEYS.search(bare)),
    )


def kind_of(question: str) -> Kind:
    """The kind of answer that is asked for.

    >>> [kind_of(q) for q in ("Hello!", "Is it fast?", "By how much is it faster?", "Which papers use MoE?")]
    ['greeting', 'yes_no', 'number', 'list']
    """
    question = _LEAD.sub("", question)
    if _GREETING.fullmatch(question):
        return "greeting"
    if _ALL_PAPERS.fullmatch(question) or (_COLLECTION.search(question) and not _OF_REVIEW.search(question)):
        return "collection"
    if _LIST.search(question) and not _is_about_one(question):
        return "list"
    if _is_yes_no(question):
        return "yes_no"
    return "number" if _is_number(question) else "text"


def _is_about_one(question: str) -> bool:
    """Whether "which paper" or "in the paper that" asks about one paper and not for a list of them."""
    return bool(_SINGULAR.search(question)) and not _PLURAL.search(question)


def _is_yes_no(question: str) -> bool:
    if any(form.search(question) for form in (_YES_NO, _YES_NO_LAST, _TAG)):
        return True
    if _YES_NO_LATER.search(question) and not _STARTS_OPEN.match(question):
        return True
    return not _HAS_OPEN.search(question) and bool(_YES_NO_WITHOUT_OPEN.search(question))


def _is_number(question: str) -> bool:
    """Whether one number is asked for: the first question word decides, keywords without one by a measure."""
    if _EXPLAIN.match(question) or _STANDS_FOR.search(question):
        return False
    if _CONCEPT.match(question) and not names(question):
        return False
    first = _FIRST_ASKED.search(question)
    if first is None:
        return not _HAS_OPEN.match(question) and bool(_KEYWORD_MEASURE.search(question))
    measured = any(form.match(question, first.start()) for form in (_HOW_MUCH, _WHAT_MEASURE))
    return measured and not _ASKS_AGAIN.search(question, first.end())


def _asked(question: str) -> Asked:
    low = question.casefold()
    unit = _unit_named(low)
    if unit:
        return Asked(frozenset((unit,)), _counted(low), exact=True)
    if re.search(r"\bhow long\b|\bhow (?:much|many) (?:training |inference |wall[- ]clock )?time\b", low):
        if re.search(r"\b(?:save|cut|reduc|short|less|gain|win|faster)\w*", low):
            return Asked(_RELATIVE)
        # What is done takes time; what is long may have a length: "How long are the sequences?"
        return Asked(frozenset((DURATION,) if _TAKES_TIME.search(low) else (DURATION, "")), (), exact=True)
    if re.search(r"\bhow many\b|\bnumber of\b|\bcount of\b", low):
        return Asked(frozenset(("",)), _counted(low), exact=True)
    if re.search(
        r"\bhow much (?:faster|slower|quicker|cheaper|better|smaller|larger|less|more|lower|higher)\b", low
    ):
        return Asked(_RELATIVE)
    return Asked(_RELATIVE, _counted(low))


def _unit_named(question: str) -> str | None:
    """The class of units that the question names: in percent, by what factor, in points, how many hours."""
    for unit, form in _NAMED_UNITS:
        if form.search(question):
            return unit
    counted = _COUNTED.search(_ORDINAL.sub("", question))
    for word in words(counted[1].partition(" per ")[0])[:3] if counted else ():
        if len(word) > 1 and (unit := unit_class(word) or "") in (DURATION, BYTES):
            return unit
    return None


def _counted(question: str) -> tuple[str, ...]:
    """Stems of what is counted: the words right after "how many" or "number of", but for units."""
    match = _COUNTED.search(question)
    found: list[str] = []
    for word in words(match[1]) if match else ():
        if len(found) == _WITHIN_HOW_MANY or (found and word in _ENDS_COUNTED) or word in _VERBS:
            break
        if word not in _ENDS_COUNTED and (unit_class(word) is None or len(word) == 1):
            found.append(stem(word.rstrip("s")))
    return tuple(found)


def _claims(quantity: Quantity) -> bool:
    """Whether a number of the question is a claim ("by 80 %"), not part of what is asked about."""
    return bool(quantity.unit) or quantity.low >= 13 or quantity.low % 1 > 0


# Words that ask, and so are no subject.
_ASKING = frozenset(
    "paper papers abstract abstracts author authors study work say says said state stated"
    " report reported reports"
    " mention according many much name called give tell exactly roughly approximately"
    " former latter".split()
)
_VERBS = frozenset(
    "does do did is are was were can could has have had will would used using needed required being".split()
)
_NO_SUBJECT = STOP_WORDS | _ASKING
_ENDS_COUNTED = STOP_WORDS - _VERBS
