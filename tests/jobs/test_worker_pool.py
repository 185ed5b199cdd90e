"""A pool of workers is told to end as one: nobody waits for the others."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

#: A worker that needs a second to end.
SLOW = """
import pathlib, signal, sys, time
def told(*_):
    time.sleep(1.0)
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
pathlib.Path(sys.argv[1], str(time.monotonic_ns())).touch()
time.sleep(60)
"""
POOL = """
import sys
from orchestrator.jobs import worker_pool
worker_pool.child_command = lambda module: [sys.executable]
sys.exit(worker_pool.run_workers(3, ["-c", sys.argv[1]], [sys.argv[2]]))
"""


def test_all_workers_are_told_to_end_at_once(tmp_path: Path) -> None:
    pool = subprocess.Popen([sys.executable, "-c", POOL, SLOW, str(tmp_path)])
    while len(list(tmp_path.iterdir())) < 3:
        assert pool.poll() is None
        time.sleep(0.05)
    began = time.monotonic()
    pool.terminate()
    assert pool.wait(30) == 0
    assert time.monotonic() - began < 2.5
