"""Retrieval and the shipped workflows over a real index: both legs, filters, access, conversations."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Hits, Principal, Queries, Question, node, workflow
from orchestrator.application.application import Application
from orchestrator.application.worker import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.nodes import Retrieve
from orchestrator.nodes.retrieve.fusion import anchored_sum, reciprocal_rank
from orchestrator.ports import Conversations, Embedder, VectorStore
from orchestrator.settings import Settings
from orchestrator.types import Filter, Hit, Message, Query

pytestmark = pytest.mark.asyncio(loop_scope="module")

RECORDS = [
    {
        "_id": "krill",
        "title": "Krill",
        "text": "Krill are small crustaceans that whales feed on.",
        "kind": "prey",
    },
    {
        "_id": "whales",
        "title": "Whales",
        "text": "Blue whales eat four tonnes of krill a day.",
        "kind": "hunter",
    },
    {
        "_id": "ships",
        "title": "Frigates",
        "text": "A frigate carried thirty-eight guns and a crew.",
        "kind": "ship",
    },
    {"_id": "otters", "title": "Otters", "text": "Otters hold hands while they sleep.", "kind": "hunter"},
]
SECRET = {
    "_id": "stock",
    "title": "Stock",
    "text": "The board keeps krill for its blue whales.",
    "kind": "prey",
}
BOARD = Principal(grants=frozenset({"public", "board"}), name="board")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    folder = tmp_path_factory.mktemp("retrieve")
    for (
        name,
        records,
    ) in (("public", RECORDS), ("secret", [SECRET])):
        (folder / name).mkdir()
        (folder / name / "records.jsonl").write_text("\n".join(json.dumps(record) for record in records))
    async with Application(Settings(home=folder / "home")) as application:
        indexer = Indexer(indexing_context(application), settings=None)
        await indexer.add(folder / "public")
        await indexer.add(folder / "secret", labels=["board"])
        yield application


class Counted:
    """A port whose calls are counted."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls: list[tuple[str, int]] = []

    @property
    def version(self) -> str:
        return self._inner.version

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dimensions(self) -> int:
        return self._inner.dimensions

    async def search(self, searches: Any, **settings: Any) -> Any:
        self.calls.append(("search", len(searches)))
        return await self._inner.search(searches, **settings)

    async def vectors(self, ids: Any, **settings: Any) -> Any:
        return await self._inner.vectors(ids, **settings)

    async def embed(self, texts: Any, **settings: Any) -> Any:
        self.calls.append(("embed", len(texts)))
        return await self._inner.embed(texts, **settings)


async def found(
    app: Application,
    asked: Question | str,
    queries: Queries | None = None,
    ports: Any = None,
    **settings: Any,
) -> list[tuple[str, str]]:
    """(document, why) of the hits."""
    question = Question(asked, ANONYMOUS) if isinstance(asked, str) else asked
    ports = ports or app.ports()

    @node
    async def given(question: Question) -> Queries:
        return queries or Queries(())

    steps = given >> Retrieve(**settings) if queries is not None else Retrieve(**settings)
    result = await workflow("find", steps).run(question, ports=ports)
    passages = await documents(app, result.output, question.principal)
    return [(passages[hit.id], hit.why) for hit in result.output]


async def documents(app: Application, hits: Hits, principal: Principal) -> dict[str, str]:
    from orchestrator.ports import Documents

    store: Any = app.ports()[Documents]
    return {one.id: one.document for one in (await store.passages(hits.ids, principal=principal)).values()}


async def test_both_legs_find_and_say_so(app: Application) -> None:
    hits = await found(app, "What do blue whales eat?")
    assert hits[0] == ("whales", "bm25+dense")
    assert ("otters", "dense") in hits
    assert {document for document, _ in hits} == {"krill", "whales", "ships", "otters"}


@pytest.mark.parametrize(("mode", "leg"), [("bm25", "bm25"), ("dense", "dense")])
async def test_one_leg_alone_keeps_its_scores(app: Application, mode: str, leg: str) -> None:
    hits = await found(app, "What do blue whales eat?", mode=mode)
    assert {why for _, why in hits} == {leg}
    assert hits[0][0] == "whales"


@pytest.mark.parametrize("fusion", ["anchored", "rrf", "convex", "dbsf"])
async def test_the_fused_ranking_is_the_fusion_of_its_legs(app: Application, fusion: str) -> None:
    question = Question("What do blue whales eat?", ANONYMOUS)
    legs = [
        (await workflow("leg", Retrieve(mode=mode)).run(question, ports=app.ports())).output
        for mode in ("bm25", "dense")
    ]
    result = await workflow("both", Retrieve(fusion=fusion)).run(question, ports=app.ports())
    if fusion == "anchored":
        assert result.output == anchored_sum(*legs)
    if fusion == "rrf":
        assert result.output == reciprocal_rank(legs)
    assert sorted(result.output.ids) == sorted({hit.id for hits in legs for hit in hits})


async def test_all_queries_are_one_search_and_one_embedding(app: Application) -> None:
    ports = dict(app.ports())
    store, embedder = Counted(ports[VectorStore]), Counted(ports[Embedder])
    ports |= {VectorStore: store, Embedder: embedder}
    queries = Queries((Query("whales"), Query("frigates", weight=0.5), Query("", terms=(("otters", 1.0),))))
    hits = await found(app, "anything", queries, ports)
    assert store.calls == [("search", 5)], "three by terms, two by meaning"
    assert embedder.calls == [("embed", 2)]
    assert {"whales", "ships", "otters"} <= {document for document, why in hits if "bm25" in why}


