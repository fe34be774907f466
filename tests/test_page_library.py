from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PAPERS

from assistant.api import Assistant
from assistant.embedding import Embedder
from assistant.errors import CorpusError, IndexFormatError, PageError
from assistant.ingest import ingest
from assistant.page.desk import Desk, restriction
from assistant.page.indexes import Indexes
from assistant.page.intake import put, read_uploaded, suggested_name, uploaded, with_time_left
from assistant.page.shelf import facts_html, papers_html, reading_html, stored_html
from assistant.progress import silent
from assistant.records import Filters, Paper
from assistant.settings import Settings

HOSTILE = '<img src=x onerror="alert(1)">'
WHALES = Paper("w1", "Whales", "Whales sing at 52 Hz.")


@pytest.fixture
def indexes(index_folder: Path, embedder: Embedder, tmp_path: Path) -> Indexes:
    """The three papers' index, and a home for others."""
    settings = Settings(model="none")
    return Indexes(Assistant.open(index_folder, embedder=embedder, settings=settings), [tmp_path / "home"])


def test_an_index_that_is_made_can_be_asked_at_once(indexes: Indexes) -> None:
    assert indexes.names() == ["index"]
    done = put([WHALES], " Whales (2) ".replace("(", "").replace(")", ""), indexes, silent)
    assert (done.added, done.updated) == (("w1",), ())
    assert indexes.names() == ["index", "Whales 2"]
    asked = indexes.assistant("Whales 2")
    assert [paper.id for paper in asked.index.papers] == ["w1"]
    assert asked is indexes.assistant("Whales 2")
    assert indexes.assistant() is indexes.assistant("index")


def test_papers_added_to_an_open_index_are_there_at_its_next_use(indexes: Indexes) -> None:
    put([WHALES], "Whales", indexes, silent)
    before = indexes.assistant("Whales")
    put([Paper("w2", "Krill", "Krill swim.")], "Whales", indexes, silent)
    assert len(before.index.papers) == 1
    assert len(indexes.assistant("Whales").index.papers) == 2
    put([WHALES], "index", indexes, silent)
    assert len(indexes.assistant().index.papers) == len(PAPERS) + 1


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 61])
def test_an_index_is_not_named_out_of_its_folder(indexes: Indexes, name: str, tmp_path: Path) -> None:
    with pytest.raises(PageError, match="no index can be named"):
        put([WHALES], name, indexes, silent)
    assert not (tmp_path / "home").exists()


def test_an_index_that_is_gone_or_was_made_otherwise_is_one_clear_error(
    indexes: Indexes, tmp_path: Path
) -> None:
    from assistant.testing import HashingEmbedder

    with pytest.raises(PageError, match="there is no index 'gone'; choose one of index in the library"):
        indexes.assistant("gone")
    ingest(PAPERS, tmp_path / "home" / "other", HashingEmbedder(32), passage_tokens=160, progress=silent)
    with pytest.raises(IndexFormatError, match="was built with embedder"):
        indexes.assistant("other")


def test_a_desk_keeps_what_it_keeps_in_the_folder_of_the_settings(
    index_folder: Path, embedder: Embedder, tmp_path: Path
) -> None:
    settings = Settings(model="none", data_dir=tmp_path / "data")
    desk = Desk.over(Assistant.open(index_folder, embedder=embedder, settings=settings))
    put([WHALES], "Whales", desk.indexes, silent)
    desk.close()
    kept = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert kept == ["conversations.sqlite3", "index", "page.key", "page.key.lock"]


@pytest.fixture
def upload(tmp_path: Path) -> Iterator[Path]:
    """A CSV as a browser may upload it: foreign column names, an empty abstract, hostile text."""
    path = tmp_path / "0a1b2c" / "papers.csv"
    path.parent.mkdir()
    path.write_text(
        f"Paper Title,Summary,Publication Year\n{HOSTILE},Whales sing.,1971\nEmpty,,1999\n", encoding="utf-8"
    )
    yield path


def test_of_uploaded_files_columns_and_rejects_are_told_by_their_own_names(upload: Path) -> None:
    reading = read_uploaded([upload])
    assert dict(reading.preview.mapping) == {
        "title": "Paper Title",
        "abstract": "Summary",
        "year": "Publication Year",
    }
    assert [reject.reason for reject in reading.rejects] == ["papers.csv line 3 has an empty abstract"]
    html = reading_html(reading)
    assert "1 paper read, 1 record left out." in html
    assert '<tr><th scope="row">abstract</th><td>Summary</td></tr>' in html
    assert "<li>papers.csv line 3 has an empty abstract</li>" in html
    assert "<img" not in html


