"""What every `Ranker` must give: rankings that keep to what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.log_files import Log
from orchestrator.interactions.protocol import Split, leave_two_out
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports import Ranker, Ranking, Refresh, Trainer, Training
from orchestrator.recommendation.hit_metrics import hits, ranks
from orchestrator.testing.shop import made_up_log


@cache
def _shop() -> tuple[Log, Split]:
    log = made_up_log()
    return log, leave_two_out(log.interactions.sequences)


class RankerConformance:
    """Subclass it with a fixture `trainer`; `parts` and `carry_parts` give what the ranker is made of.

    `learns` is the least HR@10 on the made-up shop, in which ten of sixty items are a sixth.
    """

    learns = 0.4
    #: Whether it ranks an item that nobody had by what can be read about it.
    reads = False
    settings: dict[str, object] = {"model": "tiny"}  # noqa: RUF012 - a constant of the class

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        """What trains the ranker under test."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def parts(cls) -> dict[str, Ranker]:
        """The rankers it is made of."""
        return {}

    @pytest.fixture(scope="class")
    @classmethod
    def carry_parts(cls) -> Callable[[Refresh], dict[str, Ranker]]:
        """Carries the rankers it is made of over, into folders below the one given."""
        return lambda target: {}

    @pytest.fixture(scope="class")
    @classmethod
    def training(cls, tmp_path_factory: pytest.TempPathFactory, parts: dict[str, Ranker]) -> Training:
        """What it is trained with."""
        log, split = _shop()
        return Training(
            items=log.items,
            train=split.train,
            chosen=split.validation,
            folder=tmp_path_factory.mktemp("ranker"),
            parts=parts,
            settings=cls.settings,
        )

    @pytest.fixture(scope="class")
    @classmethod
    def ranker(cls, trainer: Trainer, training: Training) -> Ranker:
        """The ranker under test, trained."""
        reason = trainer.missing()
        if reason is not None:
            pytest.skip(reason)
        return trainer.fit(training)

    @pytest.fixture(scope="class")
    @classmethod
    def split(cls) -> Split:
        """The histories it is asked about."""
        return _shop()[1]

    def test_it_has_its_trainers_name(self, trainer: Trainer, ranker: Ranker) -> None:
        assert ranker.name == trainer.name

    def test_it_learned_something(self, ranker: Ranker, split: Split) -> None:
        asked = split.test
        ranking = ranker.top(asked.histories, k=10, removed=asked.histories)
        assert hits(ranks(ranking, asked.targets), 10).mean() >= self.learns

    def test_rankings_are_rankings(self, ranker: Ranker, training: Training, split: Split) -> None:
        import numpy as np

        for k in (1, 7, len(training.items) + 5):
            ranking = ranker.top(split.test.histories, k=k)
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
        self, ranker: Ranker, training: Training, split: Split
    ) -> None:
        import numpy as np

        histories = split.test.histories.take(slice(0, 40))
        allowed = np.arange(len(training.items)) % 3 != 0
        ranking = ranker.top(histories, k=10, allowed=allowed, removed=histories)
        for items, history in zip(ranking.items, histories, strict=True):
            found = items[items >= 0]
            assert allowed[found].all()
            assert not set(found.tolist()) & set(history.tolist())
        nothing = ranker.top(histories, k=10, allowed=np.zeros_like(allowed))
        assert (nothing.items == -1).all()

    def test_k_items_are_found_under_a_narrow_filter(
        self, ranker: Ranker, training: Training, split: Split
    ) -> None:
        """A filter is part of the ranking: it does not cut what was ranked without it."""
        import numpy as np

        histories = split.test.histories.take(slice(0, 40))
        free = ranker.top(histories, k=len(training.items))
        allowed = np.zeros(len(training.items), dtype=np.bool_)
        allowed[::7] = True
        ranking = ranker.top(histories, k=3, allowed=allowed)
        for narrow, wide in zip(ranking.items, free.items, strict=True):
            possible = int(allowed[wide[wide >= 0]].sum())
            assert (narrow >= 0).sum() >= min(3, possible)

    def test_a_history_is_ranked_alone_as_in_company(self, ranker: Ranker, split: Split) -> None:
        import numpy as np

        histories = split.test.histories.take(slice(0, 30))
        together = ranker.top(histories, k=5, removed=histories)
        for row in (0, 13, 29):
            alone = histories.take(np.asarray([row]))
            single = ranker.top(alone, k=5, removed=alone)
            np.testing.assert_allclose(single.scores[0], together.scores[row], rtol=1e-3, atol=1e-4)

    def test_empty_odd_and_endless_histories_are_legal(self, ranker: Ranker, training: Training) -> None:
        histories = Sequences.of([[], [3], [3] * 500, list(range(len(training.items)))])
        ranking = ranker.top(histories, k=5, removed=histories)
        assert (ranking.items[3] == -1).all(), "everything was removed"
        assert not (ranking.items[1:3] == 3).any()
        assert ranker.top(Sequences.of([]), k=5).items.shape == (0, 5)

    def test_the_same_seed_gives_the_same_ranker_and_so_does_loading(
        self, ranker: Ranker, trainer: Trainer, training: Training, split: Split
    ) -> None:
        import numpy as np

        loaded = trainer.load(training.folder, training.items, training.parts)
        first: Ranking = ranker.top(split.test.histories, k=5)
        second: Ranking = loaded.top(split.test.histories, k=5)
        np.testing.assert_array_equal(first.items, second.items)
        assert Path(training.folder).is_dir()

    def test_carried_over_to_the_same_catalogue_it_is_the_same_ranker(
        self, ranker: Ranker, trainer: Trainer, training: Training, split: Split, tmp_path: Path
    ) -> None:
        import numpy as np

        target = Refresh(
            training.items, training.train, training.items, training.folder, tmp_path, training.parts
        )
        same = trainer.refresh(target).top(split.test.histories, k=5)
        np.testing.assert_allclose(same.scores, ranker.top(split.test.histories, k=5).scores, rtol=1e-4)

    def test_it_is_carried_over_to_a_changed_catalogue(
        self,
        trainer: Trainer,
        training: Training,
        split: Split,
        tmp_path: Path,
        ranker: Ranker,
        carry_parts: Callable[[Refresh], dict[str, Ranker]],
    ) -> None:
        """Numbers move with their items; deleted items are gone; what was learned is still known."""
        import numpy as np

        before = training.items
        gone = {before.ids[0], before.ids[17]}
        new = (Item("a-new-soap", before[45].title, before[45].attributes), Item("zz"))
        items = Items.of([*(item for item in before.rows if item.id not in gone), *new])
        folder = tmp_path / "own"
        folder.mkdir()
        had = moved(training.train, before, items)
        target = Refresh(items, had, before, training.folder, folder)
        parts = carry_parts(replace(target, folder=tmp_path / "parts"))
        carried = trainer.refresh(replace(target, parts=parts))
        asked = split.test.take(np.flatnonzero(~np.isin(split.test.targets, [0, 17])))
        histories = moved(asked.histories, before, items)
        targets = np.asarray([items.numbers[before.ids[one]] for one in asked.targets], dtype=np.int32)
        ranking = carried.top(histories, k=len(items), removed=histories)
        assert ranking.items.max() < len(items)
        assert hits(ranks(ranking, targets), 10).mean() >= self.learns * 0.9
        if self.reads:
            upper = ranking.items[:, : len(items) // 2]
            assert (upper == items.numbers["a-new-soap"]).any()
        again = trainer.load(folder, items, parts).top(histories, k=5, removed=histories)
        np.testing.assert_array_equal(again.items, ranking.items[:, :5])


def moved(sequences: Sequences, before: Items, items: Items) -> Sequences:
    """Sequences by the numbers of another catalogue, without what it lacks."""
    ids = before.ids
    return Sequences.of(
        [[items.numbers[ids[one]] for one in row if ids[one] in items.numbers] for row in sequences]
    )
