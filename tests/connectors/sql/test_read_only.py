"""A home that may not be written can be asked all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from connectors.sql import SqlCache, SqlIndexRegistry, SqlLedger, open_database
from orchestrator.errors import StoreError
from orchestrator.ports import index_scope
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document

READ = """
import os, sys
from connectors.sql import Database, SqlIndexRegistry, open_database
# Somebody else may not read this program: it is loaded before.
for number, url in enumerate(sys.argv[1:]):
    database = open_database(url)
    version = SqlIndexRegistry(database).current("default")
    if not number:
        os.setgid(65534)
        os.setuid(65534)
print(database.read_only, version.documents, database.mark())
"""


def filled(path: Path) -> None:
    database = open_database(path)
    registry = SqlIndexRegistry(database)
    registry.create("default", FORMAT)
    Publisher(registry, SqlLedger(database, ManualClock())).publish(document("a", "w1"))
    database.close()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_what_nobody_may_write_is_read_by_somebody_else() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        filled(Path(folder) / "home" / "state.db")
        filled(Path(folder) / "warm" / "state.db")
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                READ,
                *(f"sqlite:///{folder}/{name}/state.db" for name in ("warm", "home")),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stdout.split(maxsplit=2)[:2] == ["True", "1"], done.stderr
        assert [path.name for path in (Path(folder) / "home").iterdir()] == ["state.db"]


async def test_nothing_is_written_to_it_and_who_has_to_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "state.db")
    database = open_database(tmp_path / "state.db")
    database.__dict__["read_only"] = True
    version = SqlIndexRegistry(database).current("default")
    assert version is not None
    assert version.documents == 1
    cache = SqlCache(database)
    await cache.put("key", b"value")
    assert await cache.get("key") is None
    with pytest.raises(StoreError, match="may not write"):
        SqlLedger(database, ManualClock()).submit("add", index_scope("default"), "key", {})
    database.close()
