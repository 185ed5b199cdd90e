"""Language models, scores and embeddings from vLLM, or any server that speaks OpenAI's protocol.

`model.py` is the `LanguageModel` port, `embedder.py` the `Embedder` port. Every request goes through
`servers.py`, which chooses a server, bounds what each is given (`limit.py`, `circuit.py`), tries again
where that may help, and says what went wrong (`failures.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.vllm.address import Address, addresses
    from connectors.vllm.completing import Completion
    from connectors.vllm.embedder import VllmEmbedder
    from connectors.vllm.model import VllmModel
    from connectors.vllm.scoring import Scorer, ScoringModel
    from connectors.vllm.servers import Servers

__all__ = [
    "Address",
    "Completion",
    "Scorer",
    "ScoringModel",
    "Servers",
    "VllmEmbedder",
    "VllmModel",
    "addresses",
]

_HOMES = {
    "Address": "address",
    "Completion": "completing",
    "Scorer": "scoring",
    "ScoringModel": "scoring",
    "Servers": "servers",
    "VllmEmbedder": "embedder",
    "VllmModel": "model",
    "addresses": "address",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: without a server, nothing of this is needed."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'connectors.vllm' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"connectors.vllm.{home}"), name)
