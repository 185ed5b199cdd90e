"""The hybrid workflow over half of a set's queries, in arrays: hundreds of settings in the time of a run.

The nodes' own functions where they are quick (`fed_back`, `mentions`, `parts_of`), and the same sums over
all queries at once where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval import TARGETS, odd
from orchestrator.application.application import Application
from orchestrator.evaluation import beir
from orchestrator.evaluation.indexed import index_of, indexed
from orchestrator.nodes.query.feedback import fed_back
from orchestrator.nodes.query.split_question import parts_of
from orchestrator.nodes.retrieve.title_mention_boost import mentions
from orchestrator.ports import Documents, Embedder, IndexRegistry, Lexical, SparseEncoder, VectorStore
from orchestrator.types import ANONYMOUS, Passage

Matrix = NDArray[Any]
Columns = NDArray[np.intp]

POOL = 100
#: As in `orchestrator.nodes.TitleMentionBoost`.
SHORTEST = 4


@dataclass(frozen=True)
class Constants:
    """What is chosen. `share` 0 feeds nothing back, `mentions` 0 raises nothing, `parts` 1 splits nothing."""

    sparse: float = 0.5
    best: float = 0.5
    below: float = 0.1
    parts: int = 4
    docs: int = 4
    share: float = 0.5
    low: float = 0.2
    high: float = 0.8
    mentions: float = 0.1
    sources: int = 3
    pool: int = 30
    # Beside a static embedder only:
    weight: float = 4.0
    power: float = 4.0
    steepness: float = 2.0


@dataclass
class Rankings:
    """A ranking a row: columns of passages, best first, and their scores; NaN where there are no more."""

    columns: Columns
    scores: Matrix

    def top(self, n: int) -> Rankings:
        """The best `n` of each row."""
        return Rankings(self.columns[:, :n], self.scores[:, :n])


@dataclass
class Half:
    """The even half of a set in arrays, a query a row and a passage a column, in the order of passage ids."""

    metric: str
    texts: list[str]
    #: Grades by document, a query a row.
    grades: list[Mapping[str, int]]
    sparse: Rankings
    #: The same scores by column, NaN where BM25 does not find a passage.
    sparse_by_column: Matrix
    #: Each query's vector, and the highest cosines of its sentences by `parts`.
    queries: Matrix
    parts: dict[int, Matrix]
    vectors: Matrix
    passages: list[Passage]
    links: dict[tuple[int, int], bool] = field(default_factory=dict[tuple[int, int], bool])
    bm25: float = 0.0
    #: What the last constants gave on the way, by stage and the constants that it depends on.
    before: dict[str, tuple[Any, Any]] = field(default_factory=dict[str, tuple[Any, Any]])

    def measured(self, c: Constants, static: bool) -> float:
        """The mean of the metric with these constants."""
        return self.value(self.found(c, static))

    def found(self, c: Constants, static: bool) -> Rankings:
        """What the hybrid pipeline finds."""
        joined = (c.parts, *((c.weight, c.power, c.steepness) if static else (c.sparse, c.best, c.below)))
        found = self.once(
            "first",
            joined,
            lambda: self.fused(self.once("near", c.parts, lambda: self.near(self.queries, c)), c, static),
        )
        if c.share:
            fed = (*joined, c.docs, c.share, c.low, c.high)
            found = self.once("second", fed, lambda: self.again(found, c, static))
        return self.raised(found, c) if c.mentions else found

    def once(self, stage: str, key: Any, make: Callable[[], Any]) -> Any:
        """The result of a stage, kept until it is asked for with other constants."""
        known, value = self.before.get(stage, (None, None))
        if known != key:
            value = make()
            self.before[stage] = (key, value)
        return value

    def again(self, found: Rankings, c: Constants, static: bool) -> Rankings:
        """The second search, with every query's vector moved towards what it found."""
        moved = [
            fed_back(own, list(self.vectors[columns]), share=c.share, agreement=(c.low, c.high))
            for own, columns in zip(self.queries, found.top(c.docs).columns, strict=True)
        ]
        return self.fused(self.near(np.stack(moved), c), c, static)

    def near(self, queries: Matrix, c: Constants) -> tuple[Columns, Matrix, Matrix]:
        """The passages nearest to each query or its sentences, and the cosines of these and of BM25's."""
        cosines = queries @ self.vectors.T
        if c.parts in self.parts:
            cosines = np.fmax(cosines, self.parts[c.parts])
        near = np.argpartition(-cosines, min(POOL, cosines.shape[1]) - 1, axis=1)[:, :POOL]
        at_near = np.take_along_axis(cosines, near, axis=1)
        at_sparse = np.take_along_axis(cosines, self.sparse.columns, axis=1)
        return near, at_near, np.where(at_sparse >= at_near.min(axis=1, keepdims=True), at_sparse, np.nan)

    def fused(self, found: tuple[Columns, Matrix, Matrix], c: Constants, static: bool) -> Rankings:
        """BM25's ranking and the dense one of these vectors as one, by the fusions of the nodes."""
        near, at_near, at_sparse = found
        terms = np.take_along_axis(self.sparse_by_column, near, axis=1)
        # Each passage once: those of BM25, then those that only the vectors find.
        columns = np.concatenate([self.sparse.columns, near], axis=1)
        sparse = np.concatenate([self.sparse.scores, np.full(near.shape, np.nan)], axis=1)
        dense = np.concatenate([at_sparse, np.where(np.isnan(terms), at_near, np.nan)], axis=1)
        dense[np.isnan(sparse) & (np.arange(columns.shape[1]) < self.sparse.columns.shape[1])] = np.nan
        if static:
            # Scores of BM25 are never below 0.
            best = np.fmax(np.nan_to_num(sparse).max(axis=1, keepdims=True), 1e-12)
            shares = (np.nan_to_num(sparse) / best) ** c.steepness
            powers = np.fmax(dense, 0.0) ** c.power
            powers[np.isnan(dense)] = np.nan
            least = np.nanmin(powers, axis=1, keepdims=True)
            total = np.where(np.isnan(sparse), 0.0, shares) + c.weight * np.where(
                np.isnan(dense), least, powers
            )
        else:
            candidates = ~(np.isnan(sparse) & np.isnan(dense))
            total = c.sparse * standing(sparse, candidates, c)
            total += (1 - c.sparse) * standing(dense, candidates, c)
        total[np.isnan(sparse) & np.isnan(dense)] = np.nan
        return ordered(columns, total).top(POOL)

    def raised(self, found: Rankings, c: Constants) -> Rankings:
        """With what the best passages mention by its title moved up; see `TitleMentionBoost`."""
        scores = found.scores.copy()
        for row, (text, columns) in enumerate(zip(self.texts, found.top(c.pool).columns, strict=True)):
            asked = text.casefold()
            for place, target in enumerate(columns):
                title = self.passages[target].title.strip().casefold()
                if len(title) < SHORTEST or title in asked:
                    continue
                gains = [
                    float(found.scores[row, rank])
                    for rank, source in enumerate(columns[: c.sources])
                    if found.scores[row, rank] > 0 and self.link(source, target)
                ]
                scores[row, place] += c.mentions * max(gains, default=0.0)
        return ordered(found.columns, scores)

    def link(self, source: int, target: int) -> bool:
        """Whether one passage mentions another."""
        key = (source, target)
        if key not in self.links:
            self.links[key] = mentions(self.passages[source], self.passages[target])
        return self.links[key]

    def value(self, rankings: Rankings) -> float:
        """The mean of the metric, of documents by their best passage."""
        name, _, cutoff = self.metric.partition("@")
        depth = int(cutoff)
        values: list[float] = []
        for grades, columns, scores in zip(self.grades, rankings.columns, rankings.scores, strict=True):
            found = (
                self.passages[one].document
                for one, score in zip(columns[: 4 * depth], scores, strict=False)
                if score == score
            )
            got = [max(0, grades.get(document, 0)) for document in list(dict.fromkeys(found))[:depth]]
            ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
            if name == "recall":
                values.append(sum(grade > 0 for grade in got) / len(ideal) if ideal else 0.0)
            else:
                values.append(gain(got) / gain(ideal[:depth]) if ideal else 0.0)
        return fmean(values)


