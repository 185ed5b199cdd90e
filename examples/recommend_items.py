"""Recommend from a log: train without a network, then offer slates with reasons, filtered and capped.

    python examples/recommend_items.py [DIR]

DIR holds `sequences.txt` and `items.jsonl`; by default the Beauty log below ORCHESTRATOR_DATA, or a shop
that is made up where there is none.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from orchestrator import ANONYMOUS, Application, Question, workflow
from orchestrator.application.rankers import editions_of
from orchestrator.interactions.log_files import Log, read_log
from orchestrator.nodes import MakeSlate, Recommend
from orchestrator.recommendation.editions.training import train
from orchestrator.settings import Settings
from orchestrator.testing.shop import made_up_log
from orchestrator.types import History, Slate

#: Rules and attributes count in seconds; `fusion` learns how to join more of them.
RANKERS = ("rules", "attributes")


def log() -> Log:
    """The log to learn from."""
    beauty = Path(os.environ.get("ORCHESTRATOR_DATA", "nowhere")) / "beauty"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else beauty
    return read_log(folder) if folder.is_dir() else made_up_log()


async def main() -> None:
    """Train, and offer."""
    known = log()
    print(f"{len(known.interactions):,} users, {len(known.items):,} items")
    offers = workflow("offers", Recommend(ranker="rules") >> MakeSlate(k=5), inputs=(Question, History))
    with tempfile.TemporaryDirectory() as home:
        async with Application(Settings(home=Path(home))) as app:
            train(known, editions_of(app.container), rankers=RANKERS)
            for user in known.interactions.users[:2]:
                result = await offers.run(Question("", ANONYMOUS), History(user), ports=app.ports())
                slate = result.get(Slate)
                print(f"\nFor {user}:")
                for offer in slate or ():
                    print(f"  {offer.title or offer.id}: {offer.reason}")


if __name__ == "__main__":
    asyncio.run(main())
