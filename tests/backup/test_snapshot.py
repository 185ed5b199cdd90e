"""Backups of what is in use, and restores that nothing can leave half done."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import ANONYMOUS, Application, Question
from orchestrator.errors import BadInput, IndexBusy, StoreError
from orchestrator.ports import IndexRegistry
from orchestrator.settings import Settings

pytestmark = pytest.mark.slow


def silent(done: int, total: int, doing: str) -> None:
    pass


def application(home: Path) -> Application:
    return Application(Settings(home=home))


def index(home: Path, root: Path, name: str = "default") -> None:
    async def add() -> None:
        async with application(home) as app:
            await app.indexer(name).add(root)

    asyncio.run(add())


def answer(home: Path, question: str) -> str:
    async def ask() -> str:
        async with application(home) as app:
            result = await app.run("chat", Question(question, ANONYMOUS))
            assert result.answer is not None
            return result.answer.text

    return asyncio.run(ask())


def state(home: Path) -> tuple[tuple[str, int, int], ...]:
    """Index, version and passages of a home, whose every index must be sound."""

    async def look() -> tuple[tuple[str, int, int], ...]:
        async with application(home) as app:
            found = app.container.get(IndexRegistry).indexes()
            for each in found:
                report = await app.indexer(each.index).verify()
                assert report.ok, report.faults
            return tuple((each.index, each.number, each.passages) for each in found)

    return asyncio.run(look())


def backup(home: Path, path: Path) -> None:
    app = application(home)
    app.backup(path, silent)
    asyncio.run(app.close())


def restore(home: Path, path: Path, *, force: bool = False) -> None:
    app = application(home)
    try:
        app.restore(path, silent, force=force)
    finally:
        asyncio.run(app.close())


def write(root: Path, **texts: str) -> Path:
    root.mkdir(exist_ok=True)
    for name, text in texts.items():
        (root / f"{name}.md").write_text(text)
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `home`, an index of the two documents in `notes`."""
    folder = tmp_path_factory.mktemp("made")
    root = write(folder / "notes", bees="Bees dance for flowers.", tides="Tides follow the moon.")
    index(folder / "home", root)
    return folder


@pytest.fixture
def home(tmp_path: Path, made: Path) -> Path:
    """A home of the test's own with an index of two documents."""
    shutil.copytree(made / "home", tmp_path / "home")
    return tmp_path / "home"


def test_a_backup_is_restored_elsewhere_as_it_was(tmp_path: Path, home: Path) -> None:
    backup(home, tmp_path / "kept.tar")
    restore(tmp_path / "other", tmp_path / "kept.tar")
    assert state(tmp_path / "other") == state(home)
    assert "Bees dance" in answer(tmp_path / "other", "bees")
    assert not list((tmp_path / "other").glob(".restore*"))
    assert not list(home.glob(".backup*"))


def test_a_home_that_has_something_is_replaced_only_by_force(tmp_path: Path, home: Path) -> None:
    before = state(home)
    backup(home, tmp_path / "kept.tar")
    index(home, write(tmp_path / "more", ships="Ships sail."), "second")
    later = state(home)
    with pytest.raises(BadInput, match=r"holds the indexes default, second.*--force"):
        restore(home, tmp_path / "kept.tar")
    assert state(home) == later
    restore(home, tmp_path / "kept.tar", force=True)
    assert state(home) == before
    assert "Bees dance" in answer(home, "bees")


def test_a_restored_index_can_be_added_to(tmp_path: Path, home: Path) -> None:
    """The names that the former state gave to shards after the backup are given again."""
    backup(home, tmp_path / "kept.tar")
    index(home, write(tmp_path / "more", tea="Tea is steeped."))
    restore(home, tmp_path / "kept.tar", force=True)
    index(home, write(tmp_path / "more", tea="Tea is poured."))
    assert state(home)[0][2] == 3
    assert "Tea is poured." in answer(home, "tea")


def test_a_backup_of_one_machine_replaces_the_shards_of_another(tmp_path: Path, home: Path) -> None:
    """Both have shards of the same names, with other contents."""
    index(tmp_path / "other", write(tmp_path / "else", ships="Ships sail.", tea="Tea.", sea="Waves."))
    backup(home, tmp_path / "kept.tar")
    restore(tmp_path / "other", tmp_path / "kept.tar", force=True)
    assert state(tmp_path / "other") == state(home)
    assert "Bees dance" in answer(tmp_path / "other", "bees")


