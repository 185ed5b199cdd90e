"""The wheel, installed where there is no checkout, does what the README says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has nothing but the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=True)
    subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel],
        check=True,
        timeout=900,
    )
    return folder / "bin"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that knows nothing of the checkout, with a document."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bees.md").write_text("# Bees\n\nBees dance to tell where flowers are.\n")
    return tmp_path


def environment() -> dict[str, str]:
    hidden = ("ORCHESTRATOR_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


def run(programs: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [programs / "orchestrator", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_packages_and_the_workflows_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {
        "orchestrator",
        "connectors",
    }
    for expected in (
        "orchestrator/py.typed",
        "orchestrator/__init__.pyi",
        "orchestrator/nodes/__init__.pyi",
        "connectors/py.typed",
        "orchestrator/_workflows/chat.py",
        "orchestrator/_workflows/search.py",
    ):
        assert expected in names
    assert "orchestrator/_workflows/__init__.py" not in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_an_installed_wheel_indexes_and_answers(installed: Path, outside: Path) -> None:
    run(installed, outside, "index", "add", "notes")
    answer = json.loads(run(installed, outside, "ask", "Where do bees say that flowers are?", "--json"))
    assert "Bees dance" in answer["answer"]
    assert answer["citations"][0]["source"].endswith("bees.md")
    assert json.loads(run(installed, outside, "doctor", "--json"))


@pytest.fixture
def served(installed: Path, outside: Path) -> Iterator[str]:
    """The address of an installed server."""
    run(installed, outside, "index", "add", "notes")
    server = subprocess.Popen(
        [installed / "orchestrator", "serve", "chat", "--port", "0"],
        cwd=outside,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    said = server.stderr.readline()
    try:
        assert said.startswith("Serving chat at http://"), said + server.stderr.read()
        yield said.split()[-1]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
        server.stderr.close()


def test_an_installed_wheel_serves(served: str) -> None:
    request = urllib.request.Request(
        f"{served}/chat/completions",
        json.dumps(
            {
                "model": "chat",
                "messages": [{"role": "user", "content": "Where do bees say that flowers are?"}],
            }
        ).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert "Bees dance" in json.load(reply)["choices"][0]["message"]["content"]


def test_llama_index_keeps_its_name_in_an_installed_environment(installed: Path, outside: Path) -> None:
    code = "import llama_index.core.workflow, orchestrator, connectors"
    subprocess.run(
        [installed / "python", "-c", code], cwd=outside, env=environment(), check=True, timeout=120
    )


def test_the_base_install_stays_small(installed: Path, tmp_path: Path) -> None:
    """What it adds to an empty environment. The README gives the figure; this is the bound it promises."""
    venv.create(tmp_path / "empty", with_pip=True)
    added = megabytes(installed.parent) - megabytes(tmp_path / "empty")
    assert 100 < added <= 455


def megabytes(environment: Path) -> int:
    site = next(environment.glob("lib/python*/site-packages"))
    used = subprocess.run(["du", "-sm", site], capture_output=True, text=True, check=True)
    return int(used.stdout.split()[0])
