"""The Milvus side of an index: passages and vectors in a collection, through llama-index's store.

A generation has a collection of its own, which its manifest names, and which changes no more once it is
named there: a writer that is killed leaves the old collection in force. Before a collection is made its name
is noted in the index folder, so that the next writer finds what was left and drops it.

The collection is a llama-index one: a node a passage, with its text, paper (`doc_id`), title, year, venue and
`row`, its row number in the index. Any MilvusVectorStore reads it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import numpy as np

from assistant.arrays import Mask, Rows, Vectors
from assistant.errors import AssistantError, IndexFormatError, MissingExtraError, StoreError, first_line
from assistant.generations import COLLECTIONS, Collection, collections_named
from assistant.progress import Progress
from assistant.records import Paper, Passage
from assistant.settings import Store
from assistant.storage import write_atomically
from assistant.vectors import measured_recall

if TYPE_CHECKING:
    from llama_index.vector_stores.milvus import MilvusVectorStore
    from pymilvus import MilvusClient

_FILE = "milvus.db"
_ROW, _VECTOR, _TEXT = "row", "embedding", "text"

_EVERY = 300_000  # up to so many passages a query is compared with each; beyond, a graph leads to the nearest
_GRAPH = {"M": 16, "efConstruction": 200}
_EXPLORED = 4  # times as many as are asked for, and as for 100 at least
_MOST_EXPLORED = 32_768  # Milvus explores no more
_WINDOW = 1_000  # passages sent at a time
_FETCHED = 4_096  # vectors fetched at a time
_MOST_FOUND = 16_384  # Milvus gives no more at a time
_MOST_COMPARED = 500  # allowed vectors that are fetched and compared here: in a graph they are hard to find
_MOST_LISTED = 10_000  # rows that a filter lists
_MOST_CHARACTERS = 16_000  # of a text: a field of Milvus holds 65,535 bytes
_CONNECT_SECONDS = 10
# A server that has stopped answering is given up; pymilvus by itself would wait for ever.
_CALL_SECONDS = 120
_CALLS = {
    "grpc.service_config": json.dumps({"methodConfig": [{"name": [{}], "timeout": f"{_CALL_SECONDS}s"}]})
}

Passages = Callable[[int], tuple[Paper, Passage]]


class MilvusVectors:
    """The vectors of one generation, by row number, in its collection.

    Raises:
        StoreError: Milvus can't be reached, or the collection is not there or not whole.
        MissingExtraError: pymilvus is not installed.
    """

    def __init__(self, store: MilvusVectorStore, collection: Collection, where: str, count: int) -> None:
        self.collection = collection
        self._store = store
        self._where = where
        self._count = count

    @classmethod
    def open(cls, folder: Path, collection: Collection, count: int, dimension: int, store: Store) -> Self:
        """The collection of `count` vectors that a generation of the index in `folder` names."""
        where = _address(folder, store.uri or collection.uri)
        with _faults_told(where):
            client = _client(where, store.token)
            if not client.has_collection(collection.name):
                raise StoreError(_absent(where, collection, folder))
            # A server keeps a collection loaded; in a file that is opened anew none is.
            client.load_collection(collection.name)
            if (found := _counted(client, collection.name)) != count:
                raise StoreError(
                    f"the collection {collection.name} at {where} has {found} passages, the index {count}; "
                    f"run `assistant index rebuild --index {folder}`"
                )
            return cls(_opened(where, store.token, collection, dimension), collection, where, count)

    @classmethod
    def write(
        cls,
        folder: Path,
        vectors: Vectors,
        passages: Passages,
        store: Store,
        old: Collection | None,
        progress: Progress,
    ) -> Self:
        """A new collection of `vectors` (n × dimension) with their passages, where `old` is by default.

        `passages` gives the paper and the passage of a row. All is stored and searchable when this returns.
        """
        uri = _uri_for(folder, store, old)
        where = _address(folder, uri)
        collection = Collection(uri, f"{_name_after(folder)}_{uuid4().hex}")
        count, dimension = vectors.shape
        with _faults_told(where):
            client = _client(where, store.token)
            _note(folder, [*_noted(folder), collection])
            written = cls(_opened(where, store.token, collection, dimension), collection, where, count)
            for first in range(0, count, _WINDOW):
                rows = range(first, min(first + _WINDOW, count))
                written._store.add([_node(row, *passages(row), vectors[row]) for row in rows])
                progress(rows.stop, count, "storing passages in Milvus")
            client.flush(collection.name)
            indexes = client.prepare_index_params()
            kind = "FLAT" if count <= _EVERY else "HNSW"
            graph = _GRAPH if kind == "HNSW" else {}
            indexes.add_index(_VECTOR, kind, _VECTOR, metric_type="IP", params=graph)
            indexes.add_index(_ROW, index_type="INVERTED", index_name=_ROW)
            client.create_index(collection.name, indexes)
            client.load_collection(collection.name)
            if (found := _counted(client, collection.name)) != count:
                raise StoreError(f"Milvus at {where} took {found} of {count} passages; run the command again")
            return written

    def __len__(self) -> int:
        return self._count

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        assert self._store.dim is not None
        return self._store.dim

    @property
    def kind(self) -> str:
        """How the vectors are kept and searched."""
        return "whole, all searched" if len(self) <= _EVERY else "whole, searched by a graph (HNSW)"

    def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Vectors]:
        """Rows and cosines of the `k` nearest vectors to `query` (dimension,) among the allowed rows.

        The vectors of up to 500 allowed rows are compared here, up to 10,000 rows are listed to Milvus, which
        looks among them alone. Where more are allowed, so many of the nearest are asked for that enough
        should be; if they are not, the rows are listed in parts.
        """
        among = len(self) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, among, _MOST_FOUND)
        if k == 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        if allowed is None:
            return self._nearest(query, k)
        listed = np.flatnonzero(allowed)
        if among <= _MOST_COMPARED:
            return _best(listed, self.vectors(listed) @ query, k)
        if among > _MOST_LISTED:
            wanted = min(2 * k * len(self) // among, _MOST_FOUND)
            rows, scores = self._nearest(query, wanted)
            passing = np.flatnonzero(allowed[rows])[:k]
            if len(passing) == k:
                return rows[passing], scores[passing]
        parts = [
            self._nearest(query, k, listed[first : first + _MOST_LISTED])
            for first in range(0, among, _MOST_LISTED)
        ]
        rows, scores = (np.concatenate(side) for side in zip(*parts, strict=True))
        return _best(rows, scores, k)

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of `rows` (n × dimension)."""
        fetched = np.empty((len(rows), self.dimension), dtype=np.float32)
        distinct, places = np.unique(rows, return_inverse=True)
        for first in range(0, len(distinct), _FETCHED):
            some = distinct[first : first + _FETCHED]
            by_row = self._fetched(some)
            if len(by_row) != len(some):
                raise StoreError(f"{self.collection.name} at {self._where} gave {len(by_row)} of {len(some)}")
            here = (places >= first) & (places < first + len(some))
            fetched[here] = [by_row[row] for row in rows[here].tolist()]
        return fetched

    def recall(self, vectors: Vectors) -> float:
        """The share of a vector's 100 nearest that are found, over a sample of the `vectors` stored here."""
        if len(self) <= _EVERY:
            return 1.0
        return measured_recall(vectors, lambda sample, k: [self.search(query, k)[0] for query in sample])

    def _nearest(self, query: Vectors, k: int, among: Rows | None = None) -> tuple[Rows, Vectors]:
        from llama_index.core.vector_stores.types import VectorStoreQuery

        asked = VectorStoreQuery(query_embedding=query.tolist(), similarity_top_k=k)
        options: dict[str, Any] = {"string_expr": "" if among is None else _rows_in(among)}
        if len(self) > _EVERY:
            explored = min(_EXPLORED * max(k, 100), _MOST_EXPLORED)
            options["milvus_search_config"] = {"params": {"ef": explored}}
        with _faults_told(self._where):
            found = self._store.query(asked, **options)
        rows = np.array([node.metadata[_ROW] for node in found.nodes or ()], dtype=np.int64)
        if among is not None and len(rows) < min(k, len(among)):
            return among, self.vectors(among) @ query  # a graph, once filtered, does not always lead to all
        return rows, np.array(found.similarities, dtype=np.float32)

    def _fetched(self, rows: Rows) -> dict[int, list[float]]:
        with _faults_told(self._where):
            found = self._store.client.query(
                self.collection.name, filter=_rows_in(rows), output_fields=[_ROW, _VECTOR]
            )
        return {entity[_ROW]: entity[_VECTOR] for entity in found}


