"""Paths of the catalogue's graph that lead from a history to an item: candidates, and reasons to read.

An item's attributes are triples (item, field, value), and what users had next is an edge as well; a path
is item — value — item or item — next — item. That a path can be told is the point of recommending by a
graph (KGAT, Wang et al., KDD 2019); its weight here is the IDF of the value, not a trained attention.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.interactions.items import ATTRIBUTES, Items
from orchestrator.recommendation.rankers.item_content import weighted_terms
from orchestrator.recommendation.rankers.item_to_item import ItemToItem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Items of a history that are looked at for a reason, the newest.
_RECENT = 20


def triples(items: Items) -> list[tuple[str, str, str]]:
    """The catalogue as triples (item, field, value), in the order of ids."""
    return [(item.id, field, value) for item in items.rows for field, value in item.attributes]


@dataclass(frozen=True, eq=False)
class Paths:
    """The edges: `terms` (items, terms) of unit rows, `rules` (items, items) or None, `spread` by value.

    `had` are the items that anybody had: what rules say of another is borrowed, and no reason.
    """

    items: Items
    terms: Any
    rules: Any
    spread: dict[tuple[str, str], int]
    had: frozenset[int] | None = None

    @classmethod
    def of(cls, items: Items, rules: Any = None, had: Iterable[int] | None = None) -> Paths:
        """The graph of a catalogue; `rules` is a ranker whose matrix says what is had next."""
        matrix = getattr(rules, "matrix", None) if isinstance(rules, ItemToItem) or rules else None
        spread: dict[tuple[str, str], int] = {}
        for item in items.rows:
            for attribute in item.attributes:
                spread[attribute] = spread.get(attribute, 0) + 1
        return cls(items, weighted_terms(items), matrix, spread, None if had is None else frozenset(had))

    def to(self, history: Sequence[int], wanted: Sequence[int]) -> dict[int, str]:
        """For each wanted item the strongest path from the history, in words; none where there is none."""
        recent = list(dict.fromkeys(reversed(history)))[:_RECENT]
        found: dict[int, str] = {}
        for target in wanted:
            reason = self._next(recent, target) or self._shared(recent, target)
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

    def _next(self, recent: Sequence[int], target: int) -> str:
        """Which of the newest items is followed by the target most."""
        if self.rules is None:
            return ""
        best, strongest = -1, 0.0
        for age, source in enumerate(recent):
            if self.had is not None and not {source, target} <= self.had:
                continue
            weight = float(self.rules[source, target]) / (age + 1.0)
            if weight > strongest:
                best, strongest = source, weight
        return f"often had after {self._called(best)}" if best >= 0 else ""

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
