"""Data sets by name: a folder, or what an entry point of `orchestrator.datasets` loads."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from orchestrator import plugins
from orchestrator.evaluation.beir_folder import beir
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.ir_dataset_ids import ir_dataset


class DatasetLoader(Protocol):
    """The type of an entry point of `orchestrator.datasets`: loads a data set by its id.

    `id` is what follows the colon in `NAME:ID`, or empty; `split` names a part of the judgements, or None.
    """

    def __call__(self, id: str, split: str | None, /) -> Dataset: ...


def load_dataset(data: str, split: str | None = None) -> Dataset:
    """The data set of a folder in BEIR's layout, or of `NAME:ID`; BadInput if there is none.

    A name alone will do where no folder is called so.
    """
    name, colon, rest = data.partition(":")
    if colon or not Path(data).exists():
        found = plugins.plugin(plugins.DATASETS, name)
        if found is not None:
            loader: DatasetLoader = found.load()
            return loader(rest, split)
    return beir(data, split=split)


def irds(id: str, split: str | None) -> Dataset:
    """A data set of ir_datasets; its id names the split."""
    return ir_dataset(id)
