"""Submit a job, let two workers share it, and watch how far it is.

    python examples/background_jobs.py [FOLDER]

Without a folder, the documentation is indexed. On several hosts, each worker is a process of its own:
`orchestrator worker`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrator import Application
from orchestrator.indexing.orders import add_payload
from orchestrator.jobs.job_view import job_view
from orchestrator.ports import Clock, Ledger, index_scope
from orchestrator.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"


async def main(folder: Path) -> None:
    """Index a folder by two workers."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        async with Application(settings) as one, Application(settings) as two:
            job = one.jobs.submit("add", index_scope("default"), add_payload([folder]))
            working = asyncio.gather(one.jobs.work(until_idle=True), two.jobs.work(until_idle=True))
            ledger, clock = one.container.get(Ledger), one.container.get(Clock)
            while not working.done():
                view = job_view(ledger, ledger.job(job.id), clock.now())
                print(f"job {view.id} is {view.state}: {view.done} of {view.total} {view.doing}")
                await asyncio.wait([working], timeout=1.0)
            await working
            effects = one.jobs.find(job.id).effects
            assert effects is not None
            print(f"added {effects['reports'][0]['documents']} documents")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS))
