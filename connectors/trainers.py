"""The trainers of deep recommenders, as entry points of `orchestrator.rankers`."""

from __future__ import annotations

from orchestrator.ports import Build, Embedder, Trainer


def sasrec(_: Build) -> Trainer:
    """A causal transformer over histories."""
    from connectors.sasrec import SasRecTrainer

    return SasRecTrainer()


def generative(build: Build) -> Trainer:
    """A language model that writes items' identifiers, made of what the items are."""
    from connectors.torch_decoder import GenerativeTrainer
    from connectors.vllm.configured import decoding_servers

    embedder = build.get(Embedder, connector="wordllama")
    return GenerativeTrainer("generative", embedder, decoding_servers(build.settings))


def atomic(build: Build) -> Trainer:
    """The same with an identifier of its own for each item."""
    from connectors.torch_decoder import GenerativeTrainer
    from connectors.vllm.configured import decoding_servers

    embedder = build.get(Embedder, connector="wordllama")
    return GenerativeTrainer("atomic", embedder, decoding_servers(build.settings))
