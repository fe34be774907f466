"""PubMed's XML: each article is cut out of the text and parsed by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from assistant.errors import first_line
from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Fault, Record, Records, reject
from assistant.readers.sources import Source

if TYPE_CHECKING:
    from lxml.etree import _Element

_START = re.compile(r"<(PubmedArticle|PubmedBookArticle)(?=[\s>])")
_LONGEST_START = len("<PubmedBookArticle>")


def read_pubmed(source: Source) -> Records:
    """The articles of a PubmedArticleSet; its document type, and so any entity it defines, is not read."""
    for line, text in _articles(source.pieces()):
        if isinstance(text, Fault):
            yield reject(source.name, line, text.kind, text.detail)
        else:
            yield Record(line, text, partial(_fields, text))


def _articles(pieces: Iterator[str]) -> Iterator[tuple[int, str | Fault]]:
    """The texts of the articles and their lines, holding one article and one piece at a time."""
    text, line = "", 1
    for piece in pieces:
        text += piece
        done = 0
        while start := _START.search(text, done):
            line, done = line + text.count("\n", done, start.start()), start.start()
            end_tag = f"</{start[1]}>"
            end = text.find(end_tag, start.end())
            if end < 0:
                break
            end += len(end_tag)
            yield line, text[done:end]
            line, done = line + text.count("\n", done, end), end
        else:
            kept = max(done, len(text) - _LONGEST_START)
            line, done = line + text.count("\n", done, kept), kept
        text = text[done:]
        if len(text) > RECORD_LIMIT:
            yield line, Fault(TOO_LONG)
            text = text[1:]  # it is no beginning of an article any more
    if _START.match(text):
        yield line, Fault("is cut short", ": the article has no end")


def _fields(text: str) -> Mapping[str, Any]:
    article = _parsed(text)
    number = _text(article, "./*/PMID")
    return {
        "id": number,
        "title": _text(article, ".//ArticleTitle") or _text(article, ".//BookTitle"),
        "abstract": " ".join(filter(None, map(_paragraph, article.findall(".//Abstract/AbstractText")))),
        "authors": [_name(author) for author in article.findall(".//AuthorList/Author")],
        "year": _first(article, ".//PubDate/Year", ".//PubDate/MedlineDate", ".//ArticleDate/Year"),
        "venue": _first(article, ".//Journal/Title", ".//Journal/ISOAbbreviation"),
        "doi": _first(
            article, ".//ELocationID[@EIdType='doi']", "./*/ArticleIdList/ArticleId[@IdType='doi']"
        ),
        "url": f"https://pubmed.ncbi.nlm.nih.gov/{number}/" if number else None,
        "mesh": [_words(heading) for heading in article.findall(".//MeshHeading/DescriptorName")],
        "keywords": [_words(keyword) for keyword in article.findall(".//KeywordList/Keyword")],
        "publication_types": [_words(kind) for kind in article.findall(".//PublicationType")],
    }


def _parsed(text: str) -> _Element:
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Fault("is not well-formed XML", f": {first_line(error)}") from error


def _first(article: _Element, *paths: str) -> str:
    return next(filter(None, (_text(article, path) for path in paths)), "")


def _text(article: _Element, path: str) -> str:
    found = article.find(path)
    return "" if found is None else _words(found)


def _words(element: _Element) -> str:
    return "".join(element.itertext()).strip()


def _paragraph(element: _Element) -> str:
    """A part of an abstract after its label: "METHODS: We …"."""
    words, label = _words(element), element.get("Label")
    return f"{label}: {words}" if label and words else words


def _name(author: _Element) -> str:
    parts = [_text(author, part) for part in ("ForeName", "LastName", "Suffix")]
    return " ".join(filter(None, parts)) or _text(author, "CollectiveName")
