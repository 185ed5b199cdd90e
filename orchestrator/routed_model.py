"""A language model that is several: a bandit learns which of them to ask which prompts."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput
from orchestrator.ports import (
    Embedder,
    Generation,
    LanguageModel,
    Probabilities,
    Scores,
    of_tenant,
    scores_texts,
)
from orchestrator.prompt_bandit import PromptBandit
from orchestrator.types import Message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

#: Prompts whose decision is remembered until somebody judges the answer.
REMEMBERED = 10_000

Judge = Callable[[Sequence[Message], Generation[Any]], float | None]
#: Which model answered a prompt, and its embedding, by the prompt's hash; the oldest first.
Decisions = OrderedDict[str, "tuple[int, NDArray[np.float32]]"]


class RoutedModel:
    """The `LanguageModel` port over several models, of which each prompt is asked of one.

    What a prompt is, is the embedding of its last turn. `judge` scores an answer at once, from 0 to 1, or
    gives None; `feedback` scores it later. Without either nothing is learned, and the bandit explores.
    `bandit` is by default RFF-UCB without costs. `score` is asked of the first model.

    One bandit learns for all tenants: what it keeps of a prompt is which way its embedding points.
    """

    def __init__(
        self,
        models: Mapping[str, LanguageModel],
        embedder: Embedder,
        *,
        bandit: PromptBandit | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._models = {name: model for name, model in models.items() if model.available}
        if not self._models:
            raise BadInput("there is no model to route to that is available.", hint="Give it two.")
        if bandit is not None and bandit.arms != len(self._models):
            raise BadInput(f"the bandit has {bandit.arms} arms, for {len(self._models)} models.")
        self._embedder = embedder
        self._bandit = bandit
        self._judge = judge
        self._decisions: Decisions = OrderedDict()

    @property
    def name(self) -> str:
        """The names of all models."""
        return "|".join(self._models)

    @property
    def available(self) -> bool:
        """Always: one that is not was left out."""
        return True

    @property
    def scores_texts(self) -> bool:
        """Whether the first model scores."""
        return scores_texts(next(iter(self._models.values())))

    def of_tenant(self, tenant: str) -> LanguageModel:
        """The tenant's view of each model, with what was learned so far and from now on."""
        view = RoutedModel(
            {name: of_tenant(model, tenant) for name, model in self._models.items()},
            self._embedder,
            bandit=self.bandit,
            judge=self._judge,
        )
        view.share(self._decisions)
        return view

    def share(self, decisions: Decisions) -> None:
        """Remember decisions together with another view."""
        self._decisions = decisions

    @property
    def bandit(self) -> PromptBandit:
        """What has been learned."""
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
            raise BadInput("this prompt was not asked, or too long ago.", hint="Judge each answer once.")
        if not 0 <= score <= 1:
            raise BadInput(f"a score is from 0 to 1, not {score!r}.")
        self.bandit.learn(*decision, score)

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
        """A completion by the model that is expected to do best."""
        made = await (await self._routed(prompt)).generate(
            prompt,
            schema=schema,
            on_text=on_text,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
        )
        score = self._judge(prompt, made) if self._judge is not None else None
        if score is not None:
            self.feedback(prompt, score)
        return made

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Probabilities by the model that is expected to do best."""
        return await (await self._routed(prompt)).choose(prompt, options)

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Scores by the first model: those of different models are not on one scale."""
        return await next(iter(self._models.values())).score(query, texts)

    async def _routed(self, prompt: Sequence[Message]) -> LanguageModel:
        (vector,) = await self._embedder.embed([prompt[-1].text if prompt else ""], kind="query")
        arm = self.bandit.choose(vector)
        decisions = self._decisions
        decisions[_key(prompt)] = (arm, vector)
        decisions.move_to_end(_key(prompt))
        if len(decisions) > REMEMBERED:
            decisions.popitem(last=False)
        return tuple(self._models.values())[arm]


def _key(prompt: Sequence[Message]) -> str:
    told = "\0".join(f"{message.role}\0{message.text}" for message in prompt)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
