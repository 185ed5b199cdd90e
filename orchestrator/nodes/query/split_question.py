"""SplitQuestion: a long question is searched whole, and by each of its sentences."""

from __future__ import annotations

from itertools import pairwise

from orchestrator.graph.node import Node
from orchestrator.nodes._queries import queries_of, ready_vector, with_vector
from orchestrator.nodes._settings import Count, IndexName
from orchestrator.ports import Embedder
from orchestrator.text.sentences import sentences
from orchestrator.types import Queries, Query, Question


class SplitQuestion(Node):
    """Split a long question: query with the whole, and with at most `at_most` parts of its sentences.

    What asks for several things at once lies, as a vector, between them. Passages that answer one part
    are found by that part: search densely with `fusion="max"`. By terms, a question finds all that its
    sentences find, so these have no text. A question of one sentence stays one query.
    """

    at_most: Count = 8
    index: IndexName = ""

    async def __call__(self, question: Question, queries: Queries | None, embedder: Embedder) -> Queries:
        asked = queries_of(question, queries)
        first = asked.queries[0]
        parts = parts_of(first.text, self.at_most)
        texts = [text for text in ((first.text if not first.vector else ""), *parts) if text.strip()]
        if not texts:
            return asked
        vectors = [tuple(vector) for vector in (await embedder.embed(texts, kind="query")).tolist()]
        # A vector that it has stays, with what it says of who made it.
        whole = first if await ready_vector(first, embedder) else None
        whole = whole or await with_vector(first, vectors.pop(0), embedder)
        return Queries(
            (
                whole,
                *asked.queries[1:],
                *[await with_vector(Query(""), vector, embedder) for vector in vectors],
            )
        )


def parts_of(text: str, at_most: int) -> list[str]:
    """The sentences of a text, neighbours joined where there are more than `at_most`; none if it is one."""
    spans = sentences(text)
    number = min(len(spans), at_most)
    if number < 2:
        return []
    cuts = [len(spans) * part // number for part in range(number + 1)]
    return [text[spans[start].start : spans[end - 1].end] for start, end in pairwise(cuts)]
