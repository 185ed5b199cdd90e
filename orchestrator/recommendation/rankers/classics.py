"""The arms that need no deep learning library: how each is trained, saved and loaded, by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Items
from orchestrator.ports.recommend import Arm, Ranking, Refitting, Trainer, Training
from orchestrator.recommendation.libraries import INSTALL, absent
from orchestrator.recommendation.rankers.tuning import Constants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.interactions.sequences import Sequences

#: What the training-free fusion is made of.
TRAINING_FREE = ("popularity", "itemknn", "rules", "attributes")
#: Where an arm's folder keeps what was chosen, and how popular each item is.
CONSTANTS, POPULARITY = "constants.json", "popularity.npy"


class Counted(Protocol):
    """An arm that is saved whole."""

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
    """Trains an arm that is counted from interactions and contents, once its constants are chosen.

    `learn` chooses and counts, `count` counts with constants that were chosen, `read` is what was saved.
    """

    name: str
    learn: Callable[[Training], tuple[Counted, Constants]]
    count: Callable[[Items, Sequences, Constants], Counted]
    read: Callable[[Path], Arm]
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Whether scipy is there."""
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Arm:
        """Choose, count and save."""
        arm, constants = self.learn(training)
        arm.save(training.folder)
        _write(training.folder / CONSTANTS, constants)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What was saved."""
        return self.read(folder)

    def refit(self, refitting: Refitting) -> Arm:
        """Count anew. BadInput if the constants were not kept."""
        try:
            constants: Constants = json.loads((refitting.trained / CONSTANTS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadInput(
                f"The arm {self.name} was trained by a release that kept no constants.",
                hint="Train again: orchestrator recommend train --data DIR",
            ) from None
        arm = self.count(refitting.items, refitting.interactions, constants)
        arm.save(refitting.folder)
        _write(refitting.folder / CONSTANTS, constants)
        return arm


@dataclass(frozen=True)
class PopularityTrainer:
    """Counts."""

    name: str = "popularity"
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Nothing: it counts with numpy."""
        return None

    def fit(self, training: Training) -> Arm:
        """Count and save."""
        return self._counted(training.train, len(training.items), training.folder)

    def refit(self, refitting: Refitting) -> Arm:
        """Count anew."""
        return self._counted(refitting.interactions, len(refitting.items), refitting.folder)

    def _counted(self, sequences: Sequences, items: int, folder: Path) -> Arm:
        from orchestrator.recommendation.rankers.popularity import count_users

        arm = count_users(sequences, items)
        arm.save(folder)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        from orchestrator.recommendation.rankers.popularity import Popularity

        return Popularity.load(folder)


@dataclass(frozen=True)
class FusionTrainer:
    """Learns the weights of the arms in `parts`."""

    name: str = "fusion"
    parts: tuple[str, ...] = TRAINING_FREE

    def missing(self) -> str | None:
        """Whether scipy is there."""
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Arm:
        """Learn and save."""
        from orchestrator.recommendation.rankers.learned_fusion import learn_fusion

        popularity = _popularity(training.train, len(training.items), training.folder)
        arm = learn_fusion(self.name, training, popularity)
        arm.save(training.folder)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What was saved."""
        import numpy as np

        from orchestrator.recommendation.rankers.learned_fusion import Fusion

        return Fusion.load(self.name, folder, parts, np.load(folder / POPULARITY, allow_pickle=False))

    def refit(self, refitting: Refitting) -> Arm:
        """The weights that were learned, over the parts as they are now."""
        from orchestrator.recommendation.rankers.learned_fusion import Fusion

        popularity = _recounted(refitting)
        arm = Fusion.load(self.name, refitting.trained, refitting.parts, popularity)
        arm.save(refitting.folder)
        return arm


@dataclass(frozen=True)
class PipelineTrainer:
    """Learns to order the candidates of every arm that is there."""

    name: str = "pipeline"
    parts: tuple[str, ...] = (*TRAINING_FREE, "ease", "sasrec", "generative", "atomic")

    def missing(self) -> str | None:
        """Whether scipy and LightGBM are there."""
        if absent("lightgbm"):
            return f"The arm {self.name} needs lightgbm, which is not installed. {INSTALL}"
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Arm:
        """Learn and save."""
        from orchestrator.recommendation.rankers.pipeline import learn_pipeline

        popularity = _popularity(training.train, len(training.items), training.folder)
        arm = learn_pipeline(training, popularity)
        arm.save(training.folder)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What was saved."""
        import numpy as np

        from orchestrator.recommendation.rankers.pipeline import Pipeline

        return Pipeline.load(folder, parts, np.load(folder / POPULARITY, allow_pickle=False))

    def refit(self, refitting: Refitting) -> Arm:
        """The weights and the trees that were learned, over the parts as they are now."""
        from orchestrator.recommendation.rankers.pipeline import Pipeline

        popularity = _recounted(refitting)
        arm = Pipeline.load(refitting.trained, refitting.parts, popularity)
        arm.save(refitting.folder)
        return arm


