"""Makes the report of an experiment from outcomes: metrics, intervals, comparisons, cost, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.bootstrap import Interval, intervals
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.experiment_report import ArmReport, Comparison, Latency
from orchestrator.evaluation.journal import Outcome
from orchestrator.evaluation.metrics import Metric, score
from orchestrator.evaluation.significance import holm, paired_p
from orchestrator.evaluation.trec_runs import SavedRun
from orchestrator.types import Hits


def arm_report(
    name: str, outcomes: Mapping[str, Outcome], data: Dataset, metrics: Sequence[Metric], seed: int
) -> ArmReport:
    """The report of a workflow, from its outcomes by query."""
    rankings = {query: outcomes[query].hits for query in data.queries if query in outcomes}
    scores, means = _scored(rankings, data, metrics, seed)
    done = [outcome for outcome in outcomes.values() if outcome.error is None]
    return ArmReport(
        name,
        means,
        scores,
        rankings,
        _latency([outcome.seconds for outcome in done]),
        # What a query spent that failed was spent.
        _mean([outcome.calls for outcome in outcomes.values()]),
        _mean([outcome.tokens for outcome in outcomes.values()]),
        {outcome.query: outcome.error for outcome in outcomes.values() if outcome.error is not None},
        sum(bool(outcome.degraded) for outcome in done),
    )


def saved_report(run: SavedRun, data: Dataset, metrics: Sequence[Metric], seed: int) -> ArmReport:
    """The report of a run that was saved."""
    rankings = {query: run.rankings[query] for query in data.queries if query in run.rankings}
    scores, means = _scored(rankings, data, metrics, seed)
    return ArmReport(run.name, means, scores, rankings)


def comparisons(arms: Sequence[ArmReport], metrics: Iterable[Metric], seed: int) -> tuple[Comparison, ...]:
    """Every arm against the first, on each metric, corrected for the number of arms."""
    found: list[Comparison] = []
    if len(arms) < 2:
        return ()
    baseline, *others = arms
    for metric in map(str, metrics):
        theirs = baseline.scores[metric]
        ps = [
            paired_p([arm.scores[metric][query] for query in theirs], list(theirs.values()), seed=seed)
            for arm in others
        ]
        found += [
            Comparison(
                metric,
                arm.name,
                baseline.name,
                arm.metrics[metric].mean - baseline.metrics[metric].mean,
                p,
            )
            for arm, p in zip(others, holm(ps), strict=True)
        ]
    return tuple(found)


def notes(
    arms: Iterable[ArmReport],
    outcomes: Mapping[str, Mapping[str, Outcome]],
    data: Dataset,
    metrics: Sequence[Metric],
) -> Iterator[str]:
    """Notes on how the scores were obtained, which a reader must know."""
    for arm in arms:
        longest = max(map(len, arm.rankings.values()), default=0)
        for metric in metrics:
            if longest < min(metric.cutoff or 0, len(data.corpus)):
                yield f"{arm.name} ranks at most {longest} documents, so that {metric} looks no deeper."
        mine = outcomes.get(arm.name)
        if mine is None:
            missing = len(data.queries) - len(arm.rankings)
            if missing:
                yield f"{arm.name} has no ranking for {missing} queries, which count as 0."
            continue
        if arm.failures:
            query, error = next(iter(arm.failures.items()))
            yield (
                f"{arm.name} failed on {len(arm.failures)} queries, which count as 0; "
                f"for example on {query}: {error}"
            )
        unread = sum(outcome.unread for outcome in mine.values())
        if unread:
            yield f"{arm.name} found {unread} passages that belong to no document that can be read."
        reasons = Counter(reason for outcome in mine.values() for reason in outcome.degraded)
        for reason, count in reasons.most_common(3):
            yield f"{arm.name} did less than it could on {count} queries: {reason}"


def _scored(
    rankings: Mapping[str, Hits], data: Dataset, metrics: Sequence[Metric], seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, Interval]]:
    scores = {str(metric): values for metric, values in score(rankings, data, metrics).items()}
    means: dict[str, Interval] = {}
    # Metrics of aspects may cover fewer queries than the others.
    for size in {len(values) for values in scores.values()}:
        names = [name for name, values in scores.items() if len(values) == size]
        found = intervals([list(scores[name].values()) for name in names], seed=seed)
        means.update(zip(names, found, strict=True))
    return scores, {name: means[name] for name in scores}


def _latency(seconds: Sequence[float]) -> Latency | None:
    if not seconds:
        return None
    import numpy as np

    p50, p99 = np.percentile(seconds, [50, 99]) * 1000.0
    return Latency(float(p50), float(p99))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
