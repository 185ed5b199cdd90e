"""Values of sources: learn a weight for each source on half of the judged queries, test on the rest.

A source that costs more than it brings is found by the gradient of the expected nDCG (see
`multilinear`): it is negative when the source's passages push relevant ones down. The gain of
leaving such sources out is only ever told for queries that were not learned from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.bootstrap import Interval, interval
from orchestrator.errors import BadInput
from orchestrator.evaluation.arms import measuring_ports, showing_hits
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.indexed import IndexHost, indexed
from orchestrator.evaluation.multilinear import Ranked, ascended, expected_ndcg
from orchestrator.evaluation.ranking import found_by
from orchestrator.evaluation.reweighting import reweighted, weighed_ndcg
from orchestrator.evaluation.significance import paired_p
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import Documents
from orchestrator.ranking.source_weights import SourceWeights, source_of
from orchestrator.types import ANONYMOUS, Principal, Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: Fewer queries than this on either side say nothing.
LEAST = 10
#: `prune` leaves sources out, `reweight` also scales the scores of those that are neither good nor bad.
Method = Literal["prune", "reweight"]


@dataclass(frozen=True, slots=True)
class SourceValue:
    """The value of a source: its weight, and its mean effect on nDCG with a confidence interval.

    `seen` is in how many of the learned queries' rankings it is.
    """

    source: str
    weight: float
    value: Interval
    seen: int


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The report on sources by rising value, with the nDCG@k gain of weighting on the `held_out` queries.

    `before`, `after` and `gain` are means over these queries; `p` is that of a paired randomisation
    test of the gain.
    """

    weights: SourceWeights
    values: tuple[SourceValue, ...]
    before: Interval
    after: Interval
    gain: Interval
    p: float
    learned: int
    held_out: int

    def __str__(self) -> str:
        lines = [f"{'source':<40} weight   value [95 %]"]
        lines += [
            f"{one.source[-40:]:<40} {one.weight:>6.2f}  {one.value.mean:+.4f} "
            f"[{one.value.low:+.4f}, {one.value.high:+.4f}]"
            for one in self.values
        ]
        lines.append(
            f"held out ({self.held_out} queries): {self.before.mean:.4f} → {self.after.mean:.4f}, gain "
            f"{self.gain.mean:+.4f} [{self.gain.low:+.4f}, {self.gain.high:+.4f}], p {self.p:.3f}"
        )
        return "\n".join(lines)


async def value_sources(
    workflow: Workflow,
    data: Dataset,
    *,
    by: str,
    method: Method = "prune",
    k: int = 10,
    depth: int = 100,
    ports: Mapping[Any, Any] | None = None,
    application: IndexHost | None = None,
    principal: Principal = ANONYMOUS,
    held_out: Callable[[str], bool] | None = None,
) -> SourceReport:
    """Learn weights of sources for the hits of a workflow, and measure the gain on held-out queries.

    A source (`by`: `folder`, `label` or a metadata field) is left out only if the 95 % interval of
    its value lies below 0; a small sample says nothing about the rest. With `method="reweight"` weights
    lie between, too, as far as cross-validation on the same queries shows a gain (see `reweighting`).
    `depth` hits of each query are looked at, so the workflow should return that many. `held_out`
    tells which queries are not learned from, by default those whose hashed id is odd. Raises BadInput
    if nothing that is judged is found, or only one source.
    """
    import numpy as np

    async with AsyncExitStack() as opened:
        if ports is None:
            ports = await opened.enter_async_context(indexed(data, application))
        names, rankings = await source_rankings(
            workflow, data, ports, by=by, k=k, depth=depth, principal=principal
        )
    apart = held_out or _odd
    learn = [ranking for query, ranking in rankings.items() if not apart(query)]
    test = [ranking for query, ranking in rankings.items() if apart(query)]
    if min(len(learn), len(test)) < LEAST:
        raise BadInput(
            f"Sources are valued on at least {LEAST} queries, and told on as many others; "
            f"there are {len(learn)} and {len(test)}.",
            hint="Judge more queries.",
        )
    if not any(gain for one in rankings.values() for gain in one.gains):
        raise BadInput(
            f"Nothing that {data.name} judges relevant is among the first {depth} hits of {workflow.name}.",
            hint="Value the sources of the index that holds its documents, under the same ids.",
        )
    if len(names) < 2:
        raise BadInput(
            f"By {by!r}, everything that is found is of one source ({''.join(names)!r}).",
            hint="Say by what sources differ: folder, label, or a metadata field that the documents have.",
        )
    weights, values = learned_weights(learn, names, method=method, k=k)
    before, after = (weighed_ndcg(test, at, k=k) for at in (np.ones(len(names)), weights))
    named = SourceWeights(
        by,
        tuple((name, float(weight)) for name, weight in zip(names, weights, strict=True) if weight < 1.0),
        f"{data.name} {data.fingerprint[:12]}, hits of {workflow.name}",
    )
    return SourceReport(
        named,
        values,
        interval(before.tolist()),
        interval(after.tolist()),
        interval((after - before).tolist()),
        paired_p(after.tolist(), before.tolist()),
        len(learn),
        len(test),
    )


