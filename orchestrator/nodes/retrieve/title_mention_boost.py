"""TitleMentionBoost: raise passages whose document title is mentioned in the best passages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.graph.node import Node
from orchestrator.nodes._settings import Count, Weight
from orchestrator.ports import Documents
from orchestrator.types import Hit, Hits, Passage, Queries, Question, ranked

#: A shorter title is found in too many texts.
_SHORTEST = 4


class TitleMentionBoost(Node):
    """Raise passages whose document title is mentioned in the best `docs` hits, as by a link between them.

    A question of two steps ("who founded the company that makes …") finds the passage of its first
    step by its words; that of the second is named there, by its title. A hit among the first `pool`
    whose title stands in the text of a better one gets `weight` times that one's score more. Titles
    that the question names itself gain nothing. Scores must be positive to be worth passing on.
    """

    docs: Count = 3
    pool: Count = 30
    weight: Weight = 0.3

    async def __call__(
        self, question: Question, queries: Queries | None, hits: Hits, documents: Documents
    ) -> Hits:
        passages = await documents.passages(hits.top(self.pool).ids, principal=question.principal)
        asked = queries.queries[0].text if queries else question.text
        return raised(hits, passages, asked, docs=self.docs, weight=self.weight)


def raised(hits: Hits, passages: Mapping[str, Passage], asked: str, *, docs: int, weight: float) -> Hits:
    """The hits, with the scores of mentioned passages raised by `weight` of the mentioning hit's score."""
    scores = {hit.id: hit.score for hit in hits}
    sources = [passages[hit.id] for hit in hits.top(docs) if hit.id in passages and hit.score > 0]
    texts = [(source, source.text.casefold()) for source in sources]
    said = asked.casefold()
    gained: dict[str, float] = {}
    for passage in passages.values():
        title = passage.title.strip().casefold()
        if len(title) < _SHORTEST or title in said:
            continue
        for source, text in texts:
            if title in text and mentions(source, passage):
                gained[passage.id] = max(gained.get(passage.id, 0.0), weight * scores[source.id])
    if not gained:
        return hits
    return ranked([Hit(hit.id, hit.score + gained.get(hit.id, 0.0), hit.why) for hit in hits])


def mentions(source: Passage, target: Passage) -> bool:
    """Whether a passage mentions another document's title, as written and as whole words."""
    title = target.title.strip()
    if source.document == target.document or source.title.strip() == title:
        return False
    # Most titles are not there at all, and making an expression costs more than looking.
    return title in source.text and bool(re.search(rf"(?<!\w){re.escape(title)}(?!\w)", source.text))
