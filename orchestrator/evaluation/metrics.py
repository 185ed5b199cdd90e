"""Metrics of rankings, computed by ir_measures (trec_eval, ndeval, and the MS MARCO reciprocal rank).

Rankings are given to it by rank, not by score, so that ties are ordered by id whatever the metric.
Sources: Järvelin & Kekäläinen 2002 (nDCG), Clarke et al. 2008 (α-nDCG), Zhai et al. 2003 (aspect recall);
completeness@k as in arXiv 2405.16089: whether all relevant documents are among the first k.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import BadInput, SettingsError
from orchestrator.evaluation.datasets import Dataset
from orchestrator.types import Hits

#: How metrics are written here → as ir_measures writes them, and whether they need a cutoff.
_KNOWN = {
    "ndcg": ("nDCG", False),
    "map": ("AP", False),
    "mrr": ("RR", False),
    "recall": ("R", True),
    "precision": ("P", True),
    "success": ("Success", True),
    "completeness": ("R", True),
    "alpha_ndcg": ("alpha_nDCG", True),
    "aspect_recall": ("StRecall", True),
}
_ALIASES = {
    "ap": "map",
    "rr": "mrr",
    "r": "recall",
    "p": "precision",
    "comp": "completeness",
    "α_ndcg": "alpha_ndcg",
    "strecall": "aspect_recall",
    "subtopic_recall": "aspect_recall",
}
_OF_ASPECTS = frozenset({"alpha_ndcg", "aspect_recall"})


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its cutoff: `ndcg@10`, `recall@100`, `map`."""

    name: str
    cutoff: int | None = None

    def __str__(self) -> str:
        return self.name if self.cutoff is None else f"{self.name}@{self.cutoff}"

    @property
    def of_aspects(self) -> bool:
        """Whether it needs judgements of aspects."""
        return self.name in _OF_ASPECTS

    @property
    def measure(self) -> Any:
        """The measure of ir_measures that it is computed by."""
        library = _library()
        measure = getattr(library, _KNOWN[self.name][0])
        return measure if self.cutoff is None else measure @ self.cutoff


def metric(text: str) -> Metric:
    """The metric that a text names, in any of its usual spellings."""
    match = re.fullmatch(r"([a-zα_]+)(?:@([1-9]\d{0,5}))?", text.strip().lower().replace("-", "_"))
    name = _ALIASES.get(match.group(1), match.group(1)) if match else ""
    if match is None or name not in _KNOWN or (_KNOWN[name][1] and match.group(2) is None):
        known = ", ".join(f"{key}@k" if cut else f"{key}[@k]" for key, (_, cut) in _KNOWN.items())
        raise BadInput(f"There is no metric {text!r}.", hint=f"Metrics: {known}.")
    return Metric(name, int(match.group(2)) if match.group(2) else None)


def metrics_for(names: Iterable[str | Metric], data: Dataset) -> tuple[Metric, ...]:
    """Metrics by their names, each once; refused if the data has no judgements that they need."""
    chosen = tuple(dict.fromkeys(name if isinstance(name, Metric) else metric(name) for name in names))
    if not chosen:
        raise BadInput("No metric was named.", hint="Name one, such as ndcg@10.")
    _library()
    for wanted in chosen:
        if wanted.of_aspects:
            _library("pyndeval")
        if wanted.of_aspects and not any(len(aspects) > 1 for aspects in data.aspects.values()):
            raise BadInput(
                f"{wanted} needs judgements of aspects, and {data.name} has none for two aspects of a query.",
                hint="Put them in aspects/<split>.tsv: query, aspect, document, grade.",
            )
    return chosen


def score(
    rankings: Mapping[str, Hits], data: Dataset, metrics: Iterable[Metric]
) -> dict[Metric, dict[str, float]]:
    """The value of each metric for each query of the data.

    A query without a ranking scores 0. Metrics of aspects cover the queries that have such judgements.
    """
    chosen = list(metrics)
    run = {
        query: {hit.id: -float(rank) for rank, hit in enumerate(rankings.get(query, ()))}
        for query in data.queries
    }
    found: dict[Metric, dict[str, float]] = {}
    for of_aspects in (False, True):
        wanted = [one for one in chosen if one.of_aspects is of_aspects]
        if not wanted:
            continue
        judged = data.aspects if of_aspects else data.qrels
        values: dict[Metric, dict[str, float]] = {one: dict.fromkeys(judged, 0.0) for one in wanted}
        by_measure: dict[Any, list[Metric]] = {}
        for one in wanted:
            by_measure.setdefault(one.measure, []).append(one)
        for result in _library().iter_calc(list(by_measure), _qrels(data, of_aspects), run):
            for one in by_measure[result.measure]:
                value = float(result.value)
                values[one][result.query_id] = float(value == 1.0) if one.name == "completeness" else value
        found.update(values)
    return {one: found[one] for one in chosen}


def _qrels(data: Dataset, of_aspects: bool) -> Any:
    if not of_aspects:
        # A grade below 0 gains as little as 0, and trec_eval's library never ends where all are negative.
        return {
            query: {document: max(0, grade) for document, grade in grades.items()}
            for query, grades in data.qrels.items()
        }
    qrel = _library().Qrel
    return [
        qrel(query, document, grade, aspect)
        for query, aspects in data.aspects.items()
        for aspect, grades in aspects.items()
        for document, grade in grades.items()
    ]


def _library(name: str = "ir_measures") -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise SettingsError(
            f"Metrics are computed by {name}, which is not installed.",
            hint="Install it: pip install 'orchestrator-rag[evaluate]'.",
        ) from None
