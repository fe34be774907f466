"""Which papers may be used, as chosen on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant.page.visit import Said
from assistant.papers import StoredPapers
from assistant.records import Filters

_MOST_CHOICES = 2_000  # papers to choose from by title; of more, ids are typed
_LONGEST_CHOICE = 90


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The fields that narrow a question to some papers."""

    first: gr.Number
    last: gr.Number
    venues: gr.Dropdown
    papers: gr.Dropdown

    @classmethod
    def of(cls, papers: StoredPapers, label: str) -> Narrowing:
        """The fields for those papers, folded until they are needed."""
        with gr.Accordion(label, open=False, elem_classes="narrowing"):
            with gr.Row():
                first = gr.Number(label="From year", precision=0, value=None, min_width=90)
                last = gr.Number(label="To year", precision=0, value=None, min_width=90)
                venues = gr.Dropdown(label="Venues", multiselect=True, choices=_venues(papers), min_width=180)
            chosen = gr.Dropdown(
                label="Papers",
                multiselect=True,
                choices=_titles(papers),
                allow_custom_value=len(papers) > _MOST_CHOICES,
            )
        return cls(first, last, venues, chosen)

    @property
    def fields(self) -> set[Any]:
        """What every event that needs the filters takes among its inputs."""
        return {self.first, self.last, self.venues, self.papers}

    def filters(self, said: Said) -> Filters:
        """What was chosen."""
        years = tuple(int(said[field]) if said[field] else None for field in (self.first, self.last))
        return Filters(
            years=(years[0], years[1]) if any(years) else None,
            venues=tuple(said[self.venues] or ()),
            include_ids=tuple(said[self.papers] or ()),
        )

    def offered(self, papers: StoredPapers) -> dict[Any, Any]:
        """The fields, empty, with the choices of another index."""
        typed = len(papers) > _MOST_CHOICES
        return {
            self.first: None,
            self.last: None,
            self.venues: gr.Dropdown(choices=_venues(papers), value=[]),
            self.papers: gr.Dropdown(choices=_titles(papers), value=[], allow_custom_value=typed),
        }


def _venues(papers: StoredPapers) -> list[str]:
    return sorted(papers.columns.venue_names, key=str.casefold)


def _titles(papers: StoredPapers) -> list[tuple[str, str]]:
    if len(papers) > _MOST_CHOICES:
        return []
    return [(f"{paper.title or 'Untitled'} ({paper.id})"[:_LONGEST_CHOICE], paper.id) for paper in papers]
