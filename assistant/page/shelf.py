"""An index and its papers as HTML, and what was read from uploaded files. All that files say is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from assistant.columns import NO_YEAR
from assistant.index import Index
from assistant.ingest import Ingested
from assistant.page.cards import imprint_html
from assistant.readers import Corpus
from assistant.records import Paper

_MOST_REJECTS = 50
_SAMPLE = 3  # papers shown as they were read


def facts_html(index: Index) -> str:
    """What an index holds, and what it was made with."""
    manifest, columns = index.manifest, index.papers.columns
    years = columns.years[columns.years != NO_YEAR]
    size = sum(facts.bytes for facts in manifest.files.values())
    facts = {
        "Papers": f"{manifest.papers:,}",
        "Passages": f"{manifest.passages:,}, of at most {manifest.passage_tokens} tokens",
        "Years": f"{years.min()} to {years.max()}" if len(years) else "not known",
        "Venues": f"{len(columns.venue_names):,}",
        "Made": manifest.created.replace("T", " ").replace("+00:00", " UTC"),
        "Embedder": f"{manifest.embedder}, {manifest.dimension} dimensions",
        "Size": f"{size / 1e6:.1f} MB" if size > 1e6 else f"{size / 1e3:.0f} kB",
        "Folder": str(index.folder),
    }
    if manifest.flagged:
        facts["Planted instructions"] = f"in {len(manifest.flagged)} papers; never shown to the model"
    return _table(facts, "facts-of-index")


def reading_html(corpus: Corpus) -> str:
    """What was made of uploaded files: columns, papers, and the records that were left out and why."""
    rejected = f", {_counted(len(corpus.rejects), 'record')} left out" if corpus.rejects else ""
    parts = [f"<p><strong>{_counted(len(corpus.papers), 'paper')} read{rejected}.</strong></p>"]
    parts += [f"<p>{escape(note)}</p>" for note in corpus.notes]
    if corpus.mapping:
        parts.append(f"<h4>Columns</h4>{_table(corpus.mapping, 'mapping')}")
    if corpus.rejects:
        reasons = [reject.reason for reject in corpus.rejects[:_MOST_REJECTS]]
        if more := len(corpus.rejects) - len(reasons):
            reasons.append(f"and {more:,} more")
        parts.append(f'<h4>Left out</h4><ul class="rejects">{_items(reasons)}</ul>')
    parts.append(f"<h4>The first papers as read</h4>{papers_html(corpus.papers[:_SAMPLE])}")
    return f'<div class="reading">{"".join(parts)}</div>'


def stored_html(done: Ingested, name: str) -> str:
    """What became of the papers, and which records turned out to be of one paper."""
    flagged = done.manifest.flagged
    planted = f" {_counted(len(flagged), 'paper')} with planted instructions." if flagged else ""
    merges = [str(merge) for merge in done.merged[:_MOST_REJECTS]]
    return (
        f'<p class="stored">{escape(name)}: {len(done.added):,} added, {len(done.updated):,} updated, '
        f"{len(done.merged):,} merged, {done.unchanged:,} unchanged.{planted}</p>"
    ) + (f'<ul class="rejects">{_items(merges)}</ul>' if merges else "")


def papers_html(papers: Sequence[Paper]) -> str:
    """Papers one below the other, the abstract of each folded."""
    return "".join(map(_paper, papers)) or '<p class="placeholder">No paper is like that.</p>'


def failure_html(message: str) -> str:
    """Why something could not be done."""
    return f'<p class="fault">{escape(message)}</p>'


def _paper(paper: Paper) -> str:
    return (
        f'<article class="card"><h3 dir="auto">{escape(paper.title or "Untitled")}</h3>{imprint_html(paper)}'
        f'<details><summary>Abstract</summary><p class="abstract" dir="auto">{escape(paper.abstract)}</p>'
        "</details></article>"
    )


def _table(rows: Mapping[str, str], kind: str) -> str:
    cells = (
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows.items()
    )
    return f'<table class="{kind}">{"".join(cells)}</table>'


def _items(texts: Sequence[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>" for text in texts)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
