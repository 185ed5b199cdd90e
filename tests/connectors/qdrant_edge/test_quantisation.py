"""The quantised first stage of shards with a graph: what is chosen is built, and scores stay exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.qdrant_edge import EdgeShardWriter, shards
from orchestrator.ports import Dense
from orchestrator.testing.vectors import direction, document
from orchestrator.types import ANONYMOUS
from tests.connectors.qdrant_edge.index import EdgeIndex


@pytest.mark.quick(every=3)
@pytest.mark.parametrize(("how", "named"), [("int8", "int8"), ("binary", "binary"), ("none", None)])
async def test_a_first_stage_is_followed_by_exact_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: shards.Quantisation, named: str | None
) -> None:
    monkeypatch.setattr(shards, "GRAPH_FROM", 20)
    index = EdgeIndex(tmp_path)
    index.writer = EdgeShardWriter(index.folder, quantisation=how)
    rows = [document(f"d{n}", f"otter w{n} v{n % 3}") for n in range(60)]
    index.publish(*rows)
    folder = index.folder / "default" / index.version.shards[0].name
    config = (folder / "edge_config.json").read_text().lower()
    assert [each for each in ("int8", "binary") if each in config] == ([named] if named else [])
    (hits,) = await index.store().search([Dense(direction("otter w7 v1"))], principal=ANONYMOUS, limit=5)
    texts = {row.passages[0].id: row.passages[0].text for row in rows}
    assert texts[hits.ids[0]] == "otter w7 v1"
    expected = [float(direction(texts[one]) @ direction("otter w7 v1")) for one in hits.ids]
    assert [hit.score for hit in hits] == pytest.approx(expected, abs=1e-5)
    index.close()


def test_a_small_shard_is_not_quantised(edge: EdgeIndex) -> None:
    edge.publish(document("a", "otter"))
    folder = edge.folder / "default" / edge.version.shards[0].name
    assert "int8" not in (folder / "edge_config.json").read_text().lower()
