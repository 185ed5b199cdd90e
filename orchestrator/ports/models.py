"""Language models: what they are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    from pydantic import BaseModel

ParsedT = TypeVar("ParsedT")


@dataclass(frozen=True, slots=True)
class Generation(Generic[ParsedT]):
    """One generated text; `parsed` is the validated object when a schema was asked for."""

    text: str
    parsed: ParsedT | None = None
    usage: Usage = field(default_factory=Usage)
    finish: Literal["stop", "length", "cancelled"] = "stop"


@dataclass(frozen=True, slots=True)
class Probabilities:
    """A probability for each option, in the order they were given; they sum to one."""

    values: tuple[float, ...]
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Scores:
    """A relevance score for each text, in the order they were given; higher is better."""

    values: tuple[float, ...]
    usage: Usage = field(default_factory=Usage)


@runtime_checkable
class LanguageModel(Protocol):
    """A language model. Cancelling the task that awaits a call aborts the request at the server.

    `available` is False for the null model, the default: nodes then do what they can without one
    and say so. Every call counts on the run's budget and trace without the node doing anything.
    """

    @property
    def name(self) -> str: ...

    @property
    def available(self) -> bool: ...

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
        """A completion of `prompt`; `on_text` receives the pieces of a streamed one."""
        ...

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """The probability of each option as the answer, from one decoding step."""
        ...

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """The relevance of each text to the query, as a cross-encoder judges it."""
        ...


@runtime_checkable
class ScoresTexts(Protocol):
    """A model that says by itself whether it scores: one may write and not score, or score and not write.

    One that does not say is taken to score if it is available. A model that wraps another passes this on.
    """

    @property
    def scores_texts(self) -> bool: ...


def scores_texts(model: LanguageModel) -> bool:
    """Whether a model has scores to give."""
    return model.scores_texts if isinstance(model, ScoresTexts) else model.available


@runtime_checkable
class ResolvesName(Protocol):
    """A model whose `name` may not be known before its server was asked: who needs it asks for it."""

    async def resolved_name(self) -> str: ...


@runtime_checkable
class PerTenant(Protocol):
    """A model that keeps tenants apart. The engine asks it for the view of the tenant who runs a workflow.

    Through that view, nothing that was asked for one tenant answers another, or makes another's
    request measurably faster. A model that wraps another passes this on.
    """

    def for_tenant(self, tenant: str) -> LanguageModel: ...


def for_tenant(model: LanguageModel, tenant: str) -> LanguageModel:
    """The model as a tenant uses it: its view, or the model itself if it does not tell tenants apart."""
    return model.for_tenant(tenant) if isinstance(model, PerTenant) else model


@dataclass(frozen=True, slots=True)
class ModelCall:
    """Who asks a model: a node of the run `run_id`.

    `quoted` gives the ids of the passages that the node has read and that a text quotes.
    """

    run_id: str
    quoted: Callable[[str], Sequence[str]] = field(default=lambda _: ())


@runtime_checkable
class PerCall(Protocol):
    """A model that wants to know for which run it is asked, or on which passages an answer stands.

    The engine asks it for a view, node by node. A model that wraps another passes this on.
    """

    def for_call(self, use: ModelCall) -> LanguageModel: ...


def for_call(model: LanguageModel, use: ModelCall) -> LanguageModel:
    """The model as a node of a run uses it: its view, or the model itself if it does not ask."""
    return model.for_call(use) if isinstance(model, PerCall) else model
