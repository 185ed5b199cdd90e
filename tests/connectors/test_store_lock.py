"""The lock of a store that has none: one writer at a time, and those that died are succeeded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from connectors.sql import SqlLedger, open_database
from orchestrator.clock import SystemClock
from orchestrator.errors import IndexBusy
from orchestrator.vector_stores.store_lock import StoreLock

HOLDER = """
import os, sys
from pathlib import Path
from connectors.sql import SqlLedger, open_database
from orchestrator.clock import SystemClock
from orchestrator.vector_stores.store_lock import StoreLock
with StoreLock(SqlLedger(open_database(Path(sys.argv[1])), SystemClock()), "store").held("papers"):
    os._exit(0)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Generator[SqlLedger]:
    database = open_database(tmp_path / "state.db")
    yield SqlLedger(database, SystemClock())
    database.close()


def test_another_writer_is_waited_for_and_named(ledger: SqlLedger) -> None:
    lock = StoreLock(ledger, "store", wait=0.2)
    with lock.held("papers"):
        with pytest.raises(IndexBusy, match="'papers' is being written to store by process") as caught:
            lock.held("papers").__enter__()
        assert caught.value.hint
        with lock.held("mails"):
            pass
    with lock.held("papers"):
        pass


def test_a_writer_that_died_is_succeeded_at_once(ledger: SqlLedger, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", HOLDER, str(tmp_path / "state.db")], check=True)
    with StoreLock(ledger, "store", wait=0.0).held("papers"):
        pass
