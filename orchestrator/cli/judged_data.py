"""The data set of judged queries that a command's options name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.evaluation import Dataset


def dataset_of(
    data: str, split: str | None, topics: Path | None = None, qrels: Path | None = None
) -> Dataset:
    """The data set that the options name."""
    from orchestrator.errors import BadInput
    from orchestrator.evaluation import trec
    from orchestrator.evaluation.dataset_loaders import load_dataset

    if topics is not None and qrels is not None:
        return trec(corpus=data, topics=topics, qrels=qrels)
    if topics is not None or qrels is not None:
        raise BadInput(
            "TREC files need both --topics and --qrels.", hint="Give both; --data is then the collection."
        )
    return load_dataset(data, split)
