"""Building the trees of an index as a job."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.errors import BadInput, IndexBusy
from orchestrator.models.null import NullModel
from orchestrator.ports import (
    Embedder,
    Generation,
    GenerationRequest,
    IndexRegistry,
    JobScope,
    LanguageModel,
    Ledger,
    TreeGroup,
    TreeStore,
    VectorStore,
)
from orchestrator.tree.build_job import SCOPE, TreePlan, build_trees_locally
from orchestrator.tree.cost import tree_cost
from orchestrator.types import ANONYMOUS, Principal, Usage
from tests.tree.conftest import PUBLIC, Library, text_of

TEXTS = {f"t{number}": text_of(number) for number in range(80)}


class Paragraphs(NullModel):
    """A model that writes paragraphs, but for its first `silent` calls; it fails after `limit`."""

    available = True
    name = "paragraphs"

    def __init__(self, silent: int = 0, limit: int = 10_000) -> None:
        self.silent, self.limit = silent, limit
        self.prompts: list[str] = []

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        asked = request.prompt[-1].text
        self.prompts.append(asked)
        if len(self.prompts) > self.limit:
            raise RuntimeError("the machine was switched off")
        text = "" if len(self.prompts) <= self.silent else f"A paragraph of {len(asked)} letters."
        return Generation(text, usage=Usage(1, 10, 10))


async def test_every_passage_is_in_the_tree_and_no_model_is_needed(library: Library) -> None:
    await library.put(TEXTS)
    report = await library.build()
    assert (report.trees, report.passages, report.failed, report.left) == (1, 80, 0, 0)
    kept = await library.kept()
    assert len(set(kept.tree.passages())) == len(kept.tree) == 80
    assert all(each.node.summary for name, each in kept.nodes.items() if name != kept.root)
    assert max(len(each.node.children) + len(each.node.passages) for each in kept.nodes.values()) <= 12
    assert library.faults() == []


@pytest.mark.slow
async def test_a_rebuild_makes_the_same_tree(library: Library) -> None:
    await library.put(TEXTS)
    await library.build()
    before = await library.kept()
    await library.build()
    assert (await library.kept()).tree == before.tree


@pytest.mark.slow
async def test_each_group_has_a_tree_of_its_documents_alone(library: Library) -> None:
    await library.put(TEXTS)
    await library.put({f"s{n}": text_of(n, "secret") for n in range(30)}, name="hr", labels=["hr"])
    await library.put({"both": "Both may read this."}, name="both", labels=["hr", "public"])
    report = await library.build()
    assert (report.trees, report.passages) == (3, 111)
    store = library.app.container.get(TreeStore)
    assert [root.leaves for root in await store.roots(principal=ANONYMOUS)] == [80, 1]
    hr = Principal(grants=frozenset({"hr"}))
    assert [root.leaves for root in await store.roots(principal=hr)] == [30, 1]
    assert len((await library.kept(TreeGroup("default", ("hr", "public")))).tree) == 1
    seen = [each.node.text for each in (await library.kept()).nodes.values()]
    assert not any("secret" in text for text in seen)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.slow
async def test_few_documents_have_a_tree(library: Library, size: int) -> None:
    await library.put({f"t{number}": "The same text." for number in range(size)})
    assert (await library.build()).passages == size
    assert set((await library.kept()).tree.passages())
    assert library.faults() == []


async def test_an_empty_index_has_none(library: Library) -> None:
    await library.put({"a": "One."})
    await library.indexer.remove(library.folder / "all")
    with pytest.raises(BadInput, match="is empty"):
        await library.build()


@pytest.mark.slow
async def test_folders_may_be_the_topics(library: Library) -> None:
    for folder in ("animals/birds", "animals/fish", "plants"):
        (library.folder / "all" / folder).mkdir(parents=True)
        for number in range(3):
            path = library.folder / "all" / folder / f"{number}.md"
            path.write_text(f"# {folder} {number}\n\nA text of {folder} {number}.\n")
    await library.indexer.add(library.folder / "all")
    await library.build(TreePlan("given"))
    titles = {each.node.title for each in (await library.kept()).nodes.values()}
    assert {"animals", "birds", "fish", "plants"} <= titles


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput, match="no method 'sideways'"):
        TreePlan("sideways")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="by the method given alone"):
        TreePlan("auto", topics="field")


@pytest.mark.slow
async def test_two_builders_exclude_each_other(library: Library) -> None:
    await library.put(TEXTS)
    ledger = library.app.container.get(Ledger)
    held = ledger.hold(str(JobScope(SCOPE, "default")), "another", seconds=60)
    assert held == "another"
    with pytest.raises(IndexBusy, match="tree 'default' is being changed"):
        await library.build(wait=0.0)
    ledger.release(str(JobScope(SCOPE, "default")), "another")
    both = await asyncio.gather(library.build(), library.build())
    assert [report.passages for report in both] == [80, 80]
    assert library.faults() == []


class TestWithAModel:
    @pytest.fixture
    def model(self) -> LanguageModel:
        return Paragraphs()

    async def test_it_writes_each_summary_once(self, library: Library, model: Paragraphs) -> None:
        await library.put(TEXTS)
        report = await library.build(TreePlan("bottom_up"))
        kept = await library.kept()
        assert (len(model.prompts), report.failed) == (len(kept.nodes) - 1, 0)
        summaries = [each.node.summary for name, each in kept.nodes.items() if name != kept.root]
        assert all(text.startswith("A paragraph of") for text in summaries)
        await library.build(TreePlan("bottom_up"))
        assert len(model.prompts) == len(kept.nodes) - 1, "what did not change is written once"

    async def test_its_cost_is_counted_before(self, library: Library, model: Paragraphs) -> None:
        await library.put(TEXTS)
        ports = library.ports()
        given = (library.trees, ports[IndexRegistry], ports[VectorStore], ports[Embedder], model)
        plan = TreePlan("bottom_up")
        cost = await tree_cost(*given, library.version, plan)
        assert not model.prompts
        await library.build(plan)
        assert cost.calls == cost.summaries == len(model.prompts)
        assert cost.read > 0
        assert (await tree_cost(*given, library.version, plan)).calls == 0
        unwritten = await tree_cost(*given, library.version, TreePlan("bottom_up", written=False))
        assert (unwritten.calls, unwritten.passages) == (0, 80)

    async def test_it_may_be_left_out(self, library: Library, model: Paragraphs) -> None:
        await library.put(TEXTS)
        await library.build(TreePlan("bottom_up", written=False))
        assert not model.prompts


class TestWithASilentModel:
    @pytest.fixture
    def model(self) -> LanguageModel:
        return Paragraphs(silent=10_000)

    async def test_summaries_are_extracted_and_it_is_said(self, library: Library) -> None:
        await library.put(TEXTS)
        report = await library.build(TreePlan("bottom_up"))
        kept = await library.kept()
        assert all(each.node.summary for name, each in kept.nodes.items() if name != kept.root)
        assert report.failed == len(kept.nodes) - 1
        assert report.reason == "the model wrote nothing"


class TestWithAModelThatStops:
    @pytest.fixture
    def model(self) -> LanguageModel:
        return Paragraphs(limit=5)

    async def test_what_was_written_is_not_written_again(self, library: Library, model: Paragraphs) -> None:
        await library.put(TEXTS)
        with pytest.raises(Exception, match="switched off"):
            await library.build(TreePlan("bottom_up"))
        first = model.prompts[:5]
        assert len(await library.trees.notes(PUBLIC)) == 5
        model.prompts, model.limit = [], 10_000
        await library.build(TreePlan("bottom_up"))
        assert not set(first) & set(model.prompts)
        assert len(model.prompts) + 5 == len((await library.kept()).nodes) - 1


@pytest.mark.slow
async def test_progress_counts_nodes(library: Library) -> None:
    await library.put(TEXTS)
    moved: list[tuple[int, int, str]] = []
    ports = library.ports()
    await build_trees_locally(
        ports[Ledger],
        ports,
        library.version,
        TreePlan(),
        principal=library.app.settings.principal,
        progress=lambda done, total, doing: moved.append((done, total, doing)),
    )
    assert max(done for done, _, _ in moved) > 0
