"""`POST /v1/recommendations`: a slate for a history, as a run like any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator import Question, node, workflow
from orchestrator.application.workflow_files import load_workflow
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.log_files import Log
from orchestrator.nodes import MakeSlate, Recommend
from orchestrator.ports import Recommender
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log
from orchestrator.types import History, Hits, Principal
from tests.recommendation.stored_editions import editions_at
from tests.serving.asgi import asking, endpoint, stateless

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Mapping[type, object]:
    editions = editions_at(tmp_path_factory.mktemp("home"), classic_rankers())
    train(made_up_log(), editions, rankers=("fusion",))
    return {Recommender: EditionRecommender(editions)}


async def test_a_history_is_answered_with_a_slate(ports: Mapping[type, object]) -> None:
    async with endpoint(ports=ports) as client:
        body = {"items": ["soap-01", "soap-02", "gone"], "k": 3, "where": {"brand": ["Acme", "Bolt"]}}
        reply = await client.post("/v1/recommendations", json=body)
    assert reply.status_code == 200
    found = reply.json()
    assert len(found["data"]) == 3
    assert all(each["title"].startswith(("Acme", "Bolt")) for each in found["data"])
    assert found["data"][0]["reason"].startswith("often had after")
    assert found["notes"] == ["Not in the catalogue, and passed over: gone."]
    assert reply.headers["x-run-id"] == found["id"].removeprefix("rec-")


async def test_fields_that_the_items_lack_are_said(tmp_path: Path) -> None:
    log = made_up_log()
    unnamed = Items.of(
        Item(item.id, item.title, tuple(("attributes", value) for _, value in item.attributes))
        for item in log.items.rows
    )
    editions = editions_at(tmp_path, classic_rankers())
    train(Log(unnamed, log.interactions), editions, rankers=("rules",))
    async with endpoint(ports={Recommender: EditionRecommender(editions)}) as client:
        body = {"items": ["soap-01"], "k": 2, "where": {"brand": "Acme"}, "at_most": {"family": 1}}
        reply = await client.post("/v1/recommendations", json=body)
    assert reply.status_code == 200
    assert reply.json()["notes"] == [
        "The attributes of the items have no names: 'brand' was looked for among all of them.",
        "No item has a field 'family': the slate is not capped by it.",
    ]


async def test_without_a_history_what_is_popular_is_shown_and_said(ports: Mapping[type, object]) -> None:
    async with endpoint(ports=ports) as client:
        found = (await client.post("/v1/recommendations", json={"k": 2})).json()
    assert len(found["data"]) == 2
    assert found["notes"] == ["The history is empty: what is popular is shown."]


async def test_caps_exclusions_and_users(ports: Mapping[type, object]) -> None:
    async with endpoint(ports=ports) as client:
        body = {"user": "user-0003", "k": 6, "at_most": {"family": 2}, "exclude": ["comb-00"]}
        found = (await client.post("/v1/recommendations", json=body)).json()["data"]
        families = [each["id"].split("-")[0] for each in found]
        assert max(families.count(each) for each in families) <= 2
        everything = {"user": "user-0003", "exclude": list(made_up_log().items.ids)}
        empty = (await client.post("/v1/recommendations", json=everything)).json()
    assert empty["data"] == []
    assert "Nothing is left to offer" in empty["notes"][-1]


async def test_a_body_grants_nothing_and_a_key_does(ports: Mapping[type, object]) -> None:
    keys = {"key-of-ada": Principal("default", frozenset({"public"}), "ada")}
    stranger = {"key-of-bob": Principal("other", frozenset({"public"}), "bob")}
    body = {"user": "user-0001", "principal": {"grants": ["public"]}, "k": 2}
    async with endpoint(ports=ports, api_keys=keys) as client:
        refused = await client.post("/v1/recommendations", json=body)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "invalid_api_key"
    async with endpoint(ports=ports, api_keys=keys, key="key-of-ada") as client:
        granted = (await client.post("/v1/recommendations", json=body)).json()
    assert len(granted["data"]) == 2
    assert granted["notes"] == ["No field of a request, and without effect: principal."]
    async with endpoint(ports=ports, api_keys=stranger, key="key-of-bob") as client:
        assert (await client.post("/v1/recommendations", json=body)).json()["data"] == []


# -- workflows of one's own ------------------------------------------------------------------------


@node
def without_combs(hits: Hits) -> Hits:
    """A shop that sells no combs."""
    return Hits(tuple(hit for hit in hits if not hit.id.startswith("comb")))


NO_COMBS = workflow(
    "no_combs", Recommend(k=60) >> without_combs >> MakeSlate(k=5), inputs=(Question, History)
)
COMBS = {"user": "user-0003", "where": {"family": "comb"}}


async def test_a_served_workflow_of_items_is_asked_by_its_name(ports: Mapping[type, object]) -> None:
    async with endpoint([*stateless(), NO_COMBS], ports=ports) as client:
        found = (await client.post("/v1/recommendations", json={"model": "no_combs"} | COMBS)).json()
        without = (await client.post("/v1/recommendations", json=COMBS)).json()
        body = {"model": "no_combs", "user": "user-0003", "exclude": [], "diversity": 0}
        offered = (await client.post("/v1/recommendations", json=body)).json()["data"]
        two = (await client.post("/v1/recommendations", json=body | {"k": 2})).json()["data"]
        models = (await client.get("/v1/models")).json()["data"]
        chat = await client.post("/v1/chat/completions", json=asking("no_combs"))
    assert found["data"] == []
    assert len(without["data"]) > 0
    assert len(offered) == 5
    assert two == offered[:2]
    assert "no_combs" in {each["id"] for each in models}
    assert chat.status_code == 200


async def test_a_workflow_of_items_may_be_served_alone(ports: Mapping[type, object]) -> None:
    async with endpoint([load_workflow("recommend")], ports=ports) as client:
        reply = await client.post("/v1/recommendations", json={"model": "recommend", "items": ["soap-01"]})
        assert [each["id"] for each in (await client.get("/v1/models")).json()["data"]] == ["recommend"]
    assert len(reply.json()["data"]) == 10


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"model": "no_combs", "exclude": ["soap-01"]}, 400, "exclude is for the workflow 'no_combs' itself"),
        ({"model": "no_combs", "ranker": "rules"}, 400, "ranker is for the workflow 'no_combs' itself"),
        ({"model": "nothing"}, 404, "Models: no_combs"),
    ],
)
async def test_what_a_workflow_cannot_be_asked_is_said(
    ports: Mapping[type, object], body: dict[str, object], status: int, said: str
) -> None:
    async with endpoint([NO_COMBS], ports=ports) as client:
        reply = await client.post("/v1/recommendations", json={"user": "user-0003"} | body)
    assert reply.status_code == status
    assert said in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"k": 0}, 400, "k cannot be 0"),
        ({"where": {"brand": [["a"]]}}, 400, "where.brand[0] cannot be"),
        ({"where": {"brand": ""}}, 400, "where.brand[0] cannot be ''"),
        ({"k": 10_000}, 400, "k cannot be 10000"),
        ({"items": "soap-01"}, 400, "items cannot be"),
        ({"items": ["soap-01"] * 3_000}, 400, "items cannot be"),
        ({"user": "user-0001", "ranker": "magic"}, 400, "'magic' is not trained"),
        ({"user": "user-0001", "where": {"colour": "red"}}, 400, "No item has a field 'colour'"),
    ],
)
async def test_what_cannot_be_used_is_an_error_of_the_usual_shape(
    ports: Mapping[type, object], body: dict[str, object], status: int, said: str
) -> None:
    async with endpoint(ports=ports) as client:
        reply = await client.post("/v1/recommendations", json=body)
    assert reply.status_code == status
    assert said in reply.json()["error"]["message"]
    assert reply.json()["error"]["type"] == "invalid_request_error"
