"""Items as documents, so that rerankers and other nodes can read their texts by id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Item
from orchestrator.ports import Documents, Recommender
from orchestrator.types import Passage, Principal


@dataclass(frozen=True, eq=False)
class WithItems:
    """The passages of an index, and the items of the catalogue for the ids that it does not have.

    The recommender, with all that its rankers import, is made when the first such id is asked for.
    """

    documents: Documents
    recommender: Callable[[], Recommender]

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        """The passages that exist and that the principal may read, in the order of `ids`."""
        found = await self.documents.passages(ids, principal=principal)
        lacking = [one for one in ids if one not in found]
        if not lacking:
            return found
        try:
            items = await self.recommender().items(lacking, principal=principal)
        except BadInput:
            # Nothing was trained, so that there is no item: the index is all there is.
            return found
        both = {**found, **{one: passage_of(item) for one, item in items.items()}}
        return {one: both[one] for one in ids if one in both}


def passage_of(item: Item) -> Passage:
    """An item as a passage: its title, and what its attributes say as the text."""
    said = ", ".join(value for _, value in item.attributes)
    text = f"{item.title}. {said}".strip(". ") or item.id
    return Passage(
        id=item.id,
        document=item.id,
        text=text,
        title=item.title or item.id,
        hash=sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        labels=item.labels,
        metadata=item.attributes,
    )
