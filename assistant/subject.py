"""Questions that name a thing and ask nothing particular of it: what is it, what does it do, explain it.

They share no word with the sentence that answers them but the name, which all of its paper is about.
"""

from __future__ import annotations

import re

from assistant.names import is_specific, mentions, names, normalised, own_names
from assistant.records import Paper
from assistant.terms import STOP_WORDS, words

_MOST_WORDS = 5  # of a subject; more of them ask something of it
_LEAD = r"(?:(?:so|and|ok(?:ay)?|but|well|please)[,\s]+)*(?:(?:can|could|would) you (?:please )?)?"
_IS = r"(?:['’]s|s| is| are| was| were)"
_ARTICLE = r"(?:the |an? |this )?"
_ENDS = r"(?:,? (?:about|for|exactly|briefly|shortly|in short|please|again))*[\s?.!]*+$"
_FORMS = tuple(
    re.compile(rf"{_LEAD}{form}{_ENDS}", re.I)
    for form in (
        rf"(?:what|who)(?: exactly)?{_IS} (?:meant by )?{_ARTICLE}(?P<subject>.+?)",
        rf"what (?:does|do|did) {_ARTICLE}(?P<subject>.+?)(?: (?:even|actually|really))?"
        r" (?:do|mean|propose|introduce|present|offer)",
        rf"what {_ARTICLE}(?P<subject>.+?) (?:is|are|does|means)",  # "tell me" before it is left out
        rf"how {_ARTICLE}(?P<subject>.+?) works",
        rf"how (?:does|do|did) {_ARTICLE}(?P<subject>.+?) work",
        r"(?:explain|describe|define|summari[sz]e|introduce|tell me(?: more| something)? about"
        rf"|give me an? (?:\w+ )?(?:overview|summary|description) of) {_ARTICLE}(?P<subject>.+?)",
        r"(?P<subject>[^\s?]+)",  # "LongGen?"
    )
)
# "DOT, the dynamic PlenOctree", "FIRST in LLM reranking": what is said to tell which one is meant.
_BESIDE = re.compile(r"(?:,| in | for | from | by | on ).*", re.S)
_KIND = re.compile(r" (?:paper|method|model|approach|system|framework|technique|algorithm)s?$", re.I)


# Of what it names something is asked: "LongGen's", "the purpose of", "used for".
_MORE = re.compile(
    r"['’]s\b|(?<![\w-])(?:short|acronym|abbreviat\w*|of|between|and|or|used|based|papers?|here)(?![\w-])",
    re.I,
)
# Up to a preposition: what "we propose a decoder on top of BERT" introduces is not BERT.
_INTRODUCED = (
    r"\b(?:propos\w+|introduc\w+|present(?:s|ed|ing)?|develop\w*|called|dubbed|termed|named|coin\w*)\b"
    r"(?:(?!\b(?:on|for|with|from|by|to|over|in|that|which|than|using)\b)[^.,;:]){0,60}?(?:, )?"
)


def subject_of(question: str) -> str:
    """What the question asks to be told about, and nothing else of it; "" where it asks something more.

    >>> [subject_of(q) for q in ("What is LongGen?", "How does STORM work?", "Explain the densing law")]
    ['LongGen', 'STORM', 'densing law']
    >>> subject_of("What is the largest batch that LongGen was trained with?")
    ''
    """
    for form in _FORMS:
        if match := form.match(question):
            return _told(match["subject"])
    return ""


def is_subject_of(paper: Paper, subject: str) -> bool:
    """Whether the paper is about it: its own name, words side by side in its title, or what it proposes."""
    if normalised(subject) in own_names(paper.title, paper.abstract):
        return True
    is_phrase = sum(word not in STOP_WORDS for word in words(subject)) > 1
    if (is_phrase or any(map(is_specific, names(subject)))) and mentions(paper.title, subject):
        return True
    # FIRST is a name, "we propose the first" has none.
    case = re.I if is_phrase else re.NOFLAG
    return bool(re.search(rf"{_INTRODUCED}(?<!\w){re.escape(subject)}(?!\w)", paper.abstract, case))


def is_defined(subject: str, text: str) -> bool:
    """Whether the text says what the subject is, or what it stands for, and does not only mention it.

    >>> [is_defined("KILT", text) for text in ("On KILT, a benchmark of tasks, it wins.", "It wins on KILT.")]
    [True, False]
    """
    name = rf"(?<!\w){re.escape(subject)}s?(?!\w)"
    said = r"(?:is|are|was|denotes|means|refers to|stands for) (?:an?|the|to)\b"
    defined = rf"{name}(?: \([^()]*\))?(?:, an?\b| {said})|\w \({name}\)"
    return bool(re.search(defined, text, re.I))


def _told(subject: str) -> str:
    head = _BESIDE.sub("", subject)
    if head != subject and not names(head):
        return ""  # "the error rate on LibriSpeech"
    head = _KIND.sub("", head)
    written = head.split()
    is_thing = len(written) <= _MOST_WORDS and any(word not in STOP_WORDS for word in words(head))
    # "LongGen speedup" is not what LongGen is.
    is_more = _MORE.search(head) or (len(written) > 1 and any(map(is_specific, names(head))))
    return head if is_thing and not is_more else ""
