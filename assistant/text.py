"""The canonical form of text, which every offset in the project refers to."""

from __future__ import annotations

import re
import unicodedata

# Controls that are not whitespace, soft hyphens, zero-width and bidirectional controls, byte order marks,
# interlinear marks, tag characters (unseen by readers, read by models) and lone surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]+"
)
_SPACE = re.compile(r"\s+")


def canonical(text: str) -> str:
    """The text in NFC, without unseen characters, every run of whitespace one space, none at the ends.

    NFC and not NFKC, so that "10²" does not become "102".

    >>> canonical(" A\\u00a0caf\\u0065\\u0301 \\r\\n on\\u00adline\\u200b ")
    'A café online'
    """
    return _SPACE.sub(" ", unicodedata.normalize("NFC", _UNSEEN.sub("", text))).strip()
