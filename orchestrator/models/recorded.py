"""A language model that answers from a file, so that experiments replay without the model itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.errors import InvalidOutput, ModelError
from orchestrator.models.asked import asked_of, messages_of
from orchestrator.models.kept_text import generation_of, kept_of
from orchestrator.models.null import NullModel
from orchestrator.models.recording import Asked, Recorded, Recording, usage_of
from orchestrator.models.usage import Spending
from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import (
    Generation,
    GenerationRequest,
    LanguageModel,
    Operation,
    Probabilities,
    Scores,
    resolved_name,
    scores_texts,
)
from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel

ResultT = TypeVar("ResultT")


class RecordedModel(WrapperModel):
    """The `LanguageModel` port over recorded answers: `Application(model=RecordedModel("answers.jsonl"))`.

    With a `model`, what is not recorded yet is asked of it and appended. What another model had answered
    before it is asked again, and then replays as this one answered it. Without a model, an unknown prompt is
    a ModelError, which nodes that can do without an answer count in `degraded`. An answer belongs to
    everything that it was asked with: messages, schema, and all settings of the call. Usage is what the
    answer cost when it was made. The file (`Recording`) holds prompts and answers in clear: it is as private
    as the documents in them.
    """

    def __init__(self, recording: str | Path | Recording, model: LanguageModel | None = None) -> None:
        self._records = model is not None and (model.available or scores_texts(model))
        super().__init__(model if model is not None and self._records else NullModel())
        if not isinstance(recording, Recording):
            recording = Recording(recording, required=not self._records)
        self._recording = recording

    @property
    def available(self) -> bool:
        """Whether the model writes; of a recording, unless it has nothing but scores."""
        return self._model.available if self._records else self._recording.writes

    @property
    def scores_texts(self) -> bool:
        """Whether it scores; of a recording, always: what it lacks is an error that says so.

        Only the recording of a run without any language model has none.
        """
        if self._records:
            return scores_texts(self._model)
        return self._recording.answers > 0 or self._recording.writes

    @property
    def answers(self) -> int:
        """How many are recorded."""
        return self._recording.answers

    @property
    def name(self) -> str:
        """Names the model that is asked, or the content of the file."""
        return self._model.name if self._records else self._recording.name

    async def resolved_name(self, operation: Operation = "generate") -> str:
        """The name of the model that is asked, or the content of the file."""
        return await resolved_name(self._model, operation) if self._records else self._recording.name

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """The recorded text; `parsed` is read again from it. A recorded text is streamed in one piece."""
        asked, schema = asked_of(request), request.schema
        model = await self._answering("generate")
        answer = self._recorded(asked, model)
        if answer is None and request.alternatives and not self._records:
            # Recordings of before have no log-probabilities: their texts stand without.
            answer = self._recorded(asked_of(replace(request, alternatives=0)), model)
        if answer is None:
            made = await self._made(
                asked,
                model,
                lambda model: model.generate(request, on_text=on_text),
            )
            # A refusal, or what was cut off by whoever waited, is no answer.
            if made.answered:
                self._keep(asked, model, kept_of(made), made.usage)
            return made
        parsed = self._parsed(answer, schema)
        if on_text is not None:
            on_text(answer["text"])
        return generation_of(answer, parsed, usage_of(answer))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """The recorded probabilities."""
        asked = {"choose": messages_of(prompt), "options": list(options)}
        model = await self._answering("choose")
        answer = self._recorded(asked, model)
        if answer is None:
            made = await self._made(asked, model, lambda model: model.choose(prompt, options))
            self._keep(asked, model, {"values": list(made.values)}, made.usage)
            return made
        return Probabilities(tuple(answer["values"]), usage_of(answer))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """The recorded scores."""
        asked = {"score": query, "texts": list(texts)}
        model = await self._answering("score")
        answer = self._recorded(asked, model)
        if answer is None:
            made = await self._made(asked, model, lambda model: model.score(query, texts))
            self._keep(asked, model, {"values": list(made.values)}, made.usage)
            return made
        return Scores(tuple(answer["values"]), usage_of(answer))

    async def _answering(self, operation: Operation) -> str | None:
        """Which model would answer now; None in a replay, or if nobody can say."""
        if not self._records:
            return None
        try:
            return await resolved_name(self._model, operation)
        except ModelError:
            return None

    def _recorded(self, asked: Asked, model: str | None) -> Recorded | None:
        """The answer that is recorded, if there is one; raises it if it was one that could not be used."""
        answer = self._recording.find(asked)
        if answer is None:
            return None
        # Lines of format 1 do not name their model.
        if self._records and "model" in answer and (model is None or answer["model"] != model):
            return None
        if "invalid" in answer:
            with Spending(usage_of(answer)):
                raise InvalidOutput(answer["invalid"], hint=answer["hint"])
        return answer

    def _parsed(self, answer: Recorded, schema: type[BaseModel] | None) -> BaseModel | None:
        """The object of an answer; InvalidOutput if the schema has other rules than when it was recorded."""
        if schema is None:
            return None
        try:
            return schema.model_validate_json(answer.get("object", answer["text"]))
        except ValueError as error:
            with Spending(usage_of(answer)):
                raise InvalidOutput(
                    f"The recorded answer in {self._recording.path} is no valid {schema.__name__} any more.",
                    hint="Record it again, or take the schema as it was.",
                ) from error

    async def _made(
        self, asked: Asked, model: str | None, ask: Callable[[LanguageModel], Awaitable[ResultT]]
    ) -> ResultT:
        """What the model answers; one that cannot be used was paid, and is kept to replay as it was."""
        if not self._records:
            kind = next(iter(asked))
            raise ModelError(
                f"{self._recording.path} has no recorded answer to this call of `{kind}`.",
                hint="Record it: RecordedModel(path, model). Settings of a node are part of what is asked.",
            )
        try:
            return await ask(self._model)
        except InvalidOutput as error:
            kept = {"invalid": error.message, "hint": error.hint}
            self._keep(asked, model, kept, error.spent or Usage())
            raise

    def _keep(self, asked: Asked, model: str | None, answer: Recorded, usage: Usage) -> None:
        self._recording.keep(asked, {**answer, "model": model}, usage)
