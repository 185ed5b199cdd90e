"""The OpenAPI document says what the endpoint does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from connectors.sql import SqlConversations, SqlFeedback, SqlRuns, open_database
from orchestrator import workflow
from orchestrator.ports import Conversations, FeedbackStore, Recommender, Runs
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.recommender import EditionRecommender
from orchestrator.serving import Limits, create_app
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log
from orchestrator.types import Principal
from tests.recommendation.stored_editions import editions_at
from tests.serving.asgi import Ports, Settings
from tests.serving.flows import pieces, whole

#: A document cannot say which names of models, rankers and fields there are, so that a right one may be
#: refused; and a path whose last part is free takes any method's name for a model.
NOT_CHECKED = {"positive_data_acceptance"}
KEY = "key-of-ada"
KEYS = {KEY: Principal(grants=frozenset({"public"}), name="ada")}


def app_with(
    ports: Mapping[type, object] | None = None,
    keys: Mapping[str, Principal] | None = None,
    limits: Limits | None = None,
) -> FastAPI:
    application = Ports(ports or {}, Settings(keys or {}))
    return create_app(application, [workflow(each.title, each) for each in (whole, pieces)], limits=limits)


def references(part: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(part, dict):
        if isinstance(reference := part.get("$ref"), str):
            yield reference
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_resolves() -> None:
    document = app_with(keys=KEYS).openapi()
    found = set(references(document))
    assert "#/components/schemas/ChatRequest" in found
    for reference in found:
        part: Any = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_it_names_the_key_and_the_errors() -> None:
    document = app_with(keys=KEYS).openapi()
    [(scheme, described)] = document["components"]["securitySchemes"].items()
    assert (described["type"], described["scheme"]) == ("http", "bearer")
    operations = {path: one for path, each in document["paths"].items() for one in each.values()}
    for path, operation in operations.items():
        if path.startswith("/v1"):
            assert operation["security"] == [{scheme: []}]
            assert {"400", "401", "403", "404", "500", "503"} <= set(operation["responses"])
        assert "422" not in operation["responses"]
        if "requestBody" in operation:
            assert {"408", "413", "415"} <= set(operation["responses"])
    assert {"429", "502", "504"} <= set(operations["/v1/chat/completions"]["responses"])
    assert "text/event-stream" in operations["/v1/chat/completions"]["responses"]["200"]["content"]
    assert [path for path, each in operations.items() if "requestBody" in each] == [
        "/v1/chat/completions",
        "/v1/recommendations",
        "/v1/runs/{run_id}/feedback",
    ]


def test_without_keys_none_is_asked_for() -> None:
    document = app_with().openapi()
    assert document["paths"]["/v1/models"]["get"]["security"] == [{}]


@pytest.mark.slow
def test_it_does_what_it_says(tmp_path: Path) -> None:
    """Requests made up from the document, right and wrong ones, are answered as it says."""
    schemathesis = pytest.importorskip("schemathesis", reason="the extra `dev` has it")
    pytest.importorskip("scipy", reason="the extra `recommend` has it")
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    names = [name for name in CHECKS.get_all_names() if name not in NOT_CHECKED]
    how = {
        "checks": CHECKS.get_by_names(names),
        "headers": {"Authorization": f"Bearer {KEY}", "Host": "localhost"},
    }
    editions = editions_at(tmp_path, classic_rankers())
    train(made_up_log(), editions, rankers=("rules",))
    database = open_database(tmp_path / "state.db")
    ports = {
        Recommender: EditionRecommender(editions),
        Runs: SqlRuns(database),
        Conversations: SqlConversations(database),
        FeedbackStore: SqlFeedback(database),
    }
    app = app_with(ports, KEYS, Limits(durability="none"))
    told: list[str] = []
    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        operation = found.ok()
        told.append(operation.label)
        right, wrong = (operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)

        @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=right | wrong)
        def answers(case: Any) -> None:
            case.call_and_validate(**how)

        answers()
    database.close()
    assert {"POST /v1/chat/completions", "POST /v1/recommendations", "GET /v1/runs/{run_id}"} <= set(told)
