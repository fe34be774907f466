from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant.fitted import FITTED
from assistant.progress import silent
from assistant.testing import HashingEmbedder, ScriptedModel
from eval.experiments import Configuration, Material, read_material
from eval.headline import Estimate
from eval.leaderboard import Grid, GridError, cell_id, leaderboard, read_grid, shown
from eval.statistics import Interval

QUESTIONS = [
    {
        "id": "q1",
        "split": "dev",
        "cluster": "a1",
        "type": "numeric",
        "question": "By how much does LongCache reduce cache memory?",
        "answerable": True,
        "answer_type": "number",
        "gold": {"value": 62, "unit": "%"},
        "gold_papers": [["a1"]],
        "evidence": [{"paper_id": "a1", "quote": "LongCache reduces cache memory by 62%"}],
    },
    {
        "id": "q2",
        "split": "dev",
        "cluster": "a3",
        "type": "near_miss",
        "question": "Which GPU does the survey of speech recognition recommend?",
        "answerable": False,
        "answer_type": "short",
        "unanswerable_reason": "absent_fact",
    },
]


@pytest.fixture
def material(tmp_path: Path, index_folder: Path) -> Material:
    """Two questions about the three papers."""
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(item) + "\n" for item in QUESTIONS), encoding="utf-8")
    return read_material(gold, index_folder)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    """The model that any configuration but `none` opens."""
    scripted = ScriptedModel("LongCache reduces cache memory by 62% [1].")
    monkeypatch.setattr("eval.experiments.open_embedder", lambda settings: HashingEmbedder())
    monkeypatch.setattr(
        "eval.experiments.open_model", lambda settings: None if settings.model == "none" else scripted
    )
    return scripted


def test_a_grid_is_every_combination_and_then_the_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.leaderboard.FUSIONS", {"zscore": None, "bm25": None, "dense": None})
    grid = Grid(("m", "none"), {"papers": [3, 5], "fusion": ["zscore"]})
    plain = [
        {"model": model, "papers": papers, "fusion": "zscore"} for model in ("m", "none") for papers in (3, 5)
    ]
    assert [cell.overrides for cell in grid.configurations(references=False)] == plain
    assert [(cell.overrides, cell.closed) for cell in grid.configurations()[4:]] == [
        ({"model": "m", "fusion": "bm25"}, False),
        ({"model": "m", "fusion": "dense"}, False),
        ({"model": "m"}, True),
    ]


def test_a_grid_is_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text('models = ["a", "b"]\n[settings]\npapers = [3, 5]\n', encoding="utf-8")
    assert read_grid(path) == Grid(("a", "b"), {"papers": [3, 5]})
    path.write_text('presets = ["fast"]', encoding="utf-8")
    assert read_grid(path) == Grid((), {}, ("fast",))


def test_presets_are_cells_named_with_their_models() -> None:
    cells = Grid((), {"papers": [3]}, ("fast", "default")).configurations()
    assert [cell.overrides for cell in cells] == [
        {"preset": "fast", "papers": 3},
        {"preset": "default", "papers": 3},
    ]
    assert [cell.name for cell in cells] == ["fast (none) papers=3", "default (qwen2.5-coder-0.5b) papers=3"]


def test_memory_is_measured_once_a_cell_and_not_of_a_model_alone(
    material: Material, model: ScriptedModel, tmp_path: Path
) -> None:
    weighed: list[str] = []

    def weigh(cell: Configuration) -> int:
        weighed.append(cell.name)
        return 1_230_000_000

    cells = [Configuration({"model": "m"}), Configuration({"model": "m"}, closed=True)]
    for _ in range(2):
        table = leaderboard(
            material,
            cells,
            tmp_path / "lb",
            split="dev",
            limit=None,
            progress=lambda name: silent,
            weigh=weigh,
        )
    assert weighed == ["m"]
    assert {name: row["memory"] for name, row in table.rows.items()} == {"m": "1.23 GB", "m closed book": "-"}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("models = 3", "needs models or presets, a list of names"),
        ("presets = [3]", "needs models or presets, a list of names"),
        ("", "needs models or presets, a list of names"),
        ('models = ["a"]\nseed = 3', "has an unknown key 'seed'; known are models, presets, settings"),
        ('models = ["a"]\n[settings]\npapers = 3', "settings.papers is 3, not a list of values"),
        ("models = [", "can't be read"),
    ],
)
def test_a_faulty_grid_is_one_line(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(GridError) as caught:
        read_grid(path)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_best_configuration_stands_first(
    material: Material, model: ScriptedModel, tmp_path: Path
) -> None:
    cells = [
        Configuration({"model": "none"}),
        Configuration({"model": "m"}),
        Configuration({"model": "m"}, closed=True),
    ]
    table = leaderboard(
        material, cells, tmp_path / "lb", split="dev", limit=None, progress=lambda name: silent
    )
    assert table.title == "dev: 3 questions"  # two, and the first again without its paper
    assert set(table.rows) == {"none", "m", "m closed book"}
    assert table.rows["m"]["Answerable right"].startswith("1.000")  # type: ignore[union-attr]
    assert table.rows["m closed book"]["Citation F1"].startswith("0.000")  # type: ignore[union-attr]
    rates = [float(str(row["Trusted-Answer Rate"]).split()[0]) for row in table.rows.values()]
    assert rates == sorted(rates, reverse=True)


def test_a_finished_cell_is_not_asked_again(material: Material, model: ScriptedModel, tmp_path: Path) -> None:
    def fill(*cells: Configuration) -> object:
        return leaderboard(
            material, cells, tmp_path / "lb", split="dev", limit=None, progress=lambda name: silent
        )

    one, other = Configuration({"model": "m"}), Configuration({"model": "m", "papers": 1})
    first, asked = fill(one), len(model.prompts)
    assert fill(one) == first
    assert len(model.prompts) == asked
    fill(one, other)
    assert len(model.prompts) > asked


def test_a_cell_is_named_by_all_that_would_change_its_figures(material: Material) -> None:
    cell = Configuration({"model": "m"})
    names = {
        cell_id(material, cell, "dev", None),
        cell_id(material, cell, "test", None),
        cell_id(material, cell, "dev", 5),
        cell_id(material, Configuration({"model": "m"}, closed=True), "dev", None),
        cell_id(material, Configuration({"model": "m", "papers": 3}), "dev", None),
    }
    assert len(names) == 5
    # The default written out is the same configuration.
    written_out = Configuration({"model": "m", "papers": 5})
    assert cell_id(material, written_out, "dev", None) == cell_id(material, cell, "dev", None)
    # And so is a preset.
    fast, none = Configuration({"preset": "fast"}), Configuration({"model": "none"})
    assert cell_id(material, fast, "dev", None) == cell_id(material, none, "dev", None)
    (material.index / FITTED).write_text("{}", encoding="utf-8")
    assert cell_id(material, cell, "dev", None) not in names


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.5, 10, Interval(0.25, 0.75)), "0.500 [0.250, 0.750]"),
        (Estimate(0.5, 1, None), "0.500"),
        (Estimate(0.0, 0, None), "-"),
    ],
)
def test_a_figure_is_shown_with_its_interval(estimate: Estimate, text: str) -> None:
    assert shown(estimate) == text
