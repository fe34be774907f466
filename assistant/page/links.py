"""Where a paper can be read."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from assistant.records import Paper


def paper_link(paper: Paper) -> str | None:
    """Where the paper can be read: its own http(s) address, else its DOI's or arXiv's."""
    if paper.url and urlsplit(paper.url).scheme in ("http", "https"):
        return paper.url
    if paper.doi:
        return f"https://doi.org/{quote(paper.doi.removeprefix('https://doi.org/'), safe='/')}"
    return f"https://arxiv.org/abs/{quote(paper.arxiv_id, safe='/')}" if paper.arxiv_id else None
