"""Fits a relevance map on judged queries: calibrated probabilities and a threshold for retrieval scores.

Every query is seen twice: as it is, and with everything relevant taken out of what was found, so that
the best of the rest looks like the best. The second is a question that the collection cannot answer,
on a subject that it knows, and nothing of it may pass. Questions on other subjects are told by what
answerable ones look like: the least familiar of them set the bound.

What decides (the isotonic map and the threshold) is chosen on queries that the fitted weights had not
seen: the queries are split five ways, by their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput
from orchestrator.evaluation.arms import measuring_ports, showing_hits
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.indexed import IndexHost, indexed
from orchestrator.evaluation.monotone import isotonic, logistic
from orchestrator.evaluation.ranking import DocumentRankings, found_by
from orchestrator.graph.workflow import Workflow
from orchestrator.nodes.select.relevance_filter import leg_rankings, term_count
from orchestrator.ports import Documents, Embedder, SparseEncoder, VectorStore
from orchestrator.progress import Progress
from orchestrator.ranking.relevance_map import (
    MONOTONE,
    SUBJECT,
    Background,
    RelevanceMap,
    features,
    subject_score,
)
from orchestrator.types import ANONYMOUS, Hits, Principal, Query, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: Fewer queries with something relevant than this say too little.
LEAST = 20
FOLDS = 5
#: The share of questions without an answer, if nothing else is known.
UNANSWERABLE = 0.1
#: The share of answerable questions that may be taken for questions on other subjects.
MAX_FALSE_REFUSALS = 0.05
#: Thresholds that are tried, at most.
_TRIED = 400
#: The least deviation of a background, of the best score.
_FLAT = 0.02


@dataclass(frozen=True, slots=True)
class Sighting:
    """A training example of the map: a query's hits, its dense and lexical rankings, and relevant hits.

    `wanted` is how many relevant documents there are, found or not.
    """

    query: str
    found: tuple[str, ...]
    cosine: Hits
    bm25: Hits
    terms: int
    relevant: frozenset[str]
    wanted: int

    def features(self, spread: Sequence[float]) -> NDArray[np.float64]:
        """One row for each passage that was found."""
        return features(self.found, self.cosine, self.bm25, self.terms, spread)

    def labels(self) -> NDArray[np.float64]:
        """1 for each that is relevant, else 0."""
        import numpy as np

        return np.array([float(one in self.relevant) for one in self.found])

    def unanswerable(self) -> Sighting:
        """The same query as if the collection had no relevant passage."""
        found = tuple(one for one in self.found if one not in self.relevant)
        legs = (
            Hits(tuple(hit for hit in leg if hit.id not in self.relevant)) for leg in (self.cosine, self.bm25)
        )
        cosine, bm25 = legs
        return Sighting(self.query, found, cosine, bm25, self.terms, frozenset(), 0)


@dataclass(frozen=True, slots=True)
class Filtering:
    """The quality of a filter on some queries.

    `precision`, `recall` and `f1` are means over queries that have relevant documents: of what was
    kept, of what there is. `refused` is the share of queries without any for which nothing was kept,
    `lost` the share of the others for which nothing was kept although something relevant was found.
    """

    precision: float
    recall: float
    f1: float
    refused: float
    lost: float


async def fit_relevance(
    workflow: Workflow,
    data: Dataset,
    *,
    ports: Mapping[Any, Any] | None = None,
    application: IndexHost | None = None,
    principal: Principal = ANONYMOUS,
    pool: int = 100,
    unanswerable: float = UNANSWERABLE,
    precision: float | None = None,
    max_false_refusals: float = MAX_FALSE_REFUSALS,
    progress: Progress | None = None,
) -> RelevanceMap:
    """Fit a relevance map for the hits of a workflow on the judged queries of a data set.

    The threshold is the best one if `unanswerable` is the share of questions that have no answer here:
    others count with their F1, these with 1 if nothing is kept and 0 otherwise. With `precision` it is
    the lowest one that reaches it. A share of up to `max_false_refusals` of the answerable queries may be
    rejected as off-topic. Without `ports` the data is
    indexed in the `application` first. BadInput if too few queries have something relevant.
    """
    async with AsyncExitStack() as opened:
        if ports is None:
            ports = await opened.enter_async_context(indexed(data, application))
        seen = await sightings(workflow, data, ports, principal=principal, pool=pool, progress=progress)
        embedder, encoder = ports[Embedder].name, ports[SparseEncoder].name
    fitted = fit_sightings(
        seen,
        embedder,
        encoder,
        pool=pool,
        unanswerable=unanswerable,
        precision=precision,
        max_false_refusals=max_false_refusals,
    )
    return replace(fitted, fitted_on=f"{data.name} {data.fingerprint[:12]}, hits of {workflow.name}")


async def sightings(
    workflow: Workflow,
    data: Dataset,
    ports: Mapping[Any, Any],
    *,
    principal: Principal = ANONYMOUS,
    pool: int = 100,
    progress: Progress | None = None,
) -> list[Sighting]:
    """Collect the training examples: the workflow's hits for every query of the data."""
    arm = showing_hits(workflow)
    measured = measuring_ports(ports, [arm])
    arm.check(measured)
    vectors: VectorStore = ports[VectorStore]
    embedder: Embedder = ports[Embedder]
    encoder: SparseEncoder = ports[SparseEncoder]
    documents = DocumentRankings(measured[Documents], principal, data.corpus.ids)
    asked = [(query, text) for query, text in data.queries.items() if text.strip()]
    seen: list[Sighting] = []
    for done, (query, text) in enumerate(asked, 1):
        question = Question(text, principal)
        hits = found_by(await arm.run(question, ports=measured))
        cosine, bm25 = await leg_rankings(Query(text), question, vectors, embedder, pool=pool)
        await documents.learn([hits, cosine, bm25])
        grades = data.qrels[query]
        relevant = frozenset(
            hit.id
            for leg in (hits, cosine, bm25)
            for hit in leg
            if grades.get(documents.document(hit.id) or "", 0) > 0
        )
        wanted = sum(grade > 0 for grade in grades.values())
        terms = term_count(Query(text), encoder)
        seen.append(Sighting(query, hits.ids, cosine, bm25, terms, relevant, wanted))
        if progress is not None:
            progress(done, len(asked), "")
    return seen


