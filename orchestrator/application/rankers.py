"""The rankers that can be trained, from entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from orchestrator import plugins
from orchestrator.errors import BadInput
from orchestrator.ports import Recommender

if TYPE_CHECKING:
    from orchestrator.application.container import Container
    from orchestrator.ports import Build, Trainer
    from orchestrator.recommendation.editions.editions import Editions
    from orchestrator.recommendation.rankers.registry import RankerRegistry


def ranker_registry(build: Build) -> RankerRegistry:
    """All trainers by name. An entry point of `orchestrator.rankers` is a function from `Build` to a trainer.

    One that cannot be used is left out, and `orchestrator doctor` names it; PluginError if another
    distribution declares a name of the library's own.
    """
    from orchestrator.recommendation.rankers.registry import RankerRegistry

    trainers: list[Trainer] = []
    for plugin, make in plugins.usable(plugins.RANKERS):
        try:
            trainers.append(make(build))
        except Exception as error:
            plugins.log.warning("%s", plugins.broken(plugin, f"{type(error).__name__}: {error}"))
    return RankerRegistry.of(trainers)


def editions_of(container: Container) -> Editions:
    """The trained editions of the recommender; BadInput if it is another one than the library's own."""
    recommender = container.get(Recommender)
    editions = getattr(recommender, "editions", None)
    if editions is None:
        raise BadInput(
            f"The recommender is a {type(recommender).__name__}, which is not trained here.",
            hint="Leave [ports] recommender out, to train one.",
        )
    return cast("Editions", editions)
