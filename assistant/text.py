"""The canonical form of text, which every offset in the project refers to, and HTML made plain text."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.entities import html5

# Controls that are not whitespace, soft hyphens, zero-width and bidirectional controls, byte order marks,
# interlinear marks, tag characters (unseen by readers, read by models) and lone surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]+"
)
_SPACE = re.compile(r"\s+")

# Only the tags that publishers put into titles and abstracts: "<mask>", "<s>" and "a <b" are text.
_INLINE = (
    r"i|b|u|em|strong|sub|sup|sc|scp|small|tt|span|italic|bold|font|mml:[\w-]+|jats:(?:italic|bold|su[bp]|sc)"
)
_BLOCK = r"p|br|hr|div|ul|ol|li|h[1-6]|jats:[\w-]+"
_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*"""
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE}){_ATTRIBUTES}/?>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK}){_ATTRIBUTES}/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_AMPERSANDS = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_MOST_ROUNDS = 8


def canonical(text: str) -> str:
    """The text in NFC, without unseen characters, every run of whitespace one space, none at the ends.

    NFC and not NFKC, so that "10²" does not become "102".

    >>> canonical(" A\\u00a0caf\\u0065\\u0301 \\r\\n on\\u00adline\\u200b ")
    'A café online'
    """
    if text.isascii() and text.isprintable():  # most texts; the same, ten times as fast
        return " ".join(text.split())
    return _SPACE.sub(" ", unicodedata.normalize("NFC", _UNSEEN.sub("", text))).strip()


class MarkupError(ValueError):
    """Markup within markup, without an end."""


def plain(text: str) -> str:
    """The canonical text that HTML stands for: whole character references decoded, formatting tags left out.

    It is decoded until nothing changes, so that plain text stays as it is however often it is read.

    Raises:
        MarkupError: the markup is nested deeper than any real text's.

    >>> plain("H<sub>2</sub>O &amp;lt; 5&nbsp;mg; R&D, a < b, <mask> &copy")
    'H2O < 5 mg; R&D, a < b, <mask> &copy'
    """
    text = canonical(text)
    for _ in range(_MOST_ROUNDS):
        if "&" not in text and "<" not in text:
            return text
        before, text = text, canonical(_without_markup(text))
        if text == before:
            return text
    raise MarkupError(f"markup is nested more than {_MOST_ROUNDS} deep")


def _without_markup(text: str) -> str:
    text = _ENTITY.sub(_character, _AMPERSANDS.sub("&", text))
    return _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", text))


def _character(reference: re.Match[str]) -> str:
    whole = reference.group()
    return unescape(whole) if whole[1] == "#" or whole[1:] in html5 else whole