def fit_sightings(
    seen: Sequence[Sighting],
    embedder: str,
    encoder: str,
    *,
    pool: int,
    unanswerable: float = UNANSWERABLE,
    precision: float | None = None,
    max_false_refusals: float = MAX_FALSE_REFUSALS,
) -> RelevanceMap:
    """Fit a map to training examples, each also as an unanswerable query."""
    import numpy as np

    answerable = [one for one in seen if one.found and one.relevant.intersection(one.found)]
    if len(answerable) < LEAST:
        raise BadInput(
            f"A relevance map needs at least {LEAST} queries for which something relevant is found, and "
            f"there are {len(answerable)}.",
            hint="Judge more queries, or use a workflow that finds more.",
        )
    everyone = [one for one in seen if one.found]
    blank = RelevanceMap(embedder, encoder, pool, (0.0, 0.0), (), (), (), 0.0, (), 0.0, (), 0.0)
    whole = _weighted(blank, everyone)
    logits: list[NDArray[np.float64]] = [np.empty(0)] * len(everyone)
    twins: list[NDArray[np.float64]] = [np.empty(0)] * len(everyone)
    for fold in range(FOLDS):
        inside = [one for one in everyone if _fold(one.query) != fold]
        held_out = _weighted(blank, inside) if 0 < len(inside) < len(everyone) else whole
        for row, one in enumerate(everyone):
            if _fold(one.query) == fold:
                logits[row] = held_out.logits(one.features(held_out.spread))
                twin = one.unanswerable()
                twins[row] = held_out.logits(twin.features(held_out.spread))
    labels = [one.labels() for one in everyone]
    knots = isotonic(
        np.concatenate([*logits, *twins]),
        np.concatenate([*labels, *(np.zeros(len(twin)) for twin in twins)]),
    )
    subject, least = _subject(answerable, whole.spread, max_false_refusals)
    fitted = replace(whole, knots=knots, subject=subject, least=least, queries=len(everyone))
    kept = [_likely(fitted, one, each) for one, each in zip(everyone, logits, strict=True)]
    empty = [_likely(fitted, one.unanswerable(), each) for one, each in zip(everyone, twins, strict=True)]
    threshold, found = best_threshold(everyone, kept, empty, unanswerable=unanswerable, precision=precision)
    # Of a question that is not familiar all is 0, and nothing may pass.
    threshold = max(threshold, 1e-9)
    expected = tuple((name, round(getattr(found, name), 4)) for name in Filtering.__slots__)
    return replace(fitted, threshold=threshold, expected=expected)