def test_merges_and_rejects_name_the_uploaded_files_and_their_lines(indexes: Indexes, tmp_path: Path) -> None:
    files = {
        "0a1b2c/papers.csv": "Title,Abstract\nWhale song,Whales sing at 52 Hz.\nEmpty,\n",
        "3d4e5f/more.jsonl": '{"title": "Whale Song", "abstract": "Whales sing at 52 Hz."}\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = put(uploaded([tmp_path / name for name in files]), "Whales", indexes, silent)
    merge = "papers.csv line 2 and more.jsonl line 1 are one paper: the same title, a similar abstract"
    assert [str(one) for one in done.merged] == [merge]
    assert [reject.reason for reject in done.rejected] == ["papers.csv line 3 has an empty abstract"]
    assert stored_html(done, "Whales") == (
        '<p class="stored">Whales: 1 added, 0 updated, 1 merged, 0 unchanged, 1 left out.</p>'
        f'<ul class="rejects"><li>{merge}</li><li>papers.csv line 3 has an empty abstract</li></ul>'
    )


def test_a_file_uploaded_again_is_a_new_version_of_it(indexes: Indexes, tmp_path: Path) -> None:
    for place, abstract in (("0a1b2c", "Whales sing at 52 Hz."), ("3d4e5f", "Whales sing at 53 Hz.")):
        path = tmp_path / place / "papers.jsonl"
        path.parent.mkdir()
        path.write_text(json.dumps({"id": "w1", "title": "Whales", "abstract": abstract}), encoding="utf-8")
        done = put(uploaded([path]), "Whales", indexes, silent)
    assert (done.added, done.updated, done.merged) == ((), ("w1",), ())
    assert [paper.abstract for paper in indexes.assistant("Whales").index.papers] == ["Whales sing at 53 Hz."]


def test_a_file_that_holds_no_papers_is_told_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "papers.pdf"
    path.write_bytes(b"%PDF")
    with pytest.raises(CorpusError, match=r"^papers\.pdf is of no format"):
        read_uploaded([path])
    with pytest.raises(CorpusError, match=r"^papers\.pdf is of no format"):
        list(uploaded([path]))


@pytest.mark.parametrize(
    ("file", "name"), [("ACL 2023.csv", "ACL 2023"), ("a(1).jsonl.gz", "a 1"), ("?.csv", ""), ("x", "")]
)
def test_an_index_is_called_as_the_file(file: str, name: str) -> None:
    assert suggested_name([Path(file)]) == name


def test_progress_tells_a_share_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[float, str]] = []
    clock = iter([0.0, 0.0, 10.0])
    monkeypatch.setattr("assistant.page.intake.time.monotonic", lambda: next(clock))
    progress = with_time_left(lambda share, text: shown.append((share, text)))
    progress(0, 400, "embedding passages")
    progress(100, 400, "embedding passages")
    # A quarter took 10 s, so three quarters take 30 s.
    assert shown[-1] == (0.25, "embedding passages: 100 of 400, 30 s left")


def test_progress_to_an_unknown_end_tells_how_much_is_done() -> None:
    shown: list[tuple[float, str]] = []
    with_time_left(lambda share, text: shown.append((share, text)))(2000, 0, "reading records")
    assert shown == [(0.0, "reading records: 2,000")]


def test_the_facts_of_an_index(indexes: Indexes) -> None:
    html = facts_html(indexes.assistant().index)
    for name, value in (("Papers", "3"), ("Years", "2019 to 2023"), ("Venues", "2")):
        assert f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' in html


def test_no_paper_is_said_to_be_none() -> None:
    assert "No paper is like that." in papers_html([])
    assert "<img" not in papers_html([Paper(HOSTILE, HOSTILE, HOSTILE)])


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (Filters(), ""),
        (Filters(years=(2020, 2020)), "of 2020"),
        (Filters(years=(2019, 2021)), "of 2019 to 2021"),
        (Filters(years=(None, 2021), include_ids=("a1",)), "up to 2021, 1 chosen paper"),
        (Filters(venues=("ACL",), include_ids=("a1", "a2")), "of ACL, 2 chosen papers"),
    ],
)
def test_a_restriction_is_said_in_words(filters: Filters, said: str) -> None:
    assert restriction(filters) == said
