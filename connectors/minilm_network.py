"""The network of all-MiniLM-L6-v2, which is BERT, in torch's functions; its weights are read from its file.

Devlin et al., "BERT" (arXiv 1810.04805). The library that the weights were published for needs three
seconds to be imported, which is most of what a question from the command line would take; torch's own
layer of this kind is half as fast as these functions.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12


class MiniLmNetwork:
    """Token numbers to the last layer's vectors. `dtype` is torch's, of weights and of vectors."""

    def __init__(self, weights: Path, dtype: Any) -> None:
        self._torch: Any = import_module("torch")
        read = import_module("safetensors.torch").load_file(weights)
        file: dict[str, Any] = {name: tensor.to(dtype) for name, tensor in read.items()}
        self._words = file["embeddings.word_embeddings.weight"]
        # Every token is of the first of the two segments that BERT tells apart.
        segment = file["embeddings.token_type_embeddings.weight"][0]
        self._places = file["embeddings.position_embeddings.weight"] + segment
        self._norm = _pair(file, "embeddings.LayerNorm")
        self._layers = [self._layer(file, f"encoder.layer.{number}.") for number in range(_LAYERS)]

    def __call__(self, tokens: Any, mask: Any) -> Any:
        """Vectors, shape (texts, tokens, 384), of numbers, shape (texts, tokens); `mask` is 0 at padding."""
        functions = self._torch.nn.functional
        states = self._words[tokens] + self._places[: tokens.shape[1]]
        states = self._normal(states, self._norm)
        # What is padded is attended to by nobody.
        seen = None if bool(mask.all()) else (mask > 0)[:, None, None, :]
        for layer in self._layers:
            asked = functions.linear(states, *layer["attention.self"]).unflatten(-1, (3, _HEADS, -1))
            query, key, value = asked.permute(2, 0, 3, 1, 4)
            heads = functions.scaled_dot_product_attention(query, key, value, attn_mask=seen)
            heads = functions.linear(heads.transpose(1, 2).flatten(2), *layer["attention.output.dense"])
            states = self._normal(states + heads, layer["attention.output.LayerNorm"])
            inner = functions.gelu(functions.linear(states, *layer["intermediate.dense"]))
            inner = functions.linear(inner, *layer["output.dense"])
            states = self._normal(states + inner, layer["output.LayerNorm"])
        return states

    def _layer(self, file: dict[str, Any], name: str) -> dict[str, tuple[Any, Any]]:
        parts = ("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense")
        layer = {part: _pair(file, name + part) for part in (*parts, "output.dense", "output.LayerNorm")}
        asked = [_pair(file, f"{name}attention.self.{each}") for each in ("query", "key", "value")]
        weight, bias = (self._torch.cat(kind) for kind in zip(*asked, strict=True))
        return {**layer, "attention.self": (weight, bias)}

    def _normal(self, states: Any, pair: tuple[Any, Any]) -> Any:
        return self._torch.nn.functional.layer_norm(states, states.shape[-1:], *pair, eps=_EPSILON)


def _pair(file: dict[str, Any], name: str) -> tuple[Any, Any]:
    return file[f"{name}.weight"], file[f"{name}.bias"]
