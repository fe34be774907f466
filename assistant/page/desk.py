"""What the page is built over: the indexes that can be asked, whose a visit is, and what is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.api import Assistant
from assistant.errors import AssistantError
from assistant.page.batches import Batches
from assistant.page.conversations import Conversations
from assistant.page.evaluation import Evaluator
from assistant.page.exchange import Conversation, Exchange, turns
from assistant.page.indexes import Indexes
from assistant.page.owners import Owners
from assistant.page.settings_file import Value, changed, keep
from assistant.records import Filters

CHECKOUT_INDEXES = Path("index")

_CHANGING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Desk:
    """The page's parts that outlive a visit."""

    indexes: Indexes
    owners: Owners
    conversations: Conversations
    batches: Batches
    folder: Path
    evaluator: Evaluator | None = None

    @classmethod
    def over(cls, assistant: Assistant, evaluator: Evaluator | None = None) -> Desk:
        """A desk over one assistant, its other indexes and what is kept in the folder that settings name.

        Without an evaluator it says that there is none.

        Raises:
            PageError: that folder can't be written.
        """
        folder = assistant.settings.data_dir
        homes = [folder / "index", *([CHECKOUT_INDEXES] if CHECKOUT_INDEXES.is_dir() else [])]
        kept = Conversations(folder / "conversations.sqlite3")
        indexes = Indexes(assistant, homes)
        batches = Batches(folder / "batches", indexes)
        return cls(indexes, Owners(folder), kept, batches, folder, evaluator)

    def change(self, settings: Mapping[str, Value]) -> Path:
        """Ask under changed settings from the next question on, and keep them in the file; that file.

        Where the model is another one, it is loaded first, and questions go on being answered by the old one.

        Raises:
            AssistantError: the settings are impossible, the model can't be loaded, or the file can't be
                written; nothing has changed then.
        """
        with _CHANGING:
            _, valid = changed(settings)
            first = self.indexes.assistant()
            wanted = {name: getattr(valid, name) for name in settings}
            opened = first.under(first.settings.model_copy(update=wanted))
            path = keep(settings)
            self.indexes.replace(opened)
            return path

    def close(self) -> None:
        """Stop what still runs, and let go of the files."""
        self.batches.close()
        self.conversations.close()

    def gold(self, index: str) -> Path:
        """The file of the gold questions about an index."""
        return self.folder / "gold" / f"{index}.jsonl"


def asked(
    assistant: Assistant,
    question: str,
    conversation: Conversation,
    filters: Filters | None = None,
    read_as: str = "",
) -> Iterator[Conversation]:
    """The conversation as it grows by one question and its answer; closing it stops the generation.

    `read_as` is the question as its reader wants it understood, without what was said before.
    """
    if not question.strip():
        return
    filters = filters or Filters()
    exchange = Exchange(
        len(conversation) + 1, question.strip(), read_as.strip(), restriction=restriction(filters)
    )
    yield (*conversation, exchange)
    history = [] if read_as else turns(conversation)
    try:
        with closing(assistant.stream(read_as or question, history, filters)) as events:
            for event in events:
                exchange = exchange.after(event)
                yield (*conversation, exchange)
    except AssistantError as error:
        yield (*conversation, replace(exchange, fault=str(error)))


def restriction(filters: Filters) -> str:
    """In words, which papers may be used.

    >>> restriction(Filters(years=(2020, None), venues=("ACL", "ICML"))), restriction(Filters())
    ('from 2020, of ACL or ICML', '')
    """
    first, last = filters.years or (None, None)
    said = []
    if first and last:
        said.append(f"of {first} to {last}" if first != last else f"of {first}")
    elif first or last:
        said.append(f"from {first}" if first else f"up to {last}")
    if filters.venues:
        said.append(f"of {' or '.join(filters.venues)}")
    if chosen := len(filters.include_ids):
        said.append("1 chosen paper" if chosen == 1 else f"{chosen} chosen papers")
    return ", ".join(said)
