"""Recommend: rank items for a history, as hits that every fusion and reranker accepts."""

from __future__ import annotations

from orchestrator.graph.node import Node
from orchestrator.nodes._settings import Count
from orchestrator.nodes.retrieve.fusion import reciprocal_rank
from orchestrator.ports import Recommender
from orchestrator.text.refusals import says, wish
from orchestrator.types import History, Hit, Hits, Queries, Query, Question


class Recommend(Node):
    """Recommend the `k` best items for a history with one trained `ranker`, by default the best one.

    The question's filters hold, and its principal sees. `repeat` offers items of the history again.
    Without `cold`, nothing is offered to a history of which no item is known: popular items would drown
    what another branch of a fusion has found. `fill` ends a ranking that is shorter than `k` in what is
    popular: for a slate, not for a fusion. `at_most` caps how many of the `k` may share a value of a field,
    as `(("brand", 2),)`: a slate with caps is filled if what it is made of keeps to them.
    """

    k: Count = 100
    ranker: str = ""
    exclude: tuple[str, ...] = ()
    repeat: bool = False
    cold: bool = True
    fill: bool = False
    at_most: tuple[tuple[str, Count], ...] = ()

    async def __call__(self, question: Question, history: History, recommender: Recommender) -> Hits:
        if not self.cold and not (await recommender.known(history, principal=question.principal)).items:
            return Hits()
        (hits,) = await recommender.recommend(
            [history],
            principal=question.principal,
            k=self.k,
            ranker=self.ranker,
            exclude=self.exclude,
            filters=question.filters,
            repeat=self.repeat,
            fill=self.fill,
            at_most=self.at_most,
        )
        return hits


class FindItems(Node):
    """Keyword search for items: the `k` best by the words in their titles and attributes.

    What these refuse ("not red") is not looked for; `ExcludeRefused` takes items out that have it.
    """

    k: Count = 100

    async def __call__(self, question: Question, queries: Queries | None, recommender: Recommender) -> Hits:
        asked = tuple(queries or (Query(question.text),))
        rankings = [
            await recommender.find(
                _wanted(query, question), principal=question.principal, k=self.k, filters=question.filters
            )
            for query in asked
        ]
        if len(rankings) == 1:
            return rankings[0]
        return reciprocal_rank(rankings, [query.weight for query in asked]).top(self.k)


class ExcludeRefused(Node):
    """Exclude items with attributes that the question refuses: "not red", "without dyes", "perfume-free".

    An item has it if its title or attributes say so, and do not refuse it themselves. Put it behind what
    finds and ranks, with more hits than are shown.
    """

    async def __call__(
        self, question: Question, queries: Queries | None, hits: Hits, recommender: Recommender
    ) -> Hits:
        # What a conversation added to a query by its terms is no sentence, in which something is refused.
        texts = (question.text, *(query.text for query in queries or () if not query.terms))
        refused = [phrase for text in dict.fromkeys(texts) for phrase in wish(text).refused]
        if not refused:
            return hits
        items = await recommender.items(hits.ids, principal=question.principal)
        described = {
            one: says(refused, (item.title, *(value for _, value in item.attributes)), item.attributes)
            for one, item in items.items()
        }
        return Hits(tuple(hit for hit in hits if not described.get(hit.id, False)))


def _wanted(query: Query, question: Question) -> str:
    """What a query looks for. Terms that the conversation added stand behind the question."""
    if query.terms and query.text.startswith(question.text):
        return f"{wish(question.text).wanted}{query.text[len(question.text) :]}"
    return wish(query.text).wanted


class UserHistory(Node):
    """Load the history of the asking user, found in the log by the principal's name or by `user`."""

    user: str = ""

    async def __call__(self, question: Question) -> History:
        return History(user=self.user or question.principal.name)


class RecentItems(Node):
    """Use the newest `last` items of the history as hits, the newest first, for item-based expansion."""

    last: Count = 5

    async def __call__(self, question: Question, history: History, recommender: Recommender) -> Hits:
        known = await recommender.known(history, principal=question.principal)
        newest = list(dict.fromkeys(reversed(known.items)))[: self.last]
        return Hits(tuple(Hit(one, 1.0 / (place + 1), "history") for place, one in enumerate(newest)))
