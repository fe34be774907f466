"""The command line: it translates arguments to calls and answers to text, and errors to one line each."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar
from typer.core import TyperGroup

from assistant import __version__
from assistant.errors import AssistantError, CorpusError, ModelError, SettingsError
from assistant.progress import Progress
from assistant.question import read_question
from assistant.records import Entry, Filters, Status, Turn, to_plain
from assistant.settings import Settings

if TYPE_CHECKING:
    from assistant.answer import Answer
    from assistant.api import Assistant
    from assistant.cluster.pool import Pool
    from assistant.ingest import Ingested
    from assistant.models import ModelStore
    from assistant.readers import Reject
    from assistant.readers.rejects import RejectLog


class _Commands(TyperGroup):
    """The commands; Ctrl-C in one becomes a line, where typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            err.print("Stopped. Nothing finished is lost; the same command can be run again.")
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    help="Answers questions about a collection of paper abstracts, each sentence cited and checked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
index_app = typer.Typer(help="Look after an index.", no_args_is_help=True)
models_app = typer.Typer(help="Look after models.", no_args_is_help=True)
app.add_typer(index_app, name="index")
app.add_typer(models_app, name="models")

out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

_COLUMNS = 4  # signals a line
_SHOWN = 10  # merges and near-duplicates each; there may be thousands

IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index", help="Index folder [default: index/sample, else the sample corpus's in the cache]."
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", help="A name from `models list`, a .gguf file, a hub id, a server's URL, or `none`."
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option("--preset", help="fast, default or careful: other defaults; `models recommend` says which."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
YearsOption = Annotated[
    str | None, typer.Option("--years", help="Only papers of these years: 2023, 2020-2023, 2020- or -2023.")
]
VenueOption = Annotated[
    list[str] | None, typer.Option("--venue", help="Only papers of this venue; repeatable.")
]
AuthorOption = Annotated[
    list[str] | None, typer.Option("--author", help="Only papers with an author so named; repeatable.")
]
PaperOption = Annotated[
    list[str] | None, typer.Option("--paper", help="Only the paper of this id; repeatable.")
]
ExcludeOption = Annotated[
    list[str] | None, typer.Option("--exclude", help="Not the paper of this id; repeatable.")
]

RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Work on a Ray cluster: auto for the one of this machine, local for one of its own, host:port.",
    ),
]
RayWorkersOption = Annotated[
    int | None,
    typer.Option("--ray-workers", min=1, help="Workers on the Ray cluster [default: one a node]."),
]


def _named(text: str) -> Path:
    """A path given as an argument; an empty one would be the working folder."""
    if not text:
        raise typer.BadParameter("a name is empty; for the working folder write .")
    return Path(text)


def main() -> None:
    """Run the command line; every error of ours becomes one line on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that can't show “ is told ?, not a traceback
    try:
        app()
    except AssistantError as error:
        err.print(f"Error: {error}")
        sys.exit(1)
    except OSError as error:
        err.print(f"Error: the output can't be written: {error.strerror or error}")
        sys.exit(1)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Answer questions about a collection of paper abstracts, each sentence cited and checked."""
    if show:
        out.print(__version__)
        raise typer.Exit


