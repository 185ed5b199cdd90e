"""Language models, scores and embeddings from vLLM, or any server that speaks OpenAI's protocol.

`model.py` is the `LanguageModel` port, `embedder.py` the `Embedder` port. Every request goes through
`servers.py`, which chooses a server, bounds what each is given (`limit.py`, `circuit.py`), tries again
where that may help, and says what went wrong (`failures.py`).
"""

from __future__ import annotations

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
