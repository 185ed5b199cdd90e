"""The light hybrid, as it is shipped, is not worse than BM25 alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator import workflow
from orchestrator.application.application import Application
from orchestrator.evaluation.beir_folder import beir
from orchestrator.evaluation.experiment import experiment
from orchestrator.nodes import Retrieve
from orchestrator.settings import Settings


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", ["scifact", "cranfield"])
async def test_the_light_hybrid_is_not_below_bm25(name: str, tmp_path: Path) -> None:
    folder = os.environ.get("ORCHESTRATOR_DATA")
    if not folder:
        pytest.skip("ORCHESTRATOR_DATA names no folder of data sets")
    arms = [workflow("bm25", Retrieve(mode="bm25")), workflow("hybrid", Retrieve())]
    async with Application(Settings(home=tmp_path)) as application:
        report = await experiment(
            arms, data=beir(Path(folder) / name), metrics=["nDCG@10"], application=application
        )
    means = {arm: next(iter(found.metrics.values())).mean for arm, found in report.arms.items()}
    assert means["hybrid"] >= means["bm25"], means
