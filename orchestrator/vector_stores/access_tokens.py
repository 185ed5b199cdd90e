"""Who may read a passage, and what filters match it, as tokens that any store can look up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.ports import DocumentRow
from orchestrator.types import Filter, Principal

#: Longer tokens are kept as their hash.
_LONGEST = 200


def access_tokens(document: DocumentRow) -> list[str]:
    """A token for each label, which names the tenant as well.

    So one condition on one indexed field decides who may read a passage.
    """
    return [_token(document.tenant, label) for label in sorted(set(document.labels))]


def metadata_tokens(document: DocumentRow) -> list[str]:
    """A token for each field and value, so that filters are looked up, whatever the fields are called."""
    return [
        _token(name, value) for name, given in sorted(document.metadata.items()) for value in _values(given)
    ]


@dataclass(frozen=True, slots=True)
class Permitted:
    """Passages that a search may find: of a tenant, with any token of `access`, and any of each filter."""

    tenant: str
    access: tuple[str, ...]
    filters: tuple[tuple[str, ...], ...] = ()


def permitted(principal: Principal, filters: Sequence[Filter] = ()) -> Permitted | None:
    """What the principal may read that matches every filter.

    None if no passage can be: without grants nothing is readable.
    """
    if not principal.grants or not all(given.values for given in filters):
        return None
    access = tuple(sorted(_token(principal.tenant, label) for label in principal.grants))
    wanted = tuple(tuple(sorted({_token(each.field, value) for value in each.values})) for each in filters)
    return Permitted(principal.tenant, access, wanted)


def readable(tenant: str, labels: Collection[str], principal: Principal) -> bool:
    """Whether the principal may read a passage of this tenant with these labels."""
    return tenant == principal.tenant and not principal.grants.isdisjoint(labels)


def _token(*parts: Any) -> str:
    # JSON, since no choice of names and values can make two of them the same text.
    text = json.dumps(parts)
    return text if len(text) <= _LONGEST else hashlib.sha256(text.encode()).hexdigest()


def _values(given: Any) -> list[Any]:
    """What a filter can ask a metadata field for: words, whole numbers, yes and no, or any of a list."""
    several: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]  # pyright: ignore[reportUnknownArgumentType]
    return [value for value in several if isinstance(value, (str, int, bool))]
