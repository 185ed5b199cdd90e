"""The queries that a node searches with: those that were written before it, or the question."""

from __future__ import annotations

from orchestrator.types import Queries, Query, Question


def queries_of(question: Question, queries: Queries | None) -> Queries:
    """The formulations of a question; its own text where nobody wrote any."""
    return queries or Queries((Query(question.text),))


def first_query(question: Question, queries: Queries | None) -> Query:
    """What is asked, in words that stand alone: the first query where there is one."""
    return queries.queries[0] if queries else Query(question.text)
