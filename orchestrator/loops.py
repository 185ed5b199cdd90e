"""Event loops, for those who have none: what runs in a script, and what to write where a loop runs."""

from __future__ import annotations

from orchestrator.errors import BadInput


def refuse_running_loop(called: str, instead: str) -> None:
    """BadInput if a loop runs in this thread, as in a notebook or a server; it names what to await."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise BadInput(
        f"`{called}` cannot be called where an event loop runs, as in a notebook or a server.",
        hint=f"Write `await ….{instead}(…)`.",
    )