def learned_weights(
    rankings: Sequence[Ranked], names: Sequence[str], *, method: Method = "prune", k: int = 10
) -> tuple[NDArray[np.float64], tuple[SourceValue, ...]]:
    """A weight for each source and their values, by rising value.

    Pruning, it is 0 for those that surely harm and 1 for the others. Values are the gradients where the
    ascent ends: what a source brings beside the sources that are good for it to be with.
    """
    import numpy as np

    if method == "reweight":
        weights = reweighted(rankings, len(names), k=k)
        spans = _spans(expected_ndcg(rankings, weights, k=k)[1])
    else:
        reached, slopes = ascended(rankings, len(names), k=k)
        spans = _spans(slopes)
        weights = np.array(
            [0.0 if at < 0.5 and span.high < 0 else 1.0 for at, span in zip(reached, spans, strict=True)]
        )
    seen = [sum(number in one.sources for one in rankings) for number in range(len(names))]
    values = [
        SourceValue(name, float(weight), span, count)
        for name, weight, span, count in zip(names, weights, spans, seen, strict=True)
    ]
    return weights, tuple(sorted(values, key=lambda one: (one.value.mean, one.source)))


def _spans(slopes: NDArray[np.float64]) -> list[Interval]:
    return [interval(column.tolist()) for column in slopes.T]


async def source_rankings(
    workflow: Workflow,
    data: Dataset,
    ports: Mapping[Any, Any],
    *,
    by: str,
    k: int = 10,
    depth: int = 100,
    principal: Principal = ANONYMOUS,
) -> tuple[tuple[str, ...], dict[str, Ranked]]:
    """The names of the sources that are found, and each query's ranking of documents with their sources."""
    arm = showing_hits(workflow)
    measured = measuring_ports(ports, [arm])
    arm.check(measured)
    documents: Documents = measured[Documents]
    numbers: dict[str, int] = {}
    found: dict[str, Ranked] = {}
    for query, text in data.queries.items():
        if not text.strip():
            continue
        hits = found_by(await arm.run(Question(text, principal), ports=measured)).top(depth)
        passages = await documents.passages(hits.ids, principal=principal)
        floor = min([0.0, *(hit.score for hit in hits)])
        sources: dict[str, int] = {}
        scores: list[float] = []
        for hit in hits:
            passage = passages.get(hit.id)
            if passage is not None and passage.document not in sources:
                source = source_of(passage, by)
                sources[passage.document] = numbers.setdefault(source, len(numbers))
                scores.append(hit.score - floor)
        grades = data.qrels[query]
        gains = tuple(float(max(0, grades.get(document, 0))) for document in sources)
        found[query] = Ranked(tuple(sources.values()), gains, _ideal(grades.values(), k), tuple(scores))
    return tuple(numbers), found


def _ideal(grades: Iterable[int], k: int) -> float:
    best = sorted((float(grade) for grade in grades if grade > 0), reverse=True)[:k]
    return sum(grade / log2(place + 2) for place, grade in enumerate(best))


def _odd(query: str) -> bool:
    return bool(hashlib.sha256(query.encode()).digest()[0] & 1)
