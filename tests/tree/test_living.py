"""Trees follow their documents: put in, changed, taken out, with other labels, in any order."""

from __future__ import annotations

import random

import numpy as np
import pytest

from orchestrator.ports import Dense, Embedder, LanguageModel, TreeGroup, TreeStore, VectorStore
from orchestrator.tree.advice import advice
from orchestrator.tree.build_job import TreePlan
from orchestrator.types import ANONYMOUS
from tests.tree.conftest import PUBLIC, Library, text_of
from tests.tree.test_build_job import Paragraphs

TEXTS = {f"t{number}": text_of(number) for number in range(60)}
HR = TreeGroup("default", ("hr",))


async def checked(library: Library, group: TreeGroup = PUBLIC) -> None:
    """The tree holds every passage of its group once, within its bounds, and its vectors are the means."""
    assert library.faults() == []
    kept = await library.kept(group)
    held = kept.tree.passages()
    state = await library.state(group)
    assert len(set(held)) == len(held) == state.passages
    widths = [len(each.node.children) + len(each.node.passages) for each in kept.nodes.values()]
    assert max(widths) <= kept.recipe.at_most
    vectors = library.app.container.get(VectorStore)
    found = await vectors.vectors(held, principal=group.reader)

    def below(name: str) -> list[str]:
        node = kept.nodes[name].node
        return [*node.passages, *(one for child in node.children for one in below(child))]

    for name, each in kept.nodes.items():
        beneath = below(name)
        assert each.node.leaves == len(beneath)
        if name != kept.root:
            assert len(each.node.children) + len(each.node.passages) > 1
            assert each.node.vector is not None
            mean = np.mean([found[one] for one in beneath], axis=0)
            assert np.abs(each.node.vector - mean).max() < 1e-4


async def test_a_new_document_is_put_beside_what_it_is_nearest_to(library: Library) -> None:
    await library.put(TEXTS)
    await library.build()
    await library.put({**TEXTS, "new": text_of(6, "new")})
    report = await library.update()
    assert (report.inserted, report.built, report.left) == (1, 0, 0)
    assert report.repaired <= 2
    await checked(library)
    (vector,) = await library.app.container.get(Embedder).embed([text_of(6, "new")], kind="passage")
    best = await library.app.container.get(VectorStore).search([Dense(vector)], principal=ANONYMOUS, limit=1)
    (path,) = (await library.app.container.get(TreeStore).paths(best[0].ids, principal=ANONYMOUS)).values()
    kept = await library.kept()
    topics = {name: kept.nodes[name].node.vector for name in kept.nodes[path[0]].node.children}
    assert path[1] == max(
        topics, key=lambda name: float(topics[name] @ vector / np.linalg.norm(topics[name]))
    )


@pytest.mark.slow
async def test_an_update_of_nothing_changes_nothing(library: Library) -> None:
    await library.put(TEXTS)
    await library.build()
    before = await library.kept()
    report = await library.update()
    assert (report.inserted, report.repaired, report.built) == (0, 0, 0)
    assert await library.kept() == before


@pytest.mark.slow
async def test_an_update_builds_what_has_no_tree(library: Library) -> None:
    await library.put(TEXTS)
    await library.build(TreePlan("bottom_up", at_most=6))
    await library.put({"s": "Salaries are secret."}, name="hr", labels=["hr"])
    assert "no tree" in advice(await library.state(HR))
    assert (await library.update()).built == 1
    await checked(library, HR)
    assert (await library.kept(HR)).recipe.at_most == 6
    assert advice(await library.state(HR)) == ""


@pytest.mark.slow
async def test_a_tree_of_one_document_becomes_one_of_several(library: Library) -> None:
    root = library.folder / "book"
    root.mkdir(parents=True)
    chapters = "\n\n".join(f"## Chapter {n}\n\n" + " ".join([text_of(n)] * 60) for n in range(6))
    (root / "book.md").write_text(f"# The book\n\n{chapters}\n")
    await library.indexer.add(root)
    await library.build()
    kept = await library.kept()
    assert kept.nodes[kept.root].node.title == "The book"
    (root / "other.md").write_text("# Another\n\nRivers flow to the sea.\n")
    await library.indexer.add(root)
    await library.update()
    await checked(library)
    kept = await library.kept()
    assert kept.nodes[kept.root].node.title == ""
    assert any(each.node.title == "The book" for each in kept.nodes.values())
    (root / "book.md").unlink()
    await library.indexer.add(root)
    await library.update()
    await checked(library)
    kept = await library.kept()
    assert not any("The book" in each.node.text for each in kept.nodes.values())


@pytest.mark.slow
async def test_a_removed_word_is_in_no_text_before_and_after_the_repair(library: Library) -> None:
    await library.put({**TEXTS, **{f"z{n}": f"{text_of(n)} It names zanzibar {n}." for n in range(8)}})
    await library.build()
    assert any("zanzibar" in each.node.text for each in (await library.kept()).nodes.values())
    await library.put(TEXTS)
    for _ in range(2):
        assert not any("zanzibar" in each.node.text for each in (await library.kept()).nodes.values())
        assert not any("zanzibar" in text for text in (await library.trees.notes(PUBLIC)).values())
        await library.update()
    await checked(library)


@pytest.mark.slow
async def test_a_tree_that_is_edited_much_is_to_be_built_again(library: Library) -> None:
    await library.put(TEXTS)
    await library.build()
    for round in range(4):
        late = {f"n{number}": text_of(number + round, "late") for number in range(20)}
        await library.put({**TEXTS, **late})
        await library.update()
    assert "build" in advice(await library.state())
    await library.build()
    assert advice(await library.state()) == ""


@pytest.mark.slow
async def test_random_edits_leave_a_tree_whole(library: Library) -> None:
    chance = random.Random(4)
    texts = dict(TEXTS)
    await library.put(texts)
    await library.build(TreePlan("bottom_up", at_most=6))
    edits = repaired = 0
    for round in range(12):
        for _ in range(chance.randint(1, 8)):
            edits += 1
            key = f"t{chance.randint(0, 90)}"
            if chance.random() < 0.4:
                texts.pop(key, None)
            else:
                texts[key] = text_of(chance.randint(0, 500), f"round {round}")
        await library.put(texts)
        if chance.random() < 0.7:
            repaired += (await library.update()).repaired
        assert library.faults() == []
    repaired += (await library.update()).repaired
    await checked(library)
    # A change is a removal and an insertion.
    assert repaired <= 2 * 2 * edits
    assert (await library.state()).missing == 0


class TestWithAModel:
    @pytest.fixture
    def model(self) -> LanguageModel:
        return Paragraphs()

    async def test_it_writes_two_summaries_at_most_for_an_edit(
        self, library: Library, model: Paragraphs
    ) -> None:
        await library.put(TEXTS)
        await library.build(TreePlan("bottom_up", at_most=4))
        model.prompts.clear()
        await library.put({**TEXTS, "new": text_of(7, "new")})
        report = await library.update()
        assert len(model.prompts) == report.repaired <= 2
        await library.put(TEXTS)
        report = await library.update()
        assert len(model.prompts) <= 4
        kept = await library.kept()
        assert all(each.node.text for name, each in kept.nodes.items() if name != kept.root)
