"""A plug-in adds one of each kind, and none of the library's files is touched."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.testing.shop import write_shop
from tests.plugin.distribution import describe, environment, install

pytestmark = pytest.mark.slow

PROGRAM = (sys.executable, "-c", "from orchestrator.cli import main; main()")
SETTINGS = """
embedder = "light"
[ports]
vector_store = "petshop"
language_model = "petshop"
[connectors.petshop]
phrase = "Hello!"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the distribution is installed."""
    return install(tmp_path_factory.mktemp("site"))


@dataclass(frozen=True)
class Shell:
    """The command line of a process in a folder, with distributions."""

    folder: Path
    sites: tuple[Path, ...]

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            env=environment(*self.sites),
            capture_output=True,
            text=True,
            timeout=120,
        )

    def said(self, *arguments: object) -> str:
        """What a command that succeeds prints."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def shell(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder with settings that name the plug-in, and an index."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "orchestrator.toml").write_text(SETTINGS)
    (folder / "docs").mkdir()
    (folder / "docs" / "otter.md").write_text("Otters hold hands while they sleep.")
    (folder / "docs" / "whale.md").write_text("Whales eat krill. They hold nothing in their hands at all.")
    made = Shell(folder, (site,))
    made.said("index", "add", "docs")
    return made


def test_a_command(shell: Shell) -> None:
    assert shell.said("pets", "--loud") == "OTTER, PARROT, WHALE\n"
    assert "Say which pets there are." in shell.said("--help")
    assert "--loud" in shell.said("pets", "--help")


def test_a_workflow_a_store_a_strategy_and_a_model(shell: Shell) -> None:
    answer = json.loads(shell.said("ask", "Who can hold hands?", "--workflow", "pet_answer", "--json"))
    assert answer["answer"] == "Hello! (2 passages)"
    found = json.loads(shell.said("ask", "Who can hold hands?", "--workflow", "pet_search", "--json"))
    assert [each["text"][:6] for each in found["citations"]] == ["Otters", "Whales"], "the shortest first"
    shell.said("check", "pet_answer")


def test_a_reader_without_a_grant_finds_nothing_in_its_store(shell: Shell) -> None:
    asked = shell.said("ask", "Who can hold hands?", "-w", "pet_search", "--principal", "nobody", "--json")
    assert json.loads(asked)["citations"] == []


def test_a_data_set_is_evaluated(shell: Shell) -> None:
    report = json.loads(shell.said("evaluate", "pet_search", "search", "--data", "pets", "--json", "-"))
    assert set(report["arms"]) == {"pet_search", "search"}
    assert report["arms"]["pet_search"]["metrics"]["recall@100"]["mean"] == 1.0


def test_a_ranker_is_trained_and_recommends(shell: Shell) -> None:
    write_shop(shell.folder / "shop")
    trained = json.loads(
        shell.said("recommend", "train", "--data", "shop", "--rankers", "longest_title", "--json")
    )
    assert trained["rankers"] == ["longest_title"]
    top = json.loads(
        shell.said("recommend", "top", "--user", "user-0003", "--ranker", "longest_title", "--json")
    )
    assert {each["ranker"] for each in top["items"]} == {"longest_title"}


JOBS = """
import asyncio, json
from orchestrator import Application
from orchestrator.ports import JobScope

async def main():
    async with Application() as app:
        shop = JobScope("pets", "shop")
        app.jobs.submit("count", shop, {"text": "otters hold hands"})
        gone = app.jobs.submit("count", shop, {"text": "nobody counts this"})
        app.jobs.cancel(gone.id)
        lost = app.jobs.submit("groom", shop)
        ran = await app.jobs.run()
        app.jobs.retry(lost.id)
        again = await app.jobs.run(scope=shop)
        print(json.dumps({
            "ran": [job.kind for job in ran],
            "again": [(job.kind, job.state, job.attempt) for job in again],
            "all": [
                (job.kind, job.state, dict(job.effects or {}), job.error)
                for job in app.jobs.list(scope=shop)
            ],
        }))

asyncio.run(main())
"""


