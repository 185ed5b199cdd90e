"""The attributes ranker: items that read like those of the history, by the cosine of IDF-weighted terms.

What it says of an item knows nothing of who had it, so that an item of this morning is ranked like any
other. Of items that read alike, those that more users had come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.interactions.items import Items
from orchestrator.ports.recommend import Training
from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.rankers.item_content import weighted_terms
from orchestrator.recommendation.rankers.item_to_item import ItemToItem, strongest
from orchestrator.recommendation.rankers.popularity import by_popularity
from orchestrator.recommendation.rankers.tuning import Constants, coordinate_search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

#: Items that one item speaks for.
NEIGHBOURS = 100
#: A term that more items have than this joins nearly everything; it counts in lengths, not in products.
COMMON = 1_000
_AT_ONCE = 1_024


def similar_items(
    items: Items,
    *,
    count: int = NEIGHBOURS,
    title: bool = True,
    ties: NDArray[np.int32] | None = None,
) -> Any:
    """A CSR matrix (items, items): the cosines of the `count` most similar items of each, itself left out.

    Of items that are alike in the same measure, those of the lower number in `ties` are kept.
    """
    import numpy as np

    sparse = library("scipy.sparse")

    terms = weighted_terms(items, title=title)
    spread = np.diff(terms.tocsc().indptr)
    # Columns that are left out take the same from every pair that shares them: order within a category.
    rare = terms[:, np.flatnonzero(spread <= max(COMMON, 1))].tocsr()
    columns = rare.T.tocsr()
    blocks: list[Any] = []
    for begin in range(0, len(items), _AT_ONCE):
        block = (rare[begin : begin + _AT_ONCE] @ columns).tocoo()
        other = block.row + begin != block.col
        block = sparse.csr_matrix(
            (block.data[other], (block.row[other], block.col[other])), shape=block.shape, dtype=np.float32
        )
        blocks.append(strongest(block, count, ties))
    if not blocks:
        return sparse.csr_matrix((0, 0), dtype=np.float32)
    return sparse.vstack(blocks, format="csr")


def read_attributes(items: Items, had: Sequences, constants: Constants) -> ItemToItem:
    """The ranker of these constants."""
    ties = by_popularity(had, len(items))
    return ItemToItem("attributes", similar_items(items, ties=ties), constants["decay"], ties=ties)


def learn_attributes(training: Training) -> tuple[ItemToItem, Constants]:
    """The ranker with the decay that ranks the chosen part best, and it."""
    ranker = read_attributes(training.items, training.train, {"decay": 1.0})
    best = coordinate_search(
        lambda values: ranker.fading(values["decay"]),
        {"decay": 1.0},
        {"decay": (0.5, 1.0, 1.5)},
        training,
    )
    return ranker.fading(best["decay"]), best
