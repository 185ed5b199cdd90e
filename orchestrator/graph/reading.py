"""What a node has read, so that what is kept of a model's answer falls with the passages it was shown.

Nodes put passages into prompts as they like: cut, with a title, as JSON. So it is not asked of them which;
a prompt quotes a passage if it has some 30 characters of it in a row, or its whole title.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from orchestrator.ports import Documents, FeatureKind, Features
from orchestrator.types import Passage, Principal

#: Letters in a row, without blanks and signs. A run that two texts share, and that is nearly twice as
#: long, holds one of the pieces of this length into which one of them is cut.
_PIECE = 16
#: A title shorter than this may stand in any text.
_TITLE = 8

#: What JSON writes for a sign within a text.
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\[nrtbf\"\\/]")
_NO_LETTER = re.compile(r"[\W_]+")


class Reading:
    """The passages that a node has read so far; they are looked into when it is asked which are quoted."""

    __slots__ = ("_new", "_pieces", "_read", "_short", "_titles")

    def __init__(self) -> None:
        self._read: set[tuple[str, str, str]] = set()
        self._new: list[tuple[str, str, str]] = []
        self._pieces: dict[str, set[str]] = {}
        self._titles: dict[str, set[str]] = {}
        #: Too short to be told from chance: they are in every prompt.
        self._short: set[str] = set()

    def note(self, passage: str, text: str, title: str = "") -> None:
        """A text of a passage was read."""
        one = (passage, text, title)
        if one not in self._read:
            self._read.add(one)
            self._new.append(one)

    def _look_into(self, passage: str, text: str, title: str) -> None:
        letters = _letters(text)
        if len(letters) < 2 * _PIECE:
            self._short.add(passage)
        for start in range(len(letters) - _PIECE + 1):
            self._pieces.setdefault(letters[start : start + _PIECE], set()).add(passage)
        named = _letters(title)
        if len(named) >= _TITLE:
            self._titles.setdefault(named, set()).add(passage)

    def quoted(self, text: str) -> list[str]:
        """The passages that a text quotes, by id."""
        if not self._read:
            return []
        while self._new:
            self._look_into(*self._new.pop())
        letters = _letters(text)
        found = set(self._short)
        for start in range(0, len(letters), _PIECE):
            found.update(self._pieces.get(letters[start : start + _PIECE], ()))
        for title, passages in self._titles.items():
            if not passages <= found and title in letters:
                found |= passages
        return sorted(found)


class ReadDocuments:
    """The `Documents` port, noting what is read."""

    def __init__(self, documents: Documents, reading: Reading) -> None:
        self._documents = documents
        self._reading = reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        """Those of the passages that exist and that the principal may read."""
        found = await self._documents.passages(ids, principal=principal)
        for passage in found.values():
            self._reading.note(passage.id, passage.text, passage.title)
        return found


class ReadFeatures:
    """The `Features` port, noting what is read."""

    def __init__(self, features: Features, reading: Reading) -> None:
        self._features = features
        self._reading = reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._features, name)

    async def read(self, ids: Sequence[str], kind: FeatureKind, *, principal: Principal) -> dict[str, str]:
        """The features there are, of the passages that the principal may read."""
        found = await self._features.read(ids, kind, principal=principal)
        for passage, text in found.items():
            self._reading.note(passage, text)
        return found


def _letters(text: str) -> str:
    plain = _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)) if sign[1] else " ", text)
    return _NO_LETTER.sub("", plain).lower()
