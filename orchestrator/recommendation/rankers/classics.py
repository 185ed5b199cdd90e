"""Trainers of the classic rankers, which need no deep learning library.

The functions of a `Build` are entry points of `orchestrator.rankers`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Items
from orchestrator.ports.recommend import Ranker, Ranking, Refresh, Trainer, Training
from orchestrator.recommendation.libraries import INSTALL, absent
from orchestrator.recommendation.rankers.tuning import Constants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences
    from orchestrator.ports.provider import Build
    from orchestrator.recommendation.rankers.cooccurrence import Counting

#: What the training-free fusion is made of.
TRAINING_FREE = ("popularity", "itemknn", "rules", "attributes")
#: Where a ranker's folder keeps what was chosen, and how popular each item is.
CONSTANTS, POPULARITY = "constants.json", "popularity.npy"


class Counted(Protocol):
    """A ranker of counts that saves and loads itself."""

    @property
    def name(self) -> str: ...

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class CountedTrainer:
    """Trains a ranker of counts, such as item neighbours or EASE, after choosing its hyperparameters.

    `learn` chooses and counts, `count` counts with constants that were chosen, `read` is what was saved.
    """

    name: str
    learn: Callable[[Training], tuple[Counted, Constants]]
    count: Callable[[Items, Sequences, Constants], Counted]
    read: Callable[[Path], Ranker]
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Whether scipy is there."""
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Ranker:
        """Choose the constants on validation data, count, and save the ranker."""
        ranker, constants = self.learn(training)
        ranker.save(training.folder)
        _write(training.folder / CONSTANTS, constants)
        return ranker

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        """Load what `fit` saved."""
        return self.read(folder)

    def refresh(self, target: Refresh) -> Ranker:
        """Count again, on the new interactions. BadInput if the constants were not kept."""
        try:
            constants: Constants = json.loads((target.trained / CONSTANTS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadInput(
                f"The ranker {self.name} was trained by a release that kept no constants.",
                hint="Train again: `orchestrator recommend train --data DIR`.",
            ) from None
        ranker = self.count(target.items, target.interactions, constants)
        ranker.save(target.folder)
        _write(target.folder / CONSTANTS, constants)
        return ranker


@dataclass(frozen=True)
class PopularityTrainer:
    """Trains the popularity ranker: counts how many users had each item."""

    name: str = "popularity"
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """None: numpy is always there."""
        return None

    def fit(self, training: Training) -> Ranker:
        """Count the users of each item, and save the counts."""
        return self._counted(training.train, len(training.items), training.folder)

    def refresh(self, target: Refresh) -> Ranker:
        """Count again, on the new interactions."""
        return self._counted(target.interactions, len(target.items), target.folder)

    def _counted(self, sequences: Sequences, items: int, folder: Path) -> Ranker:
        from orchestrator.recommendation.rankers.popularity import count_users

        ranker = count_users(sequences, items)
        ranker.save(folder)
        return ranker

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        """Load what `fit` saved."""
        from orchestrator.recommendation.rankers.popularity import Popularity

        return Popularity.load(folder)


@dataclass(frozen=True)
class FusionTrainer:
    """Trains the fusion ranker: learns weights for the rankers in `parts`."""

    name: str = "fusion"
    parts: tuple[str, ...] = TRAINING_FREE

    def missing(self) -> str | None:
        """Whether scipy is there."""
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Ranker:
        """Learn the weights, and save them."""
        from orchestrator.recommendation.rankers.learned_fusion import learn_fusion

        popularity = _popularity(training.train, len(training.items), training.folder)
        ranker = learn_fusion(self.name, training, popularity)
        ranker.save(training.folder)
        return ranker

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        """Load what `fit` saved."""
        import numpy as np

        from orchestrator.recommendation.rankers.learned_fusion import Fusion

        return Fusion.load(self.name, folder, parts, np.load(folder / POPULARITY, allow_pickle=False))

    def refresh(self, target: Refresh) -> Ranker:
        """The weights that were learned, over the parts as they are now."""
        from orchestrator.recommendation.rankers.learned_fusion import Fusion

        popularity = _recounted(target)
        ranker = Fusion.load(self.name, target.trained, target.parts, popularity)
        ranker.save(target.folder)
        return ranker


@dataclass(frozen=True)
class PipelineTrainer:
    """Trains the pipeline ranker: learning to rank (LightGBM) on the candidates of all other rankers."""

    name: str = "pipeline"
    parts: tuple[str, ...] = (*TRAINING_FREE, "ease", "sasrec", "generative", "atomic")

    def missing(self) -> str | None:
        """Whether scipy and LightGBM are there."""
        if absent("lightgbm"):
            return f"The ranker {self.name} needs lightgbm, which is not installed. {INSTALL}"
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Ranker:
        """Learn the weights, and save them."""
        from orchestrator.recommendation.rankers.pipeline import learn_pipeline

        popularity = _popularity(training.train, len(training.items), training.folder)
        ranker = learn_pipeline(training, popularity)
        ranker.save(training.folder)
        return ranker

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        """Load what `fit` saved."""
        import numpy as np

        from orchestrator.recommendation.rankers.pipeline import Pipeline

        return Pipeline.load(folder, parts, np.load(folder / POPULARITY, allow_pickle=False))

    def refresh(self, target: Refresh) -> Ranker:
        """The weights and the trees that were learned, over the parts as they are now."""
        from orchestrator.recommendation.rankers.pipeline import Pipeline

        popularity = _recounted(target)
        ranker = Pipeline.load(target.trained, target.parts, popularity)
        ranker.save(target.folder)
        return ranker


def popularity(_: Build) -> Trainer:
    """How many users had each item."""
    return PopularityTrainer()


def itemknn(_: Build) -> Trainer:
    """Item neighbours."""
    from orchestrator.recommendation.rankers import cooccurrence

    return _of_pairs("itemknn", cooccurrence.NEIGHBOURS_START, cooccurrence.NEIGHBOURS_GRID)


def rules(_: Build) -> Trainer:
    """What followed what."""
    from orchestrator.recommendation.rankers import cooccurrence

    return _of_pairs("rules", cooccurrence.RULES, cooccurrence.RULES_GRID)


def attributes(_: Build) -> Trainer:
    """Items alike in what is known of them."""
    from orchestrator.recommendation.rankers import attributes as found

    return CountedTrainer(
        "attributes", found.learn_attributes, found.read_attributes, _items_to_items("attributes")
    )


def ease(_: Build) -> Trainer:
    """EASE: a linear model of items by items, in closed form."""
    from orchestrator.recommendation.rankers import ease as solver
    from orchestrator.recommendation.rankers.borrowing import borrowed

    def count(items: Items, had: Sequences, constants: Constants) -> Counted:
        return borrowed(solver.solve_ease(had, len(items), constants), items, had)

    return CountedTrainer("ease", solver.learn_ease, count, _items_to_items("ease"))


def complements(_: Build) -> Trainer:
    """Items bought together, as vectors."""
    from orchestrator.recommendation.rankers import dense_vectors as vectors

    def count(items: Items, had: Sequences, constants: Constants) -> Counted:
        return vectors.complements(had, len(items), constants)

    return CountedTrainer(
        "complements", vectors.learn_complements, count, partial(vectors.Vectors.load, "complements")
    )


def interests(_: Build) -> Trainer:
    """Users' interests, as vectors."""
    from orchestrator.recommendation.rankers import dense_vectors as vectors

    def count(items: Items, had: Sequences, constants: Constants) -> Counted:
        return vectors.interests(had, len(items), constants)

    return CountedTrainer(
        "interests", vectors.learn_interests, count, partial(vectors.Vectors.load, "interests")
    )


def paths(_: Build) -> Trainer:
    """Random walks between users and items."""
    from orchestrator.recommendation.rankers import walks

    def count(items: Items, had: Sequences, constants: Constants) -> Counted:
        return walks.walks(had, items, constants)

    return CountedTrainer("paths", walks.learn_walks, count, walks.Walks.load)


def fusion(_: Build) -> Trainer:
    """Learned weights of other rankers."""
    return FusionTrainer()


def pipeline(_: Build) -> Trainer:
    """Learning to rank on the candidates of all other rankers."""
    return PipelineTrainer()


def _of_pairs(name: str, start: Counting, grid: dict[str, tuple[float, ...]]) -> Trainer:
    from orchestrator.recommendation.rankers import cooccurrence
    from orchestrator.recommendation.rankers.borrowing import borrowed

    def learn(training: Training) -> tuple[Counted, Constants]:
        return cooccurrence.learned(name, training, start, grid)

    def count(items: Items, had: Sequences, constants: Constants) -> Counted:
        return borrowed(cooccurrence.counted(name, had, len(items), constants), items, had)

    return CountedTrainer(name, learn, count, _items_to_items(name))


def _items_to_items(name: str) -> Callable[[Path], Ranker]:
    """Reads what a ranker of item-to-item weights saved."""
    from orchestrator.recommendation.rankers.item_to_item import ItemToItem

    return partial(ItemToItem.load, name)


def _popularity(sequences: Sequences, items: int, folder: Path) -> NDArray[np.float32]:
    """log(1 + count) of each item, kept in the folder."""
    import numpy as np

    from orchestrator.recommendation.rankers.popularity import log_popularity

    popularity = log_popularity(sequences, items)
    np.save(folder / POPULARITY, popularity)
    return popularity


def _recounted(target: Refresh) -> NDArray[np.float32]:
    """`_popularity` of later interactions, within what the weights of it were learned on.

    A new item, which nobody had yet, is as popular as the least popular one was then: below it a weight
    would say what it never learned.
    """
    import numpy as np

    learned = np.load(target.trained / POPULARITY, allow_pickle=False)
    popularity = _popularity(target.interactions, len(target.items), target.folder)
    popularity = np.maximum(popularity, learned.min(initial=np.inf))
    np.save(target.folder / POPULARITY, popularity)
    return popularity


def _write(file: Path, constants: Constants) -> None:
    file.write_text(json.dumps(dict(constants), indent=1), encoding="utf-8")


def _without_scipy(ranker: str) -> str | None:
    if absent("scipy"):
        return f"The ranker {ranker} needs scipy, which is not installed. {INSTALL}"
    return None
