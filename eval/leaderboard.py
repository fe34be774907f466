"""A leaderboard: every model with every choice of settings, beside what needs no assistant at all.

The reference rows say what a figure is worth: the first model on BM25 or on vectors alone, and each model
asked without any passage. A cell is a run in a folder named by a hash of what it is, so that a leaderboard
that was stopped goes on, and one that grows asks only what is new.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from assistant.fitted import coefficients_of
from assistant.progress import Progress
from assistant.retrieval import FUSIONS
from assistant.storage import sha256_of, write_atomically
from eval.contenders import OURS, Contender, Place
from eval.experiments import Configuration, Material, perform, score
from eval.headline import PRIMARY, Estimate, headline, mean
from eval.runs import fingerprint, is_finished, read_run
from eval.summary import Summary
from eval.tables import Table

MEMORY = "memory.json"  # beside a run: the peak memory, in bytes, of a process that answers so

_KEYS: Mapping[str, Callable[[], Any]] = {"models": list, "presets": list, "settings": dict}
_WEIGHED = 5  # questions asked to see how much memory that takes
_SIDES = ("bm25", "dense")  # fusions that are one retriever alone


class GridError(AssistantError):
    """A grid of models and settings can't be read."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The models and presets, and the values of each setting, to be tried in every combination."""

    models: tuple[str, ...]
    settings: Mapping[str, Sequence[Any]]
    presets: tuple[str, ...] = ()

    def configurations(self, *, references: bool = True) -> list[Configuration]:
        """Every cell of the grid, then the reference rows."""
        cells = [
            Configuration({key: name, **dict(zip(self.settings, values, strict=True))})
            for key, names in (("model", self.models), ("preset", self.presets))
            for name in names
            for values in product(*self.settings.values())
        ]
        return [*cells, *self._references()] if references else cells

    def _references(self) -> Iterator[Configuration]:
        for side in _SIDES if self.models else ():
            if side in FUSIONS:
                yield Configuration({"model": self.models[0], "fusion": side})
        for model in self.models:
            if model != "none":
                yield Configuration({"model": model}, closed=True)


def read_grid(path: Path) -> Grid:
    """The grid of a TOML file: `models` or `presets`, lists, or both, and a table `settings` of lists.

    Raises:
        GridError: it is no such file.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GridError(f"{path} can't be read: {error}") from error
    models, presets, settings = (plain.pop(key, kind()) for key, kind in _KEYS.items())
    if plain:
        raise GridError(f"{path} has an unknown key {min(plain)!r}; known are {', '.join(_KEYS)}")
    if not (_is_list_of_texts(models) and _is_list_of_texts(presets) and (models or presets)):
        raise GridError(f"{path} needs models or presets, a list of names")
    for key, values in settings.items():
        if not (isinstance(values, list) and values):
            raise GridError(f"{path}: settings.{key} is {values!r}, not a list of values")
    return Grid(tuple(models), settings, tuple(presets))


def leaderboard(
    material: Material,
    configurations: Iterable[Configuration],
    out: Path,
    *,
    split: str,
    limit: int | None,
    progress: Callable[[str], Progress],
    weigh: Callable[[Configuration], int] | None = None,
) -> Table:
    """Run the cells that have not been run yet; best first, reference rows among the others.

    `progress` makes a Progress for a cell of that name; `weigh` gives the memory that one takes, in bytes.
    """
    rows: dict[str, tuple[float, dict[str, float | str]]] = {}
    commits = set()
    for configuration in configurations:
        folder = out / cell_id(material, configuration, split, limit)
        if is_finished(folder):
            summary = score(folder, material)
        else:
            summary = perform(
                material,
                configuration,
                folder,
                split=split,
                limit=limit,
                resume=True,
                cache=out / "cache",
                progress=progress(configuration.name),
            )
        memory = {"memory": _weighed(weigh, configuration, folder)} if weigh else {}
        rows[configuration.name] = (
            summary.trusted.value,
            {**figures(summary, folder), **memory, "run": folder.name},
        )
        commits.add(read_run(folder).manifest["commit"])
    ranked = sorted(rows.items(), key=lambda row: -row[1][0])
    versions = f", from {len(commits)} commits" if len(commits) > 1 else ""
    asked = len(material.chosen(split, limit))
    return Table(f"{split}: {asked} questions{versions}", {name: row for name, (_, row) in ranked})


def weighed(material: Material, configuration: Configuration, split: str, log: Path) -> int:
    """The most bytes that a process had in memory which did nothing but answer some questions so."""
    with Contender(Place(OURS, configuration.overrides, material.index), log) as alone:
        return max(alone.tell(item).memory for item in material.chosen(split, _WEIGHED))


def _weighed(weigh: Callable[[Configuration], int], configuration: Configuration, folder: Path) -> str:
    """The memory that a cell takes, measured once; that of a model alone is not."""
    if configuration.closed:
        return "-"
    if not (folder / MEMORY).exists():
        write_atomically(folder / MEMORY, json.dumps(weigh(configuration)).encode())
    return f"{json.loads((folder / MEMORY).read_text(encoding='utf-8')) / 1e9:.2f} GB"


def cell_id(material: Material, configuration: Configuration, split: str, limit: int | None) -> str:
    """The name of a cell's folder: it changes with whatever would change the cell's figures."""
    settings = configuration.settings.model_dump(mode="json", exclude={"api_key", "cache_dir", "index"})
    parts = [settings, configuration.closed, split, limit, fingerprint(material.files)]
    parts.append(sha256_of(coefficients_of(material.index, configuration.settings.model)))
    parts += [[paper.id, paper.title, paper.abstract] for paper in material.papers]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def figures(summary: Summary, folder: Path) -> dict[str, float | str]:
    """The declared metrics of a run with their intervals, and the median time to an answer."""
    scores = headline(read_run(folder).scores)
    declared = {
        measure.label: shown(summary.trusted if measure.name == "trusted" else mean(scores, measure.of))
        for measure in PRIMARY
    }
    return {**declared, "p50": f"{summary.latency.p50 / 1000:.2f} s"}


def shown(estimate: Estimate) -> str:
    """A figure with its interval; open where it applies to no question."""
    if not estimate.n:
        return "-"
    ends = estimate.interval
    return f"{estimate.value:.3f}" + (f" [{ends.low:.3f}, {ends.high:.3f}]" if ends else "")


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
