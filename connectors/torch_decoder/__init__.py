"""Generative recommendation in process: a tiny Llama that speaks in item identifiers, trained with torch."""

from connectors.torch_decoder.ranker import GenerativeArm, GenerativeTrainer

__all__ = ["GenerativeArm", "GenerativeTrainer"]
