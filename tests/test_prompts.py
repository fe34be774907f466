from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest

from assistant import prompts
from assistant.errors import PromptError
from assistant.prompts import fill, templates
from assistant.resources import prompts_folder

VARIANTS = Path(__file__).parent.parent / "eval" / "prompts"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another folder of prompts."""
    monkeypatch.setattr(prompts, "prompts_folder", lambda: tmp_path)
    for kept in (prompts._load, prompts._path):
        kept.cache_clear()
    yield tmp_path
    for kept in (prompts._load, prompts._path):
        kept.cache_clear()


@pytest.mark.parametrize("path", sorted(prompts_folder().iterdir()), ids=lambda path: path.name)
def test_every_prompt_can_be_filled(path: Path) -> None:
    assert path.suffix == ".txt"
    names = Template(path.read_text(encoding="utf-8")).get_identifiers()
    filled = fill(path.stem, **{name: f"<{name}>" for name in names})
    assert all(f"<{name}>" in filled for name in names)
    assert filled == filled.strip() != ""


@pytest.mark.parametrize(
    ("variables", "given"),
    [
        ({}, "[]"),
        ({"question": "Why?"}, "['question']"),
        ({"question": "Why?", "passages": "", "tone": "dry"}, "['passages', 'question', 'tone']"),
    ],
    ids=["none", "missing", "unknown"],
)
def test_variables_that_do_not_fit_are_named(variables: dict[str, str], given: str) -> None:
    with pytest.raises(PromptError) as caught:
        fill("question", **variables)
    path = prompts_folder() / "question.txt"
    expected = f"{path} has the variables ['passages', 'question'], it was given {given}"
    assert str(caught.value) == expected


def test_an_unknown_prompt_is_answered_with_the_known_ones(folder: Path) -> None:
    for name in ("b", "a"):
        (folder / f"{name}.txt").touch()
    with pytest.raises(PromptError, match=r"^there is no prompt 'c'; there are a, b$"):
        fill("c")


@pytest.mark.parametrize("text", ["It costs $5.", "Say $ twice", "A ${name here}", "At the end $"])
def test_a_stray_dollar_is_an_error(folder: Path, text: str) -> None:
    (folder / "a.txt").write_text(text)
    with pytest.raises(PromptError) as caught:
        fill("a")
    assert str(caught.value) == f"{folder / 'a.txt'} has a $ that begins no variable; write it $$"


def test_values_are_not_templates(folder: Path) -> None:
    """A question or an abstract that spells a variable is text like any other."""
    (folder / "a.txt").write_text("$$1 for ${name}s: {$question}\n")
    assert fill("a", name="$question", question="$$ $name {x}") == "$1 for $questions: {$$ $name {x}}"


@pytest.fixture
def own(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user's own templates, beside a program that has the prompts a and b."""
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(f"Ours, {name}.")
    return tmp_path_factory.mktemp("own")


def test_a_users_own_template_takes_the_place_of_its_namesake_alone(folder: Path, own: Path) -> None:
    (own / "b.txt").write_text("Theirs: $x")
    assert (fill("a", own), fill("b", own, x="1")) == ("Ours, a.", "Theirs: 1")
    assert (fill("a"), fill("b")) == ("Ours, a.", "Ours, b.")
    assert templates(own) == {"a": folder / "a.txt", "b": own / "b.txt"}


def test_own_templates_that_would_never_be_used_are_an_error(folder: Path, own: Path) -> None:
    with pytest.raises(PromptError) as caught:
        fill("a", own)
    assert str(caught.value) == f"{own} has no prompts; a prompt is one of a, b, ending in .txt"
    (own / "sistem.txt").touch()
    with pytest.raises(PromptError) as caught:
        fill("a", own)
    assert str(caught.value) == f"{own / 'sistem.txt'} is never used; a prompt is one of a, b"
    with pytest.raises(PromptError, match=r"nowhere is no folder of prompts; the setting `prompts`"):
        fill("a", own / "nowhere")


def test_a_template_that_is_no_text_is_an_error(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"\xff")
    with pytest.raises(PromptError, match=r"a\.txt can't be read: "):
        fill("a")


@pytest.mark.parametrize("variant", sorted(VARIANTS.iterdir()), ids=lambda path: path.name)
def test_every_variant_that_is_measured_differs_and_can_be_filled(variant: Path) -> None:
    for name, path in templates(variant).items():
        variables = dict.fromkeys(Template(path.read_text(encoding="utf-8")).get_identifiers(), "x")
        assert fill(name, variant, **variables)
    assert any(fill(path.stem, variant) != fill(path.stem) for path in variant.glob("system*.txt")) or (
        fill("question", variant, passages="p", question="q") != fill("question", passages="p", question="q")
    )
