"""SASRec: held to the port; a training that was stopped is the one that was not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrator.interactions.protocol import leave_two_out
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports import Trainer, Training
from orchestrator.testing.ranker import RankerConformance
from orchestrator.testing.shop import made_up_log

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` has it")

from connectors.sasrec import SasRecTrainer  # noqa: E402
from connectors.sasrec.ranker import padded  # noqa: E402
from connectors.sasrec.settings import SasRecSettings  # noqa: E402
from connectors.sasrec.training import train  # noqa: E402

pytestmark = pytest.mark.slow


class TestSasRec(RankerConformance):
    learns = 0.5
    reads = True

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return SasRecTrainer()


def test_rows_are_padded_behind_their_newest_items() -> None:
    matrix, lengths = padded(Sequences.of([[1, 2, 3], [4], []]), 2, 9)
    assert matrix.tolist() == [[2, 3], [4, 9], [9, 9]]
    assert lengths.tolist() == [2, 1, 0]


class Stopped(Exception):
    """The machine went away."""


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    log = made_up_log()
    split = leave_two_out(log.interactions.sequences)
    settings = replace(SasRecSettings.named("tiny"), epochs=4)
    content = np.zeros((len(log.items), 4), dtype=np.float32)
    whole = Training(log.items, split.train, split.validation, tmp_path / "whole")
    whole.folder.mkdir()
    expected = train(whole, settings, content)

    def stop(done: int, total: int, doing: str) -> None:
        if done == 2:
            raise Stopped

    cut = replace(whole, folder=tmp_path / "cut", progress=stop)
    cut.folder.mkdir()
    with pytest.raises(Stopped):
        train(cut, settings, content)
    assert (cut.folder / "training.pt").exists()
    resumed = train(replace(cut, progress=whole.progress), settings, content)
    assert not (cut.folder / "training.pt").exists()
    for name, value in expected.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_the_whole_and_the_sampled_loss_both_learn(tmp_path: Path) -> None:
    log = made_up_log()
    split = leave_two_out(log.interactions.sequences)
    content = np.zeros((len(log.items), 4), dtype=np.float32)
    settings = replace(SasRecSettings.named("tiny"), negatives=20)
    ranker = train(Training(log.items, split.train, split.validation, tmp_path), settings, content)
    asked = split.test
    ranking = ranker.top(asked.histories, k=10, removed=asked.histories)
    assert (ranking.items == asked.targets[:, None]).any(axis=1).mean() > 0.4
