"""The harness's command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from assistant.errors import AssistantError
from assistant.settings import Settings

app = typer.Typer(
    help="Measures the assistant.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
bench_app = typer.Typer(help="Benchmarks: figures that a change is judged by.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")


@app.callback()
def harness() -> None:
    """Measure the assistant."""


@bench_app.command("fusion")
def bench_fusion(
    papers: Annotated[Path, typer.Argument(help="Papers, JSONL or JSONL.gz.")],
    queries: Annotated[Path, typer.Argument(help="Queries, JSONL with `query` and `paper_id`.")],
    pool: Annotated[int, typer.Option(help="Papers in the pool: those queried, filled up at random.")] = 3000,
    limit: Annotated[int, typer.Option(help="Queries to ask.")] = 400,
) -> None:
    """Compare BM25, dense retrieval and their fusions on known-item queries."""
    from assistant.embedding import open_embedder
    from eval.fusion import compare

    settings = Settings.load()
    for line in compare(papers, queries, open_embedder(settings), settings, pool=pool, limit=limit):
        print(line)


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except AssistantError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
