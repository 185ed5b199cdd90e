"""The network: pre-norm causal blocks with gated residuals, over item vectors that content is part of.

Sources: SASRec (Kang and McAuley, ICDM 2018); full-catalogue cross-entropy in its place of sampled
binary loss (Klenitskiy and Vasilev, RecSys 2023); gates on the residuals as in LiGR (Borisyuk et al.,
arXiv 2502.03417). An item's vector is learned for the item plus projected from what can be read about
it, the same at both ends, so that rare items borrow from their likes. Attention knows distances, not
places: a history that is cut at the front means the same.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from connectors.sasrec.settings import SasRecSettings


def network(items: int, settings: SasRecSettings, content: NDArray[np.float32]) -> Any:
    """A torch module: `table()` are the vectors of all items and one of padding, number `items`.

    `forward(sequences, table)` maps (rows, places) of item numbers, padded at the end, to the states
    (rows, places, dimensions); `logits` compares states with the table by cosine.
    """
    torch: Any = import_module("torch")
    nn: Any = torch.nn
    functional: Any = torch.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            nn.Module.__init__(self)
            d = settings.dimensions
            self.first, self.second = nn.LayerNorm(d), nn.LayerNorm(d)
            self.projected, self.joined = nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.widened, self.narrowed = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
            self.attention_gate, self.feed_gate = nn.Linear(d, d), nn.Linear(d, d)
            self.dropout = nn.Dropout(settings.dropout)
            self.distance = nn.Parameter(torch.zeros(settings.heads, settings.length))

        def forward(self, states: Any) -> Any:
            rows, places, d = states.shape
            normed = self.first(states)
            parts = self.projected(normed).view(rows, places, 3, settings.heads, d // settings.heads)
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            at = torch.arange(places, device=states.device)
            back = at[:, None] - at[None, :]
            bias = self.distance[:, back.clamp(min=0)].masked_fill(back < 0, float("-inf"))
            mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
            mixed = self.joined(mixed.transpose(1, 2).reshape(rows, places, d))
            states = states + self.dropout(mixed * torch.sigmoid(self.attention_gate(normed)))
            normed = self.second(states)
            fed = self.narrowed(self.dropout(functional.gelu(self.widened(normed))))
            return states + self.dropout(fed * torch.sigmoid(self.feed_gate(normed)))

    class Network(nn.Module):
        def __init__(self) -> None:
            nn.Module.__init__(self)
            d = settings.dimensions
            self.embedding = nn.Embedding(items + 1, d, padding_idx=items)
            nn.init.normal_(self.embedding.weight, std=0.02)
            with torch.no_grad():
                self.embedding.weight[items] = 0.0
            padded = torch.cat([torch.from_numpy(content), torch.zeros(1, content.shape[1])])
            self.register_buffer("content", padded, persistent=False)
            self.read = nn.Linear(content.shape[1], d, bias=False)
            nn.init.normal_(self.read.weight, std=0.05)
            self.dropout = nn.Dropout(settings.dropout)
            self.blocks = nn.ModuleList(Block() for _ in range(settings.layers))
            self.norm = nn.LayerNorm(d)

        def table(self) -> Any:
            return self.embedding.weight + self.read(self.content)

        def forward(self, sequences: Any, table: Any) -> Any:
            states = self.dropout(functional.embedding(sequences, table))
            for block in self.blocks:
                states = block(states)
            return self.norm(states)

        def logits(self, states: Any, table: Any) -> Any:
            directions = functional.normalize(table, dim=-1) / settings.temperature
            return functional.normalize(states, dim=-1) @ directions.T

    return Network()