def classic_trainers() -> tuple[Trainer, ...]:
    """Trainers of the arms that scipy is enough for."""
    from orchestrator.recommendation.rankers import attributes, cooccurrence, ease, walks
    from orchestrator.recommendation.rankers import dense_vectors as vectors
    from orchestrator.recommendation.rankers.borrowing import borrowed
    from orchestrator.recommendation.rankers.item_to_item import ItemToItem

    def of_pairs(name: str, start: cooccurrence.Counting, grid: dict[str, tuple[float, ...]]) -> Trainer:
        return CountedTrainer(
            name,
            lambda training: cooccurrence.learned(name, training, start, grid),
            lambda items, had, constants: borrowed(
                cooccurrence.counted(name, had, len(items), constants), items, had
            ),
            partial(ItemToItem.load, name),
        )

    return (
        PopularityTrainer(),
        of_pairs("itemknn", cooccurrence.NEIGHBOURS_START, cooccurrence.NEIGHBOURS_GRID),
        of_pairs("rules", cooccurrence.RULES, cooccurrence.RULES_GRID),
        CountedTrainer(
            "attributes",
            attributes.learn_attributes,
            lambda items, had, constants: attributes.read_attributes(items, constants),
            partial(ItemToItem.load, "attributes"),
        ),
        CountedTrainer(
            "ease",
            ease.learn_ease,
            lambda items, had, constants: borrowed(ease.solve_ease(had, len(items), constants), items, had),
            partial(ItemToItem.load, "ease"),
        ),
        CountedTrainer(
            "complements",
            vectors.learn_complements,
            lambda items, had, constants: vectors.complements(had, len(items), constants),
            partial(vectors.Vectors.load, "complements"),
        ),
        CountedTrainer(
            "interests",
            vectors.learn_interests,
            lambda items, had, constants: vectors.interests(had, len(items), constants),
            partial(vectors.Vectors.load, "interests"),
        ),
        CountedTrainer(
            "paths",
            walks.learn_walks,
            lambda items, had, constants: walks.walks(had, items, constants),
            walks.Walks.load,
        ),
        FusionTrainer(),
        PipelineTrainer(),
    )


def _popularity(sequences: Sequences, items: int, folder: Path) -> NDArray[np.float32]:
    """log(1 + count) of each item, kept in the folder."""
    import numpy as np

    from orchestrator.recommendation.rankers.popularity import log_popularity

    popularity = log_popularity(sequences, items)
    np.save(folder / POPULARITY, popularity)
    return popularity


def _recounted(refitting: Refitting) -> NDArray[np.float32]:
    """`_popularity` of later interactions, within what the weights of it were learned on.

    A new item, which nobody had yet, is as popular as the least popular one was then: below it a weight
    would say what it never learned.
    """
    import numpy as np

    learned = np.load(refitting.trained / POPULARITY, allow_pickle=False)
    popularity = _popularity(refitting.interactions, len(refitting.items), refitting.folder)
    popularity = np.maximum(popularity, learned.min(initial=np.inf))
    np.save(refitting.folder / POPULARITY, popularity)
    return popularity


def _write(file: Path, constants: Constants) -> None:
    file.write_text(json.dumps(dict(constants), indent=1), encoding="utf-8")


def _without_scipy(arm: str) -> str | None:
    if absent("scipy"):
        return f"The arm {arm} needs scipy, which is not installed. {INSTALL}"
    return None
