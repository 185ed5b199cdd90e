"""How long a server's event loop stands still while another process adds to its index.

    python -m benchmarks.stall [--sizes 5000 100000] [--additions 8] [--add 300] [--rate 4] [--busy 0]

A real server (`orchestrator serve chat`, uvicorn) answers questions over HTTP, `--rate` a second, while a
real writer (`orchestrator index add`, a process each time, with its worker) adds `--add` documents at a
time: each publishes a version, which the server opens, and now and then shards are merged. At last another
process merges all shards into one: no swap is larger. The loop beats
every 5 ms, and its log says each beat that was late by 5 ms and more, and how long the process itself ran
meanwhile: the longest of these is what the server does to its loop, whatever else runs on the machine. The
same log says when shards were opened and closed. A late beat from 50 ms before until 150 ms after one of
these is counted as at a swap. `--busy` processes compute meanwhile, to see what a full machine does.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import harness
from benchmarks.search import fill, texts
from connectors.bm25 import Bm25Encoder
from connectors.qdrant_edge import EdgeShardWriter
from connectors.sql import SqlIndexRegistry, SqlLedger, SqlShardRegistry, open_database
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.clock import SystemClock
from orchestrator.indexing.index_format import index_format
from orchestrator.ports import ShardedChange, index_scope

#: The command line itself; only what its log says is more than usual.
SERVER = """
import logging
from orchestrator.serving.limits.limits import event_loop_watchdog as watch_event_loop
watch_event_loop.BEAT = watch_event_loop.NOTABLE = 0.005
for name in ("connectors.qdrant_edge", "orchestrator.serving.limits.event_loop_watchdog"):
    logging.getLogger(name).setLevel(logging.DEBUG)
from orchestrator.cli import main
main()
"""
LATE = re.compile(r"stood still for (\d+) ms: the process ran for (\d+), no core was free for (\d+)")
SWAP = re.compile(r"(?:opened|closed) in ([\d.]+) s")


class Late(NamedTuple):
    """A late beat: when it was due, and in ms its delay, for how long the process ran, what a core lacked."""

    due: float
    delay: float
    ran: float
    starved: float


@dataclass
class Watch:
    """What the log of a server said: late beats and swaps, in seconds of this process's clock."""

    late: list[Late] = field(default_factory=list["Late"])
    swaps: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    other: list[str] = field(default_factory=list[str])
    address: str = ""

    def follow(self, process: subprocess.Popen[str]) -> None:
        """Read the log to its end."""
        assert process.stderr is not None
        for line in process.stderr:
            now = time.perf_counter()
            if found := LATE.search(line):
                delay, ran, starved = map(float, found.groups())
                self.late.append(Late(now - delay / 1e3, delay, min(ran, delay), starved))
            elif found := SWAP.search(line):
                self.swaps.append((now - float(found[1]), now))
            elif found := re.search(r"Serving .* at (\S+)/v1", line.replace("\n", " ")):
                self.address = found[1]
            else:
                self.other.append(line.rstrip())

    def longest(self, *, at_swap: bool) -> str:
        """The longest standstill, and the longest for which the process ran, in ms."""
        kept = [late for late in self.late if self.at_swap(late) == at_swap]
        longest = max(kept, key=lambda late: late.delay, default=Late(0, 0, 0, 0))
        return f"{longest.delay:.0f} ({max((late.ran for late in kept), default=0):.0f})"

    def at_swap(self, late: Late) -> bool:
        """Whether shards were opened or closed about then."""
        end = late.due + late.delay / 1e3
        return any(late.due < ended + 0.15 and end > begun - 0.05 for begun, ended in self.swaps)


