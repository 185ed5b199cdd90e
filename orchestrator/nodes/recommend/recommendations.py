"""The default workflow of `recommend top` and `POST /v1/recommendations`."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.graph.workflow import Workflow, workflow
from orchestrator.nodes.recommend.recommend import Recommend
from orchestrator.nodes.recommend.slate import POOL, MakeSlate
from orchestrator.types import History, Question


def recommendations(
    *,
    k: int = 10,
    ranker: str = "",
    exclude: Sequence[str] = (),
    repeat: bool = False,
    diversity: float = 0.0,
    at_most: Sequence[tuple[str, int]] = (),
) -> Workflow:
    """The default workflow of recommendation: question and history to a slate of `k` items.

    The question's principal sees, and its filters hold. See `Recommend` and `MakeSlate` for the rest.
    """
    wanted, caps = k * POOL if diversity else k, tuple(at_most)
    ranked = Recommend(
        k=wanted, ranker=ranker, exclude=tuple(exclude), repeat=repeat, fill=True, at_most=caps
    )
    shown = MakeSlate(k=k, diversity=diversity, at_most=caps, pool=wanted)
    return workflow("recommendations", ranked >> shown, inputs=(Question, History))
