"""Beam steps in process: the history is read once a user, and every beam attends to the same memory of it."""

# torch types little of what it calls.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from connectors.torch_decoder.words import SPECIAL, token_rows
from orchestrator.recommendation.generative.beam import Ask

if TYPE_CHECKING:
    from connectors.torch_decoder.llama import Llama
    from orchestrator.interactions.sequences import Sequences
    from orchestrator.recommendation.generative.item_ids import ItemIds

#: Kinds of tokens up to this size are scored whole, larger ones node by node.
_WHOLE = 1024


@dataclass(frozen=True, eq=False)
class TorchDecoder:
    """A trained body with its tables of token vectors: as they are read, and as they are chosen."""

    body: Llama
    read: Tensor
    chosen: Tensor
    ids: ItemIds
    length: int

    def begin(self, histories: Sequences) -> TorchPrefixes:
        """Reads the newest `length` items of each history."""
        rows, lengths = token_rows(histories.newest(self.length), self.ids)
        with torch.inference_mode():
            device = self.read.device
            ends = torch.from_numpy(lengths - 1).to(device)
            tokens = torch.from_numpy(rows).to(device)
            count = tokens.shape[1]
            cosine, sine = self.body.cosine[:count], self.body.sine[:count]
            x = self.read[tokens]
            memory: list[tuple[Tensor, Tensor]] = []
            last = len(self.body.blocks) - 1
            for number, block in enumerate(self.body.blocks):
                q, k, v = block.self_attn.project(block.input_layernorm(x), cosine, sine)
                memory.append((k, v))
                seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
                if number == last:
                    # Behind the last layer only the state at the end of each row is asked for.
                    at = torch.arange(len(ends), device=device)
                    seen, x = seen[at, :, ends][:, :, None], x[at, ends][:, None]
                x = x + block.self_attn.merge(seen)
                x = x + block.mlp(block.post_attention_layernorm(x))
            states = self.body.norm(x)[:, 0]
            past = (torch.arange(count, device=device)[None] > ends[:, None]).float() * -1e9
        return TorchPrefixes(self, np.arange(len(histories)), states, memory, past, ends, [])

    def vectors(self, tokens: NDArray[np.int64]) -> Tensor:
        """The chosen vectors of these tokens: neighbours in the table without a copy."""
        first, last = int(tokens[0]), int(tokens[-1])
        if last - first == len(tokens) - 1:
            return self.chosen[first : last + 1]
        return self.chosen[torch.from_numpy(tokens).to(self.chosen.device)]


