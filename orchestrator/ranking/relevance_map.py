"""Relevance maps: from the scores of a search to a probability that a passage is relevant.

How high a cosine or a BM25 score is says little by itself: it depends on the query. A map shifts and
scales scores by what the query scores on passages that are surely not relevant, and is monotone in
the scores of a passage for every query, so that one threshold holds for all queries and a query without
an answer keeps nothing.

Source of the idea: Rossi et al., "Relevance filtering for embedding-based retrieval" (the Cosine
Adapter, arXiv 2408.04887), where a network derives the map of a query from its embedding. Here it
is derived from the query's ranking, since judged queries are few.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import BadInput
from orchestrator.types import Hits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Version of the file; raised when the features change.
FORMAT = 1
#: The best hits of a ranking, which are not counted as its background.
BEST = 10
#: Both signals of a passage, then what its query alone says. The first four never count against it.
FEATURES = (
    "cosine",
    "cosine above the background",
    "bm25 a term",
    "bm25 above the background",
    "background of cosine",
    "background of bm25",
    "best cosine",
    "best bm25",
    "terms",
)
MONOTONE = 4
#: The features that tell whether a question is on a subject of the collection at all.
SUBJECT = (4, 6, 7)


@dataclass(frozen=True, slots=True)
class RelevanceMap:
    """A fitted map from scores to probabilities of relevance, and the threshold of the filter.

    A passage's logit is `bias` + Σ `weights` · (feature − `centre`) / `scale`; `knots` are (logit,
    probability) of an isotonic regression. `spread` are the typical deviations of a background, of
    cosines and of BM25. A question is on a subject of the collection if the `SUBJECT` features, each
    standardised by `subject` (centre, scale), sum to `least` or more. `embedder` and `encoder` made
    the scores, from the best `pool` of each leg. `fitted_on` names data and workflow, `queries` counts
    them, `expected` is what was measured on queries that each fit had not seen.
    """

    embedder: str
    encoder: str
    pool: int
    spread: tuple[float, float]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    knots: tuple[tuple[float, float], ...]
    threshold: float
    subject: tuple[tuple[float, float], ...]
    least: float
    fitted_on: str = ""
    queries: int = 0
    expected: tuple[tuple[str, float], ...] = ()
    version: int = FORMAT

    def logits(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """A logit for each row of features, of shape (n, 9) to (n,)."""
        import numpy as np

        scaled = (features - np.array(self.centre)) / np.array(self.scale)
        return scaled @ np.array(self.weights) + self.bias

    def familiar(self, features: NDArray[np.float64]) -> bool:
        """Whether the question that these rows belong to is on a subject of the collection."""
        return bool(len(features)) and subject_score(features, self.subject) >= self.least

    def probabilities(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability that each row is relevant, of shape (n,); 0 if the question is not `familiar`."""
        import numpy as np

        if not self.familiar(features):
            return np.zeros(len(features))
        logits, values = zip(*self.knots, strict=True)
        return np.interp(self.logits(features), logits, values)

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> RelevanceMap:
        """Read what `save` wrote; BadInput if it is something else, or of another version."""
        from pydantic import TypeAdapter, ValidationError

        again = "Fit it again: `orchestrator calibrate WORKFLOW --data DIR --out FILE`."
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"The relevance map {path} cannot be read: {error}.", hint=again) from None
        try:
            found = TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "the file"
            raise BadInput(f"{path} is no relevance map: {where}: {problem['msg']}.", hint=again) from None
        if found.version != FORMAT:
            raise BadInput(f"{path} is of version {found.version}, expected {FORMAT}.", hint=again)
        sizes = {len(found.centre), len(found.scale), len(found.weights)}
        rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in zip(found.knots, found.knots[1:], strict=False))
        scales = (*found.scale, *(scale for _, scale in found.subject))
        if (
            sizes != {len(FEATURES)}
            or len(found.subject) != len(SUBJECT)
            or not (found.knots and rising)
            or min(scales) <= 0.0
        ):
            raise BadInput(f"{path} is no relevance map: its numbers do not fit together.", hint=again)
        return found


@dataclass(frozen=True, slots=True)
class Background:
    """Score statistics of a query's ranking: best score, and mean and deviation of the background."""

    best: float
    mean: float
    deviation: float
    last: float

    @classmethod
    def of(cls, ranking: Hits, *, rest: float | None = None) -> Background:
        """Of a ranking of one leg; `rest` is what all others score where it has only its best few."""
        import numpy as np

        scores = np.array([hit.score for hit in ranking], dtype=np.float64)
        if not len(scores):
            return cls(0.0, 0.0, 0.0, 0.0)
        if len(scores) > BEST:
            behind = scores[BEST:]
            return cls(float(scores[0]), float(behind.mean()), float(behind.std()), float(scores[-1]))
        least = float(scores[-1]) if rest is None else rest
        return cls(float(scores[0]), least, 0.0, least)

    @classmethod
    def of_terms(cls, ranking: Hits) -> Background:
        """Of a ranking by terms: passages that it lacks have none of them, and score 0."""
        return cls.of(ranking, rest=0.0)


def features(
    ids: Sequence[str], cosine: Hits, bm25: Hits, terms: int, spread: Sequence[float]
) -> NDArray[np.float64]:
    """The features of passages, of shape (len(ids), 9), from the query's rankings by each leg.

    `terms` is the number of different terms of the query. A passage that a ranking lacks counts as
    its last one.
    """
    import numpy as np

    each = 1.0 / max(1, terms)
    near, found = Background.of(cosine), Background.of_terms(bm25)
    rows = np.empty((len(ids), len(FEATURES)))
    a, b = (_scores(ids, leg, last.last) for leg, last in ((cosine, near), (bm25, found)))
    rows[:, 0] = a
    rows[:, 1] = (a - near.mean) / (near.deviation + spread[0] + 1e-9)
    rows[:, 2] = b * each
    rows[:, 3] = (b - found.mean) * each / (found.deviation * each + spread[1] + 1e-9)
    rows[:, 4] = near.mean
    rows[:, 5] = found.mean * each
    rows[:, 6] = near.best
    rows[:, 7] = found.best * each
    rows[:, 8] = np.log1p(terms)
    return rows


def subject_score(features: NDArray[np.float64], subject: Sequence[tuple[float, float]]) -> float:
    """The sum of the standardised `SUBJECT` features of a question, from any of its rows."""
    return sum(
        (float(features[0, column]) - centre) / scale
        for column, (centre, scale) in zip(SUBJECT, subject, strict=True)
    )


def _scores(ids: Sequence[str], ranking: Hits, absent: float) -> NDArray[np.float64]:
    import numpy as np

    scores: Mapping[str, float] = {hit.id: hit.score for hit in ranking}
    return np.array([scores.get(one, absent) for one in ids], dtype=np.float64)
