from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from assistant.index import Index
from assistant.nodes import passage_node
from assistant.records import Paper, Passage
from assistant.testing import HashingEmbedder
from assistant.vector_store import PassageVectorStore

A = Paper("a", "Caches", "One. Two.", authors=("Ada Lovelace",), year=2023, venue="ICML")
B = Paper("b", "Layers", "Three.", authors=("Emmy Noether", "Ada Lovelace"), year=2021)
NODES = (
    passage_node(A, Passage("a:0", "a", 0, 4, "One."), (1.0, 0.0)),
    passage_node(A, Passage("a:1", "a", 5, 9, "Two."), (0.6, 0.8)),
    passage_node(B, Passage("b:0", "b", 0, 6, "Three."), (0.0, 1.0)),
)


@pytest.fixture
def store() -> PassageVectorStore:
    """Two passages of one paper, added at once, and one of another."""
    store = PassageVectorStore()
    assert store.add(NODES[:2]) == ["a:0", "a:1"]
    assert store.add(NODES[2:]) == ["b:0"]
    assert store.add([]) == []
    return store


def found(store: PassageVectorStore, k: int = 3, **restrictions: Any) -> list[str]:
    query = VectorStoreQuery(query_embedding=[0.8, 0.6], similarity_top_k=k, **restrictions)
    return list(store.query(query).ids or [])


def where(key: str, operator: FilterOperator, value: Any) -> MetadataFilters:
    return MetadataFilters(filters=[MetadataFilter(key=key, operator=operator, value=value)])


def test_nodes_come_back_nearest_first_with_their_cosines(store: PassageVectorStore) -> None:
    result = store.query(VectorStoreQuery(query_embedding=[0.8, 0.6], similarity_top_k=2))
    assert result.ids == ["a:1", "a:0"]
    assert result.similarities == pytest.approx([0.96, 0.8])  # 0.8·0.6 + 0.6·0.8 and 0.8·1
    node = (result.nodes or [])[0]
    assert isinstance(node, TextNode)
    assert (node.text, node.start_char_idx, node.end_char_idx, node.ref_doc_id) == ("Two.", 5, 9, "a")
    assert node.metadata == {"title": "Caches", "year": 2023, "venue": "ICML", "authors": ["Ada Lovelace"]}


@pytest.mark.parametrize(
    ("restrictions", "expected"),
    [
        ({}, ["a:1", "a:0", "b:0"]),
        ({"k": 1}, ["a:1"]),
        ({"doc_ids": ["b"], "k": 1}, ["b:0"]),
        ({"node_ids": ["a:0", "b:0"]}, ["a:0", "b:0"]),
        ({"doc_ids": ["a"], "node_ids": ["b:0"]}, []),
        ({"filters": where("year", FilterOperator.LT, 2023), "k": 1}, ["b:0"]),
        ({"filters": where("venue", FilterOperator.EQ, "ICML")}, ["a:1", "a:0"]),
        ({"filters": where("authors", FilterOperator.CONTAINS, "Emmy Noether")}, ["b:0"]),
        (
            {
                "filters": MetadataFilters(
                    filters=[
                        MetadataFilter(key="year", value=2021),
                        MetadataFilter(key="title", value="Caches"),
                    ],
                    condition=FilterCondition.OR,
                ),
                "node_ids": ["a:0", "b:0"],
            },
            ["a:0", "b:0"],
        ),
    ],
)
def test_restrictions_apply_inside_the_search(
    store: PassageVectorStore, restrictions: dict[str, Any], expected: list[str]
) -> None:
    assert found(store, **restrictions) == expected


def test_a_deleted_paper_is_not_found_and_the_others_keep_their_vectors(store: PassageVectorStore) -> None:
    store.delete("unknown")
    store.delete("a")
    assert found(store) == ["b:0"]
    store.delete("b")
    assert found(store) == found(store, doc_ids=["a"]) == []
    store.add(NODES[:1])
    assert found(store) == ["a:0"]


def test_an_empty_store_and_a_query_without_vector_find_nothing(store: PassageVectorStore) -> None:
    assert found(PassageVectorStore()) == []
    assert store.query(VectorStoreQuery(query_str="cache")).ids == []


@pytest.mark.parametrize("mode", [mode for mode in VectorStoreQueryMode if mode != "default"])
def test_a_query_of_another_mode_is_refused(store: PassageVectorStore, mode: VectorStoreQueryMode) -> None:
    for asked in (store, PassageVectorStore()):
        with pytest.raises(
            ValueError, match=f"^PassageVectorStore .* mode 'default' alone, not '{mode.value}'$"
        ):
            found(asked, mode=mode)


def test_vectors_are_kept_outside_the_nodes(store: PassageVectorStore) -> None:
    result = store.query(VectorStoreQuery(query_embedding=[1.0, 0.0], similarity_top_k=3))
    assert [node.embedding for node in result.nodes or []] == [None] * 3
    assert NODES[0].embedding is not None  # the caller's nodes are as they were


class Hashing(BaseEmbedding):
    """The hashing embedder behind llama-index's interface."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(value) for value in HashingEmbedder().encode([text])[0]]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def test_an_index_is_a_llama_index_retriever(index: Index) -> None:
    store = PassageVectorStore.from_index(index)
    assert store.client is index.vectors  # mapped, not copied
    vector_index = VectorStoreIndex.from_vector_store(store, embed_model=Hashing())
    question = "How much smaller does LongCache make cache memory?"
    (best,) = vector_index.as_retriever(similarity_top_k=1).retrieve(question)
    assert (best.node.ref_doc_id, best.node.metadata["year"]) == ("a1", 2023)
    older = where("year", FilterOperator.LT, 2023)
    found = vector_index.as_retriever(similarity_top_k=5, filters=older).retrieve(question)
    assert {node.node.ref_doc_id for node in found} == {"a2", "a3"}


def test_a_store_over_an_index_changes_without_the_index(index: Index, embedder: HashingEmbedder) -> None:
    (vector,) = embedder.encode(["A storm of birds"])
    node = passage_node(A, Passage("a:0", "a", 0, 4, "One."), map(float, vector))
    added, deleted = PassageVectorStore.from_index(index), PassageVectorStore.from_index(index)
    added.add([node])
    added.add([node])
    deleted.delete("a2")
    everything = VectorStoreQuery(query_embedding=[float(value) for value in vector], similarity_top_k=9)
    assert (added.query(everything).ids or [])[:2] == ["a:0", "a:0"]
    assert sorted(added.query(everything).ids or []) == ["a1:0", "a2:0", "a3:0", "a:0", "a:0"]
    assert sorted(deleted.query(everything).ids or []) == ["a1:0", "a3:0"]
    assert len(index.vectors) == 3
