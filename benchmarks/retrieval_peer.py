"""One peer's retriever over a prepared collection, in its own environment: see `benchmarks.retrieval_peers`.

    python retrieval_peer.py NAME FOLDER

FOLDER has documents.json (id, text), queries.json (id, text), documents.npy and queries.npy (unit
vectors, the same for all). Rankings and milliseconds a query are written to NAME.json there. Nothing of
this project is imported, so that a peer can have an environment of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

K = 10
POOL = 100
Search = Callable[[str, Any], list[str]]


def bm25s(documents: list[Any], vectors: Any) -> tuple[Search, str]:
    """BM25 alone, with the stemmer and stop words of its documentation."""
    import bm25s as library
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    tokens = library.tokenize(
        [text for _, text in documents], stopwords="en", stemmer=stemmer, show_progress=False
    )
    index = library.BM25(k1=1.2, b=0.75)
    index.index(tokens, show_progress=False)

    def search(text: str, vector: Any) -> list[str]:
        asked = library.tokenize(text, stopwords="en", stemmer=stemmer, show_progress=False)
        found, _ = index.retrieve(asked, k=K, show_progress=False)
        return [documents[int(row)][0] for row in found[0]]

    return search, f"bm25s {version('bm25s')}"


def edge(documents: list[Any], vectors: Any) -> tuple[Search, str]:
    """Qdrant Edge as it is: its own BM25 with IDF, and its own rank fusion, in one call; no access filter."""
    import tempfile

    import qdrant_edge as q

    config = q.EdgeConfig(
        vectors={"dense": q.EdgeVectorParams(size=vectors.shape[1], distance=q.Distance.Cosine)},
        sparse_vectors={"terms": q.EdgeSparseVectorParams(modifier=q.Modifier.Idf)},
        wal_enabled=False,
    )
    shard = q.EdgeShard.create(tempfile.mkdtemp(), config)
    bm25 = q.Bm25(q.Bm25Config(language="english"))
    points = [
        q.Point(n, {"dense": vector.tolist(), "terms": bm25.embed_document(text)}, {})
        for n, ((_, text), vector) in enumerate(zip(documents, vectors, strict=True))
    ]
    for at in range(0, len(points), 1000):
        shard.update(q.UpdateOperation.upsert_points(points[at : at + 1000]))
    shard.optimize()

    def search(text: str, vector: Any) -> list[str]:
        terms = bm25.embed_query(text)
        prefetches = [
            q.Prefetch(limit=POOL, query=q.Query.Nearest(vector.tolist(), using="dense")),
            q.Prefetch(limit=POOL, query=q.Query.Nearest(terms, using="terms")),
        ]
        found = shard.query(q.QueryRequest(limit=K, prefetches=prefetches, query=q.Fusion.Rrf(60)))
        return [documents[int(point.id)][0] for point in found]

    return search, f"qdrant-edge-py {version('qdrant-edge-py')}"


def llamaindex(documents: list[Any], vectors: Any) -> tuple[Search, str]:
    """QueryFusionRetriever over its BM25 retriever and its vector index, fused by reciprocal rank."""
    import Stemmer
    from llama_index.core import Settings, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.core.schema import QueryBundle, TextNode
    from llama_index.retrievers.bm25 import BM25Retriever

    class Given(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            raise AssertionError("vectors are given")

        _get_text_embedding = _get_query_embedding

        async def _aget_query_embedding(self, query: str) -> list[float]:
            raise AssertionError("vectors are given")

    Settings.llm = MockLLM()
    nodes = [
        TextNode(id_=one, text=text, embedding=vector.tolist())
        for (one, text), vector in zip(documents, vectors, strict=True)
    ]
    index = VectorStoreIndex(nodes, embed_model=Given())
    terms = BM25Retriever.from_defaults(
        nodes=nodes, similarity_top_k=POOL, stemmer=Stemmer.Stemmer("english"), language="english"
    )
    dense = index.as_retriever(similarity_top_k=POOL)
    fusion = QueryFusionRetriever(
        [terms, dense], similarity_top_k=K, num_queries=1, mode="reciprocal_rerank", use_async=False
    )

    def search(text: str, vector: Any) -> list[str]:
        found = fusion.retrieve(QueryBundle(text, embedding=vector.tolist()))
        return [each.node.node_id for each in found]

    return search, f"llama-index-core {version('llama-index-core')}"


def haystack(documents: list[Any], vectors: Any) -> tuple[Search, str]:
    """A pipeline of its BM25 and embedding retrievers over the store in memory, joined by rank fusion."""
    from haystack import Document, Pipeline
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(
        [
            Document(id=one, content=text, embedding=vector.tolist())
            for (one, text), vector in zip(documents, vectors, strict=True)
        ]
    )
    pipeline = Pipeline()
    pipeline.add_component("terms", InMemoryBM25Retriever(store, top_k=POOL))
    pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=POOL))
    pipeline.add_component("join", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=K))
    pipeline.connect("terms", "join")
    pipeline.connect("dense", "join")

    def search(text: str, vector: Any) -> list[str]:
        asked = {"terms": {"query": text}, "dense": {"query_embedding": vector.tolist()}}
        return [each.id for each in pipeline.run(asked)["join"]["documents"]]

    return search, f"haystack-ai {version('haystack-ai')}"


def pyterrier(documents: list[Any], vectors: Any) -> tuple[Search, str]:
    """BM25 of Terrier, through PyTerrier."""
    import re
    import tempfile

    import pyterrier as pt

    indexer = pt.IterDictIndexer(tempfile.mkdtemp(), meta={"docno": 64})
    index = indexer.index({"docno": one, "text": text} for one, text in documents)
    bm25 = pt.terrier.Retriever(index, wmodel="BM25", num_results=K)

    def search(text: str, vector: Any) -> list[str]:
        return list(bm25.search(" ".join(re.findall(r"\w+", text)))["docno"])

    return search, f"python-terrier {version('python-terrier')}"


PEERS: dict[str, Callable[[list[Any], Any], tuple[Search, str]]] = {
    "bm25s": bm25s,
    "edge": edge,
    "llamaindex": llamaindex,
    "haystack": haystack,
    "pyterrier": pyterrier,
}


def main() -> None:
    """Index, warm up, ask every query once and time each."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    documents = json.loads((folder / "documents.json").read_text())
    queries = json.loads((folder / "queries.json").read_text())
    began = perf_counter()
    search, named = PEERS[name](documents, np.load(folder / "documents.npy"))
    indexing = perf_counter() - began
    vectors = np.load(folder / "queries.npy")
    for (_, text), vector in zip(queries[:20], vectors, strict=False):
        search(text, vector)
    rankings: dict[str, list[str]] = {}
    times: list[float] = []
    for (one, text), vector in zip(queries, vectors, strict=True):
        began = perf_counter()
        rankings[one] = search(text, vector)
        times.append((perf_counter() - began) * 1000)
    made = {"version": named, "rankings": rankings, "ms": times, "indexing_s": indexing}
    (folder / f"{name}.json").write_text(json.dumps(made))


if __name__ == "__main__":
    main()
