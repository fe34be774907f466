from __future__ import annotations

from pathlib import Path

import pytest
from conftest import CHROMIUM
from pages import MEMORY, PANDAS

from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.testing import HashingEmbedder
from eval import paging


@pytest.fixture(autouse=True)
def _without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.api.open_embedder", lambda settings: HashingEmbedder())


@PANDAS[0]
@PANDAS[1]
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; install it to run these")
def test_the_first_card_and_the_answer_of_each_question_are_timed(index_folder: Path) -> None:
    questions = [MEMORY, "How long does training LongCache take?"]
    card, answer = paging.page_latency(index_folder, Settings(model="none"), questions)
    assert [(one.name, one.n) for one in (card, answer)] == [("first card", 2), ("answer", 2)]
    assert 0 < card.min <= answer.max


def test_without_a_browser_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.paging.shutil.which", lambda name: None)
    with pytest.raises(AssistantError, match=r"no browser was found \(chromium, .*--browser"):
        paging.browser_or_default()
