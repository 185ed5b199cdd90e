"""The queries that a node searches with: reformulations if there are any, else the question."""

from __future__ import annotations

from orchestrator.types import Queries, Query, Question


def queries_of(question: Question, queries: Queries | None) -> Queries:
    """The queries to search with: the reformulations, or the question's own text if there are none."""
    return queries or Queries((Query(question.text),))


def first_query(question: Question, queries: Queries | None) -> Query:
    """The question as a self-contained text: the first query if there is one."""
    return queries.queries[0] if queries else Query(question.text)
