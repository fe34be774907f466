"""The list of a visitor's conversations as HTML, and a conversation as a file to download."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from datetime import datetime
from html import escape

from assistant.page.conversations import LONGEST_TITLE, Entry
from assistant.page.exchange import Conversation
from assistant.page.export import FORMATS


def listing_html(entries: Sequence[Entry], current: str, query: str = "") -> str:
    """The conversations, the one that is open marked, with what can be done with each."""
    if not entries:
        text = "No conversation has that text." if query.strip() else "Conversations are kept here."
        return f'<p class="placeholder">{text}</p>'
    return f'<ul class="entries">{"".join(_entry(entry, entry.id == current) for entry in entries)}</ul>'


def export_html() -> str:
    """The buttons that take the open conversation away."""
    buttons = (f'<button type="button" data-format="{name}">{name}</button>' for name in FORMATS)
    return f'<div class="export"><span>Export this one</span>{"".join(buttons)}</div>'


def download(conversation: Conversation, title: str, name: str) -> str:
    """The conversation in one of FORMATS, as the page's script takes it."""
    chosen = FORMATS[name]
    stem = re.sub(r"[^\w-]+", "-", title).strip("-")[:60] or "conversation"
    return text_file(f"{stem}.{chosen.suffix}", chosen.write(conversation))


def text_file(name: str, text: str) -> str:
    """A file to download as the page's script takes it: name and text, in JSON."""
    # The time makes it new each time, so that the same one can be downloaded twice.
    return json.dumps({"name": name, "text": text, "at": time.time()})


def _entry(entry: Entry, is_current: bool) -> str:
    title, key = escape(entry.title), escape(entry.id)
    day = f"{datetime.fromtimestamp(entry.changed):%-d %b %Y}"
    kind, state = (' class="current"', ' aria-current="true"') if is_current else ("", "")
    return (
        f'<li data-id="{key}"{kind}>'
        f'<button type="button" class="title" data-act="open" dir="auto"{state}>{title}</button>'
        f'<form hidden><input name="title" aria-label="Title" value="{title}" '
        f'maxlength="{LONGEST_TITLE}"></form>'
        f'<div class="about"><span>{day}</span>'
        f'<button type="button" data-act="rename" aria-label="Rename {title}">Rename</button>'
        f'<button type="button" data-act="delete" aria-label="Delete {title}">Delete</button></div></li>'
    )
