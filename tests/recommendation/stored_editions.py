"""Editions as artifacts in a folder, with their state in a database beside them."""

from __future__ import annotations

from pathlib import Path

from connectors.folder_artifacts import FolderArtifacts
from connectors.sql import SqlRecommenderState, open_database
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.rankers.registry import RankerRegistry


def editions_at(folder: Path, registry: RankerRegistry) -> Editions:
    """The editions below a folder, whose state is in `state.db` there."""
    state = SqlRecommenderState(open_database(folder / "state.db"))
    return Editions(folder, FolderArtifacts(folder), registry, state)
