"""Cold-start items: represented by the known items with the most similar text and attributes.

Counting says nothing of a new item, and a fusion that learned its weights on known ones takes that
silence for evidence against it. So it borrows, until somebody has it, what is counted of its nearest
neighbours by content, in the measure in which they are alike (item cold start by content: Schein et al.,
SIGIR 2002, where a latent model stands between; here the counts themselves are borrowed).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.recommendation.libraries import library
from orchestrator.recommendation.rankers.attributes import COMMON
from orchestrator.recommendation.rankers.cooccurrence import NEIGHBOURS
from orchestrator.recommendation.rankers.item_content import weighted_terms
from orchestrator.recommendation.rankers.item_to_item import ItemToItem, strongest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.items import Items
    from orchestrator.interactions.sequences import Sequences

#: Known items that a new one borrows from. On validation items of a log whose every twentieth item was
#: held back, one found as many of these and cost the others more, ten found fewer.
NEAREST = 3
_AT_ONCE = 1_024


def borrowed(ranker: ItemToItem, items: Items, had: Sequences, *, count: int = NEAREST) -> ItemToItem:
    """The ranker with cold-start support: items without interactions borrow the scores of similar items.

    Where most of the catalogue is unknown the ranker stays as it is: it would be mostly borrowed.
    """
    import numpy as np

    sparse = library("scipy.sparse")
    known = np.zeros(len(items), dtype=np.bool_)
    known[had.items] = True
    if known.all() or 2 * int(known.sum()) < len(items):
        return ranker
    lent = likeness(items, known, count)
    spoken = lent.T.tocsr()
    blocks: list[Any] = []
    for begin in range(0, len(items), _AT_ONCE):
        block = (lent[begin : begin + _AT_ONCE] @ ranker.matrix @ spoken).tocoo()
        other = block.row + begin != block.col
        entries = (block.data[other], (block.row[other], block.col[other]))
        blocks.append(strongest(sparse.csr_matrix(entries, shape=block.shape), NEIGHBOURS, ranker.ties))
    return replace(ranker, matrix=sparse.vstack(blocks, format="csr"))


def likeness(items: Items, known: NDArray[np.bool_], count: int) -> Any:
    """A CSR matrix (items, items): itself for a known item, and for another its `count` nearest known ones.

    The entries of an unknown item are cosines, divided by how many there are.
    """
    import numpy as np

    sparse = library("scipy.sparse")
    terms = weighted_terms(items)
    spread = np.diff(terms.tocsc().indptr)
    # As for the attributes ranker: what nearly everything has tells no item from another.
    rare = terms[:, np.flatnonzero(spread <= max(COMMON, 1))].tocsr()
    new, old = np.flatnonzero(~known), np.flatnonzero(known)
    columns = rare[old].T.tocsr()
    blocks: list[Any] = []
    for begin in range(0, len(new), _AT_ONCE):
        near = strongest(rare[new[begin : begin + _AT_ONCE]] @ columns, count)
        shared = np.maximum(np.diff(near.indptr), 1)
        blocks.append(sparse.diags((1.0 / shared).astype(np.float32)) @ near)
    near = sparse.vstack(blocks, format="coo")
    return sparse.csr_matrix(
        (
            np.concatenate([np.ones(len(old), dtype=np.float32), near.data]),
            (np.concatenate([old, new[near.row]]), np.concatenate([old, old[near.col]])),
        ),
        shape=(len(items), len(items)),
        dtype=np.float32,
    )
