"""Provides all state in SQL, from one database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from orchestrator.ports import (
    Build,
    Cache,
    Conversations,
    Documents,
    Features,
    FeedbackStore,
    IndexRegistry,
    Ledger,
    Provider,
    RecommenderState,
    Runs,
    ShardRegistry,
    StateStore,
    TreeRegistry,
    TreeStore,
)

if TYPE_CHECKING:
    from connectors.sql.database import Database
    from connectors.sql.state import SqlState


def database_of(build: Build) -> Database:
    """The database that all of these share."""
    state: Any = build.get(StateStore, connector="sql")
    return state.database


def _state(build: Build) -> SqlState:
    from connectors.sql.state import SqlState

    return SqlState.opened(build.settings.database_url, build.home, build.clock)


def _clocked(name: str) -> Callable[[Build], Any]:
    """What keeps its state in the database, and asks the clock."""

    def make(build: Build) -> Any:
        import connectors.sql

        return getattr(connectors.sql, name)(database_of(build), build.clock)

    return make


def _of_index(name: str) -> Callable[[Build], Any]:
    """What reads the part of an index."""

    def make(build: Build) -> Any:
        import connectors.sql

        return getattr(connectors.sql, name)(database_of(build), build.index)

    return make


def _recommender_state(build: Build) -> RecommenderState:
    from connectors.sql.recommender_state import SqlRecommenderState

    return SqlRecommenderState(database_of(build))


def _tree_registry(build: Build) -> TreeRegistry:
    from connectors.sql.tree_registry import SqlTreeRegistry

    return SqlTreeRegistry(database_of(build), build.index, build.clock)


_CLOCKED: tuple[tuple[type, str], ...] = (
    (IndexRegistry, "SqlIndexRegistry"),
    (ShardRegistry, "SqlShardRegistry"),
    (Ledger, "SqlLedger"),
    (Runs, "SqlRuns"),
    (Conversations, "SqlConversations"),
    (Cache, "SqlCache"),
    (FeedbackStore, "SqlFeedback"),
)
_OF_INDEX: tuple[tuple[type, str], ...] = (
    (Documents, "SqlDocuments"),
    (Features, "SqlFeatures"),
    (TreeStore, "SqlTrees"),
)
_WHERE = "SQLite, or PostgreSQL by database_url"

providers = (
    Provider(port=StateStore, name="sql", make=_state, description=_WHERE),
    *(Provider(port=port, name="sql", make=_clocked(name), description=_WHERE) for port, name in _CLOCKED),
    Provider(port=RecommenderState, name="sql", make=_recommender_state, description=_WHERE),
    *(
        Provider(port=port, name="sql", make=_of_index(name), scope="index", description=_WHERE)
        for port, name in _OF_INDEX
    ),
    Provider(port=TreeRegistry, name="sql", make=_tree_registry, scope="index", description=_WHERE),
)
