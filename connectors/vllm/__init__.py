"""Language models, scores and embeddings from vLLM, or any server that speaks OpenAI's protocol.

`model.py` is the `LanguageModel` port, `embedder.py` the `Embedder` port. Every request goes through
`servers.py`, which chooses a server, bounds what each is given (`limit.py`, `circuit.py`), tries again
where that may help, and says what went wrong (`failures.py`).
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Import a name of `__init__.pyi` when it is first used: without a server, nothing of this is needed."""
    from orchestrator.lazy_names import load

    return load(__name__, name)
