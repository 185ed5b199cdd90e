"""The recommender of published editions: histories by name in, rankings of item ids out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from orchestrator.errors import BadInput
from orchestrator.interactions.items import ATTRIBUTES, Item
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports.recommend import Known, Ranker, Ranking
from orchestrator.recommendation.editions.editions import Edition, Editions
from orchestrator.recommendation.rankers.newcomers import recent_popularity
from orchestrator.recommendation.rankers.paths import Paths
from orchestrator.recommendation.rankers.popularity import Popularity
from orchestrator.recommendation.rankers.title_search import Words
from orchestrator.recommendation.selection import best_of_dense
from orchestrator.recommendation.slate.filling import POPULAR, capped, filled
from orchestrator.types import Filter, History, Hit, Hits, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EMPTY = "The history is empty: what is popular is shown."
NOTHING_KNOWN = "No item of the history is known."


@dataclass(frozen=True, eq=False)
class _Read:
    """What is made of the items of an edition when it is first needed."""

    edition: Edition

    @cached_property
    def words(self) -> Words:
        return Words.of(self.edition.items)

    @cached_property
    def paths(self) -> Paths:
        return Paths.of(self.edition.items, self.edition.interactions.sequences)

    @cached_property
    def popular(self) -> Popularity:
        """What is shown to somebody of whom nothing is known."""
        edition = self.edition
        return recent_popularity(edition.interactions.sequences, len(edition.items), edition.half_life)


@dataclass(frozen=True, eq=False)
class _Opened:
    """An edition, and the items that left it."""

    stamp: tuple[str | None, int]
    read: _Read
    withdrawn: frozenset[str]

    @property
    def edition(self) -> Edition:
        return self.read.edition

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """Which items were not withdrawn."""
        import numpy as np

        mask = np.ones(len(self.edition.items), dtype=np.bool_)
        mask[self.edition.items.numbers_of(self.withdrawn)[0]] = False
        return mask


class EditionRecommender:
    """Ranks with the current edition. A new one, or a withdrawn item, counts from the next call on."""

    def __init__(self, editions: Editions) -> None:
        self.editions = editions
        self._opened: _Opened | None = None
        self._lock = Lock()

    @property
    def version(self) -> str:
        """The name of the edition, and when an item was last withdrawn."""
        name, changed = self.editions.stamp()
        return f"{name or 'nothing'}/{changed}"

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
        """One ranking a history. BadInput for a ranker that was not trained, or a field that no item has."""

        def ranked() -> list[Hits]:
            opened = self._open()
            chosen = self._ranker(opened.edition, ranker)
            readable = opened.edition.items.readable(principal)
            batch = Sequences.of([self._numbers(opened, each, readable)[0] for each in histories])
            allowed = self._allowed(opened, principal, filters, exclude)
            if k < 1 or not allowed.any():
                return [Hits() for _ in histories]
            return _ranked(opened, chosen, batch, k, allowed, repeat, fill, dict(at_most))

        return await asyncio.to_thread(ranked)

    async def find(
        self, text: str, *, principal: Principal, k: int = 100, filters: Sequence[Filter] = ()
    ) -> Hits:
        """The `k` best items for the words of a text."""

        def found() -> Hits:
            opened = self._open()
            allowed = self._allowed(opened, principal, filters, ())
            scores = opened.read.words.scores(text, allowed)
            return _hits(opened, best_of_dense(scores[None, :], k=k, allowed=scores > 0), "words")[0]

        return await asyncio.to_thread(found)

    async def known(self, history: History, *, principal: Principal) -> Known:
        """The items that count, and what was passed over."""

        def known() -> Known:
            opened = self._open()
            numbers, notes = self._numbers(opened, history, opened.edition.items.readable(principal))
            ids = opened.edition.items.ids
            return Known(tuple(ids[number] for number in numbers), tuple(notes))

        return await asyncio.to_thread(known)

    async def remarks(self, *, filters: Sequence[Filter] = (), capped: Sequence[str] = ()) -> tuple[str, ...]:
        """Fields that no item has: looked for in a list without names, or without effect."""

        def remarked() -> tuple[str, ...]:
            fields = self._open().edition.items.fields
            unnamed = [each.field for each in filters if in_fields(each, fields).field != each.field]
            return (
                *(
                    f"The attributes of the items have no names: {field!r} was looked for among all of them."
                    for field in dict.fromkeys(unnamed)
                ),
                *(
                    f"No item has a field {field!r}: the slate is not capped by it."
                    for field in dict.fromkeys(capped)
                    if field not in fields
                ),
            )

        return await asyncio.to_thread(remarked) if filters or capped else ()

    async def items(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Item]:
        """The items that exist and may be seen."""

        def looked_up() -> dict[str, Item]:
            opened = self._open()
            items, open_ = opened.edition.items, self._visible(opened, principal)
            numbers = {one: items.numbers[one] for one in ids if one in items.numbers}
            return {one: items[number] for one, number in numbers.items() if open_[number]}

        return await asyncio.to_thread(looked_up)

    async def reasons(self, history: History, ids: Sequence[str], *, principal: Principal) -> dict[str, str]:
        """The strongest path to each item from the history."""

        def told() -> dict[str, str]:
            opened = self._open()
            items, open_ = opened.edition.items, self._visible(opened, principal)
            numbers, _ = self._numbers(opened, history, open_)
            wanted, _ = items.numbers_of(ids)
            paths = opened.read.paths.to(numbers, [int(one) for one in wanted if open_[one]])
            return {items.ids[number]: reason for number, reason in paths.items()}

        return await asyncio.to_thread(told)

    async def alike(self, ids: Sequence[str], *, principal: Principal) -> NDArray[np.float32]:
        """Cosines of what can be read."""

        def compared() -> NDArray[np.float32]:
            import numpy as np

            opened = self._open()
            items, open_ = opened.edition.items, self._visible(opened, principal)
            numbers = [items.numbers.get(one, -1) for one in ids]
            seen = [number if number >= 0 and open_[number] else -1 for number in numbers]
            return opened.read.paths.cosines(np.asarray(seen, dtype=np.int64))

        return await asyncio.to_thread(compared)

    # -- the work, in a thread ------------------------------------------------------------------

    def _open(self) -> _Opened:
        stamp = self.editions.stamp()
        opened = self._opened
        if opened is not None and opened.stamp == stamp:
            return opened
        with self._lock:
            opened = self._opened
            if opened is None or opened.stamp[0] != stamp[0]:
                read = _Read(self.editions.open(stamp[0]))
            else:
                read = opened.read
            if opened is None or opened.stamp != stamp:
                self._opened = opened = _Opened(stamp, read, self.editions.withdrawn())
            return opened

    def _ranker(self, edition: Edition, name: str) -> Ranker:
        trained = ", ".join(edition.rankers) or "none"
        if name:
            if name not in edition.rankers:
                raise BadInput(
                    f"The ranker {name!r} is not trained.",
                    hint=f"Trained: {trained}. To train it: "
                    f"`orchestrator recommend train --rankers {name} --data DIR`.",
                )
            return edition.rankers[name]
        best = edition.default
        if best is None:
            raise BadInput(
                f"None of the trained rankers can be used here ({trained}).",
                hint="`orchestrator doctor` says what is missing.",
            )
        return edition.rankers[best]

    def _visible(self, opened: _Opened, principal: Principal) -> NDArray[np.bool_]:
        return opened.edition.items.readable(principal) & opened.there

    def _allowed(
        self, opened: _Opened, principal: Principal, filters: Sequence[Filter], exclude: Sequence[str]
    ) -> NDArray[np.bool_]:
        items = opened.edition.items
        mask = self._visible(opened, principal) & items.matching(
            [in_fields(each, items.fields) for each in filters]
        )
        mask[items.numbers_of(exclude)[0]] = False
        return mask

    def _numbers(
        self, opened: _Opened, history: History, readable: NDArray[np.bool_]
    ) -> tuple[list[int], list[str]]:
        """The numbers of the items that count. An item that may not be seen is as one that is not there."""
        notes: list[str] = []
        numbers: list[int] = []
        if history.user:
            had = opened.edition.interactions.of(history.user)
            if had is None:
                notes.append(f"The user {history.user!r} is not known.")
            else:
                numbers = [int(one) for one in had if readable[one]]
        named, unknown = opened.edition.items.numbers_of(history.items)
        ids = opened.edition.items.ids
        hidden: list[str] = [ids[int(one)] for one in named if not readable[one]]
        numbers += [int(one) for one in named if readable[one]]
        lacking = sorted({*unknown, *hidden})
        if lacking:
            some = ", ".join(lacking[:3]) + (", …" if len(lacking) > 3 else "")
            notes.append(f"Not in the catalogue, and passed over: {some}.")
        if not numbers and not notes:
            notes.append(NOTHING_KNOWN if history.items or history.user else EMPTY)
        return numbers, notes


def in_fields(given: Filter, fields: Sequence[str]) -> Filter:
    """A filter on a field that items have. BadInput otherwise.

    A table that lists attributes without naming what they say has one field for them all: a filter on
    any other name is looked for there.
    """
    if given.field == "id" or given.field in fields:
        return given
    if tuple(fields) == (ATTRIBUTES,):
        return Filter(ATTRIBUTES, given.values)
    raise BadInput(
        f"No item has a field {given.field!r}.",
        hint=f"Fields: {', '.join(fields) or 'none'}, and id.",
    )


def _ranked(
    opened: _Opened,
    ranker: Ranker,
    histories: Sequences,
    k: int,
    allowed: NDArray[np.bool_],
    repeat: bool,
    fill: bool,
    at_most: Mapping[str, int],
) -> list[Hits]:
    """Rankings of a ranker, ended by what is popular where that is wanted; strangers get that alone."""
    popular, strange = opened.read.popular, histories.lengths == 0
    removed = None if repeat else histories

    def rank(depth: int) -> tuple[Ranking, NDArray[np.int64]]:
        ranking = ranker.top(histories, k=depth, allowed=allowed, removed=removed)
        # A network has learned what begins a history, which is not what is popular now.
        ranking.items[strange], ranking.scores[strange] = -1, float("-inf")
        return filled(ranking, popular, histories, allowed=allowed, removed=removed, short=strange | fill)

    if at_most:
        best, own = capped(
            rank, opened.edition.items, k=k, at_most=at_most, deepest=max(k, int(allowed.sum()))
        )
    else:
        best, own = rank(k)
    return _hits(opened, best, ranker.name, own)


def _hits(opened: _Opened, ranking: Ranking, why: str, own: Iterable[int] | None = None) -> list[Hits]:
    """Rankings of ids. Their places, not their rounded scores, decide the order of ties.

    `own` is how many of each row the ranker itself named; the others are there because they are popular.
    """
    ids = opened.edition.items.ids
    rows = zip(
        ranking.items,
        ranking.scores,
        [ranking.items.shape[1]] * len(ranking.items) if own is None else own,
        strict=True,
    )
    return [
        Hits(
            tuple(
                Hit(ids[int(number)], float(score), why if place < count else POPULAR)
                for place, (number, score) in enumerate(zip(items, scores, strict=True))
                if number >= 0
            )
        )
        for items, scores, count in rows
    ]
