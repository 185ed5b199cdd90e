"""Item identifiers for generative recommendation: a scheme a file, each from training data alone.

Source of the family: Hua et al., "How to index item IDs for recommendation foundation models",
arXiv 2305.06569.
"""

from __future__ import annotations

from orchestrator.recommendation.generative.item_ids.collaborative import collaborative
from orchestrator.recommendation.generative.item_ids.hybrid import hybrid
from orchestrator.recommendation.generative.item_ids.item_ids import PADDING, BadIdentifiers, ItemIds
from orchestrator.recommendation.generative.item_ids.placing import placed
from orchestrator.recommendation.generative.item_ids.random import atomic, random
from orchestrator.recommendation.generative.item_ids.residual import residual
from orchestrator.recommendation.generative.item_ids.semantic import category_paths, semantic
from orchestrator.recommendation.generative.item_ids.sequential import sequential
from orchestrator.recommendation.generative.item_ids.tree import tree

__all__ = [
    "PADDING",
    "BadIdentifiers",
    "ItemIds",
    "atomic",
    "category_paths",
    "collaborative",
    "hybrid",
    "placed",
    "random",
    "residual",
    "semantic",
    "sequential",
    "tree",
]