def gain(grades: Sequence[int]) -> float:
    """Discounted cumulative gain."""
    return sum(grade / log2(rank + 2) for rank, grade in enumerate(grades))


def ordered(columns: Columns, scores: Matrix) -> Rankings:
    """Rows by falling score, ties by column, NaN last."""
    order = np.lexsort((columns, -scores), axis=1)
    return Rankings(np.take_along_axis(columns, order, axis=1), np.take_along_axis(scores, order, axis=1))


def standing(ranking: Matrix, candidates: NDArray[np.bool_], c: Constants) -> Matrix:
    """How far each candidate stands out: `interpolation`, for all rows at once."""
    there = ~np.isnan(ranking)
    least = np.where(there, ranking, np.inf).min(axis=1, keepdims=True)
    few = there.sum(axis=1, keepdims=True) < POOL
    least = np.where(few, np.fmin(np.where(np.isinf(least), 0.0, least), 0.0), least)
    values = np.where(there, ranking, least)
    number = candidates.sum(axis=1, keepdims=True)
    mean = np.where(candidates, values, 0.0).sum(axis=1, keepdims=True) / number
    away = values - mean
    deviation = np.sqrt(np.where(candidates, away**2, 0.0).sum(axis=1, keepdims=True) / number)
    top = np.where(candidates, values, -np.inf).max(axis=1, keepdims=True)
    unit = np.where(top > 0, np.fmax(top, 0) ** c.best * deviation ** (1 - c.best), deviation)
    scaled = np.where(unit > 1e-12, away / np.fmax(unit, 1e-12), 0.0)
    return np.where(scaled > 0, scaled, c.below * scaled)