def test_a_damaged_backup_changes_nothing(tmp_path: Path, home: Path) -> None:
    before = state(home)
    backup(home, tmp_path / "kept.tar")
    whole = bytearray((tmp_path / "kept.tar").read_bytes())
    whole[len(whole) // 2] ^= 255
    (tmp_path / "kept.tar").write_bytes(whole)
    with pytest.raises(BadInput, match="damaged"):
        restore(home, tmp_path / "kept.tar", force=True)
    assert state(home) == before


def test_a_missing_shard_is_no_backup(tmp_path: Path, home: Path) -> None:
    shard = next((home / "indexes" / "default").iterdir())
    shard.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is missing"):
        backup(home, tmp_path / "kept.tar")
    assert not (tmp_path / "kept.tar").exists()


def test_one_backup_at_a_time(tmp_path: Path, home: Path) -> None:
    def second(done: int, total: int, doing: str) -> None:
        with pytest.raises(IndexBusy, match="under way"):
            backup(home, tmp_path / "second.tar")

    app = application(home)
    app.backup(tmp_path / "first.tar", second)
    asyncio.run(app.close())
    assert (tmp_path / "first.tar").exists()
    assert not (tmp_path / "second.tar").exists()


@pytest.mark.slow
def test_a_backup_beside_a_writer_is_one_of_its_versions(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "more", **{f"note{n}": f"Note number {n}." for n in range(40)})
    program = "from orchestrator.cli import main; main()"
    writer = subprocess.Popen(
        [sys.executable, "-c", program, "--home", home, "index", "add", tmp_path / "more"],
        stdout=subprocess.DEVNULL,
    )
    number = 0
    while True:
        running = writer.poll() is None
        number += 1
        backup(home, tmp_path / f"{number}.tar")
        if not running:
            break
    assert writer.returncode == 0
    for each in sorted({1, number // 2 or 1, number}):
        restore(tmp_path / f"from-{each}", tmp_path / f"{each}.tar")
        ((_, _, passages),) = state(tmp_path / f"from-{each}")
        assert passages in (2, 42)
    assert passages == 42


KILLED = """
import os, signal, sys
from pathlib import Path

home, path, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = 0

def count(event, arguments):
    "Whatever touches the home is a moment to be killed in."
    global seen
    if event in EVENTS and any(home in str(argument) for argument in arguments):
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

EVENTS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "sqlite3.connect"}

from orchestrator import Application
from orchestrator.ports import IndexRegistry
from orchestrator.settings import Settings

application = Application(Settings(home=Path(home)))
application.container.get(IndexRegistry).indexes()
sys.addaudithook(count)
application.restore(Path(path), lambda done, total, doing: None, force=True)
print(seen)
"""


def killed_restore(home: Path, path: Path, at: int) -> int | None:
    """Restore in a child that is killed when it touches the home for the `at`-th time; None if it was."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, home, path, str(at)], stdout=subprocess.PIPE, text=True, timeout=120
    )
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0
    return int(done.stdout)


@pytest.fixture
def two_states(tmp_path: Path, home: Path) -> Callable[[int], Path]:
    """Copies of a home with three documents, beside `kept.tar`, which has the two of before."""
    backup(home, tmp_path / "kept.tar")
    index(home, write(tmp_path / "more", tea="Tea is steeped."))

    def copy(number: int) -> Path:
        shutil.copytree(home, tmp_path / f"copy-{number}")
        return tmp_path / f"copy-{number}"

    return copy


@pytest.mark.parametrize(
    "moments", [3, pytest.param(12, marks=pytest.mark.slow)], ids=["few moments", "many moments"]
)
def test_a_restore_killed_at_any_moment_leaves_the_old_state_or_the_new(
    tmp_path: Path, two_states: Callable[[int], Path], moments: int
) -> None:
    path = tmp_path / "kept.tar"
    whole = two_states(0)
    old = state(whole)
    total = killed_restore(whole, path, at=-1)
    new = state(whole)
    assert total is not None
    assert total > 20
    assert [passages for _, _, passages in (*old, *new)] == [3, 2]
    found = set()
    for at in sorted({max(1, round(total * step / moments)) for step in range(1, moments + 1)}):
        home = two_states(at)
        assert killed_restore(home, path, at) is None
        found.add(state(home))
        restore(home, path, force=True)
        assert state(home) == new
        assert sorted(each.name for each in home.iterdir() if each.name.startswith(".")) == [".archive.lock"]
    assert found <= {old, new}
    assert new in found


def test_a_killed_backup_leaves_nothing_in_the_way(tmp_path: Path, home: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from orchestrator import Application\n"
        "from orchestrator.settings import Settings\n"
        "def die(done, total, doing): os.kill(os.getpid(), signal.SIGKILL)\n"
        "Application(Settings(home=Path(sys.argv[1]))).backup(Path(sys.argv[2]), die)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, home, tmp_path / "kept.tar"], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "kept.tar").exists()
    backup(home, tmp_path / "kept.tar")
    restore(tmp_path / "other", tmp_path / "kept.tar")
    assert state(tmp_path / "other") == state(home)
    assert not list(home.glob(".backup*"))
