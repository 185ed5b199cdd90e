"""`/v1/jobs` and `/metrics`: jobs for who operates the server, and for nobody else."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from connectors.sql import SqlLedger, open_database
from orchestrator.ports import Clock, Ledger, WorkerPresence, index_scope, order_prefix
from orchestrator.testing.clock import ManualClock
from orchestrator.types import Principal
from tests.serving.asgi import endpoint

KEYS = {
    "key-of-the-operator": Principal(grants=frozenset({"operator"}), name="op"),
    "key-of-a-reader": Principal(grants=frozenset({"public"}), name="reader"),
}


@pytest.fixture
def ports(tmp_path: Path) -> Generator[dict[type, object]]:
    """A ledger with an order at work, and one that is dead."""
    clock = ManualClock()
    database = open_database(tmp_path / "state.db")
    ledger = SqlLedger(database, clock)
    ledger.submit("add", index_scope("papers"), "submitted:1", {"roots": ["/docs"]})
    ledger.submit("add", index_scope("mails"), "submitted:2", {})
    order, dead = ledger.claim("one", seconds=60), ledger.claim("two", seconds=60)
    assert order is not None
    assert dead is not None
    ledger.fail(dead, "no room on the disk", final=True)
    part = ledger.submit("read", order.scope, f"{order_prefix(order.id)}1:x", {}, order=order)
    clock.advance(10)
    ledger.renew(order, seconds=60, progress={"done": 40, "total": 100, "doing": "reading"})
    done = ledger.claim("two", seconds=60, job=part.id)
    assert done is not None
    ledger.finish(done, {})
    ledger.note(done, {"usage": {"calls": 3, "prompt_tokens": 20, "completion_tokens": 7}})
    ledger.submit("add", index_scope("later"), "submitted:3", {})
    ledger.appear(WorkerPresence("one", "1", clock.now(), clock.now()))
    clock.advance(10)
    yield {Ledger: ledger, Clock: clock}
    database.close()


async def test_an_operator_sees_jobs(ports: dict[type, object]) -> None:
    async with endpoint(ports=ports, api_keys=KEYS, key="key-of-the-operator") as client:
        listed = (await client.get("/v1/jobs")).json()["data"]
        parts = (await client.get("/v1/jobs?parts=true&state=done")).json()["data"]
        one = (await client.get(f"/v1/jobs/{listed[0]['id']}")).json()
        missing = await client.get("/v1/jobs/999")
    assert [job["state"] for job in listed] == ["running", "dead", "pending"]
    working, dead = listed[:2]
    assert one == working
    assert (working["done"], working["total"], working["doing"]) == (40, 100, "reading")
    assert (working["rate"], working["left"]) == (2.0, 30.0)
    assert working["cost"] == {"calls": 3, "prompt_tokens": 20, "completion_tokens": 7}
    assert dead["reason"] == "no room on the disk"
    assert [job["order"] for job in parts] == [working["id"]]
    assert missing.status_code == 400
    assert "no job 999" in missing.json()["error"]["message"]


async def test_a_job_is_listed_however_many_parts_are_newer(ports: dict[type, object]) -> None:
    ledger = ports[Ledger]
    assert isinstance(ledger, SqlLedger)
    order = ledger.job(1)
    for number in range(9):
        ledger.submit("read", order.scope, f"{order_prefix(order.id)}1:{number}", {}, order=order)
    async with endpoint(ports=ports, api_keys=KEYS, key="key-of-the-operator") as client:
        listed = (await client.get("/v1/jobs?last=3")).json()["data"]
        parts = (await client.get("/v1/jobs?last=3&parts=true")).json()["data"]
    assert [job["id"] for job in listed] == [1, 2, 4]
    assert listed[0]["cost"]["calls"] == 3
    assert {job["order"] for job in parts} == {1}


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/1", "/metrics"])
async def test_nobody_else_does(ports: dict[type, object], path: str) -> None:
    async with endpoint(ports=ports, api_keys=KEYS, key="key-of-a-reader") as client:
        refused = await client.get(path)
    assert refused.status_code == 403
    assert "does not operate the server" in refused.json()["error"]["message"]
    async with endpoint(ports=ports, api_keys=KEYS) as client:
        assert (await client.get(path)).status_code == 401


async def test_prometheus_is_told_what_waits(ports: dict[type, object]) -> None:
    async with endpoint(ports=ports) as client:
        told = (await client.get("/metrics")).text
    assert 'orchestrator_jobs{state="dead"} 1\n' in told
    assert 'orchestrator_jobs_waiting{kind="index.add"} 1\n' in told
    assert 'orchestrator_jobs_oldest_seconds{kind="index.add"} 10.0\n' in told
    assert told.endswith("orchestrator_workers 1\n")
