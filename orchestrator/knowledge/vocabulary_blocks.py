"""The names of a vocabulary by how they are spelled: made once, and not in the event loop."""

from __future__ import annotations

import asyncio
import threading

from orchestrator.knowledge.minhash import NameBlocks
from orchestrator.ports import Vocabulary

#: Names of which those are looked for that are spelled alike; of more, none are.
MOST_SPELLED = 200_000
_BLOCKS, _MAKING = "blocks", "blocks are made"


async def spelling_blocks(vocabulary: Vocabulary) -> NameBlocks | None:
    """The blocks of all names; None if there are none, or too many. Making them takes up to some seconds."""
    if not 0 < len(vocabulary.names) <= MOST_SPELLED:
        return None
    return vocabulary.kept.get(_BLOCKS) or await asyncio.to_thread(_made, vocabulary)


def _made(vocabulary: Vocabulary) -> NameBlocks:
    # Those who ask at the same time wait for one.
    with vocabulary.kept.setdefault(_MAKING, threading.Lock()):
        if _BLOCKS not in vocabulary.kept:
            vocabulary.kept[_BLOCKS] = NameBlocks(list(vocabulary.names))
        return vocabulary.kept[_BLOCKS]
