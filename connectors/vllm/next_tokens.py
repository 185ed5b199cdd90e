"""The `NextTokenModel` port over vLLM: log-probabilities of chosen tokens behind rows of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from connectors.vllm import answers
from connectors.vllm.completing import read_completion
from orchestrator.errors import NoLogProbabilities
from orchestrator.models.usage import Spending
from orchestrator.ports import NextTokens

if TYPE_CHECKING:
    from connectors.vllm.line import Line
    from connectors.vllm.servers import Servers


@dataclass(frozen=True, eq=False)
class VllmNextTokens:
    """A served model by its name. One call is one request, of as many tokens as the server allows."""

    servers: Servers
    model: str

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model

    async def next_tokens(self, rows: Sequence[Sequence[int]], tokens: Sequence[int]) -> NextTokens:
        """Log-probabilities of `tokens` behind each row; NoLogProbabilities if the server gives none."""
        body = {
            "model": self.model,
            "prompt": [list(row) for row in rows],
            "max_tokens": 1,
            "temperature": 1.0,
            "logprobs": 1,
            "logprob_token_ids": list(tokens),
            "return_tokens_as_token_ids": True,
        }

        async def ask(line: Line) -> dict[str, Any]:
            return await line.post("/completions", body)

        answer = await self.servers.send(self.model, ask)
        with Spending(answers.usage(answer)) as spending:
            found = {
                choice.get("index"): step
                for choice in answers.rows(answer.get("choices"))
                for step in read_completion(answer, choice).steps[:1]
            }
            behind = [found.get(index, {}) for index in range(len(rows))]
            if not all(step.keys() >= set(tokens) for step in behind):
                raise NoLogProbabilities(
                    f"The model server {self.servers.names} gives no log-probabilities of chosen tokens "
                    f"for {self.model!r}.",
                    hint="Serve the checkpoint with vLLM 0.32 or later.",
                )
            values = np.array([[step[token] for token in tokens] for step in behind], dtype=np.float32)
            return NextTokens(values.reshape(len(rows), len(tokens)), spending.usage)

    async def close(self) -> None:
        """Close the connections."""
        await self.servers.close()
