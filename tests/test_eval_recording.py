from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.generation.base import Delta
from assistant.records import Message, Usage
from assistant.testing import ScriptedModel
from eval.recording import RecordedModel

PROMPT = (Message("system", "Be short."), Message("user", "Is it fast?"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where completions are kept; its folder is not there yet."""
    return tmp_path / "kept" / "drafts.jsonl"


def said(model: RecordedModel, prompt: tuple[Message, ...] = PROMPT, most: int = 160) -> list[Delta]:
    return list(model.stream(prompt, max_tokens=most))


def test_what_is_new_is_passed_on_as_the_model_writes_it(path: Path) -> None:
    # "Be short." and "Is it fast?" have 2 + 3 words, the answer has 3.
    assert said(RecordedModel(ScriptedModel("It is fast."), path)) == [
        Delta("It "),
        Delta("is "),
        Delta("fast. "),
        Delta("", Usage(5, 3, truncated=False)),
    ]


def test_what_is_known_comes_in_one_piece_and_the_model_is_not_asked(path: Path) -> None:
    first = RecordedModel(ScriptedModel("It is\u2028fäst."), path)
    said(first)
    silent = ScriptedModel("Another answer.")
    for again in (first, RecordedModel(silent, path)):
        assert said(again) == [Delta("It is\u2028fäst. ", Usage(5, 2, truncated=False))]
    assert silent.prompts == []


def test_a_completion_that_was_cut_is_known_to_be_cut(path: Path) -> None:
    said(RecordedModel(ScriptedModel("It is fast."), path), most=2)
    (known,) = said(RecordedModel(ScriptedModel(""), path), most=2)
    assert known == Delta("It is ", Usage(5, 2, truncated=True))


class Wide(ScriptedModel):
    """A model that several may ask at a time."""

    concurrency = 8


def test_several_are_asked_at_a_time_if_the_model_is_fit_for_it(path: Path) -> None:
    assert RecordedModel(Wide("Yes."), path).concurrency == 8
    assert RecordedModel(ScriptedModel("Yes."), path).concurrency == 1


def test_what_is_completed_at_a_time_is_all_kept(path: Path) -> None:
    model = RecordedModel(Wide("It is fast."), path)
    prompts = [(Message("user", f"Is number {n} fast?"),) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda prompt: said(model, prompt), prompts))
    silent = ScriptedModel("Another answer.")
    again = RecordedModel(silent, path)
    assert [said(again, prompt)[0].text for prompt in prompts] == ["It is fast. "] * 40
    assert silent.prompts == []


class Renamed(ScriptedModel):
    """The same model under another name."""

    name = "renamed"


@pytest.mark.parametrize(
    ("model", "prompt", "most"),
    [
        pytest.param(ScriptedModel("New."), PROMPT, 161, id="more tokens"),
        pytest.param(ScriptedModel("New."), PROMPT[1:], 160, id="another prompt"),
        pytest.param(
            ScriptedModel("New."), (PROMPT[0], Message("assistant", "Is it fast?")), 160, id="a role"
        ),
        pytest.param(Renamed("New."), PROMPT, 160, id="another model"),
    ],
)
def test_anything_else_is_asked_of_the_model(
    path: Path, model: ScriptedModel, prompt: tuple[Message, ...], most: int
) -> None:
    said(RecordedModel(ScriptedModel("Old."), path))
    assert said(RecordedModel(model, path), prompt, most)[0] == Delta("New. ")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def test_a_completion_that_was_stopped_is_not_kept_and_stops_the_model(path: Path) -> None:
    model = ScriptedModel("It is fast.")
    stream = RecordedModel(model, path).stream(PROMPT, max_tokens=160)
    next(stream)
    stream.close()
    assert model.closed_early == 1
    assert not path.exists()


def test_what_a_kill_left_of_a_line_is_cut_off(path: Path) -> None:
    said(RecordedModel(ScriptedModel("Old."), path))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "ab')
    model = RecordedModel(ScriptedModel("New."), path)
    assert path.read_bytes() == whole
    said(model, PROMPT[1:])
    again = RecordedModel(ScriptedModel("Never."), path)
    assert [said(again)[0].text, said(again, PROMPT[1:])[0].text] == ["Old. ", "New. "]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("nonsense\n", "line 1 is damaged; remove the line, and the model is asked again"),
        ('{"key": "a", "text": "b", "usage": [1, 2, false]}\n[]\n', "line 2 is damaged"),
        ('{"key": "a", "text": "b"}\n', "line 1 is damaged"),
        ('{"key": "a", "text": "b", "usage": [1]}\n', "line 1 is damaged"),
        (b"\xff\n", "drafts.jsonl can't be read"),
    ],
)
def test_a_damaged_file_is_one_line(path: Path, content: str | bytes, fault: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(AssistantError) as caught:
        RecordedModel(ScriptedModel(""), path)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_else_is_the_model_s_own(path: Path) -> None:
    model = RecordedModel(Renamed(""), path)
    assert (model.name, model.context_window, model.count_tokens("one two")) == ("renamed", 4096, 2)


def test_a_line_can_be_read_by_others(path: Path) -> None:
    said(RecordedModel(ScriptedModel("It is fast."), path))
    (line,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert (line["text"], line["usage"], len(line["key"])) == ("It is fast. ", [5, 3, False, None], 64)
