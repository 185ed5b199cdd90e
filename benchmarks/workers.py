"""How many documents a second are indexed in process and by one and two workers, beside the bare embedder.

    python -m benchmarks.workers [--documents 4000] [--record]

Documents are made up, a paragraph each, twenty in a file. The ledger's share is the time that its calls
take of a run of one worker in this process.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Arguments, machine, record, table
from orchestrator import Application
from orchestrator.indexing.orders import add_payload
from orchestrator.ports import Embedder, Ledger, index_scope
from orchestrator.settings import Settings

WORDS = "otter badger swift owl heron fox river stone snow night sound wing nest water tree".split()
A_FILE = 20


def write(root: Path, documents: int) -> list[str]:
    """Files of documents; their texts."""
    chance, texts = random.Random(1), list[str]()
    root.mkdir()
    for start in range(0, documents, A_FILE):
        lines: list[str] = []
        for number in range(start, min(start + A_FILE, documents)):
            text = " ".join(chance.choices(WORDS, k=120))
            texts.append(text)
            lines.append(f'{{"_id": "d{number}", "text": "{text}"}}')
        (root / f"part{start}.jsonl").write_text("\n".join(lines))
    return texts


async def bare(texts: list[str]) -> float:
    """Seconds of the embedder alone."""
    async with Application(Settings(home=Path(tempfile.gettempdir()) / "bare")) as application:
        embedder = application.container.get(Embedder)
        await embedder.embed(["warm"], kind="passage")
        began = time.perf_counter()
        for start in range(0, len(texts), 1024):
            await embedder.embed(texts[start : start + 1024], kind="passage")
        return time.perf_counter() - began


async def in_process(home: Path, root: Path) -> float:
    """Seconds of `index add`, as a command does it."""
    async with Application(Settings(home=home)) as application:
        began = time.perf_counter()
        await application.indexer().add(root)
        return time.perf_counter() - began


async def by_workers(home: Path, root: Path, number: int) -> float:
    """Seconds of an order with so many workers, from when they are ready."""
    async with Application(Settings(home=home)) as application:
        ledger = application.container.get(Ledger)
        command = [sys.executable, "-m", "orchestrator.cli", f"--home={home}", "worker"]
        workers = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(number)]  # noqa: ASYNC220
        try:
            while len(ledger.workers()) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            began = time.perf_counter()
            job = application.jobs.submit("add", index_scope("default"), add_payload([root]))
            while (state := ledger.job(job.id).state) not in ("done", "dead"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert state == "done"
            return time.perf_counter() - began
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()


async def ledgers_share(home: Path, root: Path) -> tuple[float, float]:
    """Seconds in calls of the ledger but for waiting, and of all, with one worker in this process."""
    async with Application(Settings(home=home)) as application:
        ledger: Any = application.container.get(Ledger)
        spent = 0.0

        def timed(call: Any) -> Any:
            def timing(*args: Any, **kwargs: Any) -> Any:
                nonlocal spent
                began = time.perf_counter()
                try:
                    return call(*args, **kwargs)
                finally:
                    spent += time.perf_counter() - began

            return timing

        for name in (
            "submit",
            "claim",
            "renew",
            "finish",
            "note",
            "jobs",
            "job",
            "hold",
            "release",
            "appear",
        ):
            setattr(ledger, name, timed(getattr(ledger, name)))
        application.jobs.submit("add", index_scope("default"), add_payload([root]))
        began = time.perf_counter()
        await application.jobs.work(until_idle=True)
        return spent, time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    arguments = Arguments(__doc__, record=True)
    arguments.add_argument("--documents", type=int, default=4000)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = write(folder / "docs", given.documents)
        rows: list[tuple[str, str, str]] = []

        def add(what: str, seconds: float) -> None:
            rows.append((what, f"{seconds:.1f}", f"{given.documents / seconds:,.0f}"))
            print(*rows[-1], flush=True)

        add("the embedder alone", asyncio.run(bare(texts)))
        add("`index add`, in process", asyncio.run(in_process(folder / "a", folder / "docs")))
        for number in (1, 2):
            home = folder / f"workers{number}"
            add(
                f"{number} worker{'s' if number > 1 else ''}",
                asyncio.run(by_workers(home, folder / "docs", number)),
            )
        spent, whole = asyncio.run(ledgers_share(folder / "share", folder / "docs"))
    text = table(("", "seconds", "documents/s"), rows)
    text += f"\n\nThe ledger's calls took {spent:.2f} of {whole:.1f} s ({spent / whole:.1%}). {machine()}"
    print(text)
    if given.record:
        record("workers", text)


if __name__ == "__main__":
    main()
