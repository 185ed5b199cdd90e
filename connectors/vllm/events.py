"""Decodes what a server sends into JSON values, whole or as server-sent events, and forgives their forms.

Read are events as the HTML standard has them, and what servers make of them: lines without an empty one
between them, comments that keep the line open, carriage returns, a byte order mark, broken UTF-8, an answer
that is no stream at all, and a stream in the place of an answer.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable
from typing import Any, cast

from connectors.vllm.answers import Json, rows, table, text

#: Characters of one line: what is longer is no answer of a model, and would fill the memory.
LONGEST_LINE = 32_000_000
_LINE_END = re.compile(r"\r\n|\n|\r")
_FIELD = re.compile(r"(data|event|id|retry)(?::|$)")


class EventDecoder:
    """Makes JSON values of bytes that come in pieces."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._begun = False
        self._line: list[str] = []
        self._size = 0
        self._held = ""
        self._event: list[str] = []
        self._plain: list[str] = []
        #: Whether there was any event, and whether the stream said that it is over.
        self.streams = False
        self.done = False

    def feed(self, data: bytes) -> list[Any]:
        """The values that are complete now; json.JSONDecodeError if an event holds none."""
        return self._lines(self._decode(data), final=False)

    def close(self) -> list[Any]:
        """The values at the end: an event that nothing ended, or an answer that is no stream."""
        found = self._lines(self._decode(b"", True), final=True)
        found += self._end()
        if not self.streams and not self.done and (told := "\n".join(self._plain).strip()):
            found.append(json.loads(told))
        return found

    def _lines(self, piece: str, *, final: bool) -> list[Any]:
        if not self._begun and piece:
            self._begun, piece = True, piece.removeprefix("\ufeff")
        piece, self._held = self._held + piece, ""
        if piece.endswith("\r") and not final:
            # The other half of the line's end may come.
            piece, self._held = piece[:-1], "\r"
        *ended, rest = _LINE_END.split(piece)
        found: list[Any] = []
        for line in ended:
            found += self._read("".join((*self._line, line)))
            self._line.clear()
            self._size = 0
        self._line.append(rest)
        self._size += len(rest)
        if self._size > LONGEST_LINE:
            raise json.JSONDecodeError("A line does not end", "", 0)
        if final and any(self._line):
            found += self._read("".join(self._line))
            self._line.clear()
        return found

    def _read(self, line: str) -> list[Any]:
        """What a line ends or holds."""
        if self.done or line.startswith(":"):
            return []
        if not line:
            return self._end()
        field = _FIELD.match(line)
        if field is None:
            self._plain.append(line)
            return []
        if field.group(1) != "data":
            return []
        value = line[field.end() :].removeprefix(" ")
        if value.strip().startswith("[DONE]"):
            found = self._end()
            self.streams = self.done = True
            return found
        self.streams = True
        self._event.append(value)
        # One line is one value, nearly always; servers may leave out the empty line after it.
        try:
            return self._value("\n".join(self._event))
        except json.JSONDecodeError:
            return []

    def _end(self) -> list[Any]:
        told = "\n".join(self._event).strip()
        return self._value(told) if told else []

    def _value(self, told: str) -> list[Any]:
        value = json.loads(told)
        self._event.clear()
        return [value]


def value_of(data: bytes) -> Any:
    """The JSON value of a whole body, or what the stream in its place makes; else json.JSONDecodeError."""
    told = data.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    if told[:1] in ("{", "["):
        return json.loads(told)
    decoder = EventDecoder()
    values = decoder.feed(data) + decoder.close()
    chunks = [cast("Json", each) for each in values if isinstance(each, dict)]
    if len(chunks) == 1 and not any("delta" in choice for choice in rows(chunks[0].get("choices"))):
        return chunks[0]
    if not chunks:
        raise json.JSONDecodeError("There is no JSON", told[:80], 0)
    return _together(chunks)


def _together(chunks: Iterable[Json]) -> Json:
    """The completion that the pieces of a stream make."""
    whole: Json = {}
    message: Json = {}
    reason: Any = None
    seen = False
    for chunk in chunks:
        whole |= {name: value for name, value in chunk.items() if name != "choices" and value is not None}
        for choice in rows(chunk.get("choices")):
            if choice.get("index") not in (0, "0", None):
                continue
            seen = True
            reason = choice.get("finish_reason") or reason
            for name, value in table(choice.get("delta")).items():
                # Texts come in pieces; a list of parts or of calls is there to be seen.
                joined = isinstance(value, str) and name != "role"
                message[name] = text(message.get(name)) + value if joined else value or message.get(name)
    if seen:
        whole["choices"] = [{"index": 0, "message": message, "finish_reason": reason}]
    return whole