async def loaded(folder: Path, application: Application, grid: Mapping[str, tuple[Any, ...]]) -> Half:
    """The even half of a set; the odd half is not even read."""
    data = beir(folder).only(lambda query: not odd(query))
    async with indexed(beir(folder), application) as ports:
        store, documents, embedder = ports[VectorStore], ports[Documents], ports[Embedder]
        name = index_of(data, embedder.name, application.container.get(SparseEncoder).name)
        ids: list[str] = []
        after = ""
        while rows := application.container.get(IndexRegistry).documents(name, after=after):
            ids += [passage.id for row in rows for passage in row.passages]
            after = rows[-1].id
        ids.sort()
        passages: dict[str, Passage] = {}
        vectors: dict[str, NDArray[np.float32]] = {}
        for at in range(0, len(ids), 1_000):
            passages.update(await documents.passages(ids[at : at + 1_000], principal=ANONYMOUS))
            vectors.update(await store.vectors(ids[at : at + 1_000], principal=ANONYMOUS))
        matrix = np.stack([vectors[one] for one in ids])
        places = {one: column for column, one in enumerate(ids)}
        texts = list(data.queries.values())
        shape = (len(texts), len(ids))
        by_column = np.full(shape, np.nan, np.float32)
        columns = np.zeros((len(texts), min(POOL, len(ids))), np.intp)
        scores = np.full(columns.shape, np.nan)
        found = await store.search([Lexical(text) for text in texts], principal=ANONYMOUS, limit=POOL)
        for row, hits in enumerate(found):
            for place, hit in enumerate(hits):
                columns[row, place], scores[row, place] = places[hit.id], hit.score
                by_column[row, places[hit.id]] = hit.score
        queries = await embedder.embed(texts, kind="query")
        parts: dict[int, Matrix] = {}
        for number in grid.get("parts", (Constants.parts,)):
            split = {row: each for row, text in enumerate(texts) if (each := parts_of(text, number))}
            if split:
                parts[number] = np.full(shape, np.nan, np.float32)
            vectors_of = await embedder.embed(
                [part for each in split.values() for part in each], kind="query"
            )
            at = 0
            for row, each in split.items():
                parts[number][row] = (vectors_of[at : at + len(each)] @ matrix.T).max(axis=0)
                at += len(each)
    listed = [passages[one] for one in ids]
    sparse = Rankings(columns, scores)
    half = Half(
        TARGETS[folder.name].metric,
        texts,
        [data.qrels[query] for query in data.queries],
        sparse,
        by_column,
        queries,
        parts,
        matrix,
        listed,
    )
    half.bm25 = half.value(sparse)
    return half
