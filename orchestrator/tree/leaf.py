"""The leaves of a tree: the passages of an index, with where they stand and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.places import place_at
from orchestrator.ports import DocumentRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Takes the folders of a document's file for its topics.
FOLDERS = "/"
#: What joins the headings of a `Place`.
BETWEEN_HEADINGS = " › "


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A passage to be put into a tree.

    `document` is the id of its document, `position` its number there, `section` the headings above it.
    `topics` is the place of its document in a classification that was given, from the widest topic on.
    `vector` is its embedding, of length one.
    """

    id: str
    document: str
    text: str
    vector: NDArray[np.float32]
    title: str = ""
    position: int = 0
    section: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The title and the text."""
        if not self.title or self.text.startswith(self.title):
            return self.text
        return f"{self.title}\n\n{self.text}"


def leaves_of(
    rows: Iterable[DocumentRow], vectors: dict[str, NDArray[np.float32]], *, topics: str = ""
) -> Iterator[Leaf]:
    """The passages of documents that have a vector, by document and position.

    `topics` names the metadata field that holds a document's place in a classification, "A > B", or is
    `FOLDERS`: then it is the folders of its file.
    """
    for row in rows:
        path = _topics(row, topics)
        for passage in sorted(row.passages, key=lambda each: each.position):
            if passage.id not in vectors:
                continue
            section = place_at(passage.places, passage.places[0].start).section if passage.places else ""
            headings = tuple(part for part in section.split(BETWEEN_HEADINGS) if part)
            vector = vectors[passage.id]
            yield Leaf(passage.id, row.id, passage.text, vector, row.title, passage.position, headings, path)


def _topics(row: DocumentRow, topics: str) -> tuple[str, ...]:
    if topics == FOLDERS:
        return tuple(part for part in row.file.split("/")[:-1] if part)
    given = str(row.metadata.get(topics, "")) if topics else ""
    return tuple(part.strip() for part in given.split(">") if part.strip())
