"""What is asked of every client, and how what it says is looked at."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Coroutine
from typing import Any

ASKED = "When does the ferry to Naxos leave?"
#: The model server of the benchmark writes for seconds where the question has this word.
SLOW = "Slowly: when does the ferry to Naxos leave?"
#: It repeats this word where it is in its instructions.
TOLD = "Answer as a CAPTAIN does."
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look it up.",
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
    },
}
SCHEMA = {
    "title": "Departure",
    "description": "A departure.",
    "type": "object",
    "properties": {"hour": {"type": "string"}},
    "required": ["hour"],
    "additionalProperties": False,
}
Check = Callable[[], object]
LOOP = asyncio.new_event_loop()


def holds(said: Any, *words: str) -> str:
    """The text, which must have these words."""
    for word in words:
        if word not in str(said):
            raise AssertionError(f"no {word!r} in {said!r}")
    return str(said)


def raises(kind: type[BaseException] | tuple[type[BaseException], ...], check: Check, *words: str) -> str:
    """What is raised, which must be of this kind and say these words."""
    try:
        said = check()
    except kind as error:
        holds(error, *words)
        return f"{type(error).__module__.split('.')[0]}.{type(error).__name__}"
    raise AssertionError(f"nothing was raised, but said: {said!r}")


def at_end(work: Coroutine[Any, Any, Any]) -> Any:
    """What work gives, in the one loop of this process: clients keep connections beyond a call."""
    return LOOP.run_until_complete(work)


def stopped(begin: Check, model_server: str) -> str:
    """Begin and give up a slow answer; the model server must lose its request."""
    begin()
    for _ in range(40):
        with urllib.request.urlopen(f"{model_server}/active") as response:
            if json.load(response)["active"] == 0:
                return "the model's request was closed"
        # The clients close their connections in this loop.
        at_end(asyncio.sleep(0.05))
    raise AssertionError("the model goes on writing")
