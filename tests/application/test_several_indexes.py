"""One graph over several indexes: checked, with access in each, each with its own embedder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

import connectors.minilm
from orchestrator import (
    ANONYMOUS,
    Answer,
    Application,
    Budget,
    Hits,
    Principal,
    Queries,
    Question,
    fuse,
    node,
    workflow,
)
from orchestrator.application.indexing import indexing_context
from orchestrator.application.several_indexes import IndexVectors, VectorsOfIndexes
from orchestrator.errors import IndexMismatch, NodeError, WorkflowError
from orchestrator.indexing.indexer import Indexer
from orchestrator.nodes import (
    Cover,
    HitListAnswer,
    Mmr,
    Retrieve,
    SearchFacets,
    VectorFeedback,
    rrf,
)
from orchestrator.ports import (
    Documents,
    Embedder,
    Features,
    IndexRegistry,
    Lexical,
    VectorStore,
    replace_ports,
)
from orchestrator.settings import Settings
from orchestrator.types import Facets, Query, Usage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAPERS = [
    {"_id": "krill", "title": "Krill", "text": "Krill are small crustaceans that whales feed on."},
    {"_id": "ships", "title": "Frigates", "text": "A frigate carried thirty-eight guns and a crew."},
]
MAILS = [
    {"_id": "ann", "title": "From Ann", "text": "Did you see the whales and the krill yesterday?"},
    {"_id": "bob", "title": "From Bob", "text": "Lunch at noon?"},
]
SECRET = [{"_id": "board", "title": "Board", "text": "The board sells its whales and krill."}]
BOARD = Principal(grants=frozenset({"public", "board"}), name="board")
BOTH = fuse(Retrieve(index="papers") | Retrieve(index="mails"), by=rrf(60))


def hashed(texts: Sequence[str]) -> Any:
    """Unit vectors of 384 numbers by the words of texts: another space than that of the light embedder."""
    rows = np.zeros((len(texts), 384), np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[0] = 1e-3
        for word in text.lower().split():
            row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % 384] += 1.0
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module", autouse=True)
def other_embedder() -> Any:
    """As if the better embedder were installed: vectors of its size, that need no weights."""
    patch = pytest.MonkeyPatch()

    async def embed(self: Any, texts: Sequence[str], *, kind: str = "passage") -> Any:
        return hashed(texts)

    patch.setattr(connectors.minilm, "installed", lambda: True)
    patch.setattr(connectors.minilm.MiniLmEmbedder, "embed", embed)
    yield
    patch.undo()


async def added(
    application: Application, name: str, records: list[Any], labels: tuple[str, ...] = ("public",)
) -> None:
    folder = application.settings.home.parent / f"{name}-{'-'.join(labels)}"
    folder.mkdir(exist_ok=True)
    (folder / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    await application.indexer(name).add(folder, labels)


async def added_here(application: Application, name: str, records: list[Any], label: str) -> None:
    """Add them in this process, which alone has the embedder of these tests, and starts no other."""
    folder = application.settings.home.parent / f"{name}-{label}-here"
    folder.mkdir()
    (folder / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    context = indexing_context(application.container, embedder=application.container.get(Embedder, name))
    await Indexer(context, name, settings=None).add(folder, (label,))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Path]:
    """Papers embedded by one model, mails by another, and a mail for the board alone."""
    home = tmp_path_factory.mktemp("several") / "home"
    async with Application(Settings(home=home, embedder="light")) as light:
        await added_here(light, "papers", PAPERS, "public")
        await added_here(light, "default", [{"_id": "own", "text": "An otter sleeps."}], "public")
    async with Application(Settings(home=home, embedder="auto")) as better:
        await added_here(better, "mails", MAILS, "public")
        await added_here(better, "mails", SECRET, "board")
    yield home


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def app(home: Path) -> AsyncGenerator[Application]:
    async with Application(Settings(home=home, embedder="auto")) as made:
        yield made


def ports_of(app: Application, index: str | None = None) -> Any:
    return app.ports(index)


async def found(app: Application, body: Any, text: str = "whales and krill", **more: Any) -> list[str]:
    """The documents that a graph finds, in order, looked up as the graph itself could."""
    flow = workflow("found", body)
    hits = (await app.run(flow, text, **more)).output
    passages = (
        await ports_of(app)
        .across(flow.indexes)[Documents]
        .passages(hits.ids, principal=more.get("principal", ANONYMOUS))
    )
    return [passages[one].document if one in passages else "" for one in hits.ids]


@pytest.mark.slow
async def test_each_index_keeps_its_own_embedder(app: Application) -> None:
    registry = app.container.get(IndexRegistry)
    papers, mails = registry.current("papers"), registry.current("mails")
    assert papers is not None
    assert mails is not None
    assert papers.format.embedder != mails.format.embedder
    assert ports_of(app).of("papers")[Embedder].dimensions == papers.format.dimensions
    assert ports_of(app).of("mails")[Embedder].dimensions == mails.format.dimensions


@pytest.mark.slow
async def test_hits_of_both_are_fused(app: Application) -> None:
    for mode in ("hybrid", "bm25", "dense"):
        both = fuse(Retrieve(index="papers", mode=mode) | Retrieve(index="mails", mode=mode), by=rrf(60))
        names = await found(app, both)
        assert {*names[:2]} == {"krill", "ann"}
        assert "own" not in names
        assert "board" not in names


async def test_the_index_of_the_run_and_a_named_one(app: Application) -> None:
    names = await found(app, fuse(Retrieve() | Retrieve(index="papers"), by=rrf(60)), "otter krill")
    assert {"own", "krill"} <= {*names}


async def test_access_applies_in_each(app: Application) -> None:
    assert "board" not in await found(app, BOTH >> Mmr())
    assert "board" in await found(app, BOTH >> Mmr(), principal=BOARD)
    assert await found(app, BOTH, principal=Principal("acme", frozenset({"public"}), "eve")) == []
    board_alone = Principal(grants=frozenset({"board"}), name="chair")
    assert await found(app, BOTH, principal=board_alone) == ["board"]
    hits = (await app.run(workflow("w", BOTH), "whales", principal=BOARD)).output
    ports = ports_of(app).across(["papers", "mails"])
    for port in (ports[Documents].passages, ports[VectorStore].vectors):
        for_all = await port(hits.ids, principal=ANONYMOUS)
        for_board = await port(hits.ids, principal=BOARD)
        assert len(for_board) == len(for_all) + 1
    assert await ports[Features].read(hits.ids, "keyphrases", principal=BOARD) == {}


async def test_passages_are_cited_whatever_index_they_are_of(app: Application) -> None:
    result = await app.run(workflow("cited", BOTH >> HitListAnswer()), "whales and krill")
    assert isinstance(result.output, Answer)
    assert {"Krill", "From Ann"} <= {each.title for each in result.output.citations}
    assert all(each.text and each.source for each in result.output.citations)


@pytest.mark.parametrize("index", ["", "papers", "mails"])
async def test_vectors_of_both_are_in_one_space(app: Application, index: str) -> None:
    hits = (await app.run(workflow("w", BOTH), "whales and krill")).output
    ports = ports_of(app).across(["papers", "mails"])
    ports = ports.of(index) if index else ports
    vectors = await ports[VectorStore].vectors(hits.ids, principal=ANONYMOUS)
    assert {*vectors} == {*hits.ids}
    assert {vector.shape for vector in vectors.values()} == {(ports[Embedder].dimensions,)}
    # A passage of the other index has the vector that this one's embedder would have given it.
    passages = await ports[Documents].passages(hits.ids, principal=ANONYMOUS)
    texts = [f"{passages[one].title}\n{passages[one].text}" for one in hits.ids]
    wanted = await ports[Embedder].embed(texts, kind="passage")
    for one, vector in zip(hits.ids, wanted, strict=True):
        assert float(vectors[one] @ vector) > 0.999


async def test_nodes_that_compare_vectors_work_across(app: Application) -> None:
    assert {"krill", "ann"} <= {*await found(app, BOTH >> Mmr(k=2))}
    facets = SearchFacets(search=Retrieve(index="mails"), original=False)

    @node
    async def aspects(question: Question) -> Facets:
        return Facets(("krill", "lunch"))

    assert "ann" in await found(app, aspects >> facets >> Cover())


async def test_feedback_is_given_in_the_space_of_the_index_that_is_searched(app: Application) -> None:
    moved = BOTH >> VectorFeedback(index="mails", static=True) >> Retrieve(index="mails", mode="dense")
    assert (await found(app, moved))[0] == "ann"
    wrong = BOTH >> VectorFeedback(index="papers", static=True) >> Retrieve(index="mails", mode="dense")
    with pytest.raises(IndexMismatch, match="vector was made by"):
        await found(app, wrong)


async def test_an_index_that_does_not_exist_is_a_fault_before_anything_runs(app: Application) -> None:
    ran: list[str] = []

    @node
    async def first(question: Question) -> Queries:
        ran.append(question.text)
        return Queries((Query(question.text),))

    flow = workflow("w", first >> fuse(Retrieve(index="paper") | Retrieve(index="notes"), by=rrf(60)))
    assert flow.indexes == ("paper", "notes")
    assert flow.faults() == ()
    with pytest.raises(WorkflowError) as caught:
        await app.run(flow, "whales")
    said = str(caught.value)
    assert "2 faults" in said
    assert "the index 'paper', which does not exist" in said
    assert "orchestrator index add PATH --index notes" in said
    assert "papers" in said
    assert ran == []


async def test_what_is_no_name_of_an_index_is_a_fault(app: Application) -> None:
    with pytest.raises(WorkflowError, match="which no index can be called"):
        await app.run(workflow("w", Retrieve(index="../papers")), "whales")


async def test_ports_of_one_index_are_refused(app: Application) -> None:
    with pytest.raises(WorkflowError, match="these ports belong to one index"):
        await workflow("w", BOTH).run(Question("whales", ANONYMOUS), ports=dict(ports_of(app)))


async def test_a_node_of_ones_own_may_name_an_index(app: Application) -> None:
    @node
    async def newest(question: Question, vectors: VectorStore, *, index: str = "mails") -> Hits:
        return (await vectors.search([Lexical(question.text)], principal=question.principal))[0]

    assert workflow("w", newest).indexes == ("mails",)
    assert await found(app, newest, "krill") == ["ann"]
    assert await found(app, newest(index="papers"), "krill") == ["krill"]


async def test_ports_may_be_replaced(app: Application) -> None:
    class Counted:
        def __init__(self, embedder: Any) -> None:
            self.embedder, self.calls = embedder, 0
            self.name, self.dimensions = embedder.name, embedder.dimensions

        async def embed(self, texts: Sequence[str], *, kind: Any) -> Any:
            self.calls += 1
            return await self.embedder.embed(texts, kind=kind)

    counted = Counted(ports_of(app).of("papers")[Embedder])
    ports = replace_ports(ports_of(app), {Embedder: counted})
    await workflow("w", Retrieve(index="papers")).run(Question("whales", ANONYMOUS), ports=ports)
    assert counted.calls == 1


async def test_texts_embedded_again_count_on_the_run(app: Application) -> None:
    class Served:
        """An embedder whose calls cost something."""

        counts_usage = True

        def __init__(self, embedder: Embedder) -> None:
            self.embedder = embedder
            self.name, self.dimensions = embedder.name, embedder.dimensions

        async def embed(self, texts: Sequence[str], *, kind: Any) -> Any:
            return await self.embedder.embed(texts, kind=kind)

        async def embed_with_usage(self, texts: Sequence[str], *, kind: Any) -> Any:
            return await self.embed(texts, kind=kind), Usage(1, len(texts), 0)

    own = ports_of(app, "papers").across(["mails"])
    base = app.container.base
    each = [
        IndexVectors(
            base(VectorStore, name), base(Documents, name), app.container.index_format(name).embedder
        )
        for name in ("papers", "mails")
    ]
    ports = replace_ports(own, {VectorStore: VectorsOfIndexes(each, lambda: Served(own[Embedder]))})
    hits = (await app.run(workflow("w", BOTH), "whales and krill")).output
    chosen = workflow("w", Mmr(k=2), inputs=(Question, Hits))
    result = await chosen.run(Question("whales and krill", ANONYMOUS), hits, ports=ports)
    assert result.usage.calls == 1
    assert result.steps[0].usage.calls == 1
    # Within one run once, and not at all without a call left.
    ports = replace_ports(own, {VectorStore: VectorsOfIndexes(each, lambda: Served(own[Embedder]))})
    result = await chosen.run(
        Question("whales and krill", ANONYMOUS), hits, ports=ports, budget=Budget(calls=0)
    )
    assert result.usage.calls == 0
    assert "mmr" in result.degraded[0]


@pytest.mark.slow
async def test_kept_results_fall_when_either_index_changes(tmp_path: Path) -> None:
    ran: list[str] = []

    @node
    async def counts(question: Question, hits: Hits, documents: Documents) -> Answer:
        ran.append(question.text)
        passages = await documents.passages(hits.ids, principal=question.principal)
        return Answer(" ".join(sorted(each.document for each in passages.values())))

    flow = workflow("w", BOTH >> counts.within(cache=1000))
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as app:
        await added(app, "papers", PAPERS[:1])
        await added(app, "mails", MAILS[:1])
        for index, more in (("papers", PAPERS), ("mails", MAILS)):
            before = (await app.run(flow, "whales lunch guns")).output
            assert (await app.run(flow, "whales lunch guns")).output == before
            told = len(ran)
            await added(app, index, more)
            after = (await app.run(flow, "whales lunch guns")).output
            assert len(ran) == told + 1
            assert after != before


@pytest.mark.slow
async def test_a_dropped_index_is_one_clear_error(tmp_path: Path) -> None:
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as app:
        await added(app, "papers", PAPERS)
        await added(app, "mails", MAILS)
        registry = app.container.get(IndexRegistry)

        @node
        async def drops(question: Question) -> Queries:
            registry.drop("mails")
            return Queries((Query(question.text),))

        flow = workflow("w", drops >> BOTH)
        with pytest.raises(IndexMismatch, match="no index 'mails' any more") as caught:
            await app.run(flow, "whales")
        assert "index add PATH --index mails" in str(caught.value)
        with pytest.raises(WorkflowError, match="'mails', which does not exist"):
            await app.run(flow, "whales")


async def test_a_run_is_resumed_across_indexes(app: Application) -> None:
    ready: list[bool] = []

    @node
    async def fails_once(hits: Hits) -> Hits:
        if not ready:
            raise OSError("not ready")
        return hits

    flow = workflow("w", BOTH >> fails_once >> HitListAnswer())
    with pytest.raises(NodeError) as caught:
        await app.run(flow, "whales and krill", durability="step")
    ready.append(True)
    assert caught.value.run_id
    result = await app.resume(caught.value.run_id, flow)
    assert {"Krill", "From Ann"} <= {each.title for each in result.output.citations}


@pytest.mark.slow
async def test_a_recorded_run_is_replayed(home: Path, tmp_path: Path) -> None:
    flow = workflow("w", BOTH >> Mmr(k=2) >> HitListAnswer())
    settings = Settings(home=home, embedder="auto")
    async with Application(settings, record=tmp_path / "calls.jsonl") as recording:
        first = (await recording.run(flow, "whales and krill")).output
    async with Application(settings, replay=tmp_path / "calls.jsonl") as replaying:
        assert (await replaying.run(flow, "whales and krill")).output == first
