"""Papers found by their ids and by what makes records one paper, in one look-up each."""

from __future__ import annotations

from assistant.identity import Keys, keys
from assistant.records import Paper


class Catalogue:
    """The numbers of papers by their ids, DOIs, arXiv ids and titles; one may be entered several times."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self._certain: dict[str, int] = {}  # DOIs and arXiv ids, which can't be taken for each other
        self._titles: dict[str, list[int]] = {}

    def add(self, number: int, paper: Paper) -> None:
        """Enter a paper under its keys."""
        found = keys(paper)
        self._certain.update(dict.fromkeys(_certain(found), number))
        if found.title and number not in self._titles.setdefault(found.title, []):
            self._titles[found.title].append(number)

    def remove(self, number: int, paper: Paper) -> None:
        """Take a paper out from under its keys."""
        found = keys(paper)
        for key in _certain(found):
            if self._certain.get(key) == number:
                del self._certain[key]
        if number in (titled := self._titles.get(found.title, [])):
            titled.remove(number)

    def with_key_of(self, paper: Paper) -> list[int]:
        """The papers that have the DOI or the arXiv id of `paper`."""
        return [self._certain[key] for key in _certain(keys(paper)) if key in self._certain]

    def with_title_of(self, paper: Paper) -> list[int]:
        """The papers that have the title of `paper`, unless many papers have it."""
        return list(self._titles.get(keys(paper).title, []))


def _certain(found: Keys) -> list[str]:
    return [key for key in (found.doi, found.arxiv_id) if key]
