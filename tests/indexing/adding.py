"""A process that adds a folder to an index, for tests to kill: `python -m tests.indexing.adding HOME ROOT`.

It writes a line on standard output when it begins.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from orchestrator.application.application import Application
from orchestrator.settings import Settings


async def _add(home: str, root: str) -> None:
    async with Application(Settings(home=Path(home))) as app:
        await app.indexer().add(root)


def main() -> None:
    """Say that it begins, and add."""
    sys.stdout.write("began\n")
    sys.stdout.flush()
    asyncio.run(_add(*sys.argv[1:3]))


if __name__ == "__main__":
    main()