def test_a_job_is_submitted_run_cancelled_and_tried_again(shell: Shell) -> None:
    done = subprocess.run(
        [sys.executable, "-c", JOBS],
        cwd=shell.folder,
        env=environment(*shell.sites),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ran"] == ["count", "groom"]
    # What is never going to work is not tried again.
    assert told["again"] == [["groom", "dead", 1]]
    counted, cancelled, groomed = told["all"]
    assert counted == ["count", "done", {"words": 3}, None]
    assert cancelled == ["count", "dead", {}, "It was cancelled."]
    assert "Nothing does jobs of the kind 'pets.groom'" in groomed[3]


@pytest.fixture
def served(shell: Shell) -> Generator[Callable[..., Any]]:
    """Asks the endpoint of a server."""
    process = subprocess.Popen(
        [*PROGRAM, "serve", "pet_answer", "chat", "--port", "0"],
        cwd=shell.folder,
        env=environment(*shell.sites),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    address = ""
    deadline = time.monotonic() + 60
    while not address and time.monotonic() < deadline:
        line = process.stderr.readline()
        if "Serving" in line:
            address = line.rpartition(" at ")[2].strip()
        assert process.poll() is None, line

    def ask(path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{address}{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    yield ask
    process.terminate()
    process.communicate(timeout=60)


def test_a_route_and_a_workflow_are_served(served: Callable[..., Any]) -> None:
    assert served("/pets") == {"pets": ["otter", "parrot", "whale"], "asked_by": "anonymous"}
    assert {each["id"] for each in served("/models")["data"]} == {"pet_answer", "chat"}
    question = [{"role": "user", "content": "Who can hold hands?"}]
    reply = served("/chat/completions", model="pet_answer", messages=question)
    assert reply["choices"][0]["message"]["content"] == "Hello! (2 passages)"


def test_doctor_says_where_everything_comes_from(shell: Shell) -> None:
    found = json.loads(shell.said("doctor", "--json"))
    said = {(each["name"], each["detail"]) for each in found}
    origin = "from orchestrator-petshop 1.2"
    for kind, name in (
        ("strategie", "rerank.shortest"),
        ("strategie", "fusion.first"),
        ("ranker", "longest_title"),
        ("dataset", "pets"),
        ("command", "pets"),
        ("route", "pets"),
        ("job", "pets.count"),
        ("workflow", "pet_answer"),
    ):
        assert (kind.replace("strategie", "strategy"), f"{name}, {origin}.") in said
    assert ("provider", f"vector_store: petshop, {origin}: words.") in said
    assert ("provider", f"language_model: petshop, {origin}: a parrot.") in said
    assert any(name == "provider" and "from orchestrator-rag" in detail for name, detail in said)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A distribution of which nothing can be imported, and whose names are taken."""
    folder = tmp_path_factory.mktemp("broken")
    kinds = ("connectors", "strategies", "rankers", "datasets", "commands", "routes", "workflows")
    points = {f"orchestrator.{kind}": {"rotten": f"no_such_module:{kind}"} for kind in kinds}
    points["orchestrator.commands"]["pets"] = "no_such_module:pets"
    describe(folder, "orchestrator-rotten", "0.1", points)
    return folder


def test_a_broken_plug_in_is_named_and_breaks_nothing(shell: Shell, broken: Path) -> None:
    both = Shell(shell.folder, (*shell.sites, broken))
    answer = json.loads(both.said("ask", "Who can hold hands?", "--workflow", "pet_answer", "--json"))
    assert answer["answer"] == "Hello! (2 passages)"
    found = json.loads(both.said("doctor", "--json"))
    rotten = [each for each in found if "orchestrator-rotten 0.1" in each["detail"]]
    assert len(rotten) == 8
    assert {each["state"] for each in rotten} == {"note"}
    assert all("ModuleNotFoundError" in each["detail"] for each in rotten if "twice" not in each["detail"])
    helped = both("--help")
    assert helped.returncode == 0
    assert "orchestrator-rotten 0.1" in helped.stderr
    top = both.said("recommend", "--help")
    assert "train" in top


def test_two_of_one_name_are_an_error_that_names_both(shell: Shell, broken: Path) -> None:
    refused = Shell(shell.folder, (*shell.sites, broken))("pets")
    assert refused.returncode == 2
    assert "'pets' is declared twice in orchestrator.commands" in refused.stderr
    assert "orchestrator-petshop 1.2" in refused.stderr
    assert "orchestrator-rotten 0.1" in refused.stderr


def test_what_is_not_installed_is_said_with_what_is(shell: Shell) -> None:
    alone = Shell(shell.folder, ())
    refused = alone("ask", "Who?")
    assert refused.returncode == 2
    assert "There is no connector 'petshop'; installed are bm25" in refused.stderr
    assert "pip install" in refused.stderr
