"""Arms that search the data set's index beside another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator import Application, fuse, workflow
from orchestrator.errors import WorkflowError
from orchestrator.evaluation import beir, experiment
from orchestrator.nodes import Mmr, Retrieve, rrf
from orchestrator.settings import Settings
from tests.evaluation.sets import DOCUMENTS, write_beir

pytestmark = pytest.mark.slow


async def test_an_arm_finds_judged_documents_in_either_index(tmp_path: Path) -> None:
    data = beir(write_beir(tmp_path / "pets"))
    alone = workflow("extra", Retrieve(index="extra"))
    both = workflow("both", fuse(Retrieve() | Retrieve(index="extra"), by=rrf(60)) >> Mmr())
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as application:
        with pytest.raises(WorkflowError, match="'extra', which does not exist"):
            await experiment([alone], data=data, application=application)
        extra = tmp_path / "extra"
        extra.mkdir()
        (extra / "a.jsonl").write_text(json.dumps({"_id": "d3", "text": DOCUMENTS["d3"]}))
        await application.indexer("extra").add(extra)
        report = await experiment([alone, both], data=data, metrics=["recall@5"], application=application)
    # One of four relevant documents lies in the extra index: q2's only one.
    assert report.arms["extra"].metrics["recall@5"].mean == pytest.approx(1 / 3)
    assert report.arms["both"].metrics["recall@5"].mean == pytest.approx(1.0)
