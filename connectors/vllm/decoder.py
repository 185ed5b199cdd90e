"""Beam steps on a vLLM server: the client drives the beam, since the server's own loses valid children.

vLLM's beam search takes the likeliest tokens first and filters them afterwards. Here every open row is
a prompt to be continued by one token, whose log-probabilities are asked for the children of its node and
nothing else; rows whose children are much the same share a request. The history is the common
beginning of all of them, which the server's prefix cache keeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from connectors.vllm.next_tokens import VllmNextTokens
from orchestrator.ports.recommend import Ranking
from orchestrator.recommendation.generative.beam import Ask, Beams, steps

if TYPE_CHECKING:
    from connectors.vllm.servers import Servers
    from orchestrator.interactions.sequences import Sequences
    from orchestrator.ports import NextTokenModel
    from orchestrator.recommendation.generative.item_ids import ItemIds
    from orchestrator.recommendation.generative.trie import Cut, Trie

#: The most ids that vLLM answers for in one request, unless it was started with another number.
MOST_IDS = 128
#: Rows of one request: enough that a request costs little a row, few enough that two keep a server busy.
ROWS = 16
#: The token that begins every row, and where the tokens of identifiers begin in the model's vocabulary.
_BEGIN, _SPECIAL = 1, 2


@dataclass(frozen=True, slots=True)
class _Request:
    """Rows to be continued, and the tokens that are asked for behind all of them.

    `wanted` says which flat tokens of the step each row is there for.
    """

    rows: list[int] = field(default_factory=list[int])
    wanted: list[slice] = field(default_factory=list[slice])
    tokens: set[int] = field(default_factory=set[int])


@dataclass(frozen=True, eq=False)
class VllmDecoder:
    """A served checkpoint of `connectors.torch_decoder` by its model name, and the identifiers it speaks.

    `length` is how many items of a history it reads. `through` is asked in the place of the servers: what a
    node is given for the port `NextTokenModel`, so that the requests count on its run and can be recorded
    (`dataclasses.replace(decoder, through=model)`). Errors are ModelErrors.
    """

    servers: Servers
    model: str
    ids: ItemIds
    length: int = 50
    most_ids: int = MOST_IDS
    through: NextTokenModel | None = None

    async def search(
        self, trie: Trie, histories: Sequences, *, width: int, k: int, cut: Cut | None = None
    ) -> Beams:
        """The best `k` items for each history; a node with one child costs no request."""
        prompts = [self._prompt(history.tolist()) for history in histories.newest(self.length)]
        stepping = steps(trie, len(prompts), width=width, k=k, cut=cut)
        try:
            ask = next(stepping)
            while True:
                extension: list[int] = (ask.extension + _SPECIAL).tolist()
                words = [[token] for token in extension] or [list[int]() for _ in ask.rows]
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
        """As `Ranker.top`: what is not allowed or is removed is cut before it is scored."""
        trie = trie if allowed is None else trie.keeping(allowed)
        cut = None if removed is None else trie.cut(removed.rows, removed.items)
        beams = await self.search(trie, histories, width=max(width, -(-k // 2)), k=k, cut=cut)
        return Ranking(beams.items, beams.scores)

    def _prompt(self, history: Sequence[int]) -> list[int]:
        return [_BEGIN, *(token + _SPECIAL for item in history for token in self.ids.of(item))]

    async def _logits(self, prompts: Sequence[list[int]], ask: Ask) -> NDArray[np.float32]:
        requests = self._requests(ask)
        answered = await asyncio.gather(*(self._answered(request, prompts) for request in requests))
        found = np.zeros(len(ask.tokens), dtype=np.float32)
        for request, behind in zip(requests, answered, strict=True):
            for place, step in zip(request.wanted, behind, strict=True):
                found[place] = [step[token] for token in ask.tokens[place].tolist()]
        return found

    def _requests(self, ask: Ask) -> list[_Request]:
        """Every row that has a choice, in as few requests as their tokens allow."""
        ends = np.cumsum(ask.counts).tolist()
        pieces = [
            (row, slice(first, min(first + self.most_ids, end)))
            for row, (count, end) in enumerate(zip(ask.counts.tolist(), ends, strict=True))
            if count > 1
            for first in range(end - count, end, self.most_ids)
        ]
        # Rows with the same children, and parts of these, stand side by side.
        pieces.sort(key=lambda piece: (int(ask.tokens[piece[1].start]), piece[0]))
        requests: list[_Request] = []
        for row, place in pieces:
            tokens = set(ask.tokens[place].tolist())
            last = requests[-1] if requests else None
            if last is None or len(last.rows) >= ROWS or len(last.tokens | tokens) > self.most_ids:
                last = _Request()
                requests.append(last)
            last.rows.append(row)
            last.wanted.append(place)
            last.tokens.update(tokens)
        return requests

    async def _answered(self, request: _Request, prompts: Sequence[list[int]]) -> list[dict[int, float]]:
        """Log-probabilities of the tokens behind each row of a request."""
        tokens = sorted(request.tokens)
        behind = await self._source.next_tokens(
            [prompts[row] for row in request.rows], [token + _SPECIAL for token in tokens]
        )
        return [dict(zip(tokens, row, strict=True)) for row in behind.values.tolist()]

    @property
    def _source(self) -> NextTokenModel:
        return self.through or VllmNextTokens(self.servers, self.model)
