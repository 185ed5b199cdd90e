"""What a dry run says of trees is not exceeded by the update that follows."""

from __future__ import annotations

import json
import random

import pytest

from orchestrator.ports import TreeState
from orchestrator.tree.build_job import TreePlan
from orchestrator.tree.update_bound import summaries_at_most
from tests.tree.conftest import PUBLIC, Library, text_of


async def summaries(library: Library) -> dict[str, str]:
    """The summary of every node of every tree."""
    found: dict[str, str] = {}
    for state in await library.trees.states():
        kept = await library.trees.read(state.group)
        if kept is not None:
            found |= {name: f"{each.node.title} {each.node.text}" for name, each in kept.nodes.items()}
    return found


def test_without_a_tree_there_is_nothing_to_say() -> None:
    assert summaries_at_most([TreeState(PUBLIC, 10)], edits=3, placed=5) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_an_update_writes_no_more_than_was_said(library: Library, seed: int) -> None:
    chance = random.Random(seed)
    texts = {f"t{number}": text_of(number) for number in range(60)}
    await library.put(texts)
    await library.build(TreePlan("bottom_up", at_most=6))
    root = library.folder / "all"
    for round in range(10):
        for _ in range(chance.randint(1, 8 if round % 3 else 40)):
            key = f"t{chance.randint(0, 90)}"
            if chance.random() < 0.4:
                texts.pop(key, None)
            else:
                texts[key] = text_of(chance.randint(0, 500), f"round {round}")
        labels = [["public"], ["public", "hr"]][round % 5 == 4]
        lines = [json.dumps({"_id": key, "text": text}) for key, text in texts.items()]
        (root / "texts.jsonl").write_text("\n".join(lines))
        before, states = await summaries(library), await library.trees.states()
        told = await library.indexer.dry_run(root, labels)
        most = summaries_at_most(states, edits=told.edits, placed=told.placed)
        assert most is not None
        await library.indexer.add(root, labels)
        await library.update()
        after = await summaries(library)
        written = [name for name, text in after.items() if before.get(name) != text]
        assert len(written) <= most, (round, told)
