"""What kind of question is asked, read from its words."""

from __future__ import annotations

import re
from typing import Literal

from assistant.errors import QuestionError
from assistant.text import canonical

Kind = Literal["greeting", "yes_no", "number", "list", "text"]

MOST_CHARACTERS = 2_000

_GREETING = re.compile(
    r"(hi|hello|hey|good (morning|afternoon|evening|day)|thanks?|thank you|(good)?bye)\b[\s\w]{0,12}\W*",
    re.I,
)
_YES_NO = re.compile(
    r"(is|are|was|were|does|do|did|can|could|has|have|had|will|would|should|must|may|(is|are|does|do)n['’]t)\s",
    re.I,
)
_LIST = re.compile(
    r"\b(which|what|list|name|find|show)\b.{0,40}\b(papers|works|studies|articles|abstracts)\b", re.I
)
_NUMBER = re.compile(
    r"\bhow (much|many|long|often|large|small|big|fast|far|few|high|low)\b"
    r"|\b(what|which) (\w+ ){0,3}(share|percentage|percent|fraction|ratio|number|speed-?up|accuracy|score"
    r"|rate|increase|reduction|improvement|throughput|latency|length|size)\b",
    re.I,
)


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


def kind_of(question: str) -> Kind:
    """The kind of answer that is asked for.

    >>> [kind_of(q) for q in ("Hello!", "Is it fast?", "By how much is it faster?", "Which papers use MoE?")]
    ['greeting', 'yes_no', 'number', 'list']
    """
    if _GREETING.fullmatch(question):
        return "greeting"
    if _YES_NO.match(question):
        return "yes_no"
    if _LIST.search(question):
        return "list"
    if _NUMBER.search(question):
        return "number"
    return "text"
