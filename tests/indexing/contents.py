"""What an index holds, in a form that two indexes can be compared by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.sql import Database, SqlIndexRegistry
from connectors.sql.state import SqlState
from orchestrator.application.application import Application
from orchestrator.indexing.upkeep import pages
from orchestrator.ports import Dense, Embedder, IndexRegistry, Lexical, SparseEncoder, StateStore, VectorStore
from orchestrator.types import Principal

#: How far two scores of one passage may lie apart.
NOISE = 1e-5
EVERYBODY = Principal(grants=frozenset({"public", "hr", "staff"}), name="everybody")


def registry_of(app: Application) -> SqlIndexRegistry:
    """The registry, which is in SQL."""
    registry = app.container.get(IndexRegistry)
    assert isinstance(registry, SqlIndexRegistry)
    return registry


def database_of(app: Application) -> Database:
    """The database of everything."""
    state = app.container.get(StateStore)
    assert isinstance(state, SqlState)
    return state.database


def stored(app: Application, index: str = "default") -> dict[str, Any]:
    """Everything that the registry says of an index, but for numbers that count its changes."""
    version = app.container.get(IndexRegistry).current(index)
    assert version is not None
    return {
        "documents": {
            document.id: document
            for page in pages(app.container.get(IndexRegistry), index)
            for document in page
        },
        "files": app.container.get(IndexRegistry).files(index),
        "statistics": app.container.get(IndexRegistry).statistics(version, EVERYBODY),
        "format": version.format,
        "counts": (version.documents, version.passages),
    }


async def found(
    app: Application, question: str, principal: Principal = EVERYBODY, index: str = "default"
) -> list[list[tuple[str, float]]]:
    """The rankings of a question, by terms and by vector: ids with their scores."""
    ports = app.ports(index)
    store, embedder = ports[VectorStore], ports[Embedder]
    assert isinstance(store, VectorStore)
    assert isinstance(embedder, Embedder)
    assert isinstance(ports[SparseEncoder], SparseEncoder)
    (vector,) = await embedder.embed([question], kind="query")
    rankings = await store.search([Lexical(question), Dense(vector)], principal=principal, limit=20)
    return [[(hit.id, hit.score) for hit in ranking] for ranking in rankings]


def assert_alike(rankings: list[list[tuple[str, float]]], others: list[list[tuple[str, float]]]) -> None:
    """Assert that two indexes rank alike.

    A sum of 32-bit floats depends on the order in which an engine holds what it adds, in its last digit.
    Of passages that are level with the last one, either may have been cut off.
    """
    assert len(rankings) == len(others)
    for ranking, other in zip(rankings, others, strict=True):
        assert len(ranking) == len(other)
        least = max((each[-1][1] for each in (ranking, other) if each), default=0.0) + NOISE
        for these, those in ((ranking, dict(other)), (other, dict(ranking))):
            for identifier, score in these:
                assert score <= least or those.get(identifier) == pytest.approx(score, abs=NOISE)


async def documents_found(
    app: Application, question: str, grants: Sequence[str], index: str = "default"
) -> set[str]:
    """The documents that a reader with these grants finds, by the ids that their author knows."""
    principal = Principal(grants=frozenset(grants))
    ids = {
        identifier for ranking in await found(app, question, principal, index) for identifier, _ in ranking
    }
    by_passage = {
        passage.id: document.document
        for page in pages(app.container.get(IndexRegistry), index)
        for document in page
        for passage in document.passages
    }
    return {by_passage[identifier] for identifier in ids}