def ask(address: str, question: str) -> float:
    """ms until an answer."""
    body = {"model": "chat", "messages": [{"role": "user", "content": question}]}
    request = urllib.request.Request(
        f"{address}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
    return (time.perf_counter() - begun) * 1e3


def measure(size: int, arguments: argparse.Namespace) -> str:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        home, more = Path(folder) / "home", Path(folder) / "more"
        home.mkdir()
        more.mkdir()
        filled = fill(home, size, 1, index_format(WordLlamaEmbedder(), Bm25Encoder()))
        filled.store.close()
        environment = {**os.environ, "ORCHESTRATOR_HOME": str(home)}
        watch = Watch()
        command = [sys.executable, "-c", SERVER, "serve", "chat", "--port", "0"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
            following = threading.Thread(target=watch.follow, args=(server,))
            following.start()
            try:
                while not watch.address and server.poll() is None:
                    time.sleep(0.1)
                times = served(watch, home, environment, more, arguments)
            finally:
                ended = time.perf_counter()
                server.terminate()
        following.join()
        watch.late = [late for late in watch.late if late.due < ended - late.delay / 1e3]
        if watch.other:
            print("\n".join(watch.other[:5]), file=sys.stderr)
        if arguments.verbose:
            print(
                *sorted(watch.late, key=lambda late: late.ran)[-12:], *watch.swaps, sep="\n", file=sys.stderr
            )
        cells = [watch.longest(at_swap=True), watch.longest(at_swap=False)]
        quantiles = statistics.quantiles(times, n=100)
        return (
            f"| {size:,} | {arguments.busy} | {len(watch.swaps)} | {' | '.join(cells)} | "
            f"{len(times)} | {quantiles[49]:.0f} | {quantiles[98]:.0f} | {max(times):.0f} |"
        )


def merge(home: Path) -> None:
    """Replace all shards by one."""
    database = open_database(home / "state.db")
    registry, ledger = SqlIndexRegistry(database), SqlLedger(database, SystemClock())
    version = SqlShardRegistry(database).current("default")
    assert version is not None
    submitted = ledger.submit("add", index_scope("default"), "merge", {})
    job = ledger.claim("benchmark", seconds=3600, job=submitted.id)
    assert job is not None
    names = tuple(shard.name for shard in version.shards)
    shard = EdgeShardWriter(home / "indexes").merge("default", "merged", names, version)
    registry.publish(job, "default", ShardedChange(shard=shard, merged=names))


def served(
    watch: Watch, home: Path, environment: dict[str, str], more: Path, arguments: argparse.Namespace
) -> list[float]:
    """ms of each answer while a writer adds."""
    asked = texts(200, np.random.default_rng(3), 8)
    for question in asked[:20]:
        ask(watch.address, question)
    time.sleep(0.5)
    watch.late.clear()
    watch.swaps.clear()
    times: list[float] = []
    over = threading.Event()

    def keep_asking() -> None:
        for number in count():
            if over.is_set():
                return
            times.append(ask(watch.address, asked[number % len(asked)]))
            time.sleep(max(0.0, 1 / arguments.rate - times[-1] / 1e3))

    busy = [multiprocessing.Process(target=_compute, daemon=True) for _ in range(arguments.busy)]
    for process in busy:
        process.start()
    asking = threading.Thread(target=keep_asking)
    asking.start()
    add = [sys.executable, "-c", "from orchestrator.cli import main; main()", "index", "add", str(more)]
    for number in range(arguments.additions):
        rows = texts(arguments.add, np.random.default_rng(1000 + number), 80)
        lines = [json.dumps({"_id": f"{number}-{row}", "text": text}) for row, text in enumerate(rows)]
        (more / f"{number}.jsonl").write_text("\n".join(lines))
        subprocess.run(add, env=environment, check=True, capture_output=True)
        time.sleep(1.0)
    merging = multiprocessing.get_context("spawn").Process(target=merge, args=(home,))
    merging.start()
    merging.join()
    time.sleep(2.0)
    over.set()
    asking.join()
    for process in busy:
        process.kill()
    return times


def _compute() -> None:
    number = 0
    while True:
        number += 1


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 100_000])
    parser.add_argument("--additions", type=int, default=8)
    parser.add_argument("--add", type=int, default=300)
    parser.add_argument("--rate", type=float, default=4.0)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="also print the longest and all swaps")
    arguments = parser.parse_args()
    print(
        "in ms: longest standstill of the loop (longest for which the process ran), and time to an answer\n"
    )
    print("| passages | busy | opened, closed | at a swap | otherwise | answers | p50 | p99 | longest |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in arguments.sizes:
        print(measure(size, arguments), flush=True)
    print("\n" + harness.machine("qdrant-edge-py"))


if __name__ == "__main__":
    main()
