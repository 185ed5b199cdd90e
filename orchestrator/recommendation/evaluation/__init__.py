"""Evaluation of recommenders: the protocol, its measures and its report."""
