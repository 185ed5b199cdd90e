"""A next-token model whose every call counts on the run that makes it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.graph.run.meter import Meter
from orchestrator.ports import NextTokenModel, NextTokens, Operation, resolved_name


class MeteredNextTokens:
    """The next-token model that a node is given. A call beyond the budget raises BudgetExhausted unmade."""

    def __init__(self, model: NextTokenModel, meter: Meter) -> None:
        self._model = model
        self._meter = meter

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    async def resolved_name(self, operation: Operation = "next_tokens") -> str:
        """The name of what answers now."""
        return await resolved_name(self._model, operation)

    async def next_tokens(self, rows: Sequence[Sequence[int]], tokens: Sequence[int]) -> NextTokens:
        """How likely each of `tokens` is the next one behind each of `rows`; see the port."""
        self._meter.begin(0)
        return await self._meter.count(
            "next_tokens",
            self._model,
            lambda: self._model.next_tokens(rows, tokens),
            lambda made: made.usage,
            begun=1,
        )
