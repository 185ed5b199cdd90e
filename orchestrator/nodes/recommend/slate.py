"""Slates: lists of items to show, diverse and within caps, each item with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

from pydantic import Field

from orchestrator.errors import BadInput
from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._settings import Count, Share
from orchestrator.ports import Recommender
from orchestrator.ports.recommend import Known
from orchestrator.text.quotation import spaced_numbers
from orchestrator.types import Answer, Citation, Filter, History, Hits, Principal, Question, Slate, SlateItem

#: Candidates looked at for each place, so that caps and diversity have a choice.
POOL = 5


class MakeSlate(Node):
    """Make a slate: choose `k` items from a ranking, diverse and within caps, each with a reason.

    `diversity` 0 keeps the ranking, 1 looks at nothing but how unlike the items are. `at_most` caps how
    many items may share a value of a field, as `(("brand", 2),)`: give them to `Recommend`, too, which then
    ranks as far down as they need. `pool` is how many hits are looked at, or all where that is too few.
    Items that the principal may not see are not shown, whoever ranked them.

    `explore` above 0 draws the order by Thompson sampling, with beliefs of 1 / `explore` observations,
    and gives each place its propensity: log it with what users do, to value other rankings from it.
    """

    k: Count = 10
    diversity: Share = 0.0
    at_most: tuple[tuple[str, Count], ...] = ()
    pool: Count = 100
    explore: Annotated[float, Field(ge=0.0)] = 0.0
    seed: int = 0

    async def __call__(
        self,
        question: Question,
        hits: Hits,
        history: History | None,
        recommender: Recommender,
        run: Run,
    ) -> Slate:
        return await slate_of(
            recommender,
            history or History(),
            hits,
            pool=self.pool,
            principal=question.principal,
            k=self.k,
            filters=question.filters,
            diversity=self.diversity,
            at_most=self.at_most,
            explore=self.explore,
            # Another run draws again, and the same one the same.
            seed=int.from_bytes(sha256(f"{self.seed}/{run.run_id}".encode()).digest()[:8]),
        )


class SlateAnswer(Node):
    """Show a slate as a chat answer: one line per item, with its reason and citation.

    Without an item it says so.
    """

    async def __call__(self, slate: Slate) -> Answer:
        lines: list[str] = []
        citations: list[Citation] = []
        for n, item in enumerate(slate, 1):
            title = item.title or item.id
            line = f"{n}. {spaced_numbers(title)} [{n}]"
            lines.append(line + (f" — {spaced_numbers(item.reason)}" if item.reason else ""))
            citations.append(Citation(n, item.id, title, "", title, labels=item.labels))
        text = "\n".join(lines) or "Nothing was found to offer."
        return Answer(text, tuple(citations), degraded=slate.notes)


async def slate_of(
    recommender: Recommender,
    history: History,
    hits: Hits,
    *,
    principal: Principal,
    k: int,
    filters: Sequence[Filter] = (),
    diversity: float = 0.0,
    at_most: Sequence[tuple[str, int]] = (),
    explore: float = 0.0,
    seed: int = 0,
    pool: int | None = None,
) -> Slate:
    """A slate of these hits, found under these filters, for a history.

    `pool` is how many hits are weighed for diversity, or drawn from; the caps look at all of them.
    """
    # Whoever asks anything imports this module, and only recommendations make a slate.
    from orchestrator.recommendation.slate.diversity import relevant_and_unlike, within_caps
    from orchestrator.recommendation.slate.exploration import thompson
    from orchestrator.recommendation.slate.filling import what_fills, why_short

    notes = list(await recommender.remarks(filters=filters, capped=[field for field, _ in at_most]))
    known = Known()
    if history.user or history.items:
        known = await recommender.known(history, principal=principal)
        notes += known.notes
    items = await recommender.items(hits.ids, principal=principal)
    seen = [hit for hit in hits if hit.id in items]
    chances: dict[str, float] = {}
    if explore:
        if diversity or at_most:
            raise BadInput(
                "A slate that explores cannot be made diverse or capped: its propensities would be wrong.",
                hint="Set explore, or diversity and at_most, and not both.",
            )
        drawn = thompson(Hits(tuple(seen[:pool])), k=len(seen), strength=1.0 / explore, seed=seed)
        seen = [each.hit for each in drawn]
        chances = {each.hit.id: each.propensity for each in drawn}
    order: Sequence[int] = range(len(seen))
    if diversity:
        near = seen[:pool]
        alike = await recommender.alike([hit.id for hit in near], principal=principal)
        order = [*relevant_and_unlike(near, alike, k=len(near), diversity=diversity), *order[len(near) :]]
    shown = within_caps(order, [items[hit.id] for hit in seen], k=k, at_most=dict(at_most))
    reasons = await recommender.reasons(history, [seen[at].id for at in shown], principal=principal)
    offers = tuple(
        SlateItem(
            seen[at].id,
            seen[at].score,
            seen[at].why,
            items[seen[at].id].title,
            reasons.get(seen[at].id, ""),
            chances.get(seen[at].id, 1.0),
            items[seen[at].id].labels,
        )
        for at in shown
    )
    if history.user or history.items:
        notes += what_fills([offer.why for offer in offers], known=bool(known.items))
    notes += why_short(len(offers), k, ranked=len(seen), capped=[field for field, _ in at_most])
    return Slate(offers, tuple(notes))
