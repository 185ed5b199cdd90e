"""What is shown to somebody of whom nothing is known: what is popular, the more the later it was had.

Weights, networks and counts of pairs are learned from histories, and say nothing where there is none.
How fast popularity fades is chosen on validation, as if the users were strangers; a log without times
has no recency, and popularity counts alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.recommendation.rankers.popularity import Popularity, count_users
from orchestrator.recommendation.rankers.tuning import quality

if TYPE_CHECKING:
    from orchestrator.interactions.protocol import Asked
    from orchestrator.interactions.sequences import Sequences

#: Half-lives that are tried, as shares of the time that the log covers.
SHARES = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)


def recent_popularity(sequences: Sequences, items: int, half_life: float | None) -> Popularity:
    """Items by how many users had them, each counting half after every `half_life` seconds.

    Without a half-life, or without times, each counts one. Ages are from the log's newest interaction; of
    a user who had an item several times the newest counts.
    """
    import numpy as np

    if half_life is None or sequences.times is None or not len(sequences.items):
        return count_users(sequences, items)
    weights = 0.5 ** ((sequences.times.max() - sequences.times) / half_life)
    pairs, place = np.unique(sequences.rows * max(1, items) + sequences.items, return_inverse=True)
    newest = np.zeros(len(pairs))
    np.maximum.at(newest, place, weights)
    return Popularity(np.bincount(pairs % max(1, items), weights=newest, minlength=items))


def learn_half_life(train: Sequences, chosen: Asked, items: int) -> float | None:
    """The half-life in seconds that ranks the chosen items best; None if none is better than counting."""
    if train.times is None or not len(train.items):
        return None
    span = float(train.times.max() - train.times.min())
    best, reached = None, quality(recent_popularity(train, items, None), chosen)
    for share in SHARES if span > 0 else ():
        found = quality(recent_popularity(train, items, share * span), chosen)
        if found > reached:
            best, reached = share * span, found
    return best
