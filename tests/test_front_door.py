"""A clean clone on a machine that has Python and make: `make demo` and `make test` work."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed files alone: what is ignored or forgotten is not there."""
    folder = tmp_path_factory.mktemp("clone") / "orchestrator"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True, timeout=120)
    return folder


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    hidden = ("ORCHESTRATOR_", "PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS")
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env={name: value for name, value in os.environ.items() if not name.startswith(hidden)},
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_make_demo_ends_in_a_cited_answer_and_can_be_repeated(clone: Path) -> None:
    first = make(clone, "demo")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "[1] " in first.stdout
    again = make(clone, "demo")
    assert again.returncode == 0
    assert "Installing" not in again.stdout
    assert "unchanged" in again.stdout


def test_make_demo_takes_a_folder_of_the_users(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "bees.md").write_text("# Bees\n\nBees dance to tell where flowers are.\n")
    done = make(clone, "demo", f"DOCS={tmp_path}", "ASK=Where do bees say that flowers are?")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Bees dance" in done.stdout


def test_make_test_installs_what_it_needs_and_passes(clone: Path) -> None:
    done = make(clone, "test", "ARGS=tests/test_settings.py tests/backup/test_archive.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout.splitlines()[-1]


def test_without_a_python_that_fits_make_says_what_to_do(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "echo"):
        found = next(Path(each) / tool for each in ("/bin", "/usr/bin") if (Path(each) / tool).exists())
        (tools / tool).symlink_to(found)
    done = subprocess.run(
        ["/usr/bin/make", "demo"], cwd=tmp_path, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "No Python 3.11, 3.12 or 3.13" in done.stderr
    assert "PYTHON=" in done.stderr
