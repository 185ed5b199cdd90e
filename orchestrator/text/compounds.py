"""Compounds: verbs that a question writes in two words and documents, as a noun, in one."""

from __future__ import annotations

import re

# The particles of English verbs that have such nouns: a backup, a login, a rollout, a handover.
_VERB = re.compile(r"\b([a-z]{3,}) (up|down|in|out|off|on|over|back)\b", re.IGNORECASE)


def compounds(text: str) -> list[tuple[str, str]]:
    """(the noun, its verb) of each verb with a particle: "How do I back up an index?" has `backup` of `back`.

    What is joined without being a word, as `filesin` of "files in", is found in no document.
    """
    return [(f"{verb}{particle}".lower(), verb.lower()) for verb, particle in _VERB.findall(text)]


def with_compounds(text: str) -> str:
    """A question for a search by words, with its compounds behind it."""
    return " ".join([text, *(noun for noun, _ in compounds(text))])
