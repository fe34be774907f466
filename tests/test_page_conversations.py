from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.api import Assistant
from assistant.embedding import Embedder
from assistant.errors import PageError, SettingsError
from assistant.page.conversations import Conversations
from assistant.page.desk import asked
from assistant.page.exchange import Conversation, Exchange
from assistant.page.export import FORMATS, with_references
from assistant.page.listing import download, listing_html
from assistant.page.owners import Owners, accounts, may_sign_in
from assistant.records import Filters, Paper
from assistant.settings import Settings
from assistant.testing import ScriptedModel

MEMORY = "By how much does LongCache reduce cache memory?"
ADA, GRACE = "user ada", "browser 7f3a"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Conversations]:
    conversations = Conversations(tmp_path / "data" / "conversations.sqlite3")
    yield conversations
    conversations.close()


@pytest.fixture
def conversation(index_folder: Path, embedder: Embedder) -> Conversation:
    """One answered question."""
    model = ScriptedModel("LongCache reduces cache memory by 62%.")
    assistant = Assistant.open(index_folder, model=model, embedder=embedder, settings=Settings())
    *_, conversation = asked(assistant, MEMORY, (), Filters(years=(2020, None)))
    return conversation


def test_an_exchange_is_read_as_it_was_kept(kept: Conversations, conversation: Conversation) -> None:
    kept.keep(ADA, "c1", conversation[0])
    assert kept.read(ADA, "c1") == conversation
    assert conversation[0].answer is not None


def test_another_process_finds_what_was_kept(tmp_path: Path, conversation: Conversation) -> None:
    first = Conversations(tmp_path / "c.sqlite3")
    first.keep(ADA, "c1", conversation[0])
    second = Conversations(tmp_path / "c.sqlite3")
    assert second.read(ADA, "c1") == conversation
    first.close()
    second.close()


def test_an_exchange_asked_again_takes_the_place_of_all_from_its_number_on(kept: Conversations) -> None:
    for number, question in enumerate(("A?", "B?", "C?"), start=1):
        kept.keep(ADA, "c1", Exchange(number, question))
    kept.keep(ADA, "c1", Exchange(2, "Other?"))
    assert [exchange.question for exchange in kept.read(ADA, "c1")] == ["A?", "Other?"]


def test_nobody_reaches_what_is_another_owner_s(kept: Conversations) -> None:
    kept.keep(ADA, "c1", Exchange(1, "Ada's question?"))
    kept.keep(GRACE, "c1", Exchange(1, "Grace's question?"))
    kept.rename(GRACE, "c1", "Renamed")
    assert [entry.title for entry in kept.listed(ADA)] == ["Ada's question?"]
    assert [entry.title for entry in kept.listed(GRACE)] == ["Renamed"]
    kept.delete(GRACE, "c1")
    assert kept.read(GRACE, "c1") == ()
    assert kept.listed(GRACE) == []
    assert [exchange.question for exchange in kept.read(ADA, "c1")] == ["Ada's question?"]
    assert kept.listed("user Ada") == []


def test_the_conversation_changed_last_comes_first(kept: Conversations) -> None:
    for name in ("c1", "c2"):
        kept.keep(ADA, name, Exchange(1, f"{name}?"))
    kept.keep(ADA, "c1", Exchange(2, "More?"))
    assert [entry.id for entry in kept.listed(ADA)] == ["c1", "c2"]


@pytest.mark.parametrize(
    ("query", "found"),
    [("memory", ["c1"]), ("62%", ["c1"]), ("SLIM", ["c2"]), ("%", ["c1"]), ("_", []), (" ", ["c2", "c1"])],
    ids=["question", "answer", "case", "a percent sign is itself", "an underscore too", "blank"],
)
def test_conversations_are_searched_for_text(
    kept: Conversations, conversation: Conversation, query: str, found: list[str]
) -> None:
    kept.keep(ADA, "c1", conversation[0])
    kept.keep(ADA, "c2", Exchange(1, "What is SlimTune?"))
    assert [entry.id for entry in kept.listed(ADA, query)] == found


def test_a_renamed_conversation_keeps_its_title(kept: Conversations) -> None:
    kept.keep(ADA, "c1", Exchange(1, "A?"))
    kept.rename(ADA, "c1", "  Cache \n memory ")
    kept.rename(ADA, "c1", " ")
    kept.keep(ADA, "c1", Exchange(2, "B?"))
    assert [entry.title for entry in kept.listed(ADA)] == ["Cache memory"]


def test_what_another_version_wrote_is_still_shown(
    kept: Conversations, conversation: Conversation, tmp_path: Path
) -> None:
    kept.keep(ADA, "c1", conversation[0])
    with sqlite3.connect(tmp_path / "data" / "conversations.sqlite3") as file:
        file.execute('update exchange set content = \'{"number": 1, "from": "tomorrow"}\'')
    file.close()
    (exchange,) = kept.read(ADA, "c1")
    assert exchange.question == MEMORY
    assert exchange.fault.startswith("LongCache reduces cache memory by 62%")
    assert exchange.fault.endswith("(kept by another version of this program)")


def test_only_its_owner_may_read_the_file(kept: Conversations, tmp_path: Path) -> None:
    path = tmp_path / "data" / "conversations.sqlite3"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite3").write_text("not a database, and long enough to be told apart from one")
    with pytest.raises(PageError, match=r"can't be kept in .*c\.sqlite3: .*not a database"):
        Conversations(tmp_path / "c.sqlite3")
    with pytest.raises(PageError, match=r"c\.sqlite3/x can't be written: .*; set data_dir"):
        Conversations(tmp_path / "c.sqlite3" / "x")


