"""How much an update of the trees writes at most, before the documents have changed."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.ports import TreeState
from orchestrator.tree.update_job import ANEW, REPAIRS


def summaries_at_most(states: Sequence[TreeState], *, edits: int, placed: int) -> int | None:
    """The nodes that are made or get another summary for a change, at most; None if there is no tree.

    `edits` counts documents that are put into trees or taken out, `placed` the passages that are put in. Each
    edit repairs so many summaries, and a document has fewer nodes than passages. A tree of which much is new
    is made anew.
    """
    built = [state for state in states if state.recipe is not None]
    if not built:
        return None
    anew = sum(
        state.passages
        for state in built
        if state.foreign or state.missing + placed > ANEW * max(0, state.leaves - placed)
    )
    return placed + REPAIRS * edits + anew
