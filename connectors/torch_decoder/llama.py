"""A Llama decoder in torch, small enough to train on a CPU: weights by the names that servers load.

The architecture is that of `LlamaForCausalLM` (RMSNorm, rotary positions, SwiGLU; Touvron et al.,
arXiv 2302.13971), so that a saved checkpoint is served by vLLM and read by transformers as it is. What
is added, dropout, exists in training alone.
"""

# torch types little of what it calls.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-6


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    vocabulary: int
    width: int = 128
    layers: int = 2
    heads: int = 2
    inner: int = 256
    positions: int = 256
    theta: float = 10_000.0


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.o_proj = nn.Linear(shape.width, shape.width, bias=False)

    def project(self, x: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of shape (rows, heads, tokens, width of a head), rotated."""
        rows, tokens, width = x.shape
        size = (rows, tokens, self.heads, width // self.heads)
        q = self.q_proj(x).view(size).transpose(1, 2)
        k = self.k_proj(x).view(size).transpose(1, 2)
        v = self.v_proj(x).view(size).transpose(1, 2)
        return rotated(q, cosine, sine), rotated(k, cosine, sine), v

    def merge(self, heads: Tensor) -> Tensor:
        """Heads side by side again, and mixed."""
        rows, _, tokens, _ = heads.shape
        return self.o_proj(heads.transpose(1, 2).reshape(rows, tokens, -1))


class Mlp(nn.Module):
    """The gated feed-forward part."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.inner, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.inner, bias=False)
        self.down_proj = nn.Linear(shape.inner, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One block: attention and feed-forward, each behind a norm and beside a residual."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = Mlp(shape)
        self.input_layernorm = nn.RMSNorm(shape.width, eps=EPSILON)
        self.post_attention_layernorm = nn.RMSNorm(shape.width, eps=EPSILON)


class Llama(nn.Module):
    """Token numbers of shape (rows, tokens) to hidden states of shape (rows, tokens, width).

    Rows are padded on the right: what stands behind a token cannot reach it. The table of token
    vectors is the caller's (see `forward`), since in training it is computed from item contents.
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, shape: Shape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)
        head = shape.width // shape.heads
        inverse = shape.theta ** -(torch.arange(0, head, 2, dtype=torch.float32) / head)
        angles = torch.outer(torch.arange(shape.positions, dtype=torch.float32), inverse)
        self.register_buffer("cosine", torch.cat([angles, angles], -1).cos(), persistent=False)
        self.register_buffer("sine", torch.cat([angles, angles], -1).sin(), persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                scale = (
                    (2 * shape.layers) ** -0.5
                    if name.endswith(("o_proj.weight", "down_proj.weight"))
                    else 1.0
                )
                nn.init.normal_(weight, std=scale * shape.width**-0.5)

    @property
    def blocks(self) -> list[Layer]:
        """The layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def forward(self, x: Tensor) -> Tensor:
        """Hidden states of token vectors `x`, of shape (rows, tokens, width)."""
        tokens = x.shape[1]
        cosine, sine = self.cosine[:tokens], self.sine[:tokens]
        x = self.dropout(x)
        for layer in self.blocks:
            q, k, v = layer.self_attn.project(layer.input_layernorm(x), cosine, sine)
            seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.dropout(layer.self_attn.merge(seen))
            x = x + self.dropout(layer.mlp(layer.post_attention_layernorm(x)))
        return self.norm(x)


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions, halves paired as in the released Llama weights."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cosine + turned * sine
