"""Relevance scores of texts, by a server of its own: vLLM's `/score`, or `/rerank` of others.

With such a server alone, `ScoringModel` is the `LanguageModel` port: it scores, and writes nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from connectors.vllm import answers
from connectors.vllm.failures import translated
from connectors.vllm.line import Line
from connectors.vllm.served import Served, Serving
from connectors.vllm.servers import Servers
from orchestrator.errors import ModelError, ModelUnreachable
from orchestrator.models.null import NullModel
from orchestrator.models.usage import Spending
from orchestrator.ports import Operation, Scores

#: Texts in one request: enough to fill a server's batch, few enough to share them among several.
BATCH = 64


class Scorer:
    """Asks a pooling server for the relevance of texts to a query; texts that are too long are cut there."""

    def __init__(self, servers: Servers, model: str | None = None) -> None:
        self._servers = servers
        self.serving = Serving(servers, model)
        self._reranks = False

    @property
    def name(self) -> str:
        """The model's name, as far as it is known."""
        return self.serving.name

    async def resolved_name(self) -> str:
        """The model's name, asked for if need be."""
        return await self.serving.resolved_name()

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """A score for each text, in their order; higher is better."""
        if not texts:
            return Scores(())
        served = await self.serving.served()
        parts = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        with Spending() as spending:
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(self._part(served.name, query, part, spending)) for part in parts
                    ]
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            return Scores(tuple(value for task in tasks for value in task.result()), spending.usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._servers.close()

    async def _part(
        self, model: str, query: str, texts: Sequence[str], spending: Spending
    ) -> tuple[float, ...]:
        if not self._reranks:
            body = {"model": model, "text_1": query, "text_2": list(texts), "truncate_prompt_tokens": -1}
            answer = await self._posted(model, "/score", body, may_lack=True)
            if answer is not None:
                spending.add(answers.usage(answer))
                return self._read(answer.get("data"), "score", len(texts), model)
        # There is a server, and it has no such path: others call it /rerank.
        body = {"model": model, "query": query, "documents": list(texts), "truncate_prompt_tokens": -1}
        answer = await self._posted(model, "/rerank", body) or {}
        self._reranks = True
        spending.add(answers.usage(answer))
        return self._read(answer.get("results"), "relevance_score", len(texts), model)

    async def _posted(
        self, model: str, path: str, body: dict[str, Any], *, may_lack: bool = False
    ) -> dict[str, Any] | None:
        """The answer; None if the server may lack this path, and does: it is not ill for that."""

        async def ask(line: Line) -> dict[str, Any] | None:
            try:
                return await line.post(path, body, at_root=True)
            except Exception as error:
                failure = translated(error, line.server.address.root, model, self._servers.setting)
                if may_lack and isinstance(failure, ModelUnreachable) and not failure.retryable:
                    return None
                raise

        return await self._servers.send(model, ask)

    def _read(self, rows: Any, field: str, size: int, model: str) -> tuple[float, ...]:
        try:
            values = {int(row["index"]): float(row[field]) for row in rows}
            ordered = tuple(values[number] for number in range(size))
        except (TypeError, KeyError, ValueError):
            raise ModelError(
                f"The model server {self._servers.names} scored other texts than {model!r} was given.",
                hint="Look whether it serves a cross-encoder.",
            ) from None
        if not all(map(math.isfinite, ordered)):
            raise ModelError(
                f"The model server {self._servers.names} gave scores that are no numbers for {model!r}.",
                hint="Serve the model with another --dtype.",
            )
        return ordered


class ScoringModel(NullModel):
    """A language model that only scores texts; generation is not available."""

    scores_texts = True

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def name(self) -> str:
        """The scoring model's name, as far as it is known."""
        return self._scorer.name

    async def resolved_name(self, operation: Operation = "score") -> str:
        """The same, asked for if need be."""
        return await self._scorer.resolved_name()

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Relevance by the cross-encoder or embedder of the server."""
        return await self._scorer.score(query, texts)

    async def server_info(self) -> list[tuple[str, Served]]:
        """What each server serves, named `scores`; raises ModelError if one does not answer."""
        return [("scores", each) for each in await self._scorer.serving.each()]

    async def close(self) -> None:
        """Close the connections."""
        await self._scorer.close()
