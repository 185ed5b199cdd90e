"""Phrasal verbs: "back up" in a question, of which documents write the noun, "backup"."""

from __future__ import annotations

import re

# The particles of English verbs with such nouns: a backup, a login, a rollout, a handover.
_VERB = re.compile(r"\b([a-z]{3,}) (up|down|in|out|off|on|over|back)\b", re.IGNORECASE)


def verb_nouns(text: str) -> list[tuple[str, str]]:
    """(the noun, its verb) of each phrasal verb: "How do I back up an index?" has `backup` of `back`.

    What is joined without being a word, as `filesin` of "files in", is found in no document.
    """
    return [(f"{verb}{particle}".lower(), verb.lower()) for verb, particle in _VERB.findall(text)]


def with_verb_nouns(text: str) -> str:
    """A question for a search by words, with the nouns of its phrasal verbs behind it."""
    return " ".join([text, *(noun for noun, _ in verb_nouns(text))])