def test_only_cited_papers_are_exported(conversation: Conversation) -> None:
    twice = (*conversation, replace(conversation[0], number=2))
    ris = FORMATS["RIS"].write(twice)
    assert ris.splitlines()[:8] == [
        "TY  - JOUR",
        "ID  - a1",
        "TI  - LongCache: Shrinking the Key-Value Cache",
        "AU  - Ada Lovelace",
        "AU  - Charles Babbage",
        "PY  - 2023",
        "T2  - ICML",
        "AB  - Long contexts make the key-value cache large. We present LongCache, which keeps one third of "
        "the layers at full attention. LongCache reduces cache memory by 62%, and decoding is 1.4x faster. "
        "Training takes 36 hours on 8 GPUs.",
    ]
    assert ris.count("ER  - ") == 1
    bibtex = FORMATS["BibTeX"].write(twice)
    assert bibtex.count("@article{") == 1
    assert "author = {Ada Lovelace and Charles Babbage}" in bibtex
    assert "SlimTune" not in ris + bibtex
    assert FORMATS["BibTeX"].write(()) == FORMATS["RIS"].write(()) == ""


def test_answers_are_exported_as_markdown_and_json(conversation: Conversation) -> None:
    unanswered = (*conversation, Exchange(2, "Stopped?"))
    assert FORMATS["Markdown"].write(unanswered).startswith(f"**{MEMORY}**\n\nLongCache reduces cache")
    (plain,) = json.loads(FORMATS["JSON"].write(unanswered))
    assert (plain["question"], plain["status"]) == (MEMORY, "answered")


def test_a_copied_answer_has_its_references_below(conversation: Conversation) -> None:
    assert conversation[0].answer is not None
    assert with_references(conversation[0].answer) == (
        "LongCache reduces cache memory by 62%. [1]\n\n"
        "[1] Ada Lovelace and Charles Babbage (2023). LongCache: Shrinking the Key-Value Cache (a1). ICML\n"
    )


def test_a_download_is_named_after_the_conversation(conversation: Conversation) -> None:
    plain = json.loads(download(conversation, "Caches: how/small?", "RIS"))
    assert plain["name"] == "Caches-how-small.ris"
    assert json.loads(download((), "?", "JSON"))["name"] == "conversation.json"


def test_titles_in_the_list_are_text(kept: Conversations) -> None:
    kept.keep(ADA, "c1", Exchange(1, '<img src=x> "quoted"'))
    html = listing_html(kept.listed(ADA), "c1")
    assert "<img" not in html
    assert html.count("&lt;img src=x&gt; &quot;quoted&quot;") == 4
    assert 'aria-current="true"' in html
    assert "No conversation has that text." in listing_html([], "c1", "x")


def test_a_key_that_was_cut_short_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.key").touch()
    with pytest.raises(PageError, match=r"page\.key has 0 bytes, a key has 32; delete it"):
        Owners(tmp_path)


def test_a_browser_is_known_by_its_token_alone(tmp_path: Path) -> None:
    owners = Owners(tmp_path)
    owner, token = owners.owner(None, "")
    assert owners.owner(None, token) == (owner, token)
    assert Owners(tmp_path).owner(None, token) == (owner, token)  # after a restart
    name, _, signature = token.rpartition(".")
    for forged in (f"{name}x.{signature}", f"{name}.{signature[:-2]}", name, "user ada", None):
        other, given = owners.owner(None, forged)
        assert other != owner
        assert given != forged
    assert owners.owner("ada", token)[0] == "user ada"
    assert stat.S_IMODE((tmp_path / "page.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("password", "known"),
    [
        (None, {}),
        (" ", {}),
        ("open sesame", {"reader": "open sesame"}),
        ('{"ada": "one", "grace": "two"}', {"ada": "one", "grace": "two"}),
    ],
)
def test_accounts_are_read_from_the_password(password: str | None, known: dict[str, str]) -> None:
    assert accounts(SecretStr(password) if password else None) == known


@pytest.mark.parametrize("password", ['{"ada": 1}', "{ada", '{"": "x"}', '{"ada": ""}'])
def test_accounts_that_can_t_be_read_are_one_clear_error(password: str) -> None:
    with pytest.raises(SettingsError, match="ASSISTANT_PAGE_PASSWORD is no JSON object") as raised:
        accounts(SecretStr(password))
    assert password not in str(raised.value)


def test_only_the_account_s_own_password_lets_in() -> None:
    known = {"ada": "one", "grace": "two"}
    assert may_sign_in(known, "ada", "one")
    assert not may_sign_in(known, "ada", "two")
    assert not may_sign_in(known, "eve", "")
    assert not may_sign_in({}, "", "")


def test_a_password_is_never_taken_from_a_file() -> None:
    Path("assistant.toml").write_text("page_password = 'x'", encoding="utf-8")
    with pytest.raises(SettingsError, match="holds page_password; set ASSISTANT_PAGE_PASSWORD in"):
        Settings.load()


def test_papers_without_a_title_are_exported_too(conversation: Conversation) -> None:
    answer = conversation[0].answer
    assert answer is not None
    untitled = replace(answer.evidence[0], paper=Paper("a1", "", "A.\nB.", doi="10.1/x"))
    bare = replace(conversation[0], answer=replace(answer, evidence=(untitled,)))
    assert FORMATS["RIS"].write((bare,)).splitlines() == [
        "TY  - GEN",
        "ID  - a1",
        "DO  - 10.1/x",
        "UR  - https://doi.org/10.1/x",
        "AB  - A. B.",
        "ER  - ",
    ]
