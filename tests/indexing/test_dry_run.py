"""A dry run says what adding a folder then does: documents, chunks and embeddings, to the last one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.ports import IndexRegistry, Ledger, index_scope
from tests.workers.deployment import change


async def edited(app: Application, reader: Reader, root: Path, *, edits: int, seed: int) -> None:
    """Compare dry runs with what happens, after each of some random edits."""
    chance = random.Random(seed)
    context = indexing_context(app.container, reader)
    indexer = Indexer(context, settings=None, store_grace=0.0, passage_grace=0.0)
    embedded = 0
    real = context.embedder.embed

    async def counting(texts: Any, *, kind: Any) -> Any:
        nonlocal embedded
        # The embedder is warmed up with a text that is nobody's.
        embedded += len(texts) if texts != ["warm"] else 0
        return await real(texts, kind=kind)

    context.embedder.embed = counting  # type: ignore[method-assign]
    seen: set[int] = set()
    try:
        for number in range(edits):
            change(root, chance)
            labels = ["public", "staff"] if chance.random() < 0.2 and number else None
            before = app.container.get(IndexRegistry).current("default")
            told = await indexer.dry_run(root, labels)
            assert app.container.get(IndexRegistry).current("default") == before
            embedded = 0
            report = await indexer.add(root, labels)
            jobs = app.container.get(Ledger).jobs(scope=index_scope("default"), states=("done",), brief=True)
            new = [job for job in jobs if job.id not in seen and job.effects is not None]
            seen |= {job.id for job in new}
            read = [job.effects.read() for job in new if job.kind == "read" and job.effects is not None]
            gone = [job.effects.read() for job in new if job.kind == "forget" and job.effects is not None]
            assert told.documents == sum(each["documents"] for each in read)
            assert told.chunks == sum(each["passages"] for each in read)
            assert told.embeddings == embedded
            assert told.removed == sum(each["removed_documents"] for each in (*read, *gone))
            assert (told.relabelled, told.unchanged) == (report.relabelled, report.unchanged)
            assert told.model_calls == 0
    finally:
        context.embedder.embed = real  # type: ignore[method-assign]


async def test_a_dry_run_of_a_new_index_makes_nothing(app: Application, reader: Reader, docs: Path) -> None:
    indexer = Indexer(indexing_context(app.container, reader), settings=None)
    told = await indexer.dry_run(docs)
    assert (told.documents, told.chunks, told.embeddings, told.removed) == (4, 4, 4, 0)
    assert app.container.get(IndexRegistry).indexes() == []


@pytest.mark.slow
async def test_a_dry_run_says_what_happens(app: Application, reader: Reader, tmp_path: Path) -> None:
    await edited(app, reader, tmp_path / "docs", edits=12, seed=1)