@app.command()
def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(
            parser=_named,
            metavar="FILES...",
            help="Files or folders of papers, or - for stdin: JSONL, JSON, CSV, TSV, Excel, Parquet, "
            "BibTeX, RIS, PubMed (nbib, XML), arXiv metadata, listing pages; gzip of any.",
        ),
    ],
    index: Annotated[
        Path | None,
        typer.Option("--index", help="Index folder [default: index/NAME, as the first file's name]."),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the first papers as they would be stored; store nothing.")
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="FIELD=COLUMN, where a column is not found by its name; repeatable."),
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="Format of the files, where name and content do not tell.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="List what was left out in this file, as JSON lines.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the papers that are in none of the files any more.")
    ] = False,
    ray: RayOption = None,
    ray_workers: RayWorkersOption = None,
    store: Annotated[
        str | None,
        typer.Option("--store", help="Where vectors go: faiss or milvus [default: where they are, faiss]."),
    ] = None,
    milvus_uri: Annotated[
        str | None,
        typer.Option("--milvus-uri", help="Milvus server, or a .db file [default: milvus.db in the index]."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create an index, or bring it up to date: papers are added, updated, and merged where they are one."""
    from assistant.readers import parse_columns, read_papers
    from assistant.readers.preview import preview as preview_of
    from assistant.readers.rejects import RejectLog

    columns = parse_columns(column or [])
    cluster = _cluster(ray, ray_workers)
    settings = Settings.load(vector_store=store, milvus_uri=milvus_uri)
    if rejects and any(rejects.resolve().is_relative_to(file.resolve()) for file in files):
        raise SettingsError(f"{rejects} is among the papers; name another file for rejects")
    with RejectLog(rejects, err.print) as log:
        if preview:
            shown = preview_of(read_papers(files, columns, format), log.add)
        else:
            with cluster as pool:
                folder, done = _ingested(files, index, _Reading(columns, format, prune), settings, log, pool)
    for line in log.summary():
        err.print(line)
    if preview:
        if as_json:
            _print_json({**to_plain(shown), "rejected": log.counts})
        for line in [] if as_json else shown.lines():
            out.print(line)
        err.print(f"{shown.count} papers, {log.counts.total()} rejected; nothing was stored")
    elif as_json:
        _print_json({"index": str(folder), **_counts(done), **to_plain(done)})
    else:
        _print_ingested(folder, done)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    index: IndexOption = None,
    model: ModelOption = None,
    preset: PresetOption = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show prompt, draft and verdicts too.")] = False,
    years: YearsOption = None,
    venue: VenueOption = None,
    author: AuthorOption = None,
    paper: PaperOption = None,
    exclude: ExcludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer one question, each sentence cited."""
    filters = _filters(years, venue, author, paper, exclude)
    read_question(question)  # before anything is loaded for it
    answer = _answered(_open(index, model, preset), question, [], filters, quiet=as_json)
    if as_json:
        _print_json(answer.to_dict() | ({"explain": answer.explain()} if explain else {}))
    else:
        _print_answer(answer)
        if explain:
            _print_explanation(answer)
    if answer.status == "error":
        raise typer.Exit(1)


@app.command()
def chat(index: IndexOption = None, model: ModelOption = None, preset: PresetOption = None) -> None:
    """Hold a conversation on the terminal; an empty line or Ctrl-D ends it."""
    assistant = _open(index, model, preset)
    history: list[Turn] = []
    err.print("Ask about the papers. An empty line or Ctrl-D ends the conversation.")
    while question := _next_question():
        try:
            answer = _answered(assistant, question, history, Filters())
        except KeyboardInterrupt:
            err.print("\nStopped this answer.")
            continue
        except AssistantError as error:
            err.print(f"Error: {error}")
            continue
        if answer.standalone_question != answer.question:
            out.print(f"(read as: {answer.standalone_question})")
        _print_answer(answer)
        history.append(Turn(question, answer.text))


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Papers to show.")] = 10,
    index: IndexOption = None,
    years: YearsOption = None,
    venue: VenueOption = None,
    author: AuthorOption = None,
    paper: PaperOption = None,
    exclude: ExcludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the papers found for a query, with their passages and score parts."""
    filters = _filters(years, venue, author, paper, exclude)
    found = _open(index, "none").search(query, k, filters)
    if as_json:
        _print_json(to_plain(found))
        return
    if not found:
        out.print("No papers found.")
    for scored in found:
        best = scored.passages[0]
        out.print(f"{scored.score:6.2f}  {scored.paper.id}  {scored.paper.title}")
        out.print(f"        dense {best.dense:.2f}, lexical {best.lexical:.1f}: {best.passage.text[:200]}")


@app.command()
def batch(
    files: Annotated[
        list[Path],
        typer.Argument(
            parser=_named,
            metavar="[IN] OUT",
            help="Questions and answers: CSV, TSV, JSONL, Parquet or Excel by their names, - for a pipe. "
            "With --per-paper OUT alone.",
        ),
    ],
    index: IndexOption = None,
    model: ModelOption = None,
    preset: PresetOption = None,
    question_column: Annotated[
        str, typer.Option("--question-column", help="The column that holds the questions.")
    ] = "question",
    per_paper: Annotated[
        list[str] | None,
        typer.Option("--per-paper", help="Ask this of every paper, a row a paper; repeatable."),
    ] = None,
    years: YearsOption = None,
    venue: VenueOption = None,
    author: AuthorOption = None,
    paper: PaperOption = None,
    exclude: ExcludeOption = None,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", help="Where answers are kept [default: OUT.journal]."),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Ask again what failed, and nothing else.")
    ] = False,
    only_abstained: Annotated[
        bool, typer.Option("--only-abstained", help="Ask again what was not answered, and nothing else.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask everything again.")] = False,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Ask so many at most; the rest another time."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            min=1,
            help="Questions asked at a time [default: as many as pay on this machine; 1 with a server].",
        ),
    ] = None,
    ray: RayOption = None,
    ray_workers: RayWorkersOption = None,
    raw_formulas: Annotated[
        bool,
        typer.Option("--raw-formulas", help="Put no ' before what a spreadsheet would calculate."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked, why, and how long it takes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer a table of questions, or ask every paper; a rerun asks only what is new, changed or failed."""
    from assistant import batch as batches
    from assistant.batch.summary import describe, describe_forecast

    source, target = _in_and_out(files, per_paper)
    cluster = _cluster(ray, ray_workers)
    filters = _filters(years, venue, author, paper, exclude)
    if filters != Filters() and not per_paper:
        raise typer.BadParameter("go with --per-paper; rows have a column filters", param_hint="filters")
    if fresh and (retry_errors or only_abstained):
        raise typer.BadParameter(
            "asks all again, --retry-errors and --only-abstained a part", param_hint="--fresh"
        )
    only: dict[Status, bool] = {"error": retry_errors, "abstained": only_abstained}
    options = batches.Options(
        journal=journal,
        only=frozenset(status for status, chosen in only.items() if chosen),
        fresh=fresh,
        limit=limit,
        concurrency=concurrency,
        raw_formulas=raw_formulas,
    )
    if source:
        plan = batches.prepare(batches.table_task(source, question_column), target, options)
        assistant = _open(index, model, preset, preload=not (ray or dry_run))
    else:
        assistant = _open(index, model, preset, preload=not (ray or dry_run))
        task = batches.papers_task(assistant.index, per_paper or [], filters)
        plan = batches.prepare(task, target, options)
    told = err if target == Path("-") else out  # the table itself is on standard output
    if dry_run:
        forecast = batches.forecast(plan, assistant)
        lines = describe_forecast(forecast, str(target))
        told.print(_json(forecast) if as_json else "\n".join(lines))
        return
    with cluster as pool, _bar() as progress:
        summary = batches.run(plan, assistant, lambda done, total: progress(done, total, "answering"), pool)
    told.print(_json(summary) if as_json else "\n".join(describe(summary, str(target))))


@app.command()
def doctor(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Check installation, models, index, disk and memory; say what to do about each fault."""
    from assistant.doctor import examine

    findings = examine(Settings.load(), index)
    if as_json:
        _print_json(to_plain(findings))
    else:
        for finding in findings:
            state = ("warn" if finding.remedy else "ok  ") if finding.ok else "FAIL"
            out.print(f"{state}  {finding.subject}: {finding.found}")
            if finding.remedy:
                out.print(f"      -> {finding.remedy}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@models_app.command("list")
def models_list(as_json: JsonOption = False) -> None:
    """Show the models there are, their size and licence, and which are installed."""
    from assistant.models import CATALOGUE, ModelStore

    settings = Settings.load()
    store = ModelStore(settings.cache_dir)
    if as_json:
        _print_json(
            [{**to_plain(model), "state": to_plain(store.state(name))} for name, model in CATALOGUE.items()]
        )
        return
    for name, model in CATALOGUE.items():
        state = "installed" if store.state(name).installed else "-"
        default = " (default)" if name == settings.model else ""
        size = f"{model.bytes / 1e6:.0f} MB"
        out.print(f"{name:<20} {size:>8}  {state:<10} {model.licence}  {model.description}{default}")


@models_app.command("pull")
def models_pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to get [default: the ones in use].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Get models: downloaded, checked against the publisher's SHA-256, converted once for this machine.

    Where there are more than two cores, the number of threads that a model is quickest with is chosen too.
    """
    from assistant.generation.threads import tune
    from assistant.models import CATALOGUE, EMBEDDER, ModelStore

    settings = Settings.load()
    store = ModelStore(settings.cache_dir)
    in_use = [EMBEDDER, *([settings.model] if settings.model in CATALOGUE else [])]
    ready = []
    for name in names or in_use:
        with _bar() as progress:
            folder = store.pull(name, progress)
            if CATALOGUE[name].task == "generation" and not settings.threads:
                tune(folder, name, settings.cache_dir / "compiled", progress=progress)
        ready.append({"name": name, "folder": str(folder)})
        if not as_json:
            out.print(f"{name} is ready in {folder}")
    if as_json:
        _print_json(ready)


@models_app.command("verify")
def models_verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to check [default: all of which there is something].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read every file of the installed models and compare it with its SHA-256."""
    from assistant.models import CATALOGUE, ModelStore

    store = ModelStore(Settings.load().cache_dir)
    chosen = names or [name for name in CATALOGUE if store.state(name).bytes_on_disk]
    faults = {}
    for name in chosen:
        faults[name] = _fault(store, name)
        if faults[name]:
            err.print(f"Error: {faults[name]}")
        elif not as_json:
            out.print(f"{name}: every file is as published")
    if as_json:
        _print_json([{"name": name, "fault": fault} for name, fault in faults.items()])
    elif not chosen:
        out.print("no model is installed; run `assistant models pull`")
    if any(faults.values()):
        raise typer.Exit(1)


@models_app.command("recommend")
def models_recommend(as_json: JsonOption = False) -> None:
    """Measure this machine and the models on it for about a minute, and say which preset fits."""
    from assistant.recommendation import recommend

    with _bar() as progress:
        found = recommend(Settings.load(), progress)
    if as_json:
        _print_json(found)
        return
    for line in found.lines():
        out.print(line)


@index_app.command("info")
def index_info(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show an index's counts, what it was made with, the size of its parts, and whether it opens."""
    from assistant.api import default_index
    from assistant.generations import replaced_bytes
    from assistant.index import Index

    settings = Settings.load()
    folder = index or default_index(settings)
    manifest = Index(folder, settings.store).manifest
    size, replaced = sum(manifest.parts.values()), replaced_bytes(folder)
    if as_json:
        sizes = {"bytes": size, "parts": manifest.parts, "replaced_bytes": replaced}
        _print_json(
            {"index": str(folder), "fingerprint": manifest.fingerprint, **sizes, **to_plain(manifest)}
        )
        return
    out.print(f"index        {folder}, {size / 1e6:.1f} MB, made {manifest.created}")
    out.print(f"papers       {manifest.papers}")
    if manifest.flagged:
        out.print(f"flagged      {len(manifest.flagged)} with text that reads like an order to a model")
    out.print(f"passages     {manifest.passages} of at most {manifest.passage_tokens} tokens")
    out.print(f"cut          {manifest.passages_cut} passages are longer than the embedder reads")
    out.print(f"embedder     {manifest.embedder} {manifest.embedder_fingerprint[:12]}")
    out.print(f"vectors      {manifest.dimension} dimensions, {manifest.vectors}")
    if manifest.milvus:
        out.print(f"milvus       collection {manifest.milvus.name} at {manifest.milvus.uri}")
    out.print(f"recall       {manifest.vector_recall:.3f} of the 100 nearest passages are found")
    out.print(f"fingerprint  {manifest.fingerprint}")
    out.print(f"corpus       SHA-256 {manifest.corpus_sha256}")
    out.print(f"parts        {', '.join(f'{name} {_size(n)}' for name, n in manifest.parts.items())}")
    if replaced:
        out.print(
            f"replaced     {_size(replaced)} of older generations; `assistant index compact` frees them"
        )
    out.print("health       it opens, every file has its size; `assistant index verify` reads them whole")


@index_app.command("verify")
def index_verify(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Read every file of an index and compare it with its SHA-256; ask Milvus, if it has vectors."""
    from assistant.api import default_index
    from assistant.index import faults_of

    settings = Settings.load()
    folder = index or default_index(settings)
    faults = list(faults_of(folder, settings.store))
    for fault in faults:
        err.print(f"Error: {fault}")
    if as_json:
        _print_json({"index": str(folder), "faults": faults})
    elif not faults:
        out.print(f"{folder}: every file is as it was written")
    if faults:
        raise typer.Exit(1)


@index_app.command("remove")
def index_remove(
    ids: Annotated[list[str], typer.Argument(help="Ids of papers, as `search` shows them.")],
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete papers from an index; ingesting a file that has them brings them back."""
    from assistant.api import default_index
    from assistant.embedding import open_embedder
    from assistant.ingest import remove

    settings = Settings.load()
    folder = index or default_index(settings)
    with _bar() as progress:
        manifest = remove(folder, ids, open_embedder(settings), progress, settings.store)
    if as_json:
        _print_json({"index": str(folder), "deleted": ids, **to_plain(manifest)})
        return
    out.print(f"{folder}: {len(set(ids))} papers deleted; {manifest.papers} papers left")


@index_app.command("rebuild")
def index_rebuild(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Make every passage and vector of an index anew from its papers; after an interruption it goes on."""
    from assistant.api import default_index
    from assistant.embedding import open_embedder
    from assistant.ingest import rebuild

    settings = Settings.load()
    folder = index or default_index(settings)
    with _bar() as progress:
        embedder, store = open_embedder(settings), settings.store
        manifest = rebuild(folder, embedder, **settings.passages, store=store, progress=progress)
    if as_json:
        _print_json({"index": str(folder), **to_plain(manifest)})
        return
    out.print(f"{folder}: {manifest.papers} papers in {manifest.passages} passages")


@index_app.command("compact")
def index_compact(index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Remove replaced generations, and what interrupted runs left, from an index folder."""
    from assistant.api import default_index
    from assistant.building import compact

    settings = Settings.load()
    folder = index or default_index(settings)
    freed = compact(folder, settings.store)
    if as_json:
        _print_json({"index": str(folder), "freed_bytes": freed})
        return
    out.print(f"{folder}: {_size(freed)} freed")


@index_app.command("export")
def index_export(
    target: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="A new file of JSON lines, or - for the output.")
    ] = Path("-"),
    index: IndexOption = None,
) -> None:
    """Write the papers of an index as JSON lines, which `ingest` makes the same index of."""
    from assistant.api import default_index
    from assistant.index import Index
    from assistant.papers import exported
    from assistant.storage import write_atomically

    settings = Settings.load()
    papers = Index(index or default_index(settings), settings.store).papers
    if target == Path("-"):
        for line in exported(papers):
            sys.stdout.write(line.decode())
        return
    if target.exists():
        raise SettingsError(f"{target} is there already; name a file that is not")
    write_atomically(target, exported(papers))
    err.print(f"{target}: {len(papers)} papers")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


@dataclass(frozen=True, slots=True)
class _Reading:
    """How files of papers are read."""

    columns: Mapping[str, str]
    format: str | None
    prune: bool


def _ingested(
    files: list[Path],
    index: Path | None,
    how: _Reading,
    settings: Settings,
    log: RejectLog,
    pool: Pool | None,
) -> tuple[Path, Ingested]:
    """The index that files went into, and what that did; `log` gets what was left out, as it is found."""
    from assistant.cluster.embedder import PooledEmbedder
    from assistant.embedding import Embedder, open_embedder
    from assistant.ingest import ingest as ingest_entries
    from assistant.readers import read_entries

    folder = index or settings.index or _index_named_after(files[0])
    rejected: list[Reject] = []

    def entries() -> Iterator[Entry]:
        for item in read_entries(files, how.columns, how.format):
            if isinstance(item, Entry):
                yield item
                continue
            log.add(item)
            if isinstance(item, str):
                continue
            if how.prune and not item.line:
                raise CorpusError(f"{item.reason}; its papers would be deleted: leave out --prune")
            rejected.append(item)

    embedder: Embedder = open_embedder(settings)
    if pool:
        embedder = PooledEmbedder(embedder, pool, partial(open_embedder, settings.anywhere()))
    with _bar() as progress:
        done = ingest_entries(
            entries(),
            folder,
            embedder,
            **settings.passages,
            prune=how.prune,
            store=settings.store,
            progress=progress,
        )
    log.extend(done.rejected)
    return folder, replace(done, rejected=(*rejected, *done.rejected))


def _counts(done: Ingested) -> dict[str, dict[str, int]]:
    """How many papers an ingest did what with, and how many records it merged and rejected."""
    names = ("added", "updated", "merged", "deleted", "rejected")
    return {"counts": {name: len(getattr(done, name)) for name in names} | {"unchanged": done.unchanged}}


def _print_ingested(folder: Path, done: Ingested) -> None:
    """What an ingest did; the first of what there may be many of."""
    for merge in done.merged[:_SHOWN]:
        err.print(str(merge))
    for near in done.near_duplicates[:_SHOWN]:
        err.print(f"{near.first} and {near.second} have nearly the same abstract ({near.resemblance:.0%})")
    more = max(len(done.merged) - _SHOWN, 0) + max(len(done.near_duplicates) - _SHOWN, 0)
    if more:
        err.print(f"and {more} more such pairs; --json lists all")
    manifest = done.manifest
    out.print(
        f"{folder}: {len(done.added)} papers added, {len(done.updated)} updated, {len(done.merged)} merged, "
        f"{done.unchanged} unchanged, {len(done.deleted)} deleted, {len(done.rejected)} rejected; "
        f"{manifest.papers} papers in {manifest.passages} passages"
    )
    if manifest.flagged:
        err.print(_flagged(manifest.flagged))
    if folder != Path("index/sample"):
        out.print(f'Ask it: assistant ask "..." --index {folder}')
    if manifest.passages_cut:
        err.print(f"{manifest.passages_cut} passages are longer than the embedder reads; their ends were cut")


def _index_named_after(file: Path) -> Path:
    name = Path(file.name.removesuffix(".gz")).stem
    if name in ("", "-", "corpora") or name.startswith("."):
        raise SettingsError(f"no index can be named after {file}; name one by --index index/NAME")
    return Path("index") / name


def _fault(store: ModelStore, name: str) -> str | None:
    try:
        store.verify(name)
        return None
    except ModelError as error:
        return str(error)


def _open(
    index: Path | None, model: str | None, preset: str | None = None, *, preload: bool = True
) -> Assistant:
    from assistant.api import Assistant

    with _bar() as progress:
        settings = Settings.load(model=model, preset=preset)
        return Assistant.open(index, settings=settings, progress=progress, preload=preload)


def _cluster(address: str | None, workers: int | None) -> AbstractContextManager[Pool | None]:
    """Workers on the Ray cluster at an address, once it is entered; none without an address."""
    if address is None:
        if workers:
            raise typer.BadParameter("are on a cluster; name it by --ray", param_hint="--ray-workers")
        return nullcontext()
    return _connected(address, workers)


@contextmanager
def _connected(address: str, workers: int | None) -> Iterator[Pool]:
    from assistant.cluster.pool import connected

    with connected(address, workers) as pool:
        err.print(f"Workers on the Ray cluster: {pool.workers}, with {pool.cores} cores each")
        yield pool


def _answered(
    assistant: Assistant, question: str, history: list[Turn], filters: Filters, *, quiet: bool = False
) -> Answer:
    """The answer; meanwhile, on a terminal, the papers found and the draft as it grows, on stderr."""
    from assistant.answer import Answer
    from assistant.events import DraftGrew, EvidenceFound

    live = err.is_terminal and not quiet
    for event in assistant.stream(question, history, filters):
        if isinstance(event, Answer):
            answer = event
        elif live and isinstance(event, EvidenceFound):
            names = "; ".join(paper.paper.title or paper.paper.id for paper in event.papers[:3])
            err.print(f"found: {names}", style="dim")
        elif live and isinstance(event, DraftGrew):
            err.print(event.text, end="", style="dim")
    if live:
        err.print()
    return answer


def _print_answer(answer: Answer) -> None:
    from assistant.answer import reference

    out.print(answer.reason.sentence if answer.status == "error" else answer.text)
    papers = {paper.id: paper for paper in answer.cited_papers}
    if answer.citations:
        out.print()
    for citation in answer.citations:
        out.print(f"[{citation.n}] {reference(papers[citation.paper_id])}")
        out.print(f"    “{citation.quote}”")
    for sentence in answer.sentences:
        if sentence.verdict != "supported":
            err.print(f"{sentence.verdict}: {sentence.text}")
    for warning in answer.warnings:
        err.print(f"warning: {warning}")


def _print_explanation(answer: Answer) -> None:
    """The explanation, with its last line, which holds all signals, in columns."""
    *lines, signals = answer.explain().splitlines()
    pairs = signals.split("  ")
    rows = (pairs[i : i + _COLUMNS] for i in range(0, len(pairs), _COLUMNS))
    columns = ("".join(f"{pair:<28}" for pair in row).rstrip() for row in rows)
    out.print("\n".join(["", *lines, *columns]))


def _next_question() -> str:
    try:
        return input("\n> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def _flagged(ids: Sequence[str]) -> str:
    papers = "1 paper has" if len(ids) == 1 else f"{len(ids)} papers have"
    rest = f" and {len(ids) - 10} more" if len(ids) > 10 else ""
    return (
        f"{papers} text that reads like an instruction to a language model; it is stored, shown as text, "
        f"and never shown to the model: {', '.join(ids[:10])}{rest}"
    )


def _filters(
    years: str | None,
    venues: list[str] | None,
    authors: list[str] | None,
    papers: list[str] | None,
    excluded: list[str] | None,
) -> Filters:
    return Filters(
        years=_years(years) if years else None,
        venues=tuple(venues or ()),
        authors=tuple(authors or ()),
        include_ids=tuple(papers or ()),
        exclude_ids=tuple(excluded or ()),
    )


def _years(text: str) -> tuple[int | None, int | None]:
    first, dash, last = text.partition("-")
    try:
        start, end = int(first) if first else None, int(last) if last else None
    except ValueError:
        raise typer.BadParameter(f"--years {text!r} is not a year or a range such as 2020-2023") from None
    if start and end and start > end:
        raise typer.BadParameter(f"--years {text!r} ends before it begins")
    return (start, end) if dash else (start, start)


def _in_and_out(files: Sequence[Path], per_paper: Sequence[str] | None) -> tuple[Path | None, Path]:
    """The files of a batch, the first of which is not there where the papers are asked."""
    wanted = 1 if per_paper else 2
    if len(files) != wanted:
        named = "OUT alone, the papers are the index's" if per_paper else "IN and OUT"
        raise typer.BadParameter(f"takes {named}; {len(files)} files are given", param_hint="batch")
    return (None if per_paper else files[0]), files[-1]


def _print_json(plain: Any) -> None:
    out.print(_json(plain))


def _json(value: Any) -> str:
    return json.dumps(to_plain(value), ensure_ascii=False, indent=2)


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar on stderr with the time left; the total may be unknown, or learned late."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = ProgressBar(*columns, console=err)
    tasks: dict[str, TaskID] = {}

    def update(done: int, total: int, what: str) -> None:
        bar.start()  # at the first report and not before: mostly there is nothing to wait for
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total or None)
        bar.update(tasks[what], completed=done, total=total or None)

    try:
        yield update
    finally:
        if tasks:
            bar.stop()
