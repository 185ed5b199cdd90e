from __future__ import annotations

import pytest

from orchestrator.ports import Recommender
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.recommender import RecommenderConformance, shop_with_access
from tests.recommendation.stored_editions import editions_at

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> EditionRecommender:
    editions = editions_at(tmp_path_factory.mktemp("home") / "recommendations", classic_rankers())
    train(shop_with_access(), editions, rankers=("fusion", "rules"))
    return EditionRecommender(editions)


class TestEditionRecommender(RecommenderConformance):
    @pytest.fixture
    def recommender(self, trained: EditionRecommender) -> Recommender:
        return trained