def _uri_for(folder: Path, store: Store, old: Collection | None) -> str:
    """Where a new collection of the index in `folder` goes, as its manifest is to name it.

    The address of a server stays as it is; a file in the folder is named from there, so that it may be moved.
    """
    if not store.uri:
        return old.uri if old else _FILE
    path, home = Path(store.uri), folder.absolute()
    return str(path.relative_to(home)) if path.is_relative_to(home) else store.uri


def drop_unused(folder: Path, store: Store) -> None:
    """Drop the collections that the index in `folder` has begun and none of its generations names.

    Only the holder of the right to write may. What can't be dropped now is left to the next writer.
    """
    try:
        noted = _noted(folder)
        left = [collection for collection in noted if collection in collections_named(folder)]
    except IndexFormatError:
        return  # nobody knows what is used
    for collection in noted:
        if collection not in left and not _dropped(folder, collection, store):
            left.append(collection)
    if left != noted:
        _note(folder, left)


def _dropped(folder: Path, collection: Collection, store: Store) -> bool:
    where = _address(folder, collection.uri)
    try:
        with _faults_told(where):
            client = _client(where, store.token)
            if client.has_collection(collection.name):
                client.drop_collection(collection.name)
    except AssistantError:
        return False
    return True


def _address(folder: Path, uri: str) -> str:
    """What pymilvus is to connect to."""
    return uri if "://" in uri else str(folder.absolute() / uri)