def best_threshold(
    seen: Sequence[Sighting],
    scores: Sequence[NDArray[np.float64]],
    twins: Sequence[NDArray[np.float64]],
    *,
    unanswerable: float = UNANSWERABLE,
    precision: float | None = None,
) -> tuple[float, Filtering]:
    """The score from which a passage is best kept, and how well that does on these sightings.

    `scores` has one for each passage that was found, `twins` those of the unanswerable twins. Best is
    the mean of F1 and of the share of twins refused, which weighs `unanswerable`; with `precision`, the
    lowest that reaches it.
    """
    import numpy as np

    values = np.unique(np.concatenate(list(scores)))
    if len(values) > _TRIED:
        values = np.unique(np.quantile(values, np.linspace(0, 1, _TRIED), method="nearest"))
    best: tuple[float, float, Filtering] | None = None
    for threshold in map(float, values):
        kept = [
            [one.found[at] for at in np.flatnonzero(score >= threshold)]
            for one, score in zip(seen, scores, strict=True)
        ]
        found = filtering(kept, seen, [not bool((score >= threshold).any()) for score in twins])
        worth = (1 - unanswerable) * found.f1 + unanswerable * found.refused
        if precision is not None and found.precision >= precision:
            return threshold, found
        if precision is None and (best is None or worth > best[0]):
            best = (worth, threshold, found)
    if best is None:
        raise BadInput(
            f"No threshold reaches a precision of {precision:g} on these queries.",
            hint="Ask for a lower one, or leave it out.",
        )
    return best[1], best[2]


def filtering(
    kept: Sequence[Sequence[str]], seen: Sequence[Sighting], refused: Sequence[bool] = ()
) -> Filtering:
    """How well a filter did that kept these passages; `refused` tells of other, unanswerable queries."""
    import numpy as np

    values = np.array(
        [
            _three(len(one.relevant.intersection(ids)), len(ids), one.wanted)
            for ids, one in zip(kept, seen, strict=True)
            if one.wanted
        ]
    ).reshape(-1, 3)
    lost = [
        not ids
        for ids, one in zip(kept, seen, strict=True)
        if one.wanted and one.relevant.intersection(one.found)
    ]
    precision, recall, f1 = map(float, values.mean(axis=0) if len(values) else np.zeros(3))
    return Filtering(
        precision,
        recall,
        f1,
        float(np.mean(refused)) if len(refused) else float("nan"),
        float(np.mean(lost)) if lost else 0.0,
    )


def _three(right: int, kept: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall, F1. What keeps nothing has no precision: it counts as 0, as its F1 does."""
    precision = right / kept if kept else 0.0
    recall = min(1.0, right / wanted)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def _weighted(blank: RelevanceMap, seen: Sequence[Sighting]) -> RelevanceMap:
    """The map with weights fitted to sightings and their twins."""
    import numpy as np

    both = [each for one in seen for each in (one, one.unanswerable()) if each.found]
    spread = (
        _spread([Background.of(one.cosine) for one in both], [1] * len(both)),
        _spread([Background.of_terms(one.bm25) for one in both], [max(1, one.terms) for one in both]),
    )
    rows = np.concatenate([one.features(spread) for one in both])
    labels = np.concatenate([one.labels() for one in both])
    centre = rows.mean(axis=0)
    scale = rows.std(axis=0)
    scale[scale < 1e-9] = 1.0
    bias, weights = logistic((rows - centre) / scale, labels, positive=MONOTONE)
    return replace(
        blank,
        spread=spread,
        centre=tuple(map(float, centre)),
        scale=tuple(map(float, scale)),
        weights=tuple(map(float, weights)),
        bias=float(bias),
    )


def _spread(backgrounds: Sequence[Background], terms: Sequence[int]) -> float:
    """The typical deviation a term; a part of the typical best score where backgrounds are all alike."""
    import numpy as np

    each = np.array([(one.deviation, one.best) for one in backgrounds]) / np.array(terms)[:, None]
    deviation, best = np.median(each, axis=0)
    return float(max(deviation, _FLAT * best))


def _subject(
    answerable: Sequence[Sighting], spread: Sequence[float], max_false_refusals: float
) -> tuple[tuple[tuple[float, float], ...], float]:
    """The scales of the subject features, and the threshold that a share `max_false_refusals` falls below."""
    import numpy as np

    rows = np.array([one.features(spread)[0] for one in answerable])
    subject = tuple(
        (float(rows[:, column].mean()), float(rows[:, column].std()) or 1.0) for column in SUBJECT
    )
    sums = [subject_score(row[None], subject) for row in rows]
    return subject, float(np.quantile(sums, max_false_refusals))


def _likely(fitted: RelevanceMap, one: Sighting, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from logits that another fit gave."""
    import numpy as np

    if not one.found or not fitted.familiar(one.features(fitted.spread)):
        return np.zeros(len(logits))
    at, values = zip(*fitted.knots, strict=True)
    return np.interp(logits, at, values)


def _fold(query: str) -> int:
    return hashlib.sha256(f"fold {query}".encode()).digest()[0] % FOLDS
