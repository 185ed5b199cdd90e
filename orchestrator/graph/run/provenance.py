"""What a node has read, so that what is kept of a model's answer falls with the passages it was shown.

Nodes put passages into prompts as they like: cut, with a title, as JSON. So it is not asked of them which;
a prompt quotes a passage if it has some 30 characters of it in a row, or its whole title.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from orchestrator.ports import Documents, FeatureKind, Featureless, Features
from orchestrator.text.windows import Windows
from orchestrator.types import Passage, Principal

#: Letters in a row, without blanks and signs, that are looked for, and how far apart they begin in a passage:
#: 23 letters that a prompt and a passage share are found, wherever they stand in them.
_WINDOW, _STEP = 16, 8
#: A title shorter than this may stand in any text.
_TITLE = 8

#: What JSON writes for a sign within a text, and JSON within JSON with more strokes before it.
_ESCAPED = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|[nrtbf])")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_NO_LETTER = re.compile(r"[\W_]+")


class Reading:
    """The passages that a node has read so far; they are looked into when it is asked which are quoted."""

    __slots__ = (
        "_begin", "_end", "_new", "_passages", "_read", "_short", "_titled", "_titles", "_windows",
    )  # fmt: skip

    def __init__(self) -> None:
        # Digests, since nodes read the same again and again, and the texts need not be kept for that.
        self._read: set[bytes] = set()
        self._new: list[tuple[str, str, str]] = []
        self._passages: list[str] = []
        self._windows = Windows(_WINDOW, _STEP)
        #: Titles with their passages, and the titles' numbers by how they begin and by how they end.
        self._titles: list[tuple[str, set[str]]] = []
        self._titled: dict[str, set[str]] = {}
        self._begin, self._end = Windows(_TITLE, _TITLE), Windows(_TITLE, _TITLE)
        #: Too short to be told from chance: they are in every prompt.
        self._short: set[str] = set()

    def note(self, passage: str, text: str, title: str = "") -> None:
        """A text of a passage was read."""
        digest = _digest(passage, text, title)
        if digest not in self._read:
            self._read.add(digest)
            self._new.append((passage, text, title))

    def _look_into_new(self) -> None:
        texts: list[tuple[int, str]] = []
        known = len(self._titles)
        for passage, text, title in self._new:
            letters = _letters(text)
            if len(letters) < 2 * _WINDOW:
                self._short.add(passage)
            else:
                texts.append((len(self._passages), letters))
                self._passages.append(passage)
            named = _letters(title)
            if len(named) >= _TITLE:
                if named not in self._titled:
                    self._titled[named] = set()
                    self._titles.append((named, self._titled[named]))
                self._titled[named].add(passage)
        self._windows.add(texts)
        titles = [(number, self._titles[number][0]) for number in range(known, len(self._titles))]
        self._begin.add([(number, title[:_TITLE]) for number, title in titles])
        self._end.add([(number, title[-_TITLE:]) for number, title in titles])
        self._new.clear()

    def quoted(self, text: str) -> list[str]:
        """The passages that a text quotes, by id."""
        if not self._read:
            return []
        self._look_into_new()
        letters = _letters(text)
        found = set(self._short)
        found.update(self._passages[number] for number in self._windows.shared_with(letters))
        # Many titles begin alike; few of those also end as something in the prompt does.
        for number in self._begin.shared_with(letters) & self._end.shared_with(letters):
            title, passages = self._titles[number]
            if title in letters:
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

    async def missing(self, kind: FeatureKind, *, after: str = "", limit: int = 500) -> list[Featureless]:
        """Passages without such a feature, which whoever makes them reads."""
        found = await self._features.missing(kind, after=after, limit=limit)
        for passage in found:
            self._reading.note(passage.id, passage.text, passage.title)
        return found


def _letters(text: str) -> str:
    """The letters and digits of a text, whether it is written as it is, or as JSON writes it."""
    if "\\" in text:
        text = _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)) if sign[1] else " ", text)
        # JSON writes a letter beyond the first 65,536 as the two halves of UTF-16.
        text = _PAIR.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
    return _NO_LETTER.sub("", text).lower()


def _digest(*told: str) -> bytes:
    parts = [part.encode("utf-8", "surrogatepass") for part in told]
    sizes = " ".join(str(len(part)) for part in parts).encode()
    return hashlib.blake2b(b"\0".join([sizes, *parts]), digest_size=16).digest()
