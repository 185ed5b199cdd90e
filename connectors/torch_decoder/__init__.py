"""Generative recommendation in process: a tiny Llama that speaks in item identifiers, trained with torch."""

from connectors.torch_decoder.ranker import GenerativeRanker, GenerativeTrainer

__all__ = ["GenerativeRanker", "GenerativeTrainer"]
