"""What every `Arm` must give: rankings that keep to what is allowed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from orchestrator.ports import Arm, Ranking, Trainer, Training
from orchestrator.recommendation.interactions import Sequences
from orchestrator.recommendation.measures import hits, ranks
from orchestrator.recommendation.protocol import Split, leave_two_out
from orchestrator.recommendation.reading import Log
from orchestrator.testing.shop import made_up_log


@cache
def _shop() -> tuple[Log, Split]:
    log = made_up_log()
    return log, leave_two_out(log.interactions.sequences)


class ArmConformance:
    """Subclass it with a fixture `trainer`; `parts` trains what the arm is made of.

    `learns` is the least HR@10 on the made-up shop, in which ten of sixty items are a sixth.
    """

    learns = 0.4
    settings: dict[str, object] = {"model": "tiny"}  # noqa: RUF012 - a constant of the class

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        """What trains the arm under test."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def parts(cls) -> dict[str, Arm]:
        """The arms it is made of."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def training(cls, tmp_path_factory: pytest.TempPathFactory, parts: dict[str, Arm]) -> Training:
        """What it is trained with."""
        log, split = _shop()
        return Training(
            items=log.items,
            train=split.train,
            chosen=split.validation,
            folder=tmp_path_factory.mktemp("arm"),
            parts=parts,
            settings=cls.settings,
        )

    @pytest.fixture(scope="class")
    @classmethod
    def arm(cls, trainer: Trainer, training: Training) -> Arm:
        """The arm under test, trained."""
        reason = trainer.missing()
        if reason is not None:
            pytest.skip(reason)
        return trainer.fit(training)

    @pytest.fixture(scope="class")
    @classmethod
    def split(cls) -> Split:
        """The histories it is asked about."""
        return _shop()[1]

    def test_it_has_its_trainers_name(self, trainer: Trainer, arm: Arm) -> None:
        assert arm.name == trainer.name

    def test_it_learned_something(self, arm: Arm, split: Split) -> None:
        asked = split.test
        ranking = arm.top(asked.histories, k=10, removed=asked.histories)
        assert hits(ranks(ranking, asked.targets), 10).mean() >= self.learns

    def test_rankings_are_rankings(self, arm: Arm, training: Training, split: Split) -> None:
        import numpy as np

        for k in (1, 7, len(training.items) + 5):
            ranking = arm.top(split.test.histories, k=k)
            assert ranking.items.shape == ranking.scores.shape == (len(split.test), k)
            assert ranking.items.dtype == np.int32
            for items, scores in zip(ranking.items, ranking.scores, strict=True):
                found = items[items >= 0]
                assert len(set(found.tolist())) == len(found)
                assert (items[len(found) :] == -1).all()
                assert (found < len(training.items)).all()
                assert np.isfinite(scores[: len(found)]).all()
                assert (np.diff(scores[: len(found)]) <= 0).all()

    def test_what_is_removed_or_not_allowed_never_comes_back(
        self, arm: Arm, training: Training, split: Split
    ) -> None:
        import numpy as np

        histories = split.test.histories.take(slice(0, 40))
        allowed = np.arange(len(training.items)) % 3 != 0
        ranking = arm.top(histories, k=10, allowed=allowed, removed=histories)
        for items, history in zip(ranking.items, histories, strict=True):
            found = items[items >= 0]
            assert allowed[found].all()
            assert not set(found.tolist()) & set(history.tolist())
        nothing = arm.top(histories, k=10, allowed=np.zeros_like(allowed))
        assert (nothing.items == -1).all()

    def test_k_items_are_found_under_a_narrow_filter(
        self, arm: Arm, training: Training, split: Split
    ) -> None:
        """A filter is part of the ranking: it does not cut what was ranked without it."""
        import numpy as np

        histories = split.test.histories.take(slice(0, 40))
        free = arm.top(histories, k=len(training.items))
        allowed = np.zeros(len(training.items), dtype=np.bool_)
        allowed[::7] = True
        ranking = arm.top(histories, k=3, allowed=allowed)
        for narrow, wide in zip(ranking.items, free.items, strict=True):
            possible = int(allowed[wide[wide >= 0]].sum())
            assert (narrow >= 0).sum() >= min(3, possible)

    def test_a_history_is_ranked_alone_as_in_company(self, arm: Arm, split: Split) -> None:
        import numpy as np

        histories = split.test.histories.take(slice(0, 30))
        together = arm.top(histories, k=5, removed=histories)
        for row in (0, 13, 29):
            alone = histories.take(np.asarray([row]))
            single = arm.top(alone, k=5, removed=alone)
            np.testing.assert_allclose(single.scores[0], together.scores[row], rtol=1e-3, atol=1e-4)

    def test_empty_odd_and_endless_histories_are_legal(self, arm: Arm, training: Training) -> None:
        histories = Sequences.of([[], [3], [3] * 500, list(range(len(training.items)))])
        ranking = arm.top(histories, k=5, removed=histories)
        assert (ranking.items[3] == -1).all(), "everything was removed"
        assert not (ranking.items[1:3] == 3).any()
        assert arm.top(Sequences.of([]), k=5).items.shape == (0, 5)

    def test_the_same_seed_gives_the_same_arm_and_so_does_loading(
        self, arm: Arm, trainer: Trainer, training: Training, split: Split
    ) -> None:
        import numpy as np

        loaded = trainer.load(training.folder, training.items, training.parts)
        first: Ranking = arm.top(split.test.histories, k=5)
        second: Ranking = loaded.top(split.test.histories, k=5)
        np.testing.assert_array_equal(first.items, second.items)
        assert Path(training.folder).is_dir()
