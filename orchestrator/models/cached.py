"""A language model that does not ask twice: what it answered is kept in the `Cache`, tenant by tenant."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from orchestrator.errors import ModelError, StoreError
from orchestrator.models.asked import asked_of, messages_of
from orchestrator.models.kept_text import generation_of, kept_of
from orchestrator.models.single_flight import SingleFlight
from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import (
    Cache,
    Generation,
    GenerationRequest,
    LanguageModel,
    ModelCall,
    Operation,
    Probabilities,
    Scores,
    for_call,
    for_tenant,
    resolved_name,
)
from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel

log = logging.getLogger("orchestrator.models.cached")


NumbersT = TypeVar("NumbersT", Probabilities, Scores)


class CachedModel(WrapperModel):
    """The `LanguageModel` port over another model and a cache, in which answers stay for some seconds.

    An answer belongs to everything that it was asked with: tenant, the model that answers now and its
    options (`resolved_name`), messages, schema, and all settings of the call. Where nobody can say which
    model answers, nothing is looked up and nothing is kept. One that is found costs nothing: its usage is
    empty. One that is being asked for at the moment is waited for, unless it is streamed, and is paid by
    who asked first. A cache that cannot be read or written is done without. A text that was asked for by
    a node falls with the passages that the node had read and its prompt quotes; numbers say nothing
    without the prompt, and stay for their time.
    """

    def __init__(self, model: LanguageModel, cache: Cache, *, seconds: float | None = None) -> None:
        super().__init__(model)
        self._cache = cache
        self._seconds = seconds
        self._tenant: str | None = None
        self._call: ModelCall | None = None
        self._in_flight: SingleFlight[ModelCall | None, Any] = SingleFlight()

    def for_tenant(self, tenant: str) -> Self:
        """The model and the answers of one tenant."""
        view = self.around(for_tenant(self._model, tenant))
        view.belong(tenant)
        return view

    def for_call(self, call: ModelCall) -> Self:
        """The same answers, over the model's view: one that is found was asked for by another run."""
        view = self.around(for_call(self._model, call))
        view.serve(call)
        return view

    def belong(self, tenant: str) -> None:
        """Be the view of a tenant."""
        self._tenant = tenant

    def serve(self, call: ModelCall) -> None:
        """Be the view of a node of a run."""
        self._call = call

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """A kept text, streamed in one piece, or a new one; what is no answer is not kept."""
        key, schema = await self._key("generate", asked_of(request)), request.schema
        if key is None:
            return await self._model.generate(request, on_text=on_text)

        async def ask(calls: Sequence[ModelCall | None]) -> Generation[Any]:
            found = _generation(await self._kept(key), schema)
            if found is not None:
                if on_text is not None:
                    on_text(found.text)
                return found
            made = await self._model.generate(request, on_text=on_text)
            if made.answered:
                asked = "\n".join(message.text for message in request.prompt)
                # Each asker knows what it read itself.
                sources = {source for call in calls if call is not None for source in call.quoted(asked)}
                await self._keep(key, kept_of(made), sources=sorted(sources))
            return made

        if on_text is not None:
            # What a reader is shown piece by piece comes from a call of its own.
            return await ask([self._call])
        made, own = await self._in_flight.answer(key, self._call, ask)
        if own:
            return made
        parsed = made.parsed.model_copy(deep=True) if made.parsed is not None else None
        return replace(made, parsed=parsed, usage=Usage())

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Kept probabilities, or new ones."""
        key = await self._key("choose", messages_of(prompt), list(options))
        return await self._numbers(key, Probabilities, lambda: self._model.choose(prompt, options))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Kept scores, or new ones."""
        key = await self._key("score", query, list(texts))
        return await self._numbers(key, Scores, lambda: self._model.score(query, texts))

    async def _numbers(
        self, key: str | None, kind: type[NumbersT], make: Callable[[], Awaitable[NumbersT]]
    ) -> NumbersT:
        if key is None:
            return await make()

        async def ask(_: Sequence[ModelCall | None]) -> NumbersT:
            kept = await self._kept(key)
            if kept is not None:
                return kind(tuple(kept["values"]))
            made = await make()
            await self._keep(key, {"values": list(made.values)})
            return made

        made, own = await self._in_flight.answer(key, self._call, ask)
        return made if own else kind(made.values)

    async def _key(self, operation: Operation, *asked: Any) -> str | None:
        """Where the answer is kept; None if nobody can say now which model would give it."""
        try:
            name = await resolved_name(self._model, operation)
        except ModelError as error:
            log.warning("%s: the model cache is left out.", error.message.rstrip("."))
            return None
        told = json.dumps([self._tenant, name, operation, *asked], sort_keys=True)
        return f"model-{hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()}"

    async def _kept(self, key: str) -> dict[str, Any] | None:
        try:
            data = await self._cache.get(key)
        except StoreError as error:
            log.warning("The model cache cannot be read: %s", error)
            return None
        return None if data is None else json.loads(data)

    async def _keep(self, key: str, value: dict[str, Any], *, sources: Sequence[str] = ()) -> None:
        try:
            data = json.dumps(value).encode()
            await self._cache.put(key, data, sources=sources, seconds=self._seconds)
        except StoreError as error:
            log.warning("The model cache cannot be written: %s", error)


def _generation(kept: dict[str, Any] | None, schema: type[BaseModel] | None) -> Generation[Any] | None:
    """The answer that was kept; None if there is none, or none that fits the schema as it is now."""
    if kept is None:
        return None
    parsed = None
    if schema is not None:
        try:
            parsed = schema.model_validate_json(kept["object"])
        except (KeyError, ValueError):
            return None
    return generation_of(kept, parsed)
