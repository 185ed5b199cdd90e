"""A recommender's ranker that needs no training: the items with the longest titles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.interactions.items import Items
from orchestrator.ports import Build, Ranker, Ranking, Refresh, Training


@dataclass(frozen=True, eq=False)
class LongestTitle:
    lengths: Any
    name: str = "longest_title"

    def top(self, histories: Any, *, k: int, allowed: Any = None, removed: Any = None) -> Ranking:
        items = np.full((len(histories), k), -1, np.int32)
        scores = np.full((len(histories), k), -np.inf, np.float32)
        for row in range(len(histories)):
            mask = np.ones(len(self.lengths), np.bool_) if allowed is None else allowed.copy()
            if removed is not None:
                mask[removed.items[removed.rows == row]] = False
            order = [n for n in np.argsort(-self.lengths, kind="stable") if mask[n]][:k]
            items[row, : len(order)], scores[row, : len(order)] = order, self.lengths[order]
        return Ranking(items, scores)


@dataclass(frozen=True)
class LongestTitleTrainer:
    name: str = "longest_title"
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        return None

    def fit(self, training: Training) -> Ranker:
        return self._of(training.items)

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        return self._of(items)

    def refresh(self, target: Refresh) -> Ranker:
        return self._of(target.items)

    def _of(self, items: Items) -> LongestTitle:
        return LongestTitle(np.array([len(item.title) for item in items.rows], np.float32))


def longest_title(build: Build) -> LongestTitleTrainer:
    return LongestTitleTrainer()
