"""`python -m orchestrator.cli`: the command line, for a process that starts another one of it."""

from __future__ import annotations

from orchestrator.cli import main

if __name__ == "__main__":
    main()
