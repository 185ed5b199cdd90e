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

    return GenerativeTrainer("generative", build.get(Embedder, connector="wordllama"))


def atomic(build: Build) -> Trainer:
    """The same with an identifier of its own for each item."""
    from connectors.torch_decoder import GenerativeTrainer

    return GenerativeTrainer("atomic", build.get(Embedder, connector="wordllama"))
