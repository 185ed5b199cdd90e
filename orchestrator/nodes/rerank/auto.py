"""The strategy that was recommended for the model: what `orchestrator doctor --model` measured best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.errors import ModelError
from orchestrator.nodes._strategies import strategy, strategy_names
from orchestrator.nodes.rerank.candidates import Ranking, Task
from orchestrator.nodes.rerank.strategies import Needs, RerankSettings, StrategyFactory
from orchestrator.ports import resolved_name

#: What is taken for a model of which nothing was measured.
DEFAULT = "groupwise"


@dataclass(frozen=True)
class Auto:
    """The strategy that the model's profile recommends, with the node's settings; else `DEFAULT`."""

    needs: ClassVar[Needs] = "language model"
    stops: ClassVar[bool] = False
    settings: RerankSettings

    async def __call__(self, task: Task) -> Ranking:
        """The ranking by that strategy."""
        make: StrategyFactory = strategy("rerank", await self.recommended(task))
        return await make(self.settings)(task)

    async def recommended(self, task: Task) -> str:
        """The strategy's name. Without a recommendation the run says which one is used."""
        profile = None
        if task.profiles is not None:
            try:
                profile = await task.profiles.read(await resolved_name(task.model))
            except ModelError:
                # A model that is down has no name either; the strategy's own calls say why.
                return DEFAULT
        if profile is not None and profile.strategy in strategy_names("rerank"):
            return profile.strategy
        task.run.degrade(
            f"no reranking strategy was measured for this model, so that `{DEFAULT}` is used: "
            "run `orchestrator doctor --model`"
        )
        return DEFAULT
