"""`orchestrator worker` and what `doctor` says of workers."""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest
from sqlalchemy import insert

from connectors.sql.tables import workers
from orchestrator.application.application import Application
from orchestrator.cli.doctor_workers import Told, workers_found
from orchestrator.ports import Ledger, index_scope
from orchestrator.settings import Settings
from orchestrator.version import __version__
from tests.cli.conftest import Command
from tests.indexing.contents import database_of


@pytest.fixture
def application(tmp_path_factory: pytest.TempPathFactory) -> Generator[Application]:
    with Application(Settings(home=tmp_path_factory.mktemp("home"))) as made:
        yield made


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--queue", "models"), "no queues without a broker"),
        (("--celery", "--once", "--queue", "models"), "takes jobs from the database"),
        (("--celery", "--kinds", "index.add"), "queues decide which kinds"),
    ],
)
def test_options_that_would_do_nothing_are_refused(cli: Command, options: tuple[str, ...], said: str) -> None:
    refused = cli("worker", *options)
    assert refused.code == 2
    assert said in refused.err


def test_a_host_without_a_worker_is_not_healthy(cli: Command) -> None:
    told = cli("worker", "--health")
    assert (told.code, told.out) == (1, "No worker runs on this host.\n")


def test_doctor_tells_a_wrong_clock_from_a_worker_that_is_gone(application: Application) -> None:
    ledger, now = application.container.get(Ledger), time.time()
    ledger.submit("add", index_scope("default"), "submitted:1", {})

    rows = [
        {"name": "here/x 1 7", "version": __version__, "beat": now, "skew": 0.0},
        {"name": "late/x 2 7", "version": __version__, "beat": now - 300, "skew": -300.0},
        {"name": "gone/x 3 7", "version": __version__, "beat": now - 300, "skew": 0.0},
        {"name": "old/x 4 7", "version": "0.0.1", "beat": now, "skew": 0.0},
    ]
    with database_of(application).writing() as connection:
        connection.execute(insert(workers), [{**row, "started": now - 900} for row in rows])
    found = {told.split(" ")[3].rstrip(":"): (state, hint) for _, state, told, hint in _workers(application)}
    assert found["here"] == ("ok", "")
    assert found["late"] == ("fault", "Synchronise its clock: leases go by it.")
    assert found["gone"] == ("note", "It was killed, or its host is down.")
    assert found["old"][0] == "fault"
    waiting = [told for what, _, told, _ in workers_found(application) if what == "jobs"]
    assert waiting == ["1 index.add wait, the oldest for 0 s."]


def _workers(application: Application) -> list[Told]:
    return [each for each in workers_found(application) if each[0] == "worker"]
