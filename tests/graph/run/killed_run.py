"""A program that is killed: runs a workflow, or goes on with the run it finds, and writes its answer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from connectors.sql import SqlRuns, open_database
from orchestrator import ANONYMOUS, Answer, Question, node, workflow
from orchestrator.ports import Runs

HOME = Path(sys.argv[1])


def ran(name: str) -> None:
    """Note that a node ran; appending a line is atomic."""
    with (HOME / "ran").open("a") as log:
        log.write(name + "\n")


@node
async def start(question: Question) -> Answer:
    """The beginning."""
    ran("start")
    return Answer("start")


@node
async def go_on(text: Answer, *, number: int) -> Answer:
    """One step of some length."""
    ran(str(number))
    await asyncio.sleep(600 if number == 2 and "slowly" in sys.argv else 0.15)
    return Answer(f"{text.text},{number}")


async def main() -> None:
    """Begin or resume."""
    composed: Any = start
    for number in range(1, 7):
        composed = composed >> go_on(number=number)
    wf = workflow("killed", composed)
    ports = {Runs: SqlRuns(open_database(f"sqlite:///{HOME / 'state.db'}"))}
    record = await ports[Runs].read("run", principal=ANONYMOUS)
    if record is not None and record.status == "done":
        (HOME / "answer").write_text(record.output["value"]["text"])
        return
    if record is None:
        result = await wf.run(Question("q", ANONYMOUS), ports=ports, durability="step", run_id="run")
    else:
        result = await wf.resume("run", ports=ports, principal=ANONYMOUS)
    (HOME / "answer").write_text(result.answer.text)


if __name__ == "__main__":
    asyncio.run(main())
