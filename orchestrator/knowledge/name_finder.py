"""Finds many names in many texts at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.knowledge.mentions import NamingText


class NameFinder:
    """All names of an index, by their first word: a text is read once, however many names there are."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._longest: dict[str, int] = {}
        for name in self._names:
            first, *others = name.split(" ")
            self._longest[first] = max(self._longest.get(first, 0), 1 + len(others))

    def __len__(self) -> int:
        return len(self._names)

    def all_in(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Every name in a text as it is written, also those within longer ones: its words' places, and it."""
        if not self._names:
            return
        for first, behind, joined in NamingText(text).spans(by_first=self._longest):
            if joined in self._names:
                yield first, behind, joined
