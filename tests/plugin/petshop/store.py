"""A vector store without vectors: passages by how many words they share with the question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.ports import IndexRegistry, Lexical, PassageRow, Search
from orchestrator.types import Filter, Hit, Hits, Principal, ranked


@dataclass(frozen=True)
class WordStore:
    """Reads all documents at every search: for a handful."""

    registry: IndexRegistry
    index: str

    @property
    def version(self) -> str:
        version = self.registry.current(self.index)
        return f"{self.index}@{version.number if version else 0}"

    async def search(
        self,
        searches: Sequence[Search],
        *,
        principal: Principal,
        filters: Sequence[Filter] = (),
        limit: int = 10,
    ) -> list[Hits]:
        passages = list(self._readable(principal))
        return [self._ranked(each, passages).top(limit) for each in searches]

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Any]:
        return {}

    def _ranked(self, search: Search, passages: Sequence[PassageRow]) -> Hits:
        asked = words(search.text) if isinstance(search, Lexical) else set[str]()
        scores = {each.id: len(asked & words(each.text)) for each in passages}
        return ranked([Hit(one, float(score), "words") for one, score in scores.items() if score])

    def _readable(self, principal: Principal) -> Iterator[PassageRow]:
        after = ""
        while rows := self.registry.documents(self.index, after=after):
            after = rows[-1].id
            for row in rows:
                if row.tenant == principal.tenant and principal.grants & set(row.labels):
                    yield from row.passages


def words(text: str) -> set[str]:
    return set(re.findall(r"\w{4,}", text.lower()))
