"""Tries the features of one client: run by `benchmarks.clients`, with a Python that has the library.

    python -m benchmarks.client_checks CLIENT ADDRESS KEY MODEL_SERVER

Prints one JSON object a feature.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.client_checks import CLIENTS
from benchmarks.client_checks.checks import Check
from benchmarks.client_checks.of_langchain import of_langchain
from benchmarks.client_checks.of_litellm import of_litellm
from benchmarks.client_checks.of_llama_index import of_llama_index
from benchmarks.client_checks.of_openai import of_openai

_CHECKS: dict[str, Callable[[str, str, str], Iterator[tuple[str, Check]]]] = {
    "openai": of_openai,
    "langchain": of_langchain,
    "llama-index": of_llama_index,
    "litellm": of_litellm,
}


def main(client: str, url: str, key: str, model_server: str) -> None:
    """Try every feature of a client."""
    distribution = CLIENTS[client]
    say({"version": f"{distribution} {importlib.metadata.version(distribution)}"})
    for feature, check in _CHECKS[client](url, key, model_server):
        try:
            said, works = str(check()), True
        except Exception as error:
            said, works = f"{type(error).__name__}: {error}", False
        say({"feature": feature, "works": works, "said": " ".join(said.split())[:300]})


def say(what: dict[str, Any]) -> None:
    """A line for the benchmark."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
