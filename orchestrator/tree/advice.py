"""When a tree should be updated or built again, by number."""

from __future__ import annotations

from orchestrator.ports import TreeState

#: Growth of the spread, and share of edited passages, from which on a rebuild is recommended.
DRIFT, EDITED = 0.05, 0.5


def advice(state: TreeState) -> str:
    """What to do about a group's tree, in a sentence; "" for nothing."""
    name = state.group
    if state.recipe is None:
        return f"{name} has no tree: run `orchestrator tree build`."
    if state.foreign:
        return (
            f"The tree of {name} is of the embedder {state.recipe.embedder}, and the index of another: run "
            "`orchestrator tree build`."
        )
    if state.drift > DRIFT or state.edited > EDITED:
        return (
            f"The tree of {name} has drifted (spread {state.drift:+.1%}, {state.edited:.0%} of its passages "
            "edited since it was built): run `orchestrator tree build`."
        )
    if state.missing or state.stale:
        return (
            f"The tree of {name} lacks {state.missing:,} passages, and {state.stale:,} of its summaries are "
            "stale: run `orchestrator tree update`."
        )
    return ""
