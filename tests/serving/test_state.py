"""What is kept of a run and a conversation, and who reads it back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.sql import SqlConversations, SqlRuns, open_database
from orchestrator import Question, workflow
from orchestrator.errors import StoreError
from orchestrator.ports import Conversations, Runs
from orchestrator.serving import Limits
from orchestrator.types import Principal
from tests.serving.asgi import asking, endpoint, events
from tests.serving.flows import breaks, pieces, restricted, restricted_slate, unavailable, writes_memo
from tests.serving.recalls import recalls

PATH = "/v1/chat/completions"
KEYS = {
    "key-of-ada": Principal(grants=frozenset({"public", "board"}), name="ada"),
    "key-of-bob": Principal(grants=frozenset({"public", "board"}), name="bob"),
    # Ada as well, when the board has let her go.
    "key-of-ada-later": Principal(grants=frozenset({"public"}), name="ada"),
}
ADA, BOB, LATER = ({"Authorization": f"Bearer {key}"} for key in KEYS)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient, None]:
    database = open_database(tmp_path / "state.db")
    runs = SqlRuns(database)
    ports = {Runs: runs, Conversations: SqlConversations(database)}
    flows = [
        *(workflow(each.title, each) for each in (pieces, restricted, restricted_slate, breaks, unavailable)),
        recalls,
    ]
    async with endpoint(flows, ports=ports, api_keys=KEYS, limits=Limits(), key="key-of-ada") as opened:
        yield opened
    await runs.close()
    database.close()


async def ask(client: httpx.AsyncClient, model: str, **fields: Any) -> Any:
    return (await client.post(PATH, json=asking(model, **fields))).json()


async def test_a_run_reads_back_as_it_was_answered(client: httpx.AsyncClient):
    body = await ask(client, "pieces")
    run = (await client.get(f"/v1/runs/{body['run_id']}")).json()
    message = body["choices"][0]["message"]
    assert run["answer"] == message["content"]
    assert run["annotations"] == message["annotations"]
    assert run["citations"] == body["citations"]
    assert (run["status"], run["model"], run["withheld"], run["error"]) == ("done", "pieces", 0, None)
    assert [step["path"] for step in run["trace"]] == ["pieces"]


async def test_a_streamed_run_reads_back_as_soon_as_the_stream_ends(client: httpx.AsyncClient):
    response = await client.post(PATH, json=asking("pieces", stream=True))
    last = events(response.text)[-2]
    run = (await client.get(f"/v1/runs/{last['run_id']}")).json()
    assert run["status"] == "done"
    assert run["citations"] == last["citations"]
    assert run["annotations"] == last["choices"][0]["delta"]["annotations"]


async def test_a_run_is_read_by_its_own_principal_alone(client: httpx.AsyncClient):
    body = await ask(client, "pieces")
    response = await client.get(f"/v1/runs/{body['run_id']}", headers=BOB)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "run_not_found"
    nobody = await client.get("/v1/runs/" + "0" * 32)
    assert nobody.json()["error"]["code"] == "run_not_found"


async def test_what_a_reader_may_not_read_any_more_is_withheld(client: httpx.AsyncClient):
    body = await ask(client, "restricted")
    path = f"/v1/runs/{body['run_id']}"
    assert [each["id"] for each in (await client.get(path)).json()["citations"]] == ["a", "secret"]
    later = await client.get(path, headers=LATER)
    assert [each["id"] for each in later.json()["citations"]] == ["a"]
    assert later.json()["answer"] is None
    assert later.json()["withheld"] == 1
    assert "merger" not in later.text


async def test_a_slate_is_withheld_as_well(client: httpx.AsyncClient):
    found = (
        await client.post("/v1/recommendations", json={"model": "restricted_slate", "user": "ada"})
    ).json()
    path = f"/v1/runs/{found['id'].removeprefix('rec-')}"
    assert found["data"][0]["title"] == "The merger"
    mine = (await client.get(path)).json()
    assert mine["output"]["items"][0]["title"] == "The merger"
    assert [step["path"] for step in mine["trace"]] == ["restricted_slate"]
    assert (await client.get(path, headers=BOB)).status_code == 404
    later = await client.get(path, headers=LATER)
    assert (later.json()["output"], later.json()["withheld"]) == (None, 1)
    assert "merger" not in later.text


async def test_a_slate_in_a_chat_is_withheld_as_well(client: httpx.AsyncClient):
    body = await ask(client, "restricted_slate")
    assert body["choices"][0]["message"]["content"] == "1. The merger [1]"
    later = await client.get(f"/v1/runs/{body['run_id']}", headers=LATER)
    assert (later.json()["answer"], later.json()["withheld"]) == (None, 1)
    assert "merger" not in later.text


async def test_a_value_of_a_strangers_type_is_withheld_from_whom_it_is_not_for(tmp_path: Path):
    database = open_database(tmp_path / "state.db")
    ports = {Runs: SqlRuns(database)}
    ada, later = KEYS["key-of-ada"], KEYS["key-of-ada-later"]
    flow = workflow("writes_memo", writes_memo)
    result = await flow.run(Question("x", ada), ports=ports)
    async with endpoint([flow], ports=ports, api_keys=KEYS, limits=Limits(durability="none")) as client:
        path = f"/v1/runs/{result.run_id}"
        mine, not_mine = [(await client.get(path, headers=each)) for each in (ADA, LATER)]
        chat = (await client.post(PATH, json=asking("writes_memo"), headers=ADA)).json()
        chat_later = await client.get(f"/v1/runs/{chat['run_id']}", headers=LATER)
    async with endpoint(ports=ports, api_keys=KEYS, limits=Limits(durability="none")) as client:
        unknown = await client.get(path, headers=ADA)
    database.close()
    assert ada.name == later.name
    assert mine.json()["output"] == {"text": "the merger is off"}
    assert (not_mine.json()["output"], not_mine.json()["withheld"]) == (None, 1)
    assert chat["choices"][0]["message"]["content"] == "the merger is off [1]"
    assert "merger" not in not_mine.text + chat_later.text
    # No workflow of this type is served: nobody can say any more whom it is for.
    assert (unknown.json()["output"], unknown.json()["withheld"]) == (None, 1)


async def test_a_failed_run_reads_back_with_its_reason_but_without_its_text(client: httpx.AsyncClient):
    response = await client.post(PATH, json=asking("breaks"))
    run = await client.get(f"/v1/runs/{response.json()['error']['run_id']}")
    assert run.json()["status"] == "failed"
    assert run.json()["answer"] is None
    assert run.json()["error"] == "[breaks] Failed with ValueError"
    assert run.json()["trace"][0]["error"] == "ValueError"
    assert "tulip" not in run.text


async def test_what_a_store_said_reads_back_without_its_text(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
):
    response = await client.post(PATH, json=asking("unavailable"))
    run_id = response.json()["error"]["run_id"]
    run = await client.get(f"/v1/runs/{run_id}")
    assert run.json()["error"] == run.json()["trace"][0]["error"] == "StoreError"
    assert "tulip" not in run.text + response.text
    assert f"run {run_id}: [unavailable] the database /home/tulip/state.db failed." in caplog.text


async def test_an_error_without_a_run_says_what_the_log_has_it_under(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def fails(*_: object, **__: object) -> None:
        raise StoreError("the database /home/tulip/state.db failed.")

    monkeypatch.setattr(SqlRuns, "read", fails)
    response = await client.get("/v1/runs/any")
    message = response.json()["error"]["message"]
    assert response.status_code == 503
    assert "tulip" not in message
    assert f"{message.rpartition('under ')[2].rstrip('.')}: the database /home/tulip" in caplog.text


async def test_earlier_turns_reach_the_workflow_as_a_conversation(client: httpx.AsyncClient):
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "Ada."},
        {"role": "user", "content": "When?"},
    ]
    body = (await client.post(PATH, json={"model": "recalls", "messages": turns})).json()
    assert body["choices"][0]["message"]["content"] == ("user: Who? | assistant: Ada. | asked: When?")


async def test_a_conversation_is_in_the_trace_by_its_id_alone(client: httpx.AsyncClient):
    turns = [{"role": "user", "content": "a confidence"}, {"role": "user", "content": "When?"}]
    body = (await client.post(PATH, json={"model": "recalls", "messages": turns})).json()
    run = await client.get(f"/v1/runs/{body['run_id']}")
    assert "a confidence" not in str(run.json()["trace"])
    assert run.json()["trace"][0]["reads"]["question"]["conversation"]


async def test_a_question_without_earlier_turns_has_no_conversation(client: httpx.AsyncClient):
    assert (await ask(client, "recalls"))["choices"][0]["message"]["content"] == "asked: What is it?"


def lose(folder: Path) -> None:
    """Put something in the database's place that is none."""
    for file in folder.glob("state.db*"):
        file.unlink()
    (folder / "state.db").mkdir()


async def test_a_database_that_is_gone_makes_the_server_unready(tmp_path: Path):
    database = open_database(tmp_path / "state.db")
    async with endpoint(ports={Runs: SqlRuns(database)}) as client:
        ready = await client.get("/readyz")
        database.close()
        lose(tmp_path)
        unready = await client.get("/readyz")
    database.close()
    assert ready.json() == {"status": "ready", "checks": {"index": "ok", "database": "ok", "server": "ok"}}
    assert unready.status_code == 503
    assert unready.json()["checks"] == {"index": "ok", "database": "failed", "server": "ok"}
    assert int(unready.headers["retry-after"]) > 0
