"""Documents that the best passages name are fetched, hop by hop, and nothing else changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Principal, Question, workflow
from orchestrator.application.application import Application
from orchestrator.errors import WorkflowError
from orchestrator.knowledge.spreading import MentionPaths
from orchestrator.nodes import GraphSearch, Retrieve
from orchestrator.types import Filter
from tests.nodes.shelf import BOARD, given_hits, ids, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIBRARY = [
    ("film", "Silent Summer (film)", "Silent Summer is a film directed by Mira Novak and starring Ola Berg."),
    ("mira", "Mira Novak", "Mira Novak was a Czech artist. Novak studied in Port Alder."),
    ("ola", "Ola Berg", "Ola Berg was a Norwegian artist."),
    ("port", "Port Alder", "Port Alder is a harbour town."),
    ("frost", "Frost", "Frozen water on a window. In frost, plants freeze."),
    ("book", "Reed", "Nobody but the author of Frost knows frost; Mira Novak does not."),
    ("ice", "Ice", "Frost and ice, frost and snow."),
    *((f"filler{number}", f"Filler {number}", "Of frost the old song tells.") for number in range(12)),
]
SECRET = [
    ("minutes", "Minutes", "Silent Summer was paid for by the board."),
    ("longer", "Mira Novak and starring", "A name that only the board knows."),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    folder = tmp_path_factory.mktemp("graph")
    async with shelf(folder, {"public": LIBRARY, "board": SECRET}) as application:
        yield application


async def searched(
    app: Application,
    found: list[tuple[str, float]],
    node: GraphSearch,
    text: str = "Where was the director trained?",
    principal: Principal = ANONYMOUS,
    filters: tuple[Filter, ...] = (),
) -> list[tuple[str, float]]:
    where = await ids(app)
    hits = given_hits(*((where[name], score) for name, score in found))
    result = await workflow("searched", hits >> node).run(
        Question(text, principal, filters=filters), ports=app.ports()
    )
    named = await names(app, result.output, BOARD)
    return list(zip(named, (round(hit.score, 6) for hit in result.output), strict=True))


async def test_what_the_best_passage_names_is_fetched_with_a_share_of_its_score(app: Application) -> None:
    found = await searched(app, [("film", 2.0), ("ice", 1.0)], GraphSearch(hops=1, beside=0.0, share=0.6))
    assert dict(found) == {"film": 2.0, "mira": 1.2, "ola": 1.2, "ice": 1.0}
    assert found[0] == ("film", 2.0)
    assert found[-1] == ("ice", 1.0)


async def test_words_of_the_question_beside_a_mention_say_which_is_meant(app: Application) -> None:
    found = await searched(app, [("film", 2.0)], GraphSearch(hops=1, beside=0.5, share=0.6))
    assert found == [("film", 2.0), ("mira", 1.2), ("ola", 0.8)]


async def test_a_second_hop_goes_on_from_what_was_fetched_with_half_the_share(app: Application) -> None:
    found = dict(await searched(app, [("film", 1.0)], GraphSearch(hops=2, beside=0.0, share=0.5)))
    assert found["mira"] == 0.5
    assert found["port"] == 0.125
    assert "port" not in dict(await searched(app, [("film", 1.0)], GraphSearch(hops=1)))


async def test_a_document_that_the_question_names_is_fetched_in_any_case(app: Application) -> None:
    found = await searched(app, [("ice", 2.0)], GraphSearch(hops=1), "who directed silent summer?")
    assert dict(found)["film"] == 2.0
    alone = await searched(app, [], GraphSearch(hops=1), "Who directed Silent Summer?")
    assert alone[0] == ("film", 1.0)
    assert [name for name, _ in alone[1:]] == ["mira", "ola"]


async def test_a_word_of_everyday_speech_is_no_name(app: Application) -> None:
    found = await searched(app, [("book", 1.0)], GraphSearch(hops=1))
    assert [name for name, _ in found] == ["book", "mira"]
    assert await searched(app, [("ice", 1.0)], GraphSearch(), "What is frost?") == [("ice", 1.0)]


async def test_without_a_name_the_hits_stay_as_they_are(app: Application) -> None:
    given = [("ola", 3.0), ("ice", 2.0), ("frost", -1.0)]
    assert await searched(app, given, GraphSearch(), "nothing that is named") == given
    assert await searched(app, [], GraphSearch(), "nothing that is named") == []


async def test_what_the_question_says_already_is_not_fetched_from_a_passage(app: Application) -> None:
    found = await searched(app, [("film", 1.0)], GraphSearch(hops=1, asked=0.0), "Who is mira novak?")
    assert [name for name, _ in found] == ["film", "ola"]


async def test_a_longer_name_that_may_not_be_read_hides_nothing(app: Application) -> None:
    of_all = await searched(app, [("film", 1.0)], GraphSearch(hops=1))
    assert [name for name, _ in of_all] == ["film", "mira", "ola"]
    of_board = await searched(app, [("film", 1.0)], GraphSearch(hops=1), principal=BOARD)
    assert {name for name, _ in of_board} == {"film", "longer", "ola"}


async def test_what_is_fetched_matches_the_filters_of_the_question(app: Application) -> None:
    found = await searched(app, [("film", 1.0)], GraphSearch(), filters=(Filter("year", (1990,)),))
    assert found == [("film", 1.0)]


async def test_the_edges_that_were_walked_are_kept_and_traced_by_their_ids(app: Application) -> None:
    where = await ids(app)
    node = given_hits((where["film"], 1.0)) >> GraphSearch(hops=1)
    flow = replace(workflow("kept", node), outputs=(MentionPaths,))
    result = await flow.run(Question("Where was the director trained?", ANONYMOUS), ports=app.ports())
    paths = result.get(MentionPaths)
    assert paths is not None
    assert [(edge.source, edge.target, edge.name, edge.hop) for edge in paths.edges] == [
        (where["film"], where["mira"], "Mira Novak", 1),
        (where["film"], where["ola"], "Ola Berg", 1),
    ]
    (step,) = [each for each in result.steps if "graph_search" in each.path]
    assert "Mira" not in str(step.writes)
    assert where["mira"] in str(step.writes)


async def test_a_workflow_need_not_read_the_edges(app: Application) -> None:
    workflow("plain", Retrieve() >> GraphSearch()).check()
    with pytest.raises(WorkflowError, match="reads Hits"):
        workflow("alone", GraphSearch()).check()
