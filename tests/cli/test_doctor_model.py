"""`orchestrator doctor --model`, as far as it goes without a model; tests/small_model has the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.cli.doctor_model import tell_probe
from orchestrator.evaluation.model_abilities import Ability
from orchestrator.evaluation.strategy_trials import StrategyTrial
from orchestrator.models.trial import Trial
from orchestrator.ports import ModelProfile
from orchestrator.types import Usage
from tests.cli.conftest import Command

CHANCE, GIVEN, JUDGED = (0.45,) * 4, (0.4,) * 4, (0.9, 0.8, 1.0, 0.7)
TRIALS = (
    StrategyTrial("listwise", GIVEN, CHANCE, GIVEN, Usage(4, 1000, 200), 2.5, 4, ("kept as it was",)),
    StrategyTrial("yes_no", JUDGED, CHANCE, GIVEN, Usage(24, 3000, 24), 1.25, embedded=(0.8, 0.7, 0.6, 0.5)),
    StrategyTrial("graded", error="The server gives no log-probabilities."),
)


def test_without_a_model_there_is_nothing_to_probe(cli: Command) -> None:
    told = cli("doctor", "--model")
    assert told.code == 2
    assert "llm_url" in told.err
    assert not told.out


def test_the_table_says_which_strategy_is_followed_and_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    tell_probe(
        ModelProfile("m", "yes_no"),
        [Trial("schema", True, "An object.")],
        [Ability("context", None, "Unknown.")],
        TRIALS,
    )
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert rows["schema"][1] == "yes"
    assert rows["context"][1] == "-"
    assert rows["yes_no"][1] == "0.850"
    assert rows["yes_no"][-4:] == ["yes", "24", "3,024", "1.2"]
    assert "+0.200 (+0.100 to " in next(line for line in out.splitlines() if line.startswith("yes_no"))
    assert rows["listwise"][-4] == "no"
    assert rows["graded"][1] == "-"
    assert "Recommended: yes_no." in out
    assert "graded: The server gives no log-probabilities." in err
    assert "listwise: kept as it was" in err


def test_a_model_that_follows_nothing_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    tell_probe(ModelProfile("m", "embedding"), [], [], TRIALS[:1])
    assert "follows none of these strategies" in capsys.readouterr().out


def test_a_model_that_is_no_better_than_the_embedder_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    equal = replace(TRIALS[1], embedded=TRIALS[1].scores)
    tell_probe(ModelProfile("m", "embedding"), [], [], [equal])
    out = capsys.readouterr().out
    assert "chance 0.450, as given 0.400, the embedder's order 0.850." in out
    assert "none of these strategies better than the embedder" in out


def test_where_nothing_could_be_tried_no_order_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tell_probe(ModelProfile("m", "embedding"), [], [], TRIALS[2:])
    assert "No strategy could be tried to the end." in capsys.readouterr().out
