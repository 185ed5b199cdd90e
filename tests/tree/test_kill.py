"""A build that is killed goes on where it was, and makes the tree of an undisturbed one."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from orchestrator.tree.build_job import NOTES
from tests.tree.conftest import PUBLIC, Library, text_of

pytestmark = pytest.mark.slow

COMMAND = "from orchestrator.cli import main; main()"


def building(library: Library) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "--home", str(library.app.settings.home), "tree", "build"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_a_killed_build_goes_on_where_it_was(library: Library) -> None:
    await library.put({f"t{number}": text_of(number) for number in range(3000)})
    first = building(library)
    while not (before := await library.trees.notes(PUBLIC)):
        assert first.poll() is None, first.communicate()
        await asyncio.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = await library.trees.notes(PUBLIC)
    assert len(before) >= NOTES
    assert await library.trees.read(PUBLIC) is None, "half a tree is none"
    again = building(library)
    out, err = await asyncio.to_thread(again.communicate)
    assert again.returncode == 0, err
    assert "over 3,000 passages" in out
    resumed = await library.kept()
    after = await library.trees.notes(PUBLIC)
    assert before.items() <= after.items()
    assert library.faults() == []
    await library.trees.remove()
    await library.build()
    assert (await library.kept()).tree == resumed.tree