async def test_the_weight_of_a_query_counts(app: Application) -> None:
    def queries(weight: float) -> Queries:
        return Queries((Query("frigate guns"), Query("otters sleep", weight=weight)))

    assert (await found(app, "x", queries(0.1)))[0][0] == "ships"
    assert (await found(app, "x", queries(10.0)))[0][0] == "otters"


async def test_a_ready_vector_and_weighted_terms_replace_the_text(app: Application) -> None:
    vector = tuple((await app.embedder.embed(["Otters hold hands"], kind="query"))[0].tolist())
    queries = Queries((Query("whales", vector=vector),))
    assert (await found(app, "x", queries, mode="dense"))[0][0] == "otters"
    queries = Queries((Query("whales", terms=(("frigate", 2.0), ("krill", 0.1))),))
    assert (await found(app, "x", queries, mode="bm25"))[0][0] == "ships"


@pytest.mark.parametrize("text", ["", "  ", "?!"])
async def test_a_question_without_a_word_finds_nothing(app: Application, text: str) -> None:
    ports = {**app.ports(), VectorStore: Counted(app.ports()[VectorStore])}
    assert await found(app, text, ports=ports) == []
    assert ports[VectorStore].calls == []


async def test_a_question_of_stop_words_is_searched_by_meaning_alone(app: Application) -> None:
    assert await found(app, "what is it", mode="bm25") == []
    assert {why for _, why in await found(app, "what is it")} == {"dense"}


async def test_filters_of_the_question_hold(app: Application) -> None:
    question = Question("What do blue whales eat?", ANONYMOUS, filters=(Filter("kind", ("hunter",)),))
    assert {document for document, _ in await found(app, question)} == {"whales", "otters"}


async def test_two_principals_find_what_each_may_read(app: Application) -> None:
    asked = "What krill does the board keep?"
    public = {document for document, _ in await found(app, Question(asked, ANONYMOUS))}
    board = {document for document, _ in await found(app, Question(asked, BOARD))}
    assert board - public == {"stock"}
    for nobody in (Principal(), replace(BOARD, tenant="other")):
        assert await found(app, Question(asked, nobody)) == []


async def test_k_is_how_many_come_back(app: Application) -> None:
    assert len(await found(app, "What do blue whales eat?", k=2)) == 2


async def test_an_anchor_is_followed_unless_the_other_is_sure() -> None:
    anchor = Hits((Hit("a", 9.0, "bm25"), Hit("b", 8.0, "bm25")))
    unsure = Hits((Hit("b", 0.3, "dense"), Hit("c", 0.2, "dense"), Hit("a", 0.1, "dense")))
    sure = Hits((Hit("b", 0.9, "dense"), Hit("a", 0.1, "dense")))
    assert anchored_sum(anchor, unsure).ids == ("a", "b", "c")
    assert anchored_sum(anchor, sure).ids == ("b", "a")
    scores = {hit.id: hit.score for hit in anchored_sum(anchor, sure)}
    assert scores == pytest.approx({"a": 1 + 4 * 0.1**4, "b": (8 / 9) ** 2 + 4 * 0.9**4})
    assert anchored_sum(anchor, Hits()).ids == anchor.ids
    assert anchored_sum(Hits(), unsure).ids == unsure.ids


async def test_what_an_anchor_prefers_by_far_is_overturned_by_more_than_a_near_tie() -> None:
    nearer = Hits((Hit("b", 0.6, "dense"), Hit("a", 0.5, "dense")))
    by_far = Hits((Hit("a", 9.0, "bm25"), Hit("b", 3.0, "bm25")))
    near_tie = Hits((Hit("a", 9.0, "bm25"), Hit("b", 8.9, "bm25")))
    assert anchored_sum(by_far, nearer).ids == ("a", "b")
    assert anchored_sum(near_tie, nearer).ids == ("b", "a")


async def test_an_anchor_of_any_scores_keeps_its_order_where_nothing_is_near() -> None:
    for scores in (
        (3.0, 2.0, 1.0),
        (0.03, 0.02, 0.01),
        (5.0, 0.0, -5.0),
        (-1.0, -2.0, -9.0),
        (2.0, 2.0, 2.0),
    ):
        anchor = Hits(tuple(Hit(name, score) for name, score in zip("abc", scores, strict=True)))
        assert anchored_sum(anchor, Hits((Hit("c", 0.1), Hit("a", 0.1)))).ids == ("a", "b", "c")


async def test_search_is_a_workflow_of_hits(app: Application) -> None:
    result = await app.run("search", "What do blue whales eat?")
    assert isinstance(result.output, Hits)
    assert result.output.hits[0].why == "bm25+dense"


async def test_chat_answers_for_each_principal_from_what_it_may_read(app: Application) -> None:
    asked = "What krill does the board keep?"
    public = (await app.run("chat", Question(asked, ANONYMOUS))).answer
    board = (await app.run("chat", Question(asked, BOARD))).answer
    assert public is not None
    assert board is not None
    assert "board" not in public.text.split("not mention")[0]
    assert "The board keeps krill for its blue whales. [1]" in board.text
    assert board.citations[0].labels == ("board",)
    assert all("board" not in citation.labels for citation in public.citations)


async def test_chat_follows_a_conversation(app: Application) -> None:
    store: Any = app.ports()[Conversations]
    said = [
        Message("user", "What do blue whales eat?"),
        Message("assistant", "Four tonnes of krill a day. [1]"),
    ]
    conversation = await store.append(said, principal=ANONYMOUS)
    result = await app.run("chat", Question("What are they?", ANONYMOUS, conversation))
    queries = result.get(Queries)
    assert queries is not None
    assert "whales" in queries.queries[0].text
    assert result.answer is not None
    assert result.answer.citations[0].title in ("Whales", "Krill")
