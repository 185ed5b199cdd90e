"""Serves the workflows that need no store: `python -m tests.serving.main [SECONDS OF GRACE [API KEY]]`."""

from __future__ import annotations

import sys

from orchestrator.serving import Limits, serve
from orchestrator.types import ANONYMOUS
from tests.serving.asgi import Ports, Settings
from tests.serving.flows import stateless


def say(what: str) -> None:
    """Tell whoever started this process."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    grace = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    limits = Limits(durability="none", grace=grace, keep_alive=0.2, headers=1.5)
    keys = dict.fromkeys(sys.argv[2:], ANONYMOUS)
    serve(Ports(settings=Settings(keys)), stateless(), port=0, limits=limits, announce=say)
    say("closed")
