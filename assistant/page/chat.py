"""The chat: questions and answers that stream, the papers beside them, and the visitor's conversations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.errors import PageError
from assistant.index import Index
from assistant.page.cards import evidence_html
from assistant.page.desk import Desk, asked
from assistant.page.exchange import Conversation
from assistant.page.gold import Approval, Correction, keep
from assistant.page.listing import download, export_html, listing_html
from assistant.page.narrowing import Narrowing
from assistant.page.rendering import conversation_html, legend_html
from assistant.page.suggestions import suggested
from assistant.page.visit import Kept, Said, Visit, new_conversation

QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# People and programs answered at the same time; the model queues their drafts itself.
AT_ONCE: dict[str, Any] = {"concurrency_limit": 20, "concurrency_id": "asking"}

_HERE = Path(__file__).parent
_WIDE = 1000  # pixels that leave room for the list of conversations beside the rest

Updates = dict[Any, Any]


class Chat:
    """The components of the chat, and what happens in it."""

    def __init__(self, desk: Desk, kept: Kept) -> None:
        self._desk = desk
        self._kept = kept
        self._conversation = gr.State(())

    def show_conversations(self, sidebar: gr.Sidebar) -> None:
        """The visitor's conversations; on a narrow screen `sidebar` covers the page, and opens when asked."""
        self._sidebar = sidebar
        self._is_wide = gr.Checkbox(visible="hidden", elem_id="wide", label="Wide screen")
        self._new = gr.Button("New conversation", elem_id="new", size="sm")
        self._query = gr.Textbox(
            label="Search conversations",
            placeholder="Search conversations",
            show_label=False,
            container=False,
            elem_id="search-conversations",
        )
        self._listing = gr.HTML(
            listing_html([], ""), apply_default_css=False, elem_id="listing", js_on_load=script("listing.js")
        )
        self._export = gr.HTML(
            export_html(), apply_default_css=False, elem_id="export", js_on_load=script("export.js")
        )
        self._download = gr.HTML(
            "", html_template="", elem_id="download", js_on_load=script("download.js"), visible="hidden"
        )

    def show_desk(self) -> None:
        """The conversation with the line to ask in, and the papers beside it."""
        index = self._desk.indexes.assistant().index
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="chat", scale=3):
                self._shown = gr.HTML(
                    conversation_html((), _suggestions(index)),
                    apply_default_css=False,
                    elem_id="conversation",
                    js_on_load=script("conversation.js"),
                )
                self.narrowing = Narrowing.of(index.papers, "Ask only some papers")
                with gr.Row(elem_id="ask"):
                    self._question = gr.Textbox(
                        label="Question",
                        placeholder="Ask about these papers",
                        show_label=False,
                        container=False,
                        max_lines=6,
                        autofocus=True,
                        scale=1,
                    )
                    self._send = gr.Button("Send", variant="primary", elem_id="send", scale=0)
                    self._stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=0)
                gr.HTML(
                    '<p role="status"></p>',
                    apply_default_css=False,
                    elem_id="connection",
                    js_on_load=script("connection.js"),
                )
                gr.HTML(legend_html(), apply_default_css=False)
            with gr.Column(elem_id="evidence", scale=2):
                self._evidence = gr.HTML(evidence_html(()), apply_default_css=False)

    def connect(self) -> None:
        """Let everything do what it is there for."""
        states = self._kept.states
        asking: set[Any] = states | self.narrowing.fields | {self._conversation, self._question}
        grown = [self._question, *self._view, self._kept.token, self._kept.conversation, self._listing]
        at_once = AT_ONCE | QUIETLY | {"js": "(...said) => window.whenThere(said)"}
        events = [
            gr.on([self._question.submit, self._send.click], self._ask, asking, grown, **at_once),
            self._shown.again(self._ask_again, asking, grown, **at_once),
        ]
        settling: set[Any] = {self._kept.index, self._conversation}
        for event in events:
            event.then(self._settle, settling, self._view, **QUIETLY)
        judging: set[Any] = states | {self._conversation}
        self._shown.approved(self._approve, judging, None, **QUIETLY)
        self._shown.corrected(self._correct, judging, None, **QUIETLY)
        self._stop.click(self._settle, settling, self._view, cancels=events, **QUIETLY)

        listed: set[Any] = states | {self._query, self._is_wide}
        opened = [*self._view, self._kept.conversation, self._listing, self._sidebar]
        self._new.click(self._begin, listed, opened, **QUIETLY)
        self._listing.opened(self._open, listed, opened, **QUIETLY)
        self._listing.renamed(self._rename, listed, self._listing, **QUIETLY)
        self._listing.deleted(self._delete, listed, opened, **QUIETLY)
        self._query.change(self._search, listed, self._listing, trigger_mode="always_last", **QUIETLY)
        self._export.exported(self._export_as, states, self._download, **QUIETLY)

    def arrive(self, page: gr.Blocks) -> None:
        """Open the list of conversations where there is room for it, and find again what was typed."""
        page.load(None, None, self._question, js="() => window.draft()", **QUIETLY)
        page.load(
            lambda is_wide: {self._sidebar: gr.Sidebar(open=is_wide), self._is_wide: is_wide},
            self._is_wide,
            [self._sidebar, self._is_wide],
            js=f"() => window.innerWidth >= {_WIDE}",
            **QUIETLY,
        )

    @property
    def restored(self) -> list[Any]:
        """What `restore` gives values to."""
        return [*self._kept.states, *self._view, self._listing, *self.narrowing.fields]

    def restore(self, visit: Visit) -> Updates:
        """The open conversation of a browser that comes, and what its index can be narrowed to."""
        return {
            self._kept.token: visit.token,
            self._kept.conversation: visit.conversation,
            self._kept.index: visit.index,
            **self._viewed(self._desk.conversations.read(visit.owner, visit.conversation), visit.index),
            **self._list(visit, ""),
            **self.narrowing.offered(self._desk.indexes.assistant(visit.index).index.papers),
        }

    @property
    def _view(self) -> list[Any]:
        return [self._conversation, self._shown, self._evidence]

    def _ask(self, said: Said, request: gr.Request) -> Iterator[Updates]:
        visit = self._kept.visit(self._desk, said, request)
        earlier = said[self._conversation] or self._desk.conversations.read(visit.owner, visit.conversation)
        emptied = {self._question: ""}  # once, so as not to wipe what is typed meanwhile
        for grown in self._grow(visit, earlier, said[self._question], self.narrowing.filters(said)):
            yield emptied | grown
            emptied = {}

    def _ask_again(self, said: Said, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        """Ask the last question once more, in other words or read otherwise, or one that was suggested."""
        visit = self._kept.visit(self._desk, said, request)
        earlier = said[self._conversation] or self._desk.conversations.read(visit.owner, visit.conversation)
        kept, replaced = earlier[: event.exchange - 1], earlier[event.exchange - 1 :]
        question = event.text if event.field == "question" else replaced[0].question
        read_as = event.text if event.field == "read_as" else ""
        yield from self._grow(visit, kept, question, self.narrowing.filters(said), read_as)

    def _grow(self, visit: Visit, earlier: Conversation, question: str, *asked_how: Any) -> Iterator[Updates]:
        """The page as an answer comes; what has come is kept, also where it is stopped."""
        assistant = self._desk.indexes.assistant(visit.index)
        grown = earlier
        names: Updates = {self._kept.token: visit.token, self._kept.conversation: visit.conversation}
        papers = None
        growing = asked(assistant, question, earlier, *asked_how)
        try:
            for grown in growing:
                page = names | {self._conversation: grown, self._shown: conversation_html(grown, live=True)}
                behind = (grown[-1].papers, grown[-1].citations, grown[-1].is_over)
                if behind != papers:
                    papers, page[self._evidence] = behind, evidence_html(grown)
                # An answer that is shown whole can be taken away at once, so that it is kept before.
                if names or grown[-1].is_over:
                    self._keep(visit, grown)
                if names:
                    page |= self._list(visit, "")
                    names = {}
                yield page
        finally:
            growing.close()  # type: ignore[attr-defined]
            if grown is not earlier and not grown[-1].is_over:
                self._keep(visit, grown)

    def _keep(self, visit: Visit, conversation: Conversation) -> None:
        try:
            self._desk.conversations.keep(visit.owner, visit.conversation, conversation[-1])
        except PageError as error:
            gr.Warning(str(error))

    def _approve(self, said: Said, request: gr.Request, event: gr.EventData) -> None:
        """Keep an answer that is right as a gold question."""
        exchange = said[self._conversation][event.exchange - 1]
        question = exchange.standalone_question or exchange.question
        self._keep_gold(Approval(question, exchange.answer), said, request)

    def _correct(self, said: Said, request: gr.Request, event: gr.EventData) -> None:
        """Keep what would have been right as a gold question."""
        exchange = said[self._conversation][event.exchange - 1]
        question = exchange.standalone_question or exchange.question
        correction = Correction(question)
        if event.evidence:
            position, start, end = map(int, event.evidence.split())
            paper = exchange.papers[position].paper
            correction = Correction(question, event.answer, paper, start, end)
        self._keep_gold(correction, said, request)

    def _keep_gold(self, kept: Correction | Approval, said: Said, request: gr.Request) -> None:
        """Keep a gold question, and say where."""
        visit = self._kept.visit(self._desk, said, request)
        path = self._desk.gold(visit.index)
        try:
            keep(kept, path)
        except PageError as error:
            gr.Warning(str(error))
            return
        folder = self._desk.indexes.assistant(visit.index).index.folder
        command = f"python -m eval run --gold {path} --index {folder}"
        told = f"Kept as a gold question in {path}. The tab Evaluate asks them all, and so does {command}"
        gr.Info(told, duration=30)

    def _settle(self, said: Said) -> Updates:
        return self._viewed(said[self._conversation], said[self._kept.index])

    def _begin(self, said: Said, request: gr.Request) -> Updates:
        return self._opened(said, request, new_conversation())

    def _open(self, said: Said, request: gr.Request, event: gr.EventData) -> Updates:
        return self._opened(said, request, event.id)

    def _opened(self, said: Said, request: gr.Request, conversation: str) -> Updates:
        visit = self._kept.visit(self._desk, {**said, self._kept.conversation: conversation}, request)
        return {
            self._kept.conversation: visit.conversation,
            **self._viewed(self._desk.conversations.read(visit.owner, visit.conversation), visit.index),
            **self._list(visit, said[self._query]),
            self._sidebar: gr.Sidebar(open=said[self._is_wide]),
        }

    def _rename(self, said: Said, request: gr.Request, event: gr.EventData) -> Updates:
        visit = self._kept.visit(self._desk, said, request)
        self._desk.conversations.rename(visit.owner, event.id, event.title)
        return self._list(visit, said[self._query])

    def _delete(self, said: Said, request: gr.Request, event: gr.EventData) -> Updates:
        visit = self._kept.visit(self._desk, said, request)
        self._desk.conversations.delete(visit.owner, event.id)
        if event.id == visit.conversation:
            return self._begin(said, request)
        return self._list(visit, said[self._query])

    def _search(self, said: Said, request: gr.Request) -> Updates:
        return self._list(self._kept.visit(self._desk, said, request), said[self._query])

    def _list(self, visit: Visit, query: str) -> Updates:
        entries = self._desk.conversations.listed(visit.owner, query)
        return {self._listing: listing_html(entries, visit.conversation, query)}

    def _export_as(self, said: Said, request: gr.Request, event: gr.EventData) -> Updates:
        visit = self._kept.visit(self._desk, said, request)
        conversation = self._desk.conversations.read(visit.owner, visit.conversation)
        titles = {entry.id: entry.title for entry in self._desk.conversations.listed(visit.owner)}
        title = titles.get(visit.conversation, "")
        return {self._download: download(conversation, title, event.format)}

    def _viewed(self, conversation: Conversation, index: str) -> Updates:
        suggestions = () if conversation else _suggestions(self._desk.indexes.assistant(index).index)
        return {
            self._conversation: conversation,
            self._shown: conversation_html(conversation, suggestions),
            self._evidence: evidence_html(conversation),
        }


@lru_cache(maxsize=8)
def _suggestions(index: Index) -> tuple[str, ...]:
    return tuple(suggested(index.papers))


def script(name: str) -> str:
    """One of the page's scripts."""
    return (_HERE / name).read_text(encoding="utf-8")
