"""A SASRec-class ranker: a causal transformer over item histories, in torch."""

from connectors.sasrec.trainer import SasRecTrainer

__all__ = ["SasRecTrainer"]
