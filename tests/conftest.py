"""What holds for every test."""

from __future__ import annotations

import gc
import os
import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.quick_selection import examples

if TYPE_CHECKING:
    from tests.services.llama import LlamaServer
    from tests.services.vllm import VllmServer

#: Set by `.ci/run`, which installs every service: a test that skips there proves nothing.
STRICT = bool(os.environ.get("ORCHESTRATOR_REQUIRE_SERVICES"))

# On small matrices, threads of linear algebra wait for each other longer than they work.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Tests of anything but the better embedder say the same with the light one, a hundred times as fast.
os.environ["ORCHESTRATOR_EMBEDDER"] = "light"

# No test fails because the machine is busy: times are for benchmarks. CI tries ten times as many examples.
settings.register_profile("untimed", deadline=None, max_examples=examples(100))
settings.load_profile("untimed")


# What is imported and collected stays to the end: to look for what is lost in it over and over took an
# eighth of the time of all tests.
gc.disable()


#: What a file says whose tests are all slow.
ALL_SLOW = re.compile(r"^pytestmark = .*\bmark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what would be left out whole: each worker imports every file of tests."""
    asked = str(config.option.markexpr)
    if "not slow" not in asked or " or " in asked or collection_path.suffix != ".py":
        return None
    return bool(ALL_SLOW.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the cases of a test marked `quick(every=8)`, all but the first and every eighth are slow."""
    seen: Counter[str] = Counter()
    for item in items:
        if mark := item.get_closest_marker("quick"):
            test = item.nodeid.partition("[")[0]
            if seen[test] % mark.kwargs["every"]:
                item.add_marker("slow")
            seen[test] += 1


def pytest_xdist_auto_num_workers() -> int:
    """Three processes for two cores: a third of the time of the tests is waiting."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


def pytest_collection_finish() -> None:
    """From here on, look for what is lost in what the tests make."""
    gc.freeze()
    gc.enable()


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which ORCHESTRATOR_REQUIRE_SERVICES forbids: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own settings must not decide what a test sees."""
    for name in list(os.environ):
        if name.startswith("ORCHESTRATOR_") and name not in (
            "ORCHESTRATOR_DATA",
            "ORCHESTRATOR_EMBEDDER",
            "ORCHESTRATOR_LLM_PYTHON",
            "ORCHESTRATOR_REQUIRE_SERVICES",
            "ORCHESTRATOR_VLLM_PYTHON",
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_cluster() -> Generator[str]:
    """The URL of a temporary PostgreSQL cluster, to be formatted with a database's name."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: the extra `server` has it")
    from tests.services.postgres import NoPostgres, cluster

    try:
        running = cluster()
        with running as url:
            yield url
    except NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def pgvector_cluster() -> Generator[str]:
    """The URL of a temporary PostgreSQL 18 with pgvector, to be formatted with a database's name."""
    pytest.importorskip("pgvector", reason="pgvector is not installed: the extra `server` has it")
    from tests.services.postgres import NoPostgres, cluster, embedded_programs

    try:
        with cluster(embedded_programs()) as url:
            yield url
    except NoPostgres as error:
        pytest.skip(str(error))


@pytest.fixture
def pgvector_url(pgvector_cluster: str) -> str:
    """The URL of an empty PostgreSQL database of the test's own, on a server that has pgvector."""
    return _new_database(pgvector_cluster)


@pytest.fixture
def postgres_url(postgres_cluster: str) -> str:
    """The URL of an empty PostgreSQL database of the test's own."""
    return _new_database(postgres_cluster)


def _new_database(cluster: str) -> str:
    import uuid

    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(cluster.format("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return cluster.format(name)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a language model of some 400,000 parameters, made on the spot."""
    from tests.services.vllm import NoVllm
    from tests.services.vllm import tiny_model as made

    try:
        return made(tmp_path_factory.mktemp("tiny-model"))
    except NoVllm as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def vllm(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[VllmServer]:
    """A vLLM server of the tiny model, for all tests of the session."""
    from tests.services.vllm import vllm_server

    with vllm_server(tiny_model, folder=tmp_path_factory.mktemp("vllm")) as server:
        yield server


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Generator[LlamaServer]:
    """A server of a real small language model, for all tests of the session."""
    from tests.services.llama import NoLlama, llama_server

    try:
        with llama_server(tmp_path_factory.mktemp("llama")) as server:
            yield server
    except NoLlama as error:
        pytest.skip(str(error))
