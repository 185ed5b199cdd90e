"""A build that is killed goes on where it was, two at once do no harm, and the graph is that of one build."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete

from connectors.sql import Database, SqlDocumentNames, SqlIndexRegistry, SqlLedger, open_database
from connectors.sql.tables import document_names
from orchestrator.knowledge.mention_graph import MentionGraph
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.document_names import titled
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT
from orchestrator.types import ANONYMOUS

pytestmark = pytest.mark.slow

NUMBER = 120
#: A builder in steps small enough to be killed between, and within.
BUILD = """
import sys
from pathlib import Path
from connectors.sql import SqlDocumentNames, open_database
names = SqlDocumentNames(open_database(Path(sys.argv[1])), "default")
while names.read_names(most=5):
    print("read", flush=True)
while names.search(most=3):
    print("searched", flush=True)
"""


def shelf(path: Path) -> Database:
    """Documents that name one another, of a release that kept no names."""
    database = open_database(path)
    clock = ManualClock()
    registry = SqlIndexRegistry(database, clock)
    registry.create("default", FORMAT)
    rows = [
        titled(
            f"d{n}",
            f"Mira Novak {n}",
            f"She met Mira Novak {n * 7 % NUMBER} and Mira Novak {n * 3 % NUMBER}.",
        )
        for n in range(NUMBER)
    ]
    Publisher(registry, SqlLedger(database, clock)).publish(*rows)
    with database.writing() as connection:
        connection.execute(delete(document_names))
    return database


def builder(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


async def fingerprint(database: Database) -> str:
    names = SqlDocumentNames(database, "default")
    counts = names.counts()
    assert counts.complete, counts
    return MentionGraph(await names.edges(principal=ANONYMOUS)).fingerprint()


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["read", "searched"])
async def test_killed_and_doubled_builds_make_the_graph_of_one(tmp_path: Path, word: str) -> None:
    one, other = shelf(tmp_path / "one.db"), shelf(tmp_path / "other.db")
    undisturbed = SqlDocumentNames(one, "default")
    while undisturbed.read_names() or undisturbed.search():
        pass
    killed = builder(tmp_path / "other.db")
    assert killed.stdout is not None
    while (line := killed.stdout.readline().strip()) != word:
        assert line
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not SqlDocumentNames(other, "default").counts().complete
    two = [builder(tmp_path / "other.db") for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in two]
    assert [process.returncode for process in two] == [0, 0], errors
    assert await fingerprint(other) == await fingerprint(one)
    assert SqlIndexRegistry(other, ManualClock()).verify("default") == []
    one.close()
    other.close()
