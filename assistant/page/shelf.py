"""An index and its papers as HTML, and what was read from uploaded files. All that files say is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from assistant.columns import NO_YEAR
from assistant.index import Index
from assistant.ingest import Ingested
from assistant.page.cards import imprint_html
from assistant.page.intake import Reading
from assistant.records import Paper

_MOST_LISTED = 50


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


def reading_html(reading: Reading) -> str:
    """What was made of uploaded files: columns, papers, and the records that were left out and why."""
    preview, rejects = reading.preview, reading.rejects
    rejected = f", {_counted(len(rejects), 'record')} left out" if rejects else ""
    parts = [f"<p><strong>{_counted(preview.count, 'paper')} read{rejected}.</strong></p>"]
    parts += [f"<p>{escape(note)}</p>" for note in reading.notes]
    if preview.mapping:
        parts.append(f"<h4>Columns</h4>{_table(preview.mapping, 'mapping')}")
    if rejects:
        parts.append(f"<h4>Left out</h4>{_listed([reject.reason for reject in rejects])}")
    parts.append(f"<h4>The first papers as read</h4>{papers_html(preview.papers)}")
    return f'<div class="reading">{"".join(parts)}</div>'


def stored_html(done: Ingested, name: str) -> str:
    """What became of the papers, which records turned out to be of one paper, and which were left out."""
    flagged = done.manifest.flagged
    planted = f" {_counted(len(flagged), 'paper')} with planted instructions." if flagged else ""
    told = [*map(str, done.merged), *(reject.reason for reject in done.rejected)]
    counts = (
        f"{len(done.added):,} added, {len(done.updated):,} updated, {len(done.merged):,} merged, "
        f"{done.unchanged:,} unchanged, {len(done.rejected):,} left out"
    )
    listed = _listed(told) if told else ""
    return f'<p class="stored">{escape(name)}: {counts}.{planted}</p>{listed}'


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


def _listed(texts: Sequence[str]) -> str:
    """The first of them as a list, and how many more there are."""
    more = [f"and {len(texts) - _MOST_LISTED:,} more"] if len(texts) > _MOST_LISTED else []
    items = "".join(f"<li>{escape(text)}</li>" for text in (*texts[:_MOST_LISTED], *more))
    return f'<ul class="rejects">{items}</ul>'


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
