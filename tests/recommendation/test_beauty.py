"""A real log, if it is there: its size, and that a ranker is as good on it as it was measured."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.interactions.log_files import read_log
from orchestrator.recommendation.evaluation.ranker_evaluation import evaluate
from orchestrator.testing.classic_rankers import classic_rankers

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
BEAUTY = Path(os.environ.get("ORCHESTRATOR_DATA", "nowhere")) / "beauty"

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not BEAUTY.is_dir(), reason="the Beauty log is not there (ORCHESTRATOR_DATA)"),
]


def test_rules_and_attributes_find_what_they_did(tmp_path: Path) -> None:
    log = read_log(BEAUTY)
    assert (len(log.interactions), len(log.items)) == (22_363, 12_101)
    assert log.notes == ()
    found = evaluate(log, classic_rankers(), tmp_path, rankers=("rules", "attributes"))
    rules, attributes = (found.rankers[name].figures["removed"] for name in ("rules", "attributes"))
    assert rules["hr@10"] > 0.080
    assert rules["ndcg@10"] > 0.050
    assert attributes["ndcg@10"] > 0.042
    assert found.best() == "rules"
