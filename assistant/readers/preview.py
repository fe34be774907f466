"""What an ingest would read: the first papers, where their fields come from, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from assistant.readers import Decoded, Reject
from assistant.records import Paper

_FIRST = 3


@dataclass(frozen=True, slots=True)
class Preview:
    """The first papers as they would be stored, the column of each field, and the number of papers in all."""

    papers: tuple[Paper, ...]
    mapping: Mapping[str, str]
    count: int

    def lines(self) -> list[str]:
        """The preview as a person reads it."""
        columns = [f"  {field:<9} from {column}" for field, column in self.mapping.items()]
        papers = [line for number, paper in enumerate(self.papers, start=1) for line in _lines(number, paper)]
        return ["Fields and their columns (the others are kept as extra):", *columns, *papers]


def preview(items: Iterable[Decoded | Reject | str], tell: Callable[[Reject | str], None]) -> Preview:
    """The preview of what `read_papers` gives, all of which is read; `tell` gets its rejects and notes."""
    first: list[Paper] = []
    mapping: dict[str, str] = {}
    count = 0
    for item in items:
        if not isinstance(item, Decoded):
            tell(item)
            continue
        count += 1
        mapping = {**item.columns, **mapping} if item.columns.keys() - mapping.keys() else mapping
        if len(first) < _FIRST:
            first.append(item.paper)
    return Preview(tuple(first), mapping, count)


def _lines(number: int, paper: Paper) -> list[str]:
    values = {
        "id": paper.id,
        "authors": "; ".join(paper.authors),
        "year": str(paper.year or ""),
        "venue": paper.venue or "",
        "doi": paper.doi or "",
        "arxiv_id": paper.arxiv_id or "",
        "url": paper.url or "",
        **{f"extra {name}": value for name, value in paper.extra.items()},
        "abstract": paper.abstract,
    }
    described = [f"   {name}: {value}" for name, value in values.items() if value]
    return ["", f"{number}. {paper.title or '(no title)'}", *described]
