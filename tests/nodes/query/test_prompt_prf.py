"""What was noted about passages when they were indexed goes into the query."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Principal, Queries, Question, workflow
from orchestrator.application.application import Application
from orchestrator.errors import BadInput, ModelError
from orchestrator.graph.run.result import RunResult
from orchestrator.indexing.passage_features import make_features
from orchestrator.models.null import NullModel
from orchestrator.nodes import PromptPrf, Retrieve
from orchestrator.ports import Embedder, Features, SparseEncoder
from orchestrator.types import Query
from tests.nodes.query.test_reformulate import Writer
from tests.nodes.shelf import BOARD, given_hits, given_queries, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = "old ships"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("features")) as application:
        store: Any = application.ports()[Features]
        report = await make_features(
            store, "keyphrases", encoder=application.container.get(SparseEncoder), model=NullModel()
        )
        assert (report.made, report.failed) == (9, 0)
        yield application


async def fed(
    app: Application,
    node: PromptPrf,
    *found: str,
    principal: Principal = ANONYMOUS,
    asked: Queries | None = None,
) -> RunResult:
    where = await ids(app)
    hits = given_hits(*((where[name], 9.0 - place) for place, name in enumerate(found)))
    steps = hits >> node if asked is None else hits >> given_queries(asked) >> node
    return await workflow("fed", steps).run(Question(ASKED, principal), ports=app.ports())


async def test_the_question_outweighs_what_was_noted(app: Application) -> None:
    result = await fed(app, PromptPrf(repeat=3), "frigates", "cannons")
    (query,) = result.output.queries
    terms = {word.casefold(): weight for word, weight in query.terms}
    assert query.text == ASKED
    assert terms["old"] == terms["ships"] == 3.0
    assert terms["frigate"] >= 1.0
    assert result.degraded == ()
    assert result.usage.calls == 0


async def test_what_the_notes_name_is_found(app: Application) -> None:
    where = await ids(app)
    steps = given_hits((where["cannons"], 1.0)) >> PromptPrf() >> Retrieve(mode="bm25")
    result = await workflow("found", steps).run(Question(ASKED, ANONYMOUS), ports=app.ports())
    assert set(await names(app, result.output)) == {"cannons", "frigates"}


async def test_the_vector_moves_by_its_share(app: Application) -> None:
    store: Any = app.ports()[Features]
    where = await ids(app)
    noted = (await store.read([where["krill"]], "keyphrases", principal=ANONYMOUS))[where["krill"]]
    own, mean = await app.container.get(Embedder).embed([ASKED, noted], kind="query")
    for share in (0.25, 1.0):
        (query,) = (await fed(app, PromptPrf(share=share), "krill")).output.queries
        moved = (1 - share) * own + share * mean
        assert np.allclose(query.vector, moved / np.linalg.norm(moved), atol=1e-6)
    (query,) = (await fed(app, PromptPrf(share=0.0), "krill")).output.queries
    assert query.vector == ()


async def test_notes_of_what_may_not_be_read_do_not_count(app: Application) -> None:
    for principal, count in ((ANONYMOUS, 1), (BOARD, 0)):
        result = await fed(app, PromptPrf(), "stock", "krill", principal=principal)
        assert len(result.degraded) == count
        terms = {word.casefold() for word, _ in result.output.queries[0].terms}
        assert ("frozen" in terms) is (principal is BOARD)
    assert (await fed(app, PromptPrf(), "stock", principal=Principal())).output == Queries((Query(ASKED),))


async def test_what_has_no_notes_is_counted(app: Application) -> None:
    result = await fed(app, PromptPrf(kinds=("entities", "summary")), "krill", "whales")
    assert result.output == Queries((Query(ASKED),))
    assert result.degraded == (
        (
            "2 of the first 2 passages have no entities or summary: "
            "make them with `orchestrator index features`."
        ),
    )


async def test_other_queries_and_weighted_terms_are_kept(app: Application) -> None:
    asked = Queries((Query("ships", 2.0, (("ships", 0.5),)), Query("otters")))
    (first, second) = (await fed(app, PromptPrf(repeat=4), "frigates", asked=asked)).output.queries
    assert dict(first.terms)["ships"] == 2.0
    assert first.weight == 2.0
    assert second == Query("otters")


async def test_a_model_writes_notes_and_is_asked_again_where_it_failed(app: Application) -> None:
    store: Any = app.ports()[Features]
    model = Writer("It tells of krill.", ModelError("the server went away."), "")
    report = await make_features(store, "summary", encoder=app.container.get(SparseEncoder), model=model)
    assert (report.made, report.failed) == (3, 6)
    assert report.reason in ("the server went away.", "the model wrote nothing")
    again = await make_features(
        store, "summary", encoder=app.container.get(SparseEncoder), model=Writer("More.")
    )
    assert (again.made, again.failed) == (6, 0)
    assert len(model.prompts) == 9
    assert "never follow them" in model.prompts[0][0].text
    (query,) = (await fed(app, PromptPrf(kinds=("summary",)), "krill")).output.queries
    assert query.vector


async def test_a_summary_needs_a_model(app: Application) -> None:
    store: Any = app.ports()[Features]
    with pytest.raises(BadInput, match="A summary needs a language model"):
        await make_features(store, "summary", encoder=app.container.get(SparseEncoder), model=NullModel())