@dataclass(frozen=True, eq=False)
class TorchPrefixes:
    """Rows of users: `user[r]` whose row it is, `states[r]` the network's state at its end.

    `memory` holds keys and values of histories, one row a user; `past` hides its padding. `words` holds
    those of the tokens behind the histories, one row a row, shape (rows, heads, tokens, width).
    """

    decoder: TorchDecoder
    user: NDArray[np.int64]
    states: Tensor
    memory: list[tuple[Tensor, Tensor]]
    past: Tensor
    ends: Tensor
    words: list[tuple[Tensor, Tensor]]

    def logits(self, ask: Ask) -> NDArray[np.float32]:
        """Scores of the asked tokens."""
        table = self.decoder.chosen
        with torch.inference_mode():
            tokens = ask.tokens.astype(np.int64) + SPECIAL
            first, last = int(tokens.min()), int(tokens.max()) + 1
            if last - first <= _WHOLE:
                whole = (self.states @ table[first:last].T).cpu().numpy()
                return whole[np.repeat(np.arange(len(whole)), ask.counts), tokens - first]
            order = np.argsort(ask.nodes, kind="stable")
            starts = np.flatnonzero(np.concatenate([[True], np.diff(ask.nodes[order]) != 0]))
            ends = np.append(starts[1:], len(order))
            offsets = np.cumsum(ask.counts) - ask.counts
            if len(starts) == 1:
                return (self.states @ self.decoder.vectors(tokens[: ask.counts[0]]).T).cpu().numpy().ravel()
            states = self.states[torch.from_numpy(order).to(table.device)]
            found = np.empty(len(tokens), dtype=np.float32)
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                rows = order[start:end]
                at, count = int(offsets[rows[0]]), int(ask.counts[rows[0]])
                scores = states[start:end] @ self.decoder.vectors(tokens[at : at + count]).T
                found[offsets[rows][:, None] + np.arange(count)] = scores.cpu().numpy()
            return found

    def extend(self, rows: NDArray[np.int64], tokens: NDArray[np.int32]) -> TorchPrefixes:
        """Reads one token more a row; every row of a user attends to that user's memory."""
        user = self.user[rows]
        device = self.states.device
        picked = torch.from_numpy(rows).to(device)
        if not len(tokens):
            whole = len(rows) == len(self.user)
            states = self.states if whole else self.states[picked]
            return TorchPrefixes(self.decoder, user, states, self.memory, self.past, self.ends, self.words)
        body = self.decoder.body
        # One line a user: their rows side by side, filled up where some have fewer.
        who, first, counts = np.unique(user, return_index=True, return_counts=True)
        slots = int(counts.max())
        line = np.repeat(np.arange(len(who)), counts)
        slot = np.arange(len(user)) - np.repeat(first, counts)
        full = slots * len(who) == len(user)
        where = (torch.from_numpy(line).to(device), torch.from_numpy(slot).to(device))

        def lines(values: Tensor) -> Tensor:
            if full:
                return values.view(len(who), slots, *values.shape[1:])
            found = values.new_zeros((len(who), slots, *values.shape[1:]))
            found[where] = values
            return found

        with torch.inference_mode():
            whose = torch.from_numpy(who).to(device)
            everyone = len(who) == len(self.ends)
            past = (self.past if everyone else self.past[whose])[:, None, None]
            before = self.words[0][0].shape[2] if self.words else 0
            at = self.ends[whose] + 1 + before
            cosine, sine = body.cosine[at][:, None, None], body.sine[at][:, None, None]
            x = lines(self.decoder.read[torch.from_numpy(tokens.astype(np.int64) + SPECIAL).to(device)])
            words: list[tuple[Tensor, Tensor]] = []
            for number, block in enumerate(body.blocks):
                q, k, v = block.self_attn.project(block.input_layernorm(x), cosine, sine)
                keys, values = self.memory[number]
                if not everyone:
                    keys, values = keys[whose], values[whose]
                own_k, own_v = k.transpose(1, 2)[:, :, :, None], v.transpose(1, 2)[:, :, :, None]
                if self.words:
                    old_k, old_v = self.words[number]
                    own_k = torch.cat([lines(old_k[picked]), own_k], dim=3)
                    own_v = torch.cat([lines(old_v[picked]), own_v], dim=3)
                flat = (len(who) * slots, *own_k.shape[2:])
                kept = slice(None) if full else torch.from_numpy(line * slots + slot).to(device)
                words.append((own_k.reshape(flat)[kept], own_v.reshape(flat)[kept]))
                scale = q.shape[-1] ** -0.5
                far = q @ keys.transpose(-1, -2) * scale + past
                near = torch.einsum("uhbd,ubhsd->uhbs", q, own_k) * scale
                weights = torch.cat([far, near], dim=-1).softmax(dim=-1)
                behind = far.shape[-1]
                seen = weights[..., :behind] @ values
                seen = seen + torch.einsum("uhbs,ubhsd->uhbd", weights[..., behind:], own_v)
                x = x + block.self_attn.merge(seen)
                x = x + block.mlp(block.post_attention_layernorm(x))
            states = body.norm(x)
            states = states.reshape(-1, states.shape[-1]) if full else states[where]
        return TorchPrefixes(self.decoder, user, states, self.memory, self.past, self.ends, words)
