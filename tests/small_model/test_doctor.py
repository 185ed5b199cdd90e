"""`orchestrator doctor --model` with a real small model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator import Application, workflow
from orchestrator.nodes import Rerank, Retrieve
from orchestrator.settings import Settings
from tests.serving.process import orchestrator

pytestmark = pytest.mark.llm

QUESTION = "Why do sea otters hold each other while they sleep?"
RERANKED = workflow("reranked", Retrieve(k=2, mode="dense") >> Rerank("auto", keep=2, tokens=60))


def test_the_doctor_probes_the_model_and_recommends_what_auto_then_takes(folder: Path) -> None:
    probed = orchestrator(
        "doctor", "--model", "--strategy", "listwise", "--json", folder=folder, patience=300
    )
    assert probed.returncode == 0, probed.stderr
    told = json.loads(probed.stdout)
    works = {call["call"]: call["works"] for call in told["calls"]}
    assert works == dict.fromkeys(("generate", "stream", "schema", "choose"), True)
    there = {ability["name"]: ability["there"] for ability in told["abilities"]}
    assert there["context"]
    assert there["expectations"]
    assert there["thinking"] is False
    [trial] = told["trials"]
    assert 0 < trial["ndcg@3"] < 1
    assert trial["calls"] >= 8
    better = trial["follows"] and trial["ndcg@3"] - trial["embedder"] > 0.02
    assert told["strategy"] == ("listwise" if better else "embedding")
    with Application(Settings(config=folder / "orchestrator.toml")) as application:
        result = application.run_sync(RERANKED, QUESTION)
    assert not any("measured" in reason for reason in result.degraded)
    assert (result.usage.calls > 0) == (told["strategy"] == "listwise")
