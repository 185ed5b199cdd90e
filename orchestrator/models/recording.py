"""A recording: the file of what models were asked and answered, from which a run is replayed.

One JSON object a line, `{"format": 2, "asked": {...}, "answer": {...}}`. `asked` holds everything that an
answer depends on, and is what it is found by. Answers of language models are texts, numbers, or what was
wrong with the only ones that there were; those of embedders and decoders are arrays of little-endian single
precision, in base64. Format 1 had no arrays; such a file is read, and goes on, as it is.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput
from orchestrator.types import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Of the lines that are written, and of those that can be read.
FORMAT, READABLE = 2, (1, 2)
#: What an answer of a language model may hold, and one of an embedder or decoder.
_OF_MODELS, _OF_OTHERS = {"text", "values", "invalid"}, {"array", "dimensions"}

Asked = dict[str, Any]
Recorded = dict[str, Any]


class Recording:
    """Answers by what was asked. Each is appended in one write: a recording that is killed keeps what it has.

    `required` is for a replay: the file must be there. BadInput if it cannot be read. Threads and processes
    may record into one file.
    """

    def __init__(self, path: str | Path, *, required: bool = False) -> None:
        self.path = Path(path)
        self._lock = Lock()
        #: Of language models, and of whatever else there is.
        self._answers: dict[str, Recorded] = {}
        self._arrays: dict[str, Recorded] = {}
        self._embedders: dict[str, int] = {}
        self._scores = 0
        self._read(required)

    def find(self, asked: Asked) -> Recorded | None:
        """The answer of a language model to what was asked, if it is recorded."""
        return self._answers.get(_key(asked))

    def find_array(self, asked: Asked) -> Recorded | None:
        """The answer of an embedder or a decoder; `array_of` and `usage_of` read it."""
        return self._arrays.get(_key(asked))

    def keep(self, asked: Asked, answer: Recorded, usage: Usage) -> None:
        """Record an answer."""
        self.keep_all([(asked, answer, usage)])

    def keep_all(self, given: Sequence[tuple[Asked, Recorded, Usage]]) -> None:
        """Record several answers in one write. BadInput if the file cannot be written."""
        entries = [
            (asked, {**answer, "usage": [usage.calls, usage.prompt_tokens, usage.completion_tokens]})
            for asked, answer, usage in given
        ]
        lines = [
            json.dumps({"format": FORMAT, "asked": asked, "answer": answer}, ensure_ascii=False) + "\n"
            for asked, answer in entries
        ]
        with self._lock:
            try:
                self._append("".join(lines).encode("utf-8", "surrogatepass"))
            except OSError as error:
                raise BadInput(
                    f"The recording {self.path} cannot be written: {error.strerror}.",
                    hint="Make room, or name another file.",
                ) from None
            for asked, answer in entries:
                self._learn(asked, answer)

    @property
    def answers(self) -> int:
        """How many answers of language models are recorded."""
        return len(self._answers)

    @property
    def writes(self) -> bool:
        """Whether they are of a model that writes: not if all of them are scores.

        A file without any is of no model if it has vectors, and else of one that may be recorded yet.
        """
        return self._scores < len(self._answers) if self._answers else not self._arrays

    @property
    def embedders(self) -> dict[str, int]:
        """The dimensions of embedding servers' models by name, the one that was recorded last at the end."""
        return self._embedders

    def keep_embedder(self, name: str, dimensions: int) -> None:
        """Note the model of an embedding server, so that a replay need not ask for its name."""
        if self._embedders.get(name) != dimensions:
            self.keep({"embedder": name}, {"dimensions": dimensions}, Usage())

    @cached_property
    def name(self) -> str:
        """Names what language models answered, as the file has it now."""
        content = json.dumps(self._answers, sort_keys=True)
        return f"recorded-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def _learn(self, asked: Asked, answer: Recorded) -> None:
        if "embedder" in asked:
            self._embedders.pop(asked["embedder"], None)
            self._embedders[asked["embedder"]] = int(answer["dimensions"])
        elif "array" in answer:
            self._arrays[_key(asked)] = answer
        else:
            key = _key(asked)
            self._scores += "score" in asked and key not in self._answers
            self._answers[key] = answer

    def _append(self, lines: bytes) -> None:
        """One write to the end of the file: two processes that record do not tear each other's lines."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            written = os.write(opened, lines)
            if written < len(lines):
                # A disk that is full takes a part: without it, the lines before it can still be read.
                os.ftruncate(opened, os.fstat(opened).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(opened)

    def _read(self, required: bool) -> None:
        """Read the file. The last line may be torn, since it may have been under way when it was killed."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            if required:
                raise BadInput(
                    f"There is no recording {self.path}.", hint="Record one with a model first."
                ) from None
            return
        except OSError as error:
            raise BadInput(
                f"The recording {self.path} cannot be read: {error.strerror}.", hint="Name another file."
            ) from None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                self._learn(*_entry(line))
            except (ValueError, TypeError, KeyError) as error:
                if number == len(lines):
                    _cut(self.path, len(line))
                    break
                raise BadInput(
                    f"{self.path} line {number} is no recorded answer ({error}).",
                    hint="Remove the line: it will be recorded again.",
                ) from None


def packed(array: NDArray[np.float32]) -> Recorded:
    """An array as an answer holds it."""
    import numpy as np

    return {"array": base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()}


def array_of(answer: Recorded, width: int) -> NDArray[np.float32]:
    """The array of an answer, of shape (rows, width)."""
    import numpy as np

    flat = np.frombuffer(base64.b64decode(answer["array"]), "<f4")
    return flat.reshape(-1, width).astype(np.float32, copy=False)


def usage_of(answer: Recorded) -> Usage:
    """The usage of a recorded answer when it was made."""
    return Usage(*answer["usage"])


def _entry(line: bytes) -> tuple[Asked, Recorded]:
    """What was asked and answered; ValueError, TypeError or KeyError if a line does not say so."""
    entry: Any = json.loads(line.decode("utf-8", "surrogatepass"))
    asked, answer = entry["asked"], entry["answer"]
    if entry["format"] not in READABLE or len(answer["usage"]) != 3:
        raise ValueError(f"it is of format {entry['format']}")
    if not (_OF_MODELS | _OF_OTHERS) & set(answer):
        raise ValueError("it holds no answer")
    return asked, answer


def _cut(path: Path, length: int) -> None:
    """Take a torn last line away, so that the next one begins where it began."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - length)


def _key(asked: Asked) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
