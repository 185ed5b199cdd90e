"""The queries that a node searches with: reformulations if there are any, else the question."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.errors import IndexMismatch
from orchestrator.ports import Embedder, resolved_name
from orchestrator.types import Queries, Query, Question


def queries_of(question: Question, queries: Queries | None) -> Queries:
    """The queries to search with: the reformulations, or the question's own text if there are none."""
    return queries or Queries((Query(question.text),))


def first_query(question: Question, queries: Queries | None) -> Query:
    """The question as a self-contained text: the first query if there is one."""
    return queries.queries[0] if queries else Query(question.text)


async def ready_vector(query: Query, embedder: Embedder) -> tuple[float, ...]:
    """The vector that a query has; empty without one. IndexMismatch if another embedder made it."""
    if query.vector and query.embedder and query.embedder != (name := await resolved_name(embedder, "embed")):
        raise IndexMismatch(
            f"The query's vector was made by {query.embedder}, and the index searched with it by {name}.",
            hint="Name the index in the node that makes the vector too, as in VectorFeedback(index=…).",
        )
    return query.vector


async def with_vector(query: Query, vector: tuple[float, ...], embedder: Embedder) -> Query:
    """The query with a ready vector, and the name of what made it."""
    return replace(query, vector=vector, embedder=await resolved_name(embedder, "embed"))
