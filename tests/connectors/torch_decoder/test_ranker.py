"""The generated rankers keep what every ranker must keep."""

from __future__ import annotations

import pytest

from connectors.torch_decoder import GenerativeTrainer
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.ports import Trainer
from orchestrator.testing.ranker import RankerConformance

pytestmark = pytest.mark.slow

pytest.importorskip("torch", reason="torch is not installed: the extra `train` has it")


class TestGenerative(RankerConformance):
    learns = 0.5

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return GenerativeTrainer("generative", WordLlamaEmbedder())


class TestAtomic(RankerConformance):
    learns = 0.5

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return GenerativeTrainer("atomic", WordLlamaEmbedder())


class TestTree(RankerConformance):
    # Without tokens of their own, items are told apart by the whole word: slower to learn.
    learns = 0.3
    settings = {"model": "tiny", "ids": "tree"}  # noqa: RUF012 - a constant of the class

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return GenerativeTrainer("generative", WordLlamaEmbedder())
