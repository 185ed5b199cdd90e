"""The identifiers of a catalogue by the name of their scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.recommendation.generative import item_ids

if TYPE_CHECKING:
    from connectors.torch_decoder.contents import Contents
    from orchestrator.interactions.items import Items
    from orchestrator.interactions.sequences import Sequences


def identifiers(
    scheme: str, items: Items, train: Sequences, contents: Contents, *, seed: int
) -> item_ids.ItemIds:
    """Made from training sequences, texts and attributes; see `generative.item_ids`."""
    count = len(items)
    match scheme:
        case "atomic":
            return item_ids.atomic(count)
        case "random":
            return item_ids.random(count, seed=seed)
        case "sequential":
            return item_ids.sequential(train, count, seed=seed)
        case "collaborative":
            return item_ids.collaborative(train, count, seed=seed)
        case "semantic":
            names = [[value for _, value in item.attributes] for item in items.rows]
            return item_ids.semantic(item_ids.category_paths(names))
        case "residual":
            return item_ids.residual(contents.joined, seed=seed)
        case "tree":
            return item_ids.tree(contents.joined, seed=seed)
        case _:
            return item_ids.hybrid(contents.joined, seed=seed)
