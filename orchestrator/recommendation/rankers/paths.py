"""Paths of the catalogue's graph that lead from a history to an item: candidates, and reasons to read.

An item's attributes are triples (item, field, value), and that users had one item after another is an edge as
well; a path is item — value — item or item — user — item. What is said of users is counted in the log. That a
path can be told is the point of recommending by a graph (KGAT, Wang et al., KDD 2019); its weight here is the
IDF of the value, not a trained attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.interactions.items import ATTRIBUTES, Items
from orchestrator.recommendation.rankers.evidence import Evidence
from orchestrator.recommendation.rankers.item_content import weighted_terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

#: How many users, and which share of those who had the one item, must have had the other one after it for
#: "often"; and how many must have had both for their number to be a reason.
OFTEN, SHARE, FEW = 5, 0.02, 2
#: Items of a history that are looked at for a reason, the newest.
_RECENT = 20


def triples(items: Items) -> list[tuple[str, str, str]]:
    """The catalogue as triples (item, field, value), in the order of ids."""
    return [(item.id, field, value) for item in items.rows for field, value in item.attributes]


@dataclass(frozen=True, eq=False)
class Paths:
    """The edges: `terms` (items, terms) of unit rows, `spread` by value, and who had what."""

    items: Items
    terms: Any
    spread: dict[tuple[str, str], int]
    evidence: Evidence | None = None

    @classmethod
    def of(cls, items: Items, had: Sequences | None = None) -> Paths:
        """The graph of a catalogue, and of the interactions `had` with it."""
        spread: dict[tuple[str, str], int] = {}
        for item in items.rows:
            for attribute in item.attributes:
                spread[attribute] = spread.get(attribute, 0) + 1
        evidence = None if had is None else Evidence.of(had, len(items))
        return cls(items, weighted_terms(items), spread, evidence)

    def to(self, history: Sequence[int], wanted: Sequence[int]) -> dict[int, str]:
        """For each wanted item the strongest path from the history, in words; none where there is none.

        "often had after X": by `OFTEN` users or more, by more than had it before X, and by a `SHARE` of
        whoever had X. Otherwise how many had both, where there are `FEW` or more, or else an attribute that
        both have.
        """
        recent = list(dict.fromkeys(reversed(history)))[:_RECENT]
        told = self._told(recent, wanted)
        found: dict[int, str] = {}
        for target in wanted:
            reason = told.get(target) or self._shared(recent, target)
            if reason:
                found[target] = reason
        return found

    def cosines(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines of what can be read about items; those of number -1 are like nothing."""
        import numpy as np

        rows = self.terms[np.maximum(numbers, 0)]
        cosines = (rows @ rows.T).toarray().astype(np.float32)
        cosines[numbers < 0] = 0.0
        cosines[:, numbers < 0] = 0.0
        return cosines

    def _told(self, recent: Sequence[int], wanted: Sequence[int]) -> dict[int, str]:
        """What the log says of each wanted item and one of the newest: what most users did, and lately."""
        if self.evidence is None or not recent or not wanted:
            return {}
        import numpy as np

        both, after, before = self.evidence.of_pairs(recent, wanted)
        same = np.asarray(recent)[:, None] == np.asarray(wanted)[None, :]
        newer = 1.0 / (np.arange(len(recent)) + 1.0)[:, None]
        had = np.diff(self.evidence.offsets)[np.asarray(recent)][:, None]
        is_often = (after >= OFTEN) & (after >= SHARE * had) & (after > before)
        often = np.where(is_often & ~same, after * newer, 0.0)
        shared = np.where((both >= FEW) & ~same, both * newer, 0.0)
        found: dict[int, str] = {}
        for at, target in enumerate(wanted):
            if often[:, at].any():
                source = recent[int(often[:, at].argmax())]
                found[target] = f"often had after {self._called(source)}"
            elif shared[:, at].any():
                place = int(shared[:, at].argmax())
                found[target] = f"had by {both[place, at]:,} who had {self._called(recent[place])}"
        return found

    def _shared(self, recent: Sequence[int], target: int) -> str:
        """The rarest attribute that the target has in common with one of the newest items."""
        own = set(self.items[target].attributes)
        best: tuple[int, int, tuple[str, str]] | None = None
        for age, source in enumerate(recent):
            if source == target:
                continue
            for attribute in own & set(self.items[source].attributes):
                told = (self.spread[attribute], age, attribute)
                best = told if best is None or told < best else best
        if best is None:
            return ""
        _, age, (field, value) = best
        named = value if field == ATTRIBUTES else f"{field} {value}"
        return f"{named}, as {self._called(recent[age])}"

    def _called(self, number: int) -> str:
        item = self.items[number]
        return item.title or item.id
