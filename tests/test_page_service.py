"""The page as a server: who may ask it, how many at once, whom it talks to, what it gives away."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pages import MEMORY, PANDAS, PATIENCE, REPLY, SlowModel, served

from assistant.page import page as page_module
from assistant.testing import ScriptedModel

pytestmark = [*PANDAS, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]

AT_ONCE = 20
web = httpx.Client(timeout=PATIENCE / 1000)
_RECORDED: list[str] = []
_IS_RECORDING = False


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if _IS_RECORDING and event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
        _RECORDED.append(str(arguments[1] if event == "socket.connect" else arguments[0]))


sys.addaudithook(_record)  # it can't be taken away again, so it is switched


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every address that this process connects to or looks up, and every program that it starts."""
    _RECORDED.clear()
    monkeypatch.setattr(sys.modules[__name__], "_IS_RECORDING", True)
    yield _RECORDED
    monkeypatch.setattr(sys.modules[__name__], "_IS_RECORDING", False)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(ScriptedModel(REPLY)) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False, analytics_enabled=False)


def test_the_example_of_the_documentation(client: Client) -> None:
    answer = client.predict("By how much does LongCache reduce cache memory?", api_name="/ask")
    assert answer["status"] == "answered"
    assert answer["text"] == "LongCache reduces cache memory by 62%. [1]"
    assert answer["citations"][0]["paper_id"] == "a1"

    found = client.predict("speech recognition", k=1, api_name="/search")
    assert [scored["paper"]["title"] for scored in found] == ["A Survey of Speech Recognition"]

    rows = client.predict([{"id": 7, "question": MEMORY}, {"question": " "}], api_name="/batch")
    assert [row["status"] for row in rows] == ["answered", "error"]
    assert (rows[0]["id"], rows[0]["final"], rows[0]["citations"]) == (7, "62%", "a1")
    assert rows[1]["reason"] == "the question is empty; ask something about the papers"


def test_a_program_asks_with_history_and_filters(client: Client) -> None:
    answer = client.predict(
        "And what of its training?", history=[["What is LongCache?", "A cache."]], api_name="/ask"
    )
    assert "LongCache" in answer["standalone_question"]
    narrowed = client.predict("What is costly?", years=[None, 2021], papers=["a2"], api_name="/ask")
    assert [evidence["paper"]["id"] for evidence in narrowed["evidence"]] == ["a2"]


def test_a_program_sees_the_rows_of_a_batch_grow(client: Client) -> None:
    growing = client.submit([{"question": MEMORY}, {"question": "What is costly?"}], api_name="/batch")
    assert [len(rows) for rows in growing] == [1, 2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [([], "rows is a list such as"), ([{"question": MEMORY}] * 1001, "1,001 rows are more than 1,000")],
)
def test_a_program_is_told_what_is_no_batch(client: Client, rows: list[Any], message: str) -> None:
    with pytest.raises(AppError, match=message):
        client.predict(rows, api_name="/batch")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"question": " "}, "question is empty"),
        ({"question": MEMORY, "history": [["only one"]]}, r"history is a list of \[question, answer\] pairs"),
        ({"question": MEMORY, "years": [2020]}, r"years is \[first, last\]"),
        ({"question": MEMORY, "index": "nowhere"}, "there is no index 'nowhere'"),
    ],
)
def test_a_program_is_told_what_is_wrong(client: Client, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(AppError, match=message):
        client.predict(**arguments, api_name="/ask")


def test_twenty_at_once_are_all_answered_and_nobody_beyond_this_machine_is_told(recorded: list[str]) -> None:
    with served(SlowModel("LongCache reduces cache memory by 62%.")) as address:
        url = f"{address}gradio_api/call/ask"

        def answered(_: int) -> str:
            event = web.post(url, json={"data": [MEMORY, None, None, None, None, ""]}).json()
            said = web.get(f"{url}/{event['event_id']}").text
            assert said.startswith("event: complete")
            return str(json.loads(said.split("data: ", 1)[1])[0]["text"])

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(answered, range(AT_ONCE)))
    assert answers == ["LongCache reduces cache memory by 62%. [1]"] * AT_ONCE
    assert recorded
    assert [place for place in recorded if not any(own in place for own in ("127.0.0.1", "localhost"))] == []


def test_it_listens_on_this_machine_alone(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")


def test_no_file_beyond_the_page_s_own_is_given_away(tmp_path: Path) -> None:
    with served(ScriptedModel(REPLY), data=tmp_path) as address:
        for path in (
            "/etc/passwd",
            tmp_path / "page.key",
            tmp_path / "conversations.sqlite3",
            "pyproject.toml",
        ):
            assert web.get(f"{address}gradio_api/file={path}").status_code in (403, 404)


def test_who_has_not_signed_in_gets_nothing() -> None:
    with served(ScriptedModel(REPLY), accounts={"reader": "sesame"}) as address:
        for path in ("config", "gradio_api/info", "gradio_api/file=/etc/passwd"):
            assert web.get(f"{address}{path}").status_code == 401
        assert web.post(f"{address}gradio_api/upload", files={"files": b"x"}).status_code == 401
        joined = web.post(f"{address}gradio_api/queue/join", json={"data": [], "fn_index": 0})
        assert joined.status_code == 401
        wrong = web.post(f"{address}login", data={"username": "reader", "password": "open"})
        assert wrong.status_code == 400
        right = Client(address, auth=("reader", "sesame"), verbose=False, analytics_enabled=False)
        assert right.predict(MEMORY, api_name="/ask")["status"] == "answered"


def test_another_site_s_page_may_not_ask_for_its_reader(address: str) -> None:
    headers = {"Origin": "https://evil.example", "Content-Type": "application/json"}
    reply = web.post(f"{address}gradio_api/queue/join", headers=headers, json={"data": [], "fn_index": 0})
    assert "access-control-allow-origin" not in reply.headers


def test_an_upload_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "LARGEST_UPLOAD", "1kb")
    with served(ScriptedModel(REPLY)) as address:
        url = f"{address}gradio_api/upload"
        assert web.post(url, files={"files": ("a.csv", b"x" * 2000)}).status_code == 413
        (kept,) = web.post(url, files={"files": ("../../../evil.csv", b"x" * 10)}).json()
        assert Path(kept).name == "evil.csv"
        assert ".." not in kept


def test_the_extra_for_mcp_fits_beside_everything_that_is_installed() -> None:
    """gradio[mcp] holds some libraries back; no other installed one asks for newer ones."""
    pins = [
        requirement
        for requirement in _requirements("gradio")
        if requirement.marker and requirement.marker.evaluate({"extra": "mcp"})
        if not requirement.marker.evaluate({"extra": ""})
    ]
    assert {pin.name for pin in pins} >= {"mcp", "pydantic"}
    latest = {"pydantic": Version("2.12.5")}  # the newest that the extra allows
    for pin in pins:
        if version := latest.get(pin.name):
            assert version in pin.specifier
            others = [r for name in _installed() for r in _requirements(name) if r.name == pin.name]
            assert [
                str(other) for other in others if _applies(other) and version not in other.specifier
            ] == []


def _installed() -> list[str]:
    return [distribution.name for distribution in distributions()]


def _requirements(name: str) -> list[Requirement]:
    wanted = canonicalize_name(name)
    found = next(d for d in distributions() if canonicalize_name(d.name) == wanted)
    return [Requirement(text) for text in found.requires or ()]


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
