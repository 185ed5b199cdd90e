"""Recommenders: rank items for user histories, under access control and filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orchestrator.progress import Progress, silent
from orchestrator.types import Filter, History, Hits, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.items import Item, Items
    from orchestrator.interactions.protocol import Asked
    from orchestrator.interactions.sequences import Sequences


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The best items of each row: `items` int32 and `scores` float32, both (rows, k), the best first.

    Ties are in an order of the ranker's own, by popularity or by number, and always the same. A row with
    fewer than k items ends in -1 and -inf.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]


@runtime_checkable
class Ranker(Protocol):
    """A ranking algorithm: ranks the items of a catalogue for a batch of histories.

    `allowed`, of shape (items,), are the items that may come back at all (access, filters, deletions);
    `removed` has one row a history: items that this row must not get back. Both hold before the best k
    are taken, so that a ranker finds k items whenever as many are left that it can rank. An empty
    history is legal: a ranker that can say nothing about it returns an empty row, and the recommender shows
    what is popular.
    """

    @property
    def name(self) -> str: ...

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking: ...


@dataclass(frozen=True, eq=False)
class Training:
    """The input of training: items, interactions, validation data and settings.

    It learns from `train` alone and chooses every constant on `chosen`. `parts` are the rankers that it
    is made of, trained already. `folder` is its own: what it leaves there is kept, so that an
    interrupted training can go on and a finished one be loaded.
    """

    items: Items
    train: Sequences
    chosen: Asked
    folder: Path
    seed: int = 0
    parts: Mapping[str, Ranker] = field(default_factory=dict[str, Ranker])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    progress: Progress = silent


@dataclass(frozen=True, eq=False)
class Refresh:
    """The input of `Trainer.refresh`: the new items and interactions for a ranker that is not retrained.

    `trained` is the folder that `fit`, or an earlier `refresh`, left for the items `before`. `parts` are
    the rankers that it is made of, carried over already. `folder` is its own, and empty.
    """

    items: Items
    interactions: Sequences
    before: Items
    trained: Path
    folder: Path
    parts: Mapping[str, Ranker] = field(default_factory=dict[str, Ranker])


@runtime_checkable
class Trainer(Protocol):
    """Trains, saves and loads one ranker. `parts` are its components; `missing` says what to install."""

    @property
    def name(self) -> str: ...

    @property
    def parts(self) -> tuple[str, ...]: ...

    def missing(self) -> str | None:
        """One sentence and the next step when a library is not installed, else None."""
        ...

    def fit(self, training: Training) -> Ranker:
        """Train, and leave in `training.folder` what `load` needs."""
        ...

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        """The ranker that `fit` left there. BadInput if it was made for another catalogue."""
        ...

    def refresh(self, target: Refresh) -> Ranker:
        """Update the ranker to new items without training, and write to `target.folder` what `load` needs.

        No network is trained and nothing chosen: constants, weights and networks stay as they are, what
        is counted is counted on `interactions`, and an item that is new is known by what can be read
        about it. An OrchestratorError says why a ranker cannot be carried over.
        """
        ...


@dataclass(frozen=True, slots=True)
class CatalogueState:
    """The state of the recommender: the edition in use, withdrawn items, and a version number."""

    edition: str | None = None
    withdrawn: frozenset[str] = frozenset()
    revision: int = 0


@runtime_checkable
class RecommenderState(Protocol):
    """The shared state of the recommender for all processes; every change is a transaction."""

    def read(self) -> CatalogueState:
        """The current state. Cheap: it is read for every ranking."""
        ...

    def withdraw(self, ids: Iterable[str], *, back: bool = False) -> frozenset[str]:
        """Take items out of every ranking by hand, or let them back in; what is withdrawn then."""
        ...

    def publish(
        self, edition: str, *, after: str | None, gone: Iterable[str] = (), listed: Iterable[str] = ()
    ) -> CatalogueState:
        """Put an edition into use. StoreError if `after`, from which it was made, is not in use any more.

        `gone` are items that left the item table: withdrawn until they are `listed` again. What was withdrawn
        by hand stays so.
        """
        ...

    def adopt(self, edition: str | None, withdrawn: Iterable[str]) -> None:
        """Begin with what an earlier release kept in files; nothing if there is a state already."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """A resolved history: its known items, oldest first, and notes about ignored ones."""

    items: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class Recommender(Protocol):
    """Recommends items of one catalogue for histories. Access control and filters are part of every ranking.

    A principal sees the items of its tenant that carry a granted label, and no others: not as results,
    not as reasons, and not as what a history counts.
    """

    @property
    def version(self) -> str:
        """Identifies the published models and items that are used now; part of every cache key."""
        ...

    async def recommend(
        self,
        histories: Sequence[History],
        *,
        principal: Principal,
        k: int = 10,
        ranker: str = "",
        exclude: Sequence[str] = (),
        filters: Sequence[Filter] = (),
        repeat: bool = False,
        fill: bool = False,
        at_most: Sequence[tuple[str, int]] = (),
    ) -> list[Hits]:
        """Recommend items: one ranking per history by the named ranker, or by the default one.

        Only items that match every filter and are not in `exclude` are ranked; those of the history only
        with `repeat`. What a history names that the catalogue lacks is passed over. A history of which no
        item is known gets what is popular, whichever ranker was named. With `fill` a ranking that is shorter
        than `k` ends in what is popular; `at_most` caps how many of the `k` may share a value of a field.
        """
        ...

    async def find(
        self, text: str, *, principal: Principal, k: int = 100, filters: Sequence[Filter] = ()
    ) -> Hits:
        """Keyword search: items whose title and attributes hold words of a text, rare words weigh more."""
        ...

    async def known(self, history: History, *, principal: Principal) -> Known:
        """Resolve a history: the items that a ranking uses."""
        ...

    async def remarks(self, *, filters: Sequence[Filter] = (), capped: Sequence[str] = ()) -> tuple[str, ...]:
        """Notes on filters and caps whose field no item has."""
        ...

    async def items(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Item]:
        """The items that exist and that the principal may see, in the order of `ids`."""
        ...

    async def reasons(self, history: History, ids: Sequence[str], *, principal: Principal) -> dict[str, str]:
        """Explanations of items: the path from the history to each, in words; no entry if there is none."""
        ...

    async def alike(self, ids: Sequence[str], *, principal: Principal) -> NDArray[np.float32]:
        """Text similarity of items: cosines (len(ids), len(ids)); 0 for one that may not be seen."""
        ...
