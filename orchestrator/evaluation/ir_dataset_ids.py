"""Data sets by their ids in ir_datasets.

Source: MacAvaney et al., "Simplified Data Wrangling with ir_datasets" (SIGIR 2021), https://ir-datasets.com.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from orchestrator.errors import BadInput, SettingsError
from orchestrator.evaluation.datasets import Dataset, Record, assembled
from orchestrator.evaluation.qrels import Judgement


def ir_dataset(name: str) -> Dataset:
    """The data set of an id such as `beir/scifact/test`; ir_datasets downloads what it does not have."""
    try:
        library: Any = importlib.import_module("ir_datasets")
    except ImportError:
        raise SettingsError(
            f"The data set {name!r} is one of ir_datasets, which is not installed.",
            hint="Install it: pip install 'orchestrator-rag[irds]'.",
        ) from None
    try:
        data: Any = library.load(name)
    except KeyError:
        raise BadInput(
            f"The package ir_datasets has no data set {name!r}.",
            hint="Find the id at https://ir-datasets.com.",
        ) from None
    for part in ("docs", "queries", "qrels"):
        if not getattr(data, f"has_{part}")():
            raise BadInput(
                f"{name!r} of ir_datasets has no {part}.",
                hint="Take a subset that has documents, queries and judgements, such as beir/scifact/test.",
            )
    judgements = list(_judgements(data))
    aspects = [judgement for judgement in judgements if judgement.aspect]
    return assembled(
        name.replace("/", "-"),
        f"irds:{name}",
        records=lambda: _records(data),
        queries=((query.query_id, query.default_text()) for query in data.queries_iter()),
        judgements=_best(judgements) if aspects else judgements,
        aspects=aspects,
    )


def _records(data: Any) -> Iterator[Record]:
    for document in data.docs_iter():
        title = getattr(document, "title", "") or ""
        text = document.default_text() or ""
        # The default text of most sets begins with the title.
        yield Record(document.doc_id, title, text.removeprefix(title).strip())


def _judgements(data: Any) -> Iterator[Judgement]:
    for qrel in data.qrels_iter():
        aspect = str(getattr(qrel, "subtopic_id", "") or "")
        yield Judgement(qrel.query_id, qrel.doc_id, int(qrel.relevance), aspect)


def _best(judgements: list[Judgement]) -> Iterator[Judgement]:
    """A document is as relevant to a query as to that aspect of it that it answers best."""
    grades: dict[tuple[str, str], int] = {}
    for judgement in judgements:
        key = judgement.query, judgement.document
        grades[key] = max(judgement.grade, grades.get(key, judgement.grade))
    return (Judgement(query, document, grade) for (query, document), grade in grades.items())
