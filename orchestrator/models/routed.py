"""Model routing: a contextual bandit learns which of several models to use for a prompt."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from orchestrator.errors import BadInput, ModelError
from orchestrator.models.bandit import PromptBandit
from orchestrator.models.feedback import SharedBandit
from orchestrator.models.stack import served_by
from orchestrator.models.usage import Spending
from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import (
    Embedder,
    Generation,
    GenerationRequest,
    LanguageModel,
    ModelCall,
    Operation,
    Probabilities,
    Scores,
    close_model,
    for_call,
    for_tenant,
    resolved_name,
)
from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.ports import FeedbackStore

log = logging.getLogger("orchestrator.routing")

ResultT = TypeVar("ResultT", Generation[Any], Probabilities)

#: Prompts whose decision is remembered until somebody judges the answer.
REMEMBERED = 10_000

Judge = Callable[[Sequence[Message], Generation[Any]], float | None]
#: Which model answered a prompt, and its embedding, by the prompt's hash; the oldest first.
Decisions = OrderedDict[str, "tuple[int, NDArray[np.float32]]"]


class RoutedModel(WrapperModel):
    """Routes each prompt to one of several models, chosen by a contextual bandit.

    What a prompt is, is the embedding of its last turn. `judge` scores an answer at once, from 0 to 1, or
    gives None; `feedback` scores it later. Without either nothing is learned, and the bandit explores.
    `bandit` is by default RFF-UCB without costs. `score` is asked of the first model. A model that fails,
    refuses the request or gives no answer (a refusal, nothing but reasoning) is passed over for the next, as
    long as nothing of its answer was shown.

    With `shared`, what is learned of runs is kept, and is what all processes were told: of each run, the
    answers that were streamed to its reader are noted, to be judged by its id.

    One bandit learns for all tenants: what it keeps of a prompt is which way its embedding points.
    """

    def __init__(
        self,
        models: Mapping[str, LanguageModel],
        embedder: Embedder,
        *,
        bandit: PromptBandit | None = None,
        judge: Judge | None = None,
        shared: SharedBandit | None = None,
    ) -> None:
        self._models = {name: model for name, model in models.items() if model.available}
        if not self._models:
            raise BadInput("There is no model to route to that is available.", hint="Give it two.")
        if bandit is not None and bandit.arms != len(self._models):
            raise BadInput(
                f"The bandit has {bandit.arms} arms, for {len(self._models)} models.",
                hint="Make it with as many arms as there are models that are available.",
            )
        super().__init__(next(iter(self._models.values())))
        self._embedder = embedder
        self._bandit = bandit
        self._judge = judge
        self._shared = shared
        self._run_id: str | None = None
        self._decisions: Decisions = OrderedDict()

    @property
    def name(self) -> str:
        """The names of all models."""
        return "|".join(self._models)

    @property
    def available(self) -> bool:
        """Always: models that are not available were left out."""
        return True

    async def resolved_name(self, operation: Operation = "generate") -> str:
        """The names of all models that may answer now: any of them may have given an answer that is kept."""
        if operation == "score":
            return await super().resolved_name(operation)
        named = [resolved_name(model, operation) for model in self._models.values()]
        found = zip(self._models, await asyncio.gather(*named), strict=True)
        return "|".join(f"{route}={name}" for route, name in found)

    @property
    def models(self) -> Mapping[str, LanguageModel]:
        """The models by name."""
        return self._models

    def for_tenant(self, tenant: str) -> Self:
        """The tenant's view of each model, with what was learned so far and from now on."""
        return self._viewed(self._run_id, lambda model: for_tenant(model, tenant))

    def for_call(self, call: ModelCall) -> Self:
        """The view of a run, whose answers may be judged by its id."""
        return self._viewed(call.run_id, lambda model: for_call(model, call))

    def _viewed(self, run_id: str | None, view: Callable[[LanguageModel], LanguageModel]) -> Self:
        if self._shared is None:
            # Made once, so that views learn together.
            self._bandit = self.bandit
        other = copy.copy(self)
        other.look(run_id, {name: view(model) for name, model in self._models.items()})
        return other

    def look(self, run_id: str | None, models: Mapping[str, LanguageModel]) -> None:
        """Be the view of a run, on views of the models."""
        self._run_id = run_id
        self._models = dict(models)
        self.wrap(next(iter(models.values())))

    async def close(self) -> None:
        """Close what the models hold open."""
        for model in self._models.values():
            await close_model(model)

    async def server_info(self) -> Sequence[tuple[str, object]]:
        """What the servers of all models serve, each thing once under a name."""
        each = [await served_by(model) for model in self._models.values()]
        return [served for found in each for served in found]

    @property
    def negotiated(self) -> list[tuple[str, str]]:
        """What the servers of all models do not take as it is."""
        return [each for model in self._models.values() for each in getattr(model, "negotiated", ())]

    @property
    def bandit(self) -> PromptBandit:
        """The bandit, with what it has learned."""
        if self._bandit is None:
            self._bandit = PromptBandit(len(self._models), self._embedder.dimensions)
        return self._bandit

    def chosen(self, prompt: Sequence[Message]) -> str | None:
        """Which model a prompt was asked of last; None if that is not known any more."""
        decision = self._decisions.get(_key(prompt))
        return None if decision is None else tuple(self._models)[decision[0]]

    def feedback(self, prompt: Sequence[Message], score: float) -> None:
        """Learn how good the answer to a prompt was, from 0 to 1; BadInput if nobody asked it lately."""
        decision = self._decisions.pop(_key(prompt), None)
        if decision is None:
            raise BadInput("This prompt was not asked, or too long ago.", hint="Judge each answer once.")
        self._learn(*decision, score)

    def _learn(self, arm: int, vector: NDArray[np.float32], score: float) -> None:
        if not 0 <= score <= 1:
            raise BadInput(
                f"A score is from 0 to 1, not {score!r}.", hint="0 is worthless, 1 as good as can be."
            )
        self.bandit.learn(arm, vector, score)

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """A completion by the model that is expected to do best."""
        shown = False

        def show(piece: str) -> None:
            nonlocal shown
            shown = True
            if on_text is not None:
                on_text(piece)

        def ask(model: LanguageModel) -> Awaitable[Generation[Any]]:
            return model.generate(request, on_text=show if on_text is not None else None)

        prompt = request.prompt
        made, arm, vector = await self._routed(prompt, ask, shown=lambda: shown)
        if on_text is not None and self._shared is not None and self._run_id is not None:
            await self._shared.answered(self._run_id, tuple(self._models)[arm], vector)
        score = self._judge(prompt, made) if self._judge is not None else None
        if score is not None:
            self._decisions.pop(_key(prompt), None)
            self._learn(arm, vector, score)
        return made

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Probabilities by the model that is expected to do best."""
        return (await self._routed(prompt, lambda model: model.choose(prompt, options)))[0]

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Scores by the first model: those of different models are not on one scale."""
        return await self._model.score(query, texts)

    async def _routed(
        self,
        prompt: Sequence[Message],
        ask: Callable[[LanguageModel], Awaitable[ResultT]],
        *,
        shown: Callable[[], bool] = lambda: False,
    ) -> tuple[ResultT, int, NDArray[np.float32]]:
        """What the best model that does not fail gives, which it is, and the prompt's embedding."""
        (vector,) = await self._embedder.embed([prompt[-1].text if prompt else ""], kind="query")
        bandit = self.bandit if self._shared is None else await self._shared.current()
        models = tuple(self._models.values())
        *others, last = bandit.ranked(vector)
        with Spending() as spending:
            for arm in others:
                try:
                    result = await ask(models[arm])
                except ModelError as error:
                    # Another key, another account, another template: what one refuses another may take.
                    if shown():
                        raise
                    log.warning("%s: another model is asked.", error.message.rstrip("."))
                    spending.add(error.spent or Usage())
                    continue
                if shown() or _holds(result):
                    break
                log.warning("%r gave no answer: another model is asked.", models[arm].name)
                spending.add(result.usage)
            else:
                arm, result = last, await ask(models[last])
        self._decided(prompt, arm, vector)
        return replace(result, usage=spending.usage + result.usage), arm, vector

    def _decided(self, prompt: Sequence[Message], arm: int, vector: NDArray[np.float32]) -> None:
        decisions = self._decisions
        decisions[_key(prompt)] = (arm, vector)
        decisions.move_to_end(_key(prompt))
        if len(decisions) > REMEMBERED:
            decisions.popitem(last=False)


def _holds(result: Generation[Any] | Probabilities) -> bool:
    """Whether there is an answer, or nobody waits for another."""
    return isinstance(result, Probabilities) or result.answered or result.finish == "cancelled"


def _key(prompt: Sequence[Message]) -> str:
    told = "\0".join(f"{message.role}\0{message.text}" for message in prompt)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def build_routed_model(
    models: Mapping[str, LanguageModel],
    costs: Sequence[float],
    embedder: Embedder,
    feedback: FeedbackStore,
    *,
    exploration: float,
) -> RoutedModel:
    """The model that `routes` describe, the cheapest first, with what was learned before."""
    bandit = PromptBandit(len(models), embedder.dimensions, costs=costs, exploration=exploration)
    shared = SharedBandit(bandit, tuple(models), feedback, embedder.name)
    return RoutedModel(models, embedder, bandit=bandit, shared=shared)
