"""The strategy protocol: makes a ranking of a task's candidates."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

from orchestrator.nodes.rerank.candidates import Ranking, Task

#: What a strategy cannot do without: `task.model` to write, choose or score, `task.embedder`, or nothing.
Needs = Literal["language model", "scorer", "embedder", "nothing"]


class Strategy(Protocol):
    """A reranking strategy: frozen configuration; `await strategy(task)` gives a ranking of the candidates.

    When the budget runs out or the model fails, it returns the best ranking so far; `calls.together` and
    `calls.InLine` see to it, and to the report. `needs` says what it works with: where that is not there,
    another takes its place. `stops` says whether it knows the stop candidate, and so the setting `stop`.
    """

    needs: ClassVar[Needs]
    stops: ClassVar[bool]

    async def __call__(self, task: Task) -> Ranking: ...


class RerankSettings(Protocol):
    """The settings of the node `Rerank`, which a strategy is made with; each takes those that it needs."""

    @property
    def keep(self) -> int: ...

    @property
    def depth(self) -> int: ...

    @property
    def group(self) -> int: ...

    @property
    def repeats(self) -> int: ...

    @property
    def weight(self) -> float: ...

    @property
    def calibrate(self) -> bool: ...

    @property
    def anchors(self) -> int: ...

    @property
    def window(self) -> int: ...

    @property
    def step(self) -> int: ...

    @property
    def stop(self) -> bool: ...

    @property
    def expectation(self) -> bool: ...


class StrategyFactory(Protocol):
    """The type of an entry point `rerank.NAME` of `orchestrator.strategies`: a function or a class."""

    def __call__(self, settings: RerankSettings, /) -> Strategy: ...
