"""Conversations kept in an SQLite file on this machine, each seen by its owner alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from assistant.errors import PageError, first_line
from assistant.page.exchange import Conversation, Exchange
from assistant.records import to_plain

LONGEST_TITLE = 120
_MOST_LISTED = 200
_EXCHANGES = TypeAdapter(Exchange)

_TABLES = MetaData()
# The owner is in every key: no conversation can be reached, or taken over, by its id alone.
_CONVERSATION = Table(
    "conversation",
    _TABLES,
    Column("owner", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("changed", Float, nullable=False),
)
_EXCHANGE = Table(
    "exchange",
    _TABLES,
    Column("owner", String, primary_key=True),
    Column("conversation", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("question", String, nullable=False),
    Column("answer", String, nullable=False),
    Column("content", String, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list of conversations; `changed` is in seconds since 1970."""

    id: str
    title: str
    changed: float


class Conversations:
    """The conversations of all owners; every call names the owner, and reaches nobody else's.

    Raises:
        PageError: the file can't be read or written; every method may raise it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        except OSError as error:
            raise PageError(f"{path} can't be written: {error.strerror}; set data_dir") from error
        self._engine = create_engine(f"sqlite:///{path}")
        with self._open() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            _TABLES.create_all(connection)

    def listed(self, owner: str, query: str = "") -> list[Entry]:
        """The owner's conversations, last changed first; with a query, those that have its text anywhere."""
        found = select(_CONVERSATION.c.id, _CONVERSATION.c.title, _CONVERSATION.c.changed)
        found = found.where(_CONVERSATION.c.owner == owner).order_by(_CONVERSATION.c.changed.desc())
        if text := query.strip():
            said = (column.icontains(text, autoescape=True) for column in _EXCHANGE.c["question", "answer"])
            belongs = (_EXCHANGE.c.owner == owner) & (_EXCHANGE.c.conversation == _CONVERSATION.c.id)
            titled = _CONVERSATION.c.title.icontains(text, autoescape=True)
            found = found.where(or_(titled, exists().where(belongs, or_(*said))))
        with self._open() as connection:
            return [Entry(*row) for row in connection.execute(found.limit(_MOST_LISTED))]

    def read(self, owner: str, conversation: str) -> Conversation:
        """The exchanges of one of the owner's conversations; none where there is no such."""
        asked = select(_EXCHANGE).where(*_of(owner, conversation)).order_by(_EXCHANGE.c.number)
        with self._open() as connection:
            rows = connection.execute(asked).all()
        return tuple(_read(row.number, row.question, row.answer, row.content) for row in rows)

    def keep(self, owner: str, conversation: str, exchange: Exchange) -> None:
        """Store an exchange in the place of the one of its number and all that came after."""
        later = delete(_EXCHANGE).where(*_of(owner, conversation), _EXCHANGE.c.number >= exchange.number)
        titled = insert(_CONVERSATION).values(
            owner=owner, id=conversation, title=exchange.question[:LONGEST_TITLE], changed=time.time()
        )
        written = {
            "owner": owner,
            "conversation": conversation,
            "number": exchange.number,
            "question": exchange.question,
            "answer": exchange.answer.text if exchange.answer else "",
            "content": json.dumps(to_plain(exchange), ensure_ascii=False),
        }
        with self._open() as connection:
            connection.execute(
                titled.on_conflict_do_update(
                    index_elements=["owner", "id"], set_={"changed": titled.excluded.changed}
                )
            )
            connection.execute(later)
            connection.execute(insert(_EXCHANGE).values(**written))

    def rename(self, owner: str, conversation: str, title: str) -> None:
        """Give a conversation another title; a blank one changes nothing."""
        if title := " ".join(title.split())[:LONGEST_TITLE]:
            where = (_CONVERSATION.c.owner == owner, _CONVERSATION.c.id == conversation)
            with self._open() as connection:
                connection.execute(update(_CONVERSATION).where(*where).values(title=title))

    def delete(self, owner: str, conversation: str) -> None:
        """Forget a conversation."""
        where = (_CONVERSATION.c.owner == owner, _CONVERSATION.c.id == conversation)
        with self._open() as connection:
            connection.execute(delete(_CONVERSATION).where(*where))
            connection.execute(delete(_EXCHANGE).where(*_of(owner, conversation)))

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        """A transaction; what the database says is wrong becomes one line."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise PageError(f"conversations can't be kept in {self._path}: {first_line(error)}") from error


def _of(owner: str, conversation: str) -> tuple[ColumnElement[bool], ...]:
    return (_EXCHANGE.c.owner == owner, _EXCHANGE.c.conversation == conversation)


def _read(number: int, question: str, answer: str, content: str) -> Exchange:
    """The exchange; of one that another version of the program wrote, what was asked and said."""
    try:
        return _EXCHANGES.validate_json(content)
    except ValidationError:
        said = f"{answer} (kept by another version of this program)"
        return Exchange(number, question, fault=said if answer else "(kept by another version, unanswered)")
