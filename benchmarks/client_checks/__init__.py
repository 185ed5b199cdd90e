"""What each client library is tried with, a module each; nothing of the project is imported."""

from __future__ import annotations

#: The distribution of each client that has checks.
CLIENTS = {
    "openai": "openai",
    "langchain": "langchain-openai",
    "llama-index": "llama-index-llms-openai-like",
    "litellm": "litellm",
}
