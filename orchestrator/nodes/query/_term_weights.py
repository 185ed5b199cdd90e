"""The words of a text as the weighted terms of a query."""

from __future__ import annotations

from collections import Counter


def term_counts(text: str) -> tuple[tuple[str, float], ...]:
    """How often each word occurs. Searching these is searching the text, where repeated terms sum."""
    # Split at blanks only: every tokenizer splits there, and each knows best what else it splits.
    return tuple((word, float(count)) for word, count in Counter(text.split()).items())
