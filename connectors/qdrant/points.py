"""How a passage lies in a collection: its vectors, its payload, and the conditions of a search."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qdrant_client import models

from orchestrator.errors import StoreError
from orchestrator.ports import DocumentRow, PassageVectors
from orchestrator.ranking.late_interaction import stored_encoder
from orchestrator.vector_stores.access_tokens import Permitted, access_tokens, metadata_tokens
from orchestrator.vector_stores.exact_products import passage_weights
from orchestrator.vector_stores.versioned_rows import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from connectors.qdrant.settings import QdrantSettings

#: Raised whenever points are stored in another way: collections have it in their names.
FORMAT = 1
#: Names of vectors: of a passage, of its terms, of its tokens, and one for all of these.
DENSE, TERMS, TOKENS, ENCODED = "dense", "bm25", "tokens", "encoded"
PASSAGE, DOCUMENT, NAME, STAGED = "passage", "document", "name", "staged"
TENANT, LABELS, ACCESS, METADATA = "tenant", "labels", "access", "metadata"
#: The versions of a point, and which writer set each: what another set is never undone for it.
BORN, BORN_BY, DIED, DIED_BY, DIED_AT = "born", "born_by", "died", "died_by", "died_at"
#: A version that never comes: staged points are born then, and others die then.
NEVER = 2**53
_LINKS, _CANDIDATES = 16, 100
_NAMESPACE = uuid.UUID("0d5ff6f0-5f3e-4a39-9a3c-5b9c3d3a8f10")


def collection_name(prefix: str, space: Space) -> str:
    """The collection of a space. It tells which index it has, whose name may be anything."""
    return f"{_begun(prefix, space.index)}-{space.dimensions}-{space.token_dimensions}"


def space_of(prefix: str, index: str, collection: str) -> Space | None:
    """The space of a collection; None if it is not one of the index."""
    found = re.fullmatch(re.escape(_begun(prefix, index)) + r"-(\d+)-(\d+)", collection)
    return Space(index, int(found[1]), int(found[2])) if found else None


def _begun(prefix: str, index: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9_-]", "_", index)[:60]
    return f"{prefix}-{FORMAT}-{slug}-{uuid.uuid5(_NAMESPACE, index).hex[:12]}"


def fields(space: Space, settings: QdrantSettings) -> dict[str, Any]:
    """The arguments that make the collection of a space."""
    dense = models.VectorParams(
        size=space.dimensions,
        distance=models.Distance.COSINE,
        quantization_config=_quantised(settings.quantisation),
    )
    vectors = {DENSE: dense}
    if space.token_dimensions:
        half = models.Datatype.FLOAT16
        vectors[TOKENS] = models.VectorParams(
            size=space.token_dimensions,
            distance=models.Distance.DOT,
            datatype=half,
            multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
            # Tokens are compared one by one, without a graph.
            hnsw_config=models.HnswConfigDiff(m=0),
        )
        size = stored_encoder(space.token_dimensions).size
        vectors[ENCODED] = models.VectorParams(size=size, distance=models.Distance.DOT, datatype=half)
    return {
        "vectors_config": vectors,
        "sparse_vectors_config": {TERMS: models.SparseVectorParams()},
        # A part of the points, as a reader may see, has links of its own.
        "hnsw_config": models.HnswConfigDiff(m=_LINKS, ef_construct=_CANDIDATES, payload_m=_LINKS),
        "shard_number": settings.shards,
        "replication_factor": settings.replicas,
        # What is confirmed is on every replica: any of them may be asked next.
        "write_consistency_factor": settings.replicas,
    }


def payload_indexes() -> dict[str, Any]:
    """All fields of conditions, since a server may refuse others. Those of one tenant lie together."""
    keyword = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
    number = models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=True, range=True)
    tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    unique = models.UuidIndexParams(type=models.UuidIndexType.UUID)
    keywords = dict.fromkeys((ACCESS, METADATA, DOCUMENT, NAME, BORN_BY, DIED_BY), keyword)
    yes, time = models.PayloadSchemaType.BOOL, models.PayloadSchemaType.FLOAT
    numbers = {BORN: number, DIED: number, DIED_AT: time}
    return {TENANT: tenant, **keywords, PASSAGE: unique, **numbers, STAGED: yes}


def points(
    name: str, writer: str, documents: Sequence[DocumentRow], vectors: PassageVectors, born: int | None
) -> Iterator[models.PointStruct]:
    """A point for each passage. Its id is of this attempt alone: another's are not written over."""
    import numpy as np

    if not np.isfinite(vectors.dense).all():
        raise StoreError("The vector store is given vectors that are not finite.", hint="Check the embedder.")
    place = 0
    for document in documents:
        payload = payload_of(document, name, writer, born)
        for passage in document.passages:
            sparse = vectors.sparse[place]
            terms = models.SparseVector(indices=list(sparse.indices), values=passage_weights(sparse.values))
            vector: dict[str, Any] = {DENSE: vectors.dense[place].tolist(), TERMS: terms}
            vector |= _late(vectors.tokens, place)
            yield models.PointStruct(
                id=point_id(name, passage.id), vector=vector, payload={**payload, PASSAGE: passage.id}
            )
            place += 1


def point_id(name: str, passage: str) -> str:
    """The id of the point that an attempt writes for a passage."""
    return str(uuid.uuid5(_NAMESPACE, f"{name}\x1f{passage}"))


def payload_of(document: DocumentRow, name: str, writer: str, born: int | None) -> dict[str, Any]:
    """The payload of a document's passages, except for their ids."""
    return {
        DOCUMENT: document.id,
        NAME: name,
        STAGED: born is None,
        BORN: NEVER if born is None else born,
        BORN_BY: writer,
        DIED: NEVER,
        TENANT: document.tenant,
        LABELS: sorted(set(document.labels)),
        ACCESS: access_tokens(document),
        METADATA: metadata_tokens(document),
    }


def alive(number: int) -> list[models.Condition]:
    """The points of a version."""
    return [between(BORN, lte=number), between(DIED, gt=number)]


def allowed(permitted: Permitted, number: int, *more: models.Condition) -> models.Filter:
    """What a reader may find in a version."""
    conditions = [equals(TENANT, permitted.tenant), any_of(ACCESS, permitted.access)]
    conditions += [any_of(METADATA, wanted) for wanted in permitted.filters]
    return models.Filter(must=[*conditions, *alive(number), *more])


def equals(field: str, value: str | bool) -> models.FieldCondition:
    """Points whose field has this value."""
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def any_of(field: str, values: Sequence[str]) -> models.FieldCondition:
    """Points whose field has any of these values."""
    return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))


def between(field: str, **bounds: float) -> models.FieldCondition:
    """Points whose field is within bounds: `lt`, `lte`, `gt`, `gte`."""
    return models.FieldCondition(key=field, range=models.Range(**bounds))


def _quantised(how: str) -> Any:
    if how == "int8":
        scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
        return models.ScalarQuantization(scalar=scalar)
    if how == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    return None


def _late(tokens: Sequence[NDArray[np.float32]] | None, place: int) -> dict[str, Any]:
    """The vectors of a passage's tokens, and one for all of them; none if the index keeps none."""
    if tokens is None:
        return {}
    matrix = tokens[place]
    return {TOKENS: matrix.tolist(), ENCODED: stored_encoder(matrix.shape[1]).passage(matrix).tolist()}
