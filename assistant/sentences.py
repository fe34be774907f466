"""Where sentences begin and end in scientific prose, as character spans."""

from __future__ import annotations

import re
from itertools import pairwise

# A candidate boundary: closing punctuation, optional quotes or brackets, white space, and something that
# can open a sentence. The last alternatives are a full stop that has lost its space ("works.We show")
# and the full-width stops, which never had one.
_CANDIDATE = re.compile(
    r"""(?<![.!?؟…])[.!?؟…]+["'”’)\]]*\s+(?=["'“‘(\[]*(?:[^\W\d_]|\d|\\|\$))"""
    r"""|(?<=[a-z]{2})\.(?=[A-Z][a-z]*\s)"""
    r"""|[。！？]+["'”’)」]*\s*"""
    r"""|(?<!\s)[^\S\n]*+\n\s*+(?![a-z])"""
)
_NEVER_LAST = frozenset(
    "e.g i.e eg ie cf vs fig figs eq eqs sec secs tab ref refs ch vol nos pp approx resp ca viz dr"
    " prof mr mrs ms st w.r.t i.i.d a.k.a u.s".split()
)
_SOMETIMES_LAST = frozenset("al etc no".split()) | frozenset("abcdefghijklmnopqrstuvwxyz")
_OPENERS = frozenset(
    "we this these the our in it to a an however moreover furthermore here while although they for by as "
    "additionally finally experiments results".split()
)
# A dollar before a space closes nothing and one before a digit is a price, so "$5 and $6" is no formula.
_MATH = re.compile(r"\$(?!\s)[^$]{1,300}(?<!\s)\$(?!\d)|\\\(.{1,300}?\\\)|\\\[.{1,300}?\\\]")
_LONGEST_ABBREVIATION = 20  # characters; looking no farther back keeps the time linear in the text


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The (start, end) offsets of the sentences of `text`, without the white space between them.

    >>> [("A 5.75x gain (Fig. 2), e.g. on v1.5. See et al. 2020.")[a:b] for a, b in
    ...  sentence_spans("A 5.75x gain (Fig. 2), e.g. on v1.5. See et al. 2020.")]
    ['A 5.75x gain (Fig. 2), e.g. on v1.5.', 'See et al. 2020.']
    """
    without_formulas = _MATH.sub(lambda formula: "x" * len(formula.group()), text)
    cuts = [0]
    for match in _CANDIDATE.finditer(without_formulas):
        if _ends_sentence(text, match):
            cuts.append(match.end())
    cuts.append(len(text))
    return [_trimmed(text, start, end) for start, end in pairwise(cuts) if text[start:end].strip()]


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if "\n" in match.group():
        return True  # only a model's draft has lines; abstracts are one
    if match.end() == match.start() + 1 and match.group() == ".":
        # Without a space, only a word that often opens a sentence tells it from a name such as torch.Tensor.
        return _next_word(text, match.end()).casefold() in _OPENERS
    if not match.group().startswith(".") or match.group().startswith(".."):
        return match.group()[0] in "。！？" or not _next_word(text, match.end())[:1].islower()
    recent = text[max(0, match.start() - _LONGEST_ABBREVIATION) : match.start()]
    before = re.split(r"[\s([{\"'“]", recent)[-1].casefold()
    following = _next_word(text, match.end())
    if before in _NEVER_LAST:
        return False
    if before in _SOMETIMES_LAST:
        return following.casefold() in _OPENERS and following[:1].isupper()
    # A lower-case word goes on with the sentence, unless it is a name such as vLLM.
    return not following[:1].islower() or following.lower() != following


def _next_word(text: str, position: int) -> str:
    match = re.compile(r"[^\w\\$]{0,20}([\w-]*)").match(text, position)
    return match.group(1) if match else ""


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
