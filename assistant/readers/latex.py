"""LaTeX as titles, names and abstracts have it, made plain text; what is not understood is kept."""

from __future__ import annotations

import logging
import re
import unicodedata
from functools import lru_cache

from assistant.text import plain

_MARKUP = re.compile(r"[\\$~{}]|--|``|''")
_LINK = re.compile(r"\\(?:url|href\s*\{[^{}]*\})\s*\{([^{}]*)\}")
# Pandoc's rule, by which "$5 and $10" is no formula.
_MATH = re.compile(r"(?<!\\)\$\$?([^$\s](?:[^$]*[^$\s\\])?)\$\$?(?!\d)")
_ACCENT = re.compile(
    r"\\(?:[`'^\"~=.]|[Hcdbkruvt](?![A-Za-z]))\s*"
    r"(?:\{\s*(?:\\[ij](?![A-Za-z])|[A-Za-z])\s*\}|\\[ij](?![A-Za-z])|[A-Za-z])"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)(\{\}|[ \t\n]+(?=\w)|)")
_LETTERS = frozenset("o O l L ss ae AE oe OE aa AA i j dh DH th TH".split())  # they take the space after them
_SIMPLE = r"((?:[^{}\\]|\\[%&#_$])*)"  # an argument without commands
_FONT = re.compile(
    r"\\(?:emph|underline|mbox|operatorname|text(?:bf|it|tt|sc|rm|sf|sl|up|normal)?"
    rf"|math(?:bf|it|tt|rm|sf|bb|cal|frak|scr))\s*\{{{_SIMPLE}\}}"
)
_FONT_SWITCH = re.compile(
    r"\{\s*\\(?:it|bf|em|tt|sc|rm|sl|sf|itshape|bfseries)(?![A-Za-z])\s*((?:[^{}\\]|\\[%&#_$])*)\}"
)
_LETTER_IN_BRACES = re.compile(r"(\\[A-Za-z]+)?\{([^\W\d_a-zA-Z])\}")
_BRACE = re.compile(r"(?<!\\)[{}]")
_PROTECTION = re.compile(r"(\\[A-Za-z]+(?:\{[^{}]*\})+)|(?<!\\)[{}]")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{(\w+)\}\s*\{(\w+)\}")
_SCRIPT = re.compile(r"([\^_])\{([+\-−]?\w+)\}")
_SPACING = re.compile(r"\\[,;:! \\]|\\q?quad(?![A-Za-z])|\\/")
_ESCAPED = re.compile(r"\\([%&#_${}])")
_TIE = re.compile(r"(?<=[^\s/\\])~(?=\S)")
_EN_DASH = re.compile(r"(?<=[\w.)])--(?=[\w(])")
_SET_ASIDE = re.compile("\0(\\d+)\0")
_MOST_NESTED = 8

logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns of commands without their arguments


def latex_to_text(text: str, *, keep_braces: bool = True) -> str:
    r"""The plain text that LaTeX stands for: accents, symbols, fonts, ties, dashes and simple formulas.

    A formula that has no plain form stays in its dollars, and an unknown command as it is. A percent sign
    begins no comment: authors forget to escape it.

    >>> latex_to_text(r"Erd\H{o}s {\it et al.} gain 10\% (from 5%) at $\alpha \leq 10^{-3}$ and $\sqrt{x}$")
    'Erdős et al. gain 10% (from 5%) at α ≤ 10^-3 and $\\sqrt{x}$'
    """
    if not _MARKUP.search(text):
        return plain(text)
    formulas: list[str] = []

    def set_aside(formula: re.Match[str]) -> str:
        formulas.append(_formula(formula))
        return f"\0{len(formulas) - 1}\0"

    text = _prose(_MATH.sub(set_aside, text.replace("\0", "")))
    if not keep_braces:
        text = _PROTECTION.sub(lambda match: match[1] or "", text)
    text = _ESCAPED.sub(r"\1", text)
    return plain(_SET_ASIDE.sub(lambda place: formulas[int(place[1])], text))


def bibtex_to_text(text: str) -> str:
    r"""The same without the braces by which BibTeX keeps capitals.

    >>> bibtex_to_text(r"{BERT}: {K{\"o}nig} \& {\O}re, $x^{2}$ and \{a\}")
    'BERT: König & Øre, x^2 and {a}'
    """
    return latex_to_text(text, keep_braces=False)


def _prose(text: str) -> str:
    text = _LINK.sub(r"\1", text)
    text = _ACCENT.sub(lambda accent: _converted(accent[0]) or accent[0], text)
    text = _LETTER_IN_BRACES.sub(_without_braces, _COMMAND.sub(_symbol, text))
    text = _without_fonts(text)
    text = _SPACING.sub(" ", text.replace("``", "“").replace("''", "”"))
    return _TIE.sub(" ", _EN_DASH.sub("–", text.replace("---", "—")))


def _formula(formula: re.Match[str]) -> str:
    text = _without_fonts(_FRACTION.sub(r"\1/\2", formula[1]))
    text = _SCRIPT.sub(r"\1\2", _SPACING.sub(" ", _COMMAND.sub(_symbol, text)))
    is_plain = "\\" not in _ESCAPED.sub("", text) and not _BRACE.search(text)
    return _ESCAPED.sub(r"\1", text) if is_plain else formula[0]


def _without_fonts(text: str) -> str:
    for _ in range(_MOST_NESTED):
        before, text = text, _FONT_SWITCH.sub(r"\1", _FONT.sub(r"\1", text))
        if text == before:
            break
    return text


def _without_braces(letter: re.Match[str]) -> str:
    command, character = letter.groups()
    return letter[0] if command else character


def _symbol(command: re.Match[str]) -> str:
    name, end = command.groups()
    symbol = _converted(f"\\{name}")
    if not symbol:
        return command[0]
    return symbol if end == "{}" or name in _LETTERS else symbol + end


@lru_cache(maxsize=4096)
def _converted(fragment: str) -> str:
    """What pylatexenc makes of one accent or symbol; nothing where that is more than a symbol."""
    from pylatexenc.latex2text import LatexNodes2Text

    try:
        text = LatexNodes2Text(math_mode="with-delimiters").latex_to_text(fragment)
    except Exception:  # commands that lack their arguments fail in many ways
        return ""
    text = unicodedata.normalize("NFC", text)
    is_symbol = 0 < len(text) <= 6 and not any(map(unicodedata.combining, text)) and text.isprintable()
    return text if is_symbol and not set(text) & set("<>%{}\\[]") - set(fragment) else ""
