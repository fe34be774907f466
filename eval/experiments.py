"""An experiment: gold questions put to one configuration of the assistant, recorded, scored, summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.api import Assistant
from assistant.embedding import open_embedder
from assistant.errors import AssistantError
from assistant.fitted import FITTED, coefficients_of
from assistant.generation import open_model
from assistant.generations import current_generation, read_manifest
from assistant.papers import read_papers
from assistant.progress import Progress, silent
from assistant.readers import read_corpus
from assistant.records import Paper
from assistant.settings import Settings
from assistant.storage import write_atomically
from eval import gold
from eval.asking import Ask, asking, closed_book, controls, is_injection, with_attacks
from eval.pools import indexed
from eval.records import Corpus, GoldItem
from eval.runs import Run, describe, in_fixed_order, log_test_run, read_run, run, write_scores
from eval.scoring import missing, score_question
from eval.summary import Summary, summarise

GOLD = Path(__file__).parent / "gold"
ATTACKED = "injected_papers.jsonl"
SPLITS = ("dev", "test", "all")


@dataclass(frozen=True, slots=True)
class Material:
    """What is asked, about which papers: read and checked before any model is loaded."""

    files: tuple[Path, ...]
    items: tuple[GoldItem, ...]
    corpus: Corpus
    index: Path
    papers: tuple[Paper, ...]
    attacked: tuple[Paper, ...]

    def chosen(self, split: str, limit: int | None) -> list[GoldItem]:
        """The items of a split, `limit` of them drawn always alike."""
        items = [item for item in self.items if split in (item.split, "all")]
        return in_fixed_order(items)[:limit]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to set up the assistant: the settings that differ from the user's, `model` among them.

    A closed book is the model alone, shown no passages.
    """

    overrides: Mapping[str, Any]
    closed: bool = False

    @property
    def settings(self) -> Settings:
        """All settings, the overrides among them."""
        return Settings.load(**self.overrides)

    @property
    def name(self) -> str:
        """The preset and the model, and what else differs."""
        others = [f"{key}={value}" for key, value in self.overrides.items() if key not in ("model", "preset")]
        book = ["closed book"] if self.closed else []
        model, preset = self.settings.model, self.overrides.get("preset")
        return " ".join([f"{preset} ({model})" if preset else model, *others, *book])


def read_material(gold_path: Path, index: Path) -> Material:
    """The gold questions of a file or folder, about the papers of an index.

    Raises:
        GoldError: a question is faulty.
        IndexFormatError: there is no index.
    """
    papers = tuple(read_papers(current_generation(index)))
    files = _gold_files(gold_path)
    attacked_file = files[0].parent / ATTACKED
    corpus = Corpus({p.id: p.title for p in papers}, {p.id: p.abstract for p in papers})
    attacked: tuple[Paper, ...] = ()
    if attacked_file.exists():
        planted = gold.read_corpus(attacked_file)
        corpus = Corpus({**corpus.titles, **planted.titles}, {**corpus.abstracts, **planted.abstracts})
        attacked = read_corpus(attacked_file).papers
    items = gold.load(files, corpus)
    items += gold.leave_gold_out(items)
    return Material(files, items, corpus, index, papers, attacked)


