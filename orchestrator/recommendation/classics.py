"""The arms that need no deep learning library: how each is trained, saved and loaded, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.ports.recommend import Arm, Trainer, Training
from orchestrator.recommendation.items import Items
from orchestrator.recommendation.libraries import INSTALL, absent

#: What the training-free fusion is made of.
TRAINING_FREE = ("popularity", "itemknn", "rules", "attributes")


@dataclass(frozen=True)
class ItemToItemTrainer:
    """Trains an arm that is one sparse matrix."""

    name: str
    learn: Callable[[Training], Arm]
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Whether scipy is there."""
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Arm:
        """Train and save."""
        from orchestrator.recommendation.item_to_item import ItemToItem

        arm = self.learn(training)
        assert isinstance(arm, ItemToItem)
        arm.save(training.folder)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        from orchestrator.recommendation.item_to_item import ItemToItem

        return ItemToItem.load(self.name, folder)


@dataclass(frozen=True)
class VectorsTrainer:
    """Trains an arm over dense vectors of items."""

    name: str
    learn: Callable[[Training], Arm]
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Whether scipy is there."""
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Arm:
        """Train and save."""
        from orchestrator.recommendation.vectors import Vectors

        arm = self.learn(training)
        assert isinstance(arm, Vectors)
        arm.save(training.folder)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        from orchestrator.recommendation.vectors import Vectors

        return Vectors.load(self.name, folder)


@dataclass(frozen=True)
class PathsTrainer:
    """Trains the walks over the catalogue's graph."""

    name: str = "paths"
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Whether scipy is there."""
        return _without_scipy(self.name)

    def fit(self, training: Training) -> Arm:
        """Train and save."""
        from orchestrator.recommendation.walks import learn_walks

        arm = learn_walks(training)
        arm.save(training.folder)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        from orchestrator.recommendation.walks import Walks

        return Walks.load(folder)


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
        from orchestrator.recommendation.popularity import learn_popularity

        arm = learn_popularity(training)
        arm.save(training.folder)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        from orchestrator.recommendation.popularity import Popularity

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
        import numpy as np

        from orchestrator.recommendation.fusion import learn_fusion
        from orchestrator.recommendation.popularity import log_popularity

        popularity = log_popularity(training)
        arm = learn_fusion(self.name, training, popularity)
        arm.save(training.folder)
        np.save(training.folder / "popularity.npy", popularity)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        import numpy as np

        from orchestrator.recommendation.fusion import Fusion

        return Fusion.load(self.name, folder, parts, np.load(folder / "popularity.npy", allow_pickle=False))


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
        import numpy as np

        from orchestrator.recommendation.pipeline import learn_pipeline
        from orchestrator.recommendation.popularity import log_popularity

        popularity = log_popularity(training)
        arm = learn_pipeline(training, popularity)
        arm.save(training.folder)
        np.save(training.folder / "popularity.npy", popularity)
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        import numpy as np

        from orchestrator.recommendation.pipeline import Pipeline

        return Pipeline.load(folder, parts, np.load(folder / "popularity.npy", allow_pickle=False))


def classic_trainers() -> tuple[Trainer, ...]:
    """Trainers of the arms that scipy is enough for."""

    def rules(training: Training) -> Arm:
        from orchestrator.recommendation.cooccurrence import RULES, RULES_GRID, learned

        return learned("rules", training, RULES, RULES_GRID)

    def itemknn(training: Training) -> Arm:
        from orchestrator.recommendation.cooccurrence import NEIGHBOURS_GRID, NEIGHBOURS_START, learned

        return learned("itemknn", training, NEIGHBOURS_START, NEIGHBOURS_GRID)

    def attributes(training: Training) -> Arm:
        from orchestrator.recommendation.attributes import learn_attributes

        return learn_attributes(training)

    def ease(training: Training) -> Arm:
        from orchestrator.recommendation.ease import learn_ease

        return learn_ease(training)

    def complements(training: Training) -> Arm:
        from orchestrator.recommendation.vectors import learn_complements

        return learn_complements(training)

    def interests(training: Training) -> Arm:
        from orchestrator.recommendation.vectors import learn_interests

        return learn_interests(training)

    return (
        PopularityTrainer(),
        ItemToItemTrainer("itemknn", itemknn),
        ItemToItemTrainer("rules", rules),
        ItemToItemTrainer("attributes", attributes),
        ItemToItemTrainer("ease", ease),
        VectorsTrainer("complements", complements),
        VectorsTrainer("interests", interests),
        PathsTrainer(),
        FusionTrainer(),
        PipelineTrainer(),
    )


def _without_scipy(arm: str) -> str | None:
    if absent("scipy"):
        return f"The arm {arm} needs scipy, which is not installed. {INSTALL}"
    return None
