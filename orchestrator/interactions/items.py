"""The items of a catalogue, with attributes and access labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from orchestrator.types import DEFAULT_TENANT, PUBLIC, Filter, Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The field of attributes that a table lists without naming what they say.
ATTRIBUTES = "attributes"


@dataclass(frozen=True, slots=True)
class Item:
    """One item. An attribute is (field, value): with the item's id it is a triple."""

    id: str
    title: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    tenant: str = DEFAULT_TENANT
    labels: tuple[str, ...] = (PUBLIC,)

    @property
    def text(self) -> str:
        """The text of the item: title and attributes."""
        return " ".join(part for part in (self.title, *(value for _, value in self.attributes)) if part)


@dataclass(frozen=True, eq=False)
class Items:
    """A catalogue. An item's *number* is its place among the ids in ascending order.

    So a tie that is broken by number is broken by id, and the order of a table's rows changes nothing.
    """

    rows: tuple[Item, ...]

    @classmethod
    def of(cls, items: Iterable[Item]) -> Items:
        """A catalogue of these; the first of several with one id counts."""
        first: dict[str, Item] = {}
        for item in items:
            first.setdefault(item.id, item)
        return cls(tuple(first[one] for one in sorted(first)))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Item:
        return self.rows[number]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids by number."""
        return tuple(item.id for item in self.rows)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Numbers by id."""
        return {one: number for number, one in enumerate(self.ids)}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the ids, which identifies the item numbering that a model was trained on."""
        digest = sha256()
        for one in self.ids:
            digest.update(f"{len(one)}:{one}".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @property
    def has_text(self) -> bool:
        """Whether anything can be read about any of them."""
        return any(item.title or item.attributes for item in self.rows)

    def numbers_of(self, ids: Iterable[str]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """The numbers of the ids that are known, in their order, and the ids that are not."""
        import numpy as np

        known: list[int] = []
        unknown: list[str] = []
        for one in ids:
            number = self.numbers.get(one)
            if number is None:
                unknown.append(one)
            else:
                known.append(number)
        return np.asarray(known, dtype=np.int32), tuple(unknown)

    def readable(self, principal: Principal) -> NDArray[np.bool_]:
        """For each item whether the principal may see it: its tenant, and any of its labels granted."""
        import numpy as np

        codes, groups = self._groups
        open_ = [
            tenant == principal.tenant and not principal.grants.isdisjoint(labels)
            for tenant, labels in groups
        ]
        return np.asarray(open_, dtype=np.bool_)[codes]

    def matching(self, filters: Sequence[Filter]) -> NDArray[np.bool_]:
        """For each item whether it has, for every filter, any of its values."""
        import numpy as np

        mask = np.ones(len(self), dtype=np.bool_)
        for each in filters:
            found = np.zeros(len(self), dtype=np.bool_)
            if each.field == "id":
                found[self.numbers_of(map(str, each.values))[0]] = True
            for value in each.values:
                found[self._inverted.get((each.field, str(value)), [])] = True
            mask &= found
        return mask

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields that a filter can name, in alphabetical order."""
        return tuple(sorted({field for item in self.rows for field, _ in item.attributes}))

    @cached_property
    def _inverted(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for number, item in enumerate(self.rows):
            for attribute in item.attributes:
                found.setdefault(attribute, []).append(number)
        return found

    @cached_property
    def _groups(self) -> tuple[NDArray[np.int32], list[tuple[str, tuple[str, ...]]]]:
        """Items of equal access are one group: a catalogue has far fewer groups than items."""
        import numpy as np

        groups: dict[tuple[str, tuple[str, ...]], int] = {}
        codes = [groups.setdefault((item.tenant, item.labels), len(groups)) for item in self.rows]
        return np.asarray(codes, dtype=np.int32), list(groups) or [("", ())]