def perform(
    material: Material,
    configuration: Configuration,
    folder: Path,
    *,
    split: str = "dev",
    limit: int | None = None,
    resume: bool = False,
    cache: Path | None = None,
    opened: Assistant | None = None,
    progress: Progress = silent,
) -> Summary:
    """Run, score and log one configuration on one split; indexes of its own are made in `cache`.

    Of an assistant that is `opened` already, models and settings are taken as they are.

    Raises:
        RunError: the folder holds a run already, or, to be resumed, one of something else.
    """
    settings = opened.settings if opened else configuration.settings
    items = material.chosen(split, limit)
    if not items:
        raise AssistantError(f"there are no questions of split {split!r} in {material.files[0].parent}")
    model = opened.model if opened else open_model(settings)
    if configuration.closed:
        if model is None:
            raise AssistantError("a closed book needs a model; name one by --model")
        ask, indexes, fitted = closed_book(model, settings), {"index": "none"}, None
    else:
        embedder = opened.embedder if opened else open_embedder(settings)
        like = Assistant.open(material.index, model=model, embedder=embedder, settings=settings)
        ask, indexes = _open_book(material, configuration, items, like, cache or folder / "cache", progress)
        fitted = coefficients_of(material.index, model.name if model else "none")
    about = describe(
        settings,
        model=model.name if model else "none",
        gold=material.files,
        split=split,
        limit=limit,
        fitted=fitted,
        **indexes,
    )
    about["index_folder"], about["gold"] = (
        _from_here(material.index),
        [_from_here(path) for path in material.files],
    )
    if opened:
        about["command"] = "python app.py"
    run(items, ask, folder, about, resume=resume, progress=progress)
    summary = score(folder, material)
    log_test_run(read_run(folder), items, summary.trusted.value)
    return summary


def score(folder: Path, material: Material) -> Summary:
    """Score a run's answers; a question that has none is wrong."""
    found = read_run(folder)
    items = material.chosen(found.manifest["split"], found.manifest["limit"])
    asked = [*items, *controls(items)]
    answers = {item.id: found.answers.get(item.id) or missing(item) for item in asked}
    scores = [score_question(item, answers[item.id], material.corpus) for item in asked]
    summary = summarise(items, answers, scores)
    write_scores(folder, scores, summary)
    return summary


def material_of(found: Run, gold_path: Path | None = None, index: Path | None = None) -> Material:
    """The questions and papers of a run, as they are now."""
    files = [Path(path) for path in found.manifest["gold"]]
    return read_material(gold_path or _common(files), index or Path(found.manifest["index_folder"]))


def _open_book(
    material: Material,
    configuration: Configuration,
    items: Sequence[GoldItem],
    assistant: Assistant,
    cache: Path,
    progress: Progress,
) -> tuple[Ask, dict[str, str]]:
    """How to ask the assistant, or its like over other indexes, and the fingerprints of the indexes asked."""
    made = read_manifest(current_generation(material.index))
    as_made = {"passage_tokens": made.passage_tokens, "passage_overlap": made.passage_overlap}
    passages = assistant.settings.passages
    wanted = {name: value for name, value in passages.items() if name in configuration.overrides}
    unit: dict[str, Any] = as_made | wanted

    def of_its_own(name: str, papers: Sequence[Paper]) -> Assistant:
        """An assistant over an index made for this run, with the coefficients of the one it stands for."""
        folder = indexed(papers, cache, name, assistant.embedder, **unit, progress=progress).folder
        coefficients = coefficients_of(material.index, assistant.model_name)
        write_atomically(folder / FITTED, coefficients.read_bytes())
        return assistant.over(folder)

    asked = assistant if unit == as_made else of_its_own("clean", material.papers)
    indexes = {"index": asked.index.manifest.fingerprint}
    if not any(map(is_injection, items)):
        return asking(asked), indexes
    attacked = of_its_own("attacked", with_attacks(material.papers, material.attacked))
    indexes["attacked_index"] = attacked.index.manifest.fingerprint
    return asking(asked, attacked), indexes


def _gold_files(path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,)
    found = sorted(
        file for file in path.glob("*") if file.suffix in (".jsonl", ".csv") and file.name != ATTACKED
    )
    if not found:
        raise AssistantError(f"{path} holds no gold questions, neither .jsonl nor .csv; name some by --gold")
    return tuple(found)


def _from_here(path: Path) -> str:
    """The path from the working folder where it is below that, so that a run can be read elsewhere."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _common(files: Sequence[Path]) -> Path:
    return files[0] if len(files) == 1 else files[0].parent
