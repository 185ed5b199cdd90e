"""Runs in TREC's format: for each query the documents that were found, best first.

Six fields a line: query, Q0, document, rank, score, name of the run. Fields are separated by tabs, so
that ids may have spaces in them; tools that split at any blank read ids without spaces alike.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.text.numbered_lines import identifier, lines
from orchestrator.types import Hit, Hits


@dataclass(frozen=True)
class SavedRun:
    """A run that was read back: rankings of document ids by query. It can be an arm of an experiment."""

    name: str
    rankings: Mapping[str, Hits]


def save_run(path: str | Path, rankings: Mapping[str, Hits], *, name: str) -> None:
    """Write a run whole or not at all.

    Scores are made to fall strictly, in single precision, by the least that does it: trec_eval reads
    them so, and orders ties otherwise than we do.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tag = "-".join(name.split()) or "run"
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for query, ranking in rankings.items():
                for rank, (hit, score) in enumerate(zip(ranking, _falling(ranking), strict=True), 1):
                    file.write(f"{query}\tQ0\t{hit.id}\t{rank}\t{score!r}\t{tag}\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_run(path: str | Path, *, name: str | None = None) -> SavedRun:
    """Read a run: documents by falling score, ties by id. Its name is the one in its lines."""
    path = Path(path)
    found: dict[str, dict[str, float]] = {}
    tag = ""
    for line in lines(path):
        fields = line.text.split("\t") if "\t" in line.text else line.text.split()
        if len(fields) != 6:
            line.fault(
                f"has {len(fields)} fields, and six were expected: query, Q0, document, rank, score, name"
            )
        query, _, document, _, score, tag = fields
        try:
            value = float(score)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            line.fault(f"has the score {score!r}, which is no finite number")
        scores = found.setdefault(identifier(line, query, "query id"), {})
        if identifier(line, document, "document id") in scores:
            line.fault(f"ranks document {document!r} of query {query!r} again", "Rank a document once.")
        scores[document] = value
    if not found:
        raise BadInput(f"{path} is an empty run.", hint="Check the file.")
    return SavedRun(
        name or tag or path.stem,
        {
            query: Hits(
                tuple(
                    Hit(document, score)
                    for document, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))
                )
            )
            for query, scores in found.items()
        },
    )


def _falling(ranking: Hits) -> list[float]:
    """The scores as single-precision numbers, each below the one before."""
    import numpy as np

    lowest = np.float32(-np.inf)
    scores: list[float] = []
    last: np.float32 | None = None
    for hit in ranking:
        score = np.float32(hit.score)
        if last is not None and score >= last:
            score = np.nextafter(last, lowest)
        last = score
        scores.append(float(score))
    return scores
