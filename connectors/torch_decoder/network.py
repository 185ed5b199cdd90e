"""The decoder in training: token vectors that borrow from item contents, and the loss."""

# torch types little of what it calls.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from connectors.torch_decoder.cross_entropy import summed_cross_entropy
from connectors.torch_decoder.llama import Llama, Shape
from connectors.torch_decoder.words import SPECIAL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from connectors.torch_decoder.settings import DecoderSettings
    from orchestrator.recommendation.generative.item_ids import ItemIds

#: Cosines are divided by this before the loss, unless training finds a better value.
_TEMPERATURE = 0.07


class Network(nn.Module):
    """A Llama body, and token vectors that are the same where tokens are read and where they are chosen.

    Where a token names one item, its vector is learned for the item plus projected from the item's
    contents: rare items borrow from their likes. With `cosine`, vectors are compared by direction: the
    last norm gives every state the same length, so that dividing the vectors by theirs is enough, and
    both fold into the plain matrix of a Llama checkpoint (`folded`).
    """

    contents: Tensor | None

    def __init__(self, ids: ItemIds, settings: DecoderSettings, contents: NDArray[np.float32] | None) -> None:
        super().__init__()
        width = settings.width
        vocabulary = ids.vocabulary + SPECIAL
        self.settings = settings
        longest = settings.length * ids.depth + 1
        self.body = Llama(
            Shape(vocabulary, width, settings.layers, settings.heads, settings.inner, longest + ids.depth),
            dropout=settings.dropout,
        )
        borrowed = torch.from_numpy(contents) if contents is not None and ids.own else None
        scale = width**-0.5 * (0.5 if borrowed is not None else 1.0)
        self.vectors = nn.Parameter(torch.randn(vocabulary, width) * scale)
        self.temperature = nn.Parameter(torch.tensor(1 / _TEMPERATURE)) if settings.cosine else None
        self.register_buffer("contents", borrowed)
        if self.contents is not None:
            views = max(1, round(float(self.contents.square().sum(1).mean())))
            self.borrowed = nn.Linear(self.contents.shape[1], width, bias=False)
            nn.init.normal_(self.borrowed.weight, std=(views * width) ** -0.5)
        #: First and last token of each kind; tokens of no item yet are never chosen in training.
        ends = [*ids.kinds[1:], ids.spare]
        self.kinds = [(a + SPECIAL, b + SPECIAL) for a, b in zip(ids.kinds, ends, strict=True)]
        self.first_own = ids.spare - len(ids) + SPECIAL

    def tables(self) -> tuple[Tensor, Tensor]:
        """Vectors of tokens as they are read, and as they are chosen, both (vocabulary, width)."""
        read = self.vectors
        if self.contents is not None:
            first, last = self.first_own, self.first_own + len(self.contents)
            own = read[first:last] + self.borrowed(self.contents)
            read = torch.cat([read[:first], own, read[last:]])
        chosen = read
        if self.temperature is not None:
            chosen = functional.normalize(read, dim=-1) * (self.temperature / math.sqrt(self.settings.width))
        return read, chosen

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean cross-entropy of the identifiers in rows of tokens, padded behind; summed over an identifier.

        A token is compared with all others of its kind, or with a sample of them drawn with equal
        chances, whose share is corrected for.
        """
        read, chosen = self.tables()
        states = self.body(read[tokens[:, :-1]])
        target = tokens[:, 1:]
        total = states.new_zeros(())
        items = states.new_zeros(())
        for first, last in self.kinds:
            here = (target >= first) & (target < last)
            state, wanted = states[here], target[here] - first
            total = total + self._compared(state, chosen[first:last], wanted)
            items = items + here.sum()
        return total / items.clamp(min=1) * len(self.kinds)

    def _compared(self, state: Tensor, table: Tensor, wanted: Tensor) -> Tensor:
        smoothing = self.settings.smoothing
        if len(table) <= self.settings.everything:
            return summed_cross_entropy(state, table, wanted, smoothing=smoothing)
        drawn = torch.randint(len(table), (self.settings.negatives,), device=table.device)
        share = math.log(len(table) / len(drawn))
        others = (state @ table[drawn].T + share).masked_fill(drawn[None] == wanted[:, None], -1e4)
        logits = torch.cat([(state * table[wanted]).sum(-1, keepdim=True), others], dim=1)
        return functional.cross_entropy(logits, torch.zeros_like(wanted), reduction="sum")