def _client(where: str, token: str) -> MilvusClient:
    """A connection, which pymilvus shares among all that ask for the same."""
    try:
        from pymilvus import MilvusClient
    except ModuleNotFoundError as error:
        raise MissingExtraError("keeping vectors in Milvus", "milvus") from error
    for name in ("pymilvus", "milvus_lite", "grpc"):
        # They log, with tracebacks and on the terminal, what is raised as well, and what Lite does without.
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return MilvusClient(where, token=token, timeout=_CONNECT_SECONDS, grpc_options=_CALLS)


def _opened(where: str, token: str, collection: Collection, dimension: int) -> MilvusVectorStore:
    """llama-index's store over a collection, which it makes where there is none."""
    try:
        from llama_index.vector_stores.milvus import IndexManagement, MilvusVectorStore
        from pymilvus import DataType
    except ModuleNotFoundError as error:
        raise MissingExtraError("keeping vectors in Milvus", "milvus") from error
    return MilvusVectorStore(
        where,
        token,
        collection.name,
        dim=dimension,
        similarity_metric="IP",
        scalar_field_names=[_ROW],
        scalar_field_types=[DataType.INT64],
        output_fields=[_ROW],
        batch_size=_WINDOW,
        index_management=IndexManagement.NO_VALIDATION,  # indexed when all is there, and once
        use_async_client=False,
        timeout=_CONNECT_SECONDS,
        grpc_options=_CALLS,
    )


def _counted(client: MilvusClient, name: str) -> int:
    """How many passages a collection has, none of those sent before left out."""
    (counted,) = client.query(name, filter="", output_fields=["count(*)"], consistency_level="Strong")
    return int(counted["count(*)"])


def _node(row: int, paper: Paper, passage: Passage, vector: Vectors) -> Any:
    from assistant.nodes import passage_node

    # Lists of thousands of authors would go beyond what Milvus takes, and no search here reads them.
    node = passage_node(paper, passage, vector.tolist())
    node.metadata = {key: value for key, value in node.metadata.items() if key != "authors"} | {_ROW: row}
    node.text = node.text[:_MOST_CHARACTERS]
    return node


def _best(rows: Rows, scores: Vectors, k: int) -> tuple[Rows, Vectors]:
    best = np.argsort(-scores, kind="stable")[:k]
    return rows[best], scores[best]


def _rows_in(rows: Rows) -> str:
    return f"{_ROW} in {rows.tolist()}"


def _name_after(folder: Path) -> str:
    return "assistant_" + re.sub(r"\W", "_", folder.absolute().name, flags=re.ASCII)[:60]


def _absent(where: str, collection: Collection, folder: Path) -> str:
    moved = "" if where == _address(folder, collection.uri) else ", where the setting milvus_uri leads"
    return (
        f"there is no collection {collection.name} at {where}{moved}; the index names {collection.uri}; "
        f"if it is lost there, run `assistant index rebuild --index {folder}`"
    )


def _noted(folder: Path) -> list[Collection]:
    path = folder / COLLECTIONS
    if not path.exists():
        return []
    try:
        return [Collection(**plain) for plain in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise IndexFormatError(
            f"{path}, which names the collections of the index, is damaged; move it away and run the command "
            "again: collections that only it named stay in Milvus"
        ) from error


def _note(folder: Path, collections: Sequence[Collection]) -> None:
    plain = [asdict(collection) for collection in collections]
    write_atomically(folder / COLLECTIONS, json.dumps(plain, indent=1).encode())


@contextmanager
def _faults_told(where: str) -> Iterator[None]:
    """Errors of Milvus as ours."""
    try:
        yield
    except AssistantError:
        raise
    except _errors() as error:
        told = error.details() if hasattr(error, "details") else getattr(error, "message", "")
        if where.endswith(".db") and told == "Open local milvus failed":
            told = "it can't be opened; where another process has it open, wait, or use a Milvus server"
        raise StoreError(f"Milvus at {where}: {told or first_line(error)}") from error


def _errors() -> tuple[type[Exception], ...]:
    from grpc import RpcError
    from pymilvus.exceptions import MilvusException

    return MilvusException, RpcError
