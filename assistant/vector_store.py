"""The FAISS vector store behind llama-index's interface: batch add, delete, filters inside the search.

llama-index's own FAISS store can neither filter nor delete, and adds one vector at a time. This one plugs
an index into any llama-index retriever or query engine, filters, deletes, and maps the vectors into memory:

    store = PassageVectorStore.from_index(index)
    VectorStoreIndex.from_vector_store(store, embed_model=...).as_retriever(filters=...)

Importing llama-index takes seconds and its nodes take memory, so the assistant itself reads and writes
`assistant.vectors`, which is below both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from assistant.arrays import Mask
from assistant.index import Index
from assistant.nodes import passage_node
from assistant.vectors import VectorIndex, VectorSearch


class PassageVectorStore(BasePydanticVectorStore):
    """Passages as llama-index nodes, their vectors in FAISS; a node's id is its passage's.

    It lives in memory: what is to be kept is ingested into an index folder.
    """

    stores_text: bool = True

    _nodes: list[BaseNode] = PrivateAttr(default_factory=list)
    _vectors: VectorSearch | None = PrivateAttr(default=None)
    _shares_vectors: bool = PrivateAttr(default=False)

    @classmethod
    def from_index(cls, index: Index) -> Self:
        """A store over an opened index; its vectors stay mapped, and are copied only before a change."""
        store = cls()
        store._nodes = [passage_node(index.paper(passage.paper_id), passage) for passage in index.passages]
        store._vectors, store._shares_vectors = index.vectors, True
        return store

    @classmethod
    def class_name(cls) -> str:
        """The name under which llama-index serialises the store."""
        return "PassageVectorStore"

    @property
    def client(self) -> Any:
        """The vectors, by row number."""
        return self._vectors

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Add nodes with their embeddings, all in one batch; returns their ids."""
        if not nodes:
            return []
        new = np.array([node.get_embedding() for node in nodes], dtype=np.float32)
        if self._vectors is None:
            self._vectors = VectorIndex.from_vectors(new)
        else:
            own = self._vectors
            if self._shares_vectors or not isinstance(own, VectorIndex):
                own = self._keep(range(len(self._nodes)))
            own.add(new)
        self._nodes.extend(node.model_copy(update={"embedding": None}) for node in nodes)
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **kwargs: Any) -> None:
        """Delete every passage of the paper `ref_doc_id`."""
        kept = [row for row, node in enumerate(self._nodes) if node.ref_doc_id != ref_doc_id]
        if len(kept) < len(self._nodes):
            self._keep(kept)

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The nearest passages that pass the query's document ids, node ids and metadata filters.

        Raises:
            ValueError: the query asks for another mode than the default one.
        """
        if query.mode != VectorStoreQueryMode.DEFAULT:
            raise ValueError(
                f"{self.class_name()} answers queries of mode 'default' alone, not {query.mode.value!r}"
            )
        if self._vectors is None or query.query_embedding is None:
            return VectorStoreQueryResult(nodes=[], similarities=[], ids=[])
        rows, scores = self._vectors.search(
            np.array(query.query_embedding, dtype=np.float32), query.similarity_top_k, self._allowed(query)
        )
        nodes = [self._nodes[row] for row in rows]
        return VectorStoreQueryResult(
            nodes=nodes, similarities=[float(score) for score in scores], ids=[node.node_id for node in nodes]
        )

    def _keep(self, rows: Sequence[int]) -> VectorIndex:
        """Leave nothing but `rows`, in vectors of the store's own, which are returned."""
        assert self._vectors is not None
        own = VectorIndex.from_vectors(self._vectors.vectors(np.array(rows, dtype=np.int64)))
        self._vectors = own
        self._nodes = [self._nodes[row] for row in rows]
        self._shares_vectors = False
        return own

    def _allowed(self, query: VectorStoreQuery) -> Mask | None:
        if not (query.doc_ids or query.node_ids or query.filters):
            return None
        # llama-index looks metadata up by a name of the node's; its row spares a dictionary of all nodes.
        passes = build_metadata_filter_fn(lambda row: self._nodes[int(row)].metadata, query.filters)
        doc_ids, node_ids = set(query.doc_ids or ()), set(query.node_ids or ())
        return np.array(
            [
                (not doc_ids or node.ref_doc_id in doc_ids)
                and (not node_ids or node.node_id in node_ids)
                and passes(str(row))
                for row, node in enumerate(self._nodes)
            ],
            dtype=np.bool_,
        )
