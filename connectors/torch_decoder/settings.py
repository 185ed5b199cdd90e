"""How large the decoder is, and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from orchestrator.errors import BadInput

Scheme = Literal["atomic", "collaborative", "hybrid", "random", "residual", "semantic", "sequential", "tree"]
SCHEMES: tuple[str, ...] = (
    "atomic",
    "collaborative",
    "hybrid",
    "random",
    "residual",
    "semantic",
    "sequential",
    "tree",
)
#: How many identifiers a search keeps at every step, unless a setting says otherwise.
BEAM = 20


@dataclass(frozen=True, slots=True)
class DecoderSettings:
    """Constants, chosen on the validation item of every user.

    `length` is in items, `batch` in items a step, padding included, `content` what an item's own token
    borrows its vector from, `everything` the size of a kind of tokens up to which a step compares with all
    of them instead of a sample of `negatives`. Validation stops training after `patience` epochs without
    a better NDCG@10 of `judged` users.
    """

    ids: Scheme = "hybrid"
    width: int = 128
    layers: int = 1
    heads: int = 2
    inner: int = 256
    length: int = 50
    dropout: float = 0.2
    content: Literal["text", "both", "none"] = "both"
    cosine: bool = True
    smoothing: float = 0.05
    rate: float = 2e-3
    decay: float = 0.05
    warmup: float = 0.05
    epochs: int = 14
    patience: int = 3
    judged: int = 2000
    batch: int = 2048
    everything: int = 32_768
    negatives: int = 4096
    beam: int = BEAM

    @classmethod
    def named(cls, ranker: str, given: Mapping[str, Any]) -> DecoderSettings:
        """Those of a ranker, `generative` or `atomic`; `model` may be `tiny`, `ids` a scheme, and so on."""
        if ranker == "atomic" or given.get("ids") == "atomic":
            found = cls(ids="atomic", layers=2, dropout=0.3, content="text", batch=1536)
        elif given.get("ids", "hybrid") != "hybrid":
            # Without a token of its own an item is known by its whole word: one layer cannot look it up.
            found = cls(layers=2)
        else:
            found = cls()
        if given.get("model") == "tiny":
            found = replace(found, width=64, heads=1, inner=128, epochs=10)
        known = {field.name for field in fields(cls)} - ({"ids"} if ranker == "atomic" else set[str]())
        found = replace(found, **{name: given[name] for name in sorted(known & set(given))})
        if found.ids not in SCHEMES:
            raise BadInput(
                f"There is no scheme of identifiers {found.ids!r}.", hint=f"Schemes: {', '.join(SCHEMES)}."
            )
        return found
