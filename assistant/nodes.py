"""Passages as llama-index knows them."""

from __future__ import annotations

from collections.abc import Iterable

from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode

from assistant.records import Paper, Passage


def passage_node(paper: Paper, passage: Passage, vector: Iterable[float] | None = None) -> TextNode:
    """A passage as a llama-index node that knows its paper, its offsets and what can be filtered by."""
    metadata = {
        "title": paper.title,
        "year": paper.year,
        "venue": paper.venue,
        "authors": list(paper.authors),
    }
    return TextNode(
        id_=passage.id,
        text=passage.text,
        start_char_idx=passage.start,
        end_char_idx=passage.end,
        metadata={key: value for key, value in metadata.items() if value},
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=paper.id)},
        embedding=None if vector is None else list(vector),
    )
