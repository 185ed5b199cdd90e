"""Data sets of ir_datasets: the real library, on files of this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BadInput, SettingsError
from orchestrator.evaluation import ir_dataset

#: Importing the library takes half a second in every worker.
pytestmark = pytest.mark.slow
ir_datasets = pytest.importorskip("ir_datasets", reason="ir_datasets is not installed")


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A set that is registered under an id for one test."""
    (tmp_path / "docs.tsv").write_text("d1\tthe cat sat\nd2\tdogs\n")
    (tmp_path / "queries.tsv").write_text("q1\tcat\nq2\tdog\n")
    (tmp_path / "qrels.txt").write_text("q1 0 d1 2\nq1 0 d2 0\nq2 0 d2 1\n")
    made: Any = ir_datasets.create_dataset(
        docs_tsv=str(tmp_path / "docs.tsv"),
        queries_tsv=str(tmp_path / "queries.tsv"),
        qrels_trec=str(tmp_path / "qrels.txt"),
    )
    ir_datasets.registry.register("made/pets", made)
    yield "made/pets"
    ir_datasets.registry._registered.pop("made/pets")


def test_a_set_is_read_by_its_id(pets: str) -> None:
    data = ir_dataset(pets)
    assert (data.name, data.source) == ("made-pets", "irds:made/pets")
    assert list(data.corpus.records()) == [("d1", "", "the cat sat"), ("d2", "", "dogs")]
    assert data.queries == {"q1": "cat", "q2": "dog"}
    assert data.qrels == {"q1": {"d1": 2, "d2": 0}, "q2": {"d2": 1}}


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="has no data set 'nothing/here'"):
        ir_dataset("nothing/here")


def test_without_the_library_the_next_step_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(SettingsError, match=r"pip install 'orchestrator-rag\[irds\]'"):
        ir_dataset("beir/scifact/test")
