"""One process searches while another publishes, merges, and deletes at once what it merged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from orchestrator.ports import Lexical
from orchestrator.testing.vector_store import dense
from orchestrator.testing.vectors import document
from orchestrator.types import ANONYMOUS
from tests.connectors.qdrant_edge.index import EdgeIndex
from tests.connectors.qdrant_edge.publishing import DOCUMENTS, publish

pytestmark = pytest.mark.slow

ROUNDS = 9


async def test_every_answer_is_of_one_version(edge: EdgeIndex, tmp_path: Path) -> None:
    publish(edge, 0)
    round_of = {
        passage.id: number
        for number in range(ROUNDS + 1)
        for n in range(DOCUMENTS)
        for passage in document(f"d{n}", f"otter round{number} n{n}").passages
    }
    store = edge.store()
    command = ["-m", "tests.connectors.qdrant_edge.publishing", str(tmp_path), str(ROUNDS)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    seen: list[int] = []
    try:
        while process.returncode is None or not seen or seen[-1] != ROUNDS:
            lexical, similar = await store.search(
                [Lexical("otter"), dense("otter")], principal=ANONYMOUS, limit=100
            )
            assert set(lexical.ids) == set(similar.ids)
            assert len(lexical) == DOCUMENTS
            (number,) = {round_of[one] for one in lexical.ids}
            seen.append(number)
            # A version that has been seen is never followed by an older one.
            assert seen == sorted(seen)
            assert process.returncode in (None, 0)
            await asyncio.sleep(0.001)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    assert process.returncode == 0
    assert len(set(seen)) > 2
