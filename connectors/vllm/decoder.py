"""Beam steps on a vLLM server: the client drives the beam, since the server's own loses valid children.

vLLM's beam search takes the likeliest tokens first and filters them afterwards. Here every open row is
one request for one token, whose log-probabilities are asked for the children of its node and nothing
else; the history is the common beginning of all of them, which the server's prefix cache keeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from connectors.vllm import answers
from orchestrator.errors import NoLogProbabilities
from orchestrator.ports.recommend import Ranking
from orchestrator.recommendation.beam import Ask, Beams, steps

if TYPE_CHECKING:
    from connectors.vllm.servers import Line, Servers
    from orchestrator.recommendation.interactions import Sequences
    from orchestrator.recommendation.item_ids import ItemIds
    from orchestrator.recommendation.trie import Cut, Trie

#: The most ids that vLLM answers for in one request, unless it was started with another number.
MOST_IDS = 128
#: Where the tokens of identifiers begin in the model's vocabulary, behind padding and beginning.
_SPECIAL = 2


@dataclass(frozen=True, eq=False)
class VllmDecoder:
    """A served checkpoint of `connectors.torch_decoder` by its model name, and the identifiers it speaks.

    `length` is how many items of a history it reads. Errors are ModelErrors.
    """

    servers: Servers
    model: str
    ids: ItemIds
    length: int = 50
    most_ids: int = MOST_IDS

    async def search(
        self, trie: Trie, histories: Sequences, *, width: int, k: int, cut: Cut | None = None
    ) -> Beams:
        """The best `k` items for each history; a node with one child costs no request."""
        prompts = [self._prompt(history.tolist()) for history in histories.newest(self.length)]
        stepping = steps(trie, len(prompts), width=width, k=k, cut=cut)
        try:
            ask = next(stepping)
            while True:
                extension: list[int] = ask.extension.tolist()
                words = [f" t{token}" for token in extension] or [""] * len(ask.rows)
                rows: list[int] = ask.rows.tolist()
                prompts = [prompts[row] + word for row, word in zip(rows, words, strict=True)]
                ask = stepping.send(await self._logits(prompts, ask))
        except StopIteration as end:
            return end.value

    async def top(
        self,
        trie: Trie,
        histories: Sequences,
        *,
        k: int,
        width: int = 20,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """As `Arm.top`: what is not allowed or is removed is cut before it is scored."""
        trie = trie if allowed is None else trie.keeping(allowed)
        cut = None if removed is None else trie.cut(removed.rows, removed.items)
        beams = await self.search(trie, histories, width=max(width, -(-k // 2)), k=k, cut=cut)
        return Ranking(beams.items, beams.scores)

    def _prompt(self, history: Sequence[int]) -> str:
        return " ".join(["<s>", *(f"t{token}" for item in history for token in self.ids.of(item))])

    async def _logits(self, prompts: Sequence[str], ask: Ask) -> NDArray[np.float32]:
        parts: list[tuple[str, list[int]]] = []
        places: list[slice] = []
        end = 0
        for prompt, count in zip(prompts, ask.counts.tolist(), strict=True):
            start, end = end, end + count
            if count > 1:
                for first in range(start, end, self.most_ids):
                    places.append(slice(first, min(first + self.most_ids, end)))
                    parts.append((prompt, ask.tokens[places[-1]].tolist()))
        found = np.zeros(end, dtype=np.float32)
        for place, scores in zip(places, await asyncio.gather(*(self._step(*p) for p in parts)), strict=True):
            found[place] = scores
        return found

    async def _step(self, prompt: str, tokens: list[int]) -> list[float]:
        """Log-probabilities of these tokens behind a prompt."""
        wanted = [token + _SPECIAL for token in tokens]
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": 1,
            "temperature": 1.0,
            "logprobs": True,
            "logprob_token_ids": wanted,
            "return_tokens_as_token_ids": True,
        }

        async def ask(line: Line) -> dict[str, Any]:
            return await line.post("/chat/completions", body)

        answer = await self.servers.send(self.model, ask)
        choices = answers.rows(answer.get("choices"))
        step = answers.first_step(choices[0]) if choices else {}
        try:
            return [step[f"token_id:{token}"] for token in wanted]
        except KeyError:
            raise NoLogProbabilities(
                f"the model server {self.servers.names} gives no log-probabilities of chosen tokens "
                f"for {self.model!r}.",
                hint="Serve the checkpoint with vLLM 0.32 or later.",
            ) from None
