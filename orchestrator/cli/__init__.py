"""The command line. `main` turns every foreseen error into one sentence and a next step."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run a command. Exit code 2: what was given cannot be used; 1: something broke."""
    from orchestrator.errors import OrchestratorError

    debug = "--debug" in sys.argv[1:2] or bool(os.environ.get("ORCHESTRATOR_DEBUG"))
    try:
        from orchestrator.cli.program import program

        program()
    except OrchestratorError as error:
        if debug:
            raise
        _complain(f"{type(error).__name__}: {error}" if not str(error) else str(error))
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _complain(f"Unexpected {type(error).__name__}: {error}")
        _complain("This is a fault of the program. `orchestrator --debug …` shows where.")
        sys.exit(1)


def _complain(text: str) -> None:
    from orchestrator.cli.output import plain

    sys.stderr.write(f"{plain(text)}\n")
