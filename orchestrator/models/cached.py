"""A language model that does not ask twice: what it answered is kept in the `Cache`, tenant by tenant."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.errors import StoreError
from orchestrator.models.single_flight import Joining
from orchestrator.ports import (
    Cache,
    Generation,
    LanguageModel,
    ModelCall,
    Probabilities,
    ResolvesName,
    Scores,
    for_call,
    for_tenant,
    scores_texts,
)
from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel

log = logging.getLogger("orchestrator.models.cached")


NumbersT = TypeVar("NumbersT", Probabilities, Scores)


class CachedModel:
    """The `LanguageModel` port over another model and a cache, in which answers stay for some seconds.

    An answer belongs to everything that it was asked with: tenant, model, messages, schema, length,
    temperature, seed. One that is found costs nothing: its usage is empty. One that is being asked for at the
    moment is waited for, unless it is streamed, and is paid by who asked first. A cache that cannot be read
    or written is done without. A text that was asked for by a node falls with the passages that the node had
    read and its prompt quotes; numbers say nothing without the prompt, and stay for their time.
    """

    def __init__(
        self,
        model: LanguageModel,
        cache: Cache,
        *,
        seconds: float | None = None,
        tenant: str | None = None,
        joining: Joining[ModelCall | None, Any] | None = None,
    ) -> None:
        self._model = model
        self._cache = cache
        self._seconds = seconds
        self._tenant = tenant
        self._use: ModelCall | None = None
        self._joining: Joining[ModelCall | None, Any] = joining or Joining()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def available(self) -> bool:
        """Whether there is a model."""
        return self._model.available

    @property
    def scores_texts(self) -> bool:
        """Whether it scores."""
        return scores_texts(self._model)

    def for_tenant(self, tenant: str) -> CachedModel:
        """The model and the answers of one tenant."""
        return CachedModel(
            for_tenant(self._model, tenant),
            self._cache,
            seconds=self._seconds,
            tenant=tenant,
            joining=self._joining,
        )

    def for_call(self, use: ModelCall) -> CachedModel:
        """The same answers, over the model's view: one that is found was asked for by another run."""
        view = copy.copy(self)
        view.serve(use)
        return view

    def serve(self, use: ModelCall) -> None:
        """Be the view of a node of a run."""
        self._model, self._use = for_call(self._model, use), use

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
        """A kept text, streamed in one piece, or a new one; what was cancelled is not kept."""
        key = await self._key(
            "generate",
            _turns(prompt),
            schema.model_json_schema() if schema else None,
            max_tokens,
            temperature,
            seed,
        )

        async def ask(uses: Sequence[ModelCall | None]) -> Generation[Any]:
            kept = await self._kept(key)
            if kept is not None and (schema is None or "object" in kept):
                parsed = schema.model_validate_json(kept["object"]) if schema else None
                if on_text is not None:
                    on_text(kept["text"])
                return Generation(kept["text"], parsed, finish=kept["finish"])
            made = await self._model.generate(
                prompt,
                schema=schema,
                on_text=on_text,
                max_tokens=max_tokens,
                temperature=temperature,
                seed=seed,
            )
            if made.finish != "cancelled":
                value = {"text": made.text, "finish": made.finish}
                # The text may hold more than the object that was read from it.
                whole = (
                    {**value, "object": made.parsed.model_dump_json()} if schema and made.parsed else value
                )
                asked = "\n".join(message.text for message in prompt)
                # Each asker knows what it read itself.
                sources = {source for use in uses if use is not None for source in use.quoted(asked)}
                await self._keep(key, whole, sources=sorted(sources))
            return made

        if on_text is not None:
            # What a reader is shown piece by piece comes from a call of its own.
            return await ask([self._use])
        made, own = await self._joining.answer(key, self._use, ask)
        if own:
            return made
        parsed = made.parsed.model_copy(deep=True) if made.parsed is not None else None
        return replace(made, parsed=parsed, usage=Usage())

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Kept probabilities, or new ones."""
        key = await self._key("choose", _turns(prompt), list(options))
        return await self._numbers(key, Probabilities, lambda: self._model.choose(prompt, options))

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Kept scores, or new ones."""
        key = await self._key("score", query, list(texts))
        return await self._numbers(key, Scores, lambda: self._model.score(query, texts))

    async def _numbers(
        self, key: str, kind: type[NumbersT], make: Callable[[], Awaitable[NumbersT]]
    ) -> NumbersT:
        async def ask(_: Sequence[ModelCall | None]) -> NumbersT:
            kept = await self._kept(key)
            if kept is not None:
                return kind(tuple(kept["values"]))
            made = await make()
            await self._keep(key, {"values": list(made.values)})
            return made

        made, own = await self._joining.answer(key, self._use, ask)
        return made if own else kind(made.values)

    async def _key(self, *asked: Any) -> str:
        # An address in the place of a name would find what another model wrote there before.
        name = (
            await self._model.resolved_name() if isinstance(self._model, ResolvesName) else self._model.name
        )
        told = json.dumps([self._tenant, name, *asked], sort_keys=True)
        return f"model-{hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()}"

    async def _kept(self, key: str) -> dict[str, Any] | None:
        try:
            data = await self._cache.get(key)
        except StoreError as error:
            log.warning("the model cache cannot be read: %s", error)
            return None
        return None if data is None else json.loads(data)

    async def _keep(self, key: str, value: dict[str, Any], *, sources: Sequence[str] = ()) -> None:
        try:
            data = json.dumps(value).encode()
            await self._cache.put(key, data, sources=sources, seconds=self._seconds)
        except StoreError as error:
            log.warning("the model cache cannot be written: %s", error)


def _turns(prompt: Sequence[Message]) -> list[list[str]]:
    return [[message.role, message.text] for message in prompt]
