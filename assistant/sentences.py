"""Where sentences begin and end in scientific prose, as character spans."""

from __future__ import annotations

import re
from itertools import pairwise

# A candidate boundary: closing punctuation, optional quotes or brackets, white space, and something that
# can open a sentence. The last alternatives are a full stop that has lost its space ("works.We show")
# and the full-width stops, which never had one.
_CANDIDATE = re.compile(
    r"""[.!?؟…]+["'”’)\]]*\s+(?=["'“‘(\[]*(?:[^\W\d_]|\d|\\|\$))"""
    r"""|(?<=[a-z]{2})\.(?=[A-Z][a-z]*\s)"""
    r"""|[。！？]["'”’)」]*\s*"""
)
_NEVER_LAST = frozenset(
    "e.g i.e eg ie cf vs fig figs eq eqs sec secs tab ref refs ch vol no nos pp approx resp ca viz dr"
    " prof mr mrs ms st w.r.t i.i.d a.k.a u.s".split()
)
_SOMETIMES_LAST = frozenset({"al", "etc"})
_OPENERS = frozenset(
    "we this these the our in it to a an however moreover furthermore here while although they for by as "
    "additionally finally experiments results".split()
)
_MATH = re.compile(r"\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The (start, end) offsets of the sentences of `text`, without the white space between them.

    >>> [("A 5.75x gain (Fig. 2), e.g. on v1.5. See et al. 2020.")[a:b] for a, b in
    ...  sentence_spans("A 5.75x gain (Fig. 2), e.g. on v1.5. See et al. 2020.")]
    ['A 5.75x gain (Fig. 2), e.g. on v1.5.', 'See et al. 2020.']
    """
    formulas = [match.span() for match in _MATH.finditer(text)]
    cuts = [0]
    for match in _CANDIDATE.finditer(text):
        inside_formula = any(start < match.start() < end for start, end in formulas)
        if not inside_formula and _ends_sentence(text, match):
            cuts.append(match.end())
    cuts.append(len(text))
    return [_trimmed(text, start, end) for start, end in pairwise(cuts) if text[start:end].strip()]


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if not match.group().startswith(".") or match.group().startswith(".."):
        return not _next_word(text, match.end())[:1].islower() or match.group()[0] in "。！？"
    before = re.split(r"[\s([{\"'“]", text[: match.start()])[-1].casefold()
    following = _next_word(text, match.end())
    if before in _NEVER_LAST or re.fullmatch(r"[a-z]", before):
        return False
    if before in _SOMETIMES_LAST:
        return following.casefold() in _OPENERS and following[:1].isupper()
    # A lower-case word goes on with the sentence, unless it is a name such as vLLM.
    return not following[:1].islower() or following.lower() != following


def _next_word(text: str, position: int) -> str:
    match = re.compile(r"[^\w\\$]*([\w-]*)").match(text, position)
    return match.group(1) if match else ""


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
