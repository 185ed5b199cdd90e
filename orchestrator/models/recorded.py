"""A language model that answers from a file, so that experiments replay without the model itself."""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.errors import BadInput, InvalidOutput, ModelError
from orchestrator.models.usage import Spending
from orchestrator.ports import (
    Generation,
    LanguageModel,
    ModelCall,
    Probabilities,
    Scores,
    for_call,
    for_tenant,
    scores_texts,
)
from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel

ResultT = TypeVar("ResultT")

#: Of the file's lines.
FORMAT = 1
#: What an answer may hold: a text, numbers, or what was wrong with the only ones that there were.
KINDS = {"text", "values", "invalid"}


class RecordedModel:
    """The `LanguageModel` port over recorded answers: `Application(model=RecordedModel("answers.jsonl"))`.

    With a `model`, what is not recorded yet is asked of it and appended, each answer in one write: a
    recording that is killed keeps what it has, and goes on. Without one, an unknown prompt is a
    ModelError, which nodes that can do without an answer count in `degraded`. An answer belongs to
    everything that it was asked with: messages, schema, length, temperature, seed. Usage is what the
    answer cost when it was made. The file has one JSON object a line and holds prompts and answers in
    clear: it is as private as the documents in them.
    """

    def __init__(self, path: str | Path, model: LanguageModel | None = None) -> None:
        self._path = Path(path)
        there = model is not None and (model.available or scores_texts(model))
        self._model = model if there else None
        self._name: str | None = None
        self._lock = Lock()
        self._answers, self._writes = _read(self._path, required=self._model is None)

    def for_tenant(self, tenant: str) -> RecordedModel:
        """The same recording; what it lacks is asked of the tenant's view of the model."""
        if self._model is None:
            return self
        view = copy.copy(self)
        view.ask(for_tenant(self._model, tenant))
        return view

    def for_call(self, use: ModelCall) -> RecordedModel:
        """The same recording; what it lacks is asked of the model's view."""
        if self._model is None:
            return self
        view = copy.copy(self)
        view.ask(for_call(self._model, use))
        return view

    def ask(self, model: LanguageModel) -> None:
        """Ask another model for what is not recorded."""
        self._model = model

    @property
    def available(self) -> bool:
        """Whether the model writes; of a recording, unless it has nothing but scores."""
        if self._model is not None:
            return self._model.available
        return self._writes

    @property
    def scores_texts(self) -> bool:
        """Whether it scores; of a recording, always: what it lacks is an error that says so."""
        return self._model is None or scores_texts(self._model)

    @property
    def answers(self) -> int:
        """How many are recorded."""
        return len(self._answers)

    @property
    def name(self) -> str:
        """Names the model that is asked, or the content of the file."""
        if self._model is not None:
            return self._model.name
        if self._name is None:
            content = json.dumps(self._answers, sort_keys=True)
            self._name = f"recorded-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
        return self._name

    async def generate(
        self,
        prompt: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        on_text: Callable[[str], None] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Generation[Any]:
        """The recorded text; `parsed` is read anew from it. A recorded text is streamed in one piece."""
        asked = {
            "generate": _messages(prompt),
            "schema": schema.model_json_schema() if schema else None,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
        }
        answer = self._recorded(asked)
        if answer is None:
            made = await self._made(
                asked,
                lambda model: model.generate(
                    prompt,
                    schema=schema,
                    on_text=on_text,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    seed=seed,
                ),
            )
            # What was cut off by whoever waited is no answer.
            if made.finish != "cancelled":
                kept = {"text": made.text, "finish": made.finish}
                # The text may hold more than the object that was read from it.
                if schema is not None and made.parsed is not None:
                    kept["object"] = made.parsed.model_dump_json()
                self._keep(asked, kept, made.usage)
            return made
        if on_text is not None:
            on_text(answer["text"])
        parsed = schema.model_validate_json(answer.get("object", answer["text"])) if schema else None
        return Generation(answer["text"], parsed, _usage(answer), answer["finish"])

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """The recorded probabilities."""
        asked = {"choose": _messages(prompt), "options": list(options)}
        answer = self._recorded(asked)
        if answer is None:
            made = await self._made(asked, lambda model: model.choose(prompt, options))
            self._keep(asked, {"values": list(made.values)}, made.usage)
            return made
        return Probabilities(tuple(answer["values"]), _usage(answer))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """The recorded scores."""
        asked = {"score": query, "texts": list(texts)}
        answer = self._recorded(asked)
        if answer is None:
            made = await self._made(asked, lambda model: model.score(query, texts))
            self._keep(asked, {"values": list(made.values)}, made.usage)
            return made
        return Scores(tuple(answer["values"]), _usage(answer))

    def _recorded(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The answer that is recorded, if there is one; raises it if it was one that could not be used."""
        answer = self._answers.get(_key(asked))
        if answer is not None and "invalid" in answer:
            with Spending(_usage(answer)):
                raise InvalidOutput(answer["invalid"], hint=answer["hint"])
        return answer

    async def _made(
        self, asked: dict[str, Any], ask: Callable[[LanguageModel], Awaitable[ResultT]]
    ) -> ResultT:
        """What the model answers; one that cannot be used was paid, and is kept to replay as it was."""
        try:
            return await ask(self._needed(asked))
        except InvalidOutput as error:
            kept = {"invalid": error.message, "hint": error.hint}
            self._keep(asked, kept, error.spent or Usage())
            raise

    def _needed(self, asked: dict[str, Any]) -> LanguageModel:
        if self._model is None:
            kind = next(iter(asked))
            raise ModelError(
                f"{self._path} has no recorded answer to this call of `{kind}`.",
                hint="Record it: RecordedModel(path, model). Settings of a node are part of what is asked.",
            )
        return self._model

    def _keep(self, asked: dict[str, Any], answer: dict[str, Any], usage: Usage) -> None:
        kept = {**answer, "usage": [usage.calls, usage.prompt_tokens, usage.completion_tokens]}
        line = json.dumps({"format": FORMAT, "asked": asked, "answer": kept}, ensure_ascii=False) + "\n"
        with self._lock:
            try:
                self._append(line.encode("utf-8", "surrogatepass"))
            except OSError as error:
                raise BadInput(
                    f"the recording {self._path} cannot be written: {error.strerror}.",
                    hint="Make room, or name another file.",
                ) from None
            self._answers[_key(asked)] = kept

    def _append(self, line: bytes) -> None:
        """One write to the end of the file: two processes that record do not tear each other's lines."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            written = os.write(opened, line)
            if written < len(line):
                # A disk that is full takes a part: without it, the lines before it can still be read.
                os.ftruncate(opened, os.fstat(opened).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(opened)


def _read(path: Path, *, required: bool) -> tuple[dict[str, dict[str, Any]], bool]:
    """Answers by key, and whether they are of a model that writes: not if all of them are scores.

    The last line may be torn, since it may have been under way when it was killed.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        if required:
            raise BadInput(f"there is no recording {path}.", hint="Record one with a model first.") from None
        return {}, True
    except OSError as error:
        raise BadInput(f"the recording {path} cannot be read: {error.strerror}.") from None
    found: dict[str, dict[str, Any]] = {}
    scores = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry: Any = json.loads(line.decode("utf-8", "surrogatepass"))
            asked, answer = entry["asked"], entry["answer"]
            if entry["format"] != FORMAT or not KINDS & set(answer) or len(answer["usage"]) != 3:
                raise ValueError(f"it is of format {entry['format']}")
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):
                _cut(path, len(line))
                break
            raise BadInput(
                f"{path} line {number} is no recorded answer ({error}).",
                hint="Remove the line: it will be recorded again.",
            ) from None
        scores += "score" in asked and _key(asked) not in found
        found[_key(asked)] = answer
    return found, not found or scores < len(found)


def _cut(path: Path, length: int) -> None:
    """Take a torn last line away, so that the next one begins where it began."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - length)


def _messages(prompt: Sequence[Message]) -> list[list[str]]:
    return [[message.role, message.text] for message in prompt]


def _key(asked: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _usage(answer: dict[str, Any]) -> Usage:
    return Usage(*answer["usage"])
