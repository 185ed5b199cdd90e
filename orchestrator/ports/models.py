"""Language models: the port, its results, and optional abilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from orchestrator.types import Message, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

ParsedT = TypeVar("ParsedT")

#: How much a model may think before it answers: not at all (0), so many tokens besides `max_tokens`, or as
#: much as it does by itself.
Reasoning = int | Literal["model"]

#: Tokens that "model" stands for where they must be counted in advance, as a budget does.
MOST_REASONING = 32_768

#: Why a text ended. `stop`: it is complete. `length`: its tokens ran out, and it is a fragment. `cancelled`:
#: whoever waited left. The others are no answers: `refused` (the model says that it will not), `filtered`
#: (the server withholds it, or the rest of it), `tool_calls` (it calls a tool instead), `no_text` (nothing,
#: or nothing but reasoning).
Finish = Literal["stop", "length", "cancelled", "refused", "filtered", "tool_calls", "no_text"]


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What a model is asked to write: the prompt, and all settings of the call.

    With a `schema`, one object that fits it. `max_tokens` are those of the answer; `reasoning` allows tokens
    besides, for thoughts before it. Without a `temperature` there is no chance, and no `seed` is needed.
    `alternatives` asks for the log-probabilities of so many likeliest tokens in the place of each one.
    """

    prompt: Sequence[Message]
    schema: type[BaseModel] | None = None
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    reasoning: Reasoning = 0
    alternatives: int = 0

    def __post_init__(self) -> None:
        # A list would be changed behind the back of whoever waits for the answer.
        object.__setattr__(self, "prompt", tuple(self.prompt))


@dataclass(frozen=True, slots=True)
class GeneratedToken:
    """One token of a text, which begins at `start` in it, and what it might have been.

    `likeliest` has log-probabilities by the tokens' texts, its own among them.
    """

    start: int
    text: str
    likeliest: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Generation(Generic[ParsedT]):
    """One generated text; `parsed` is the validated object when a schema was asked for.

    `reasoning` is what the model thought first, as far as the server tells it: never a part of `text`.
    `tokens` are those of the text, if `alternatives` were asked for and the server gives them.
    """

    text: str
    parsed: ParsedT | None = None
    usage: Usage = field(default_factory=Usage)
    finish: Finish = "stop"
    reasoning: str = ""
    tokens: tuple[GeneratedToken, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether there is an answer, if only its beginning.

        What is none is kept by no cache, and routes ask another model.
        """
        holds = bool(self.text.strip()) or self.parsed is not None
        return holds and self.finish in ("stop", "length")


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


@dataclass(frozen=True, slots=True, eq=False)
class NextTokens:
    """Log-probabilities of some tokens as the next one behind some rows: `values` of shape (rows, tokens)."""

    values: NDArray[np.float32]
    usage: Usage = field(default_factory=Usage)


@runtime_checkable
class NextTokenModel(Protocol):
    """A model that gives log-probabilities of next tokens, for decoding that the caller controls.

    Its calls count on the run's budget and trace, as those of a language model.
    """

    @property
    def name(self) -> str: ...

    async def next_tokens(self, rows: Sequence[Sequence[int]], tokens: Sequence[int]) -> NextTokens:
        """How likely each of `tokens` is the next one behind each of `rows`, among all that there are."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """A language model. Cancelling the task that awaits a call aborts the request at the server.

    `available` is False for the null model, the default: nodes then do what they can without one
    and say so. Every call counts on the run's budget and trace without the node doing anything.

    A model may have more, which the functions below ask for, and give a default for where it is not there:
    `scores_texts`, `resolved_name(operation)`, `for_tenant(tenant)`, `for_call(call)` and `close()`.
    A model that wraps another derives from `orchestrator.models.wrapper.WrapperModel`, which passes them on.
    """

    @property
    def name(self) -> str: ...

    @property
    def available(self) -> bool: ...

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """A completion; `on_text` receives the pieces of a streamed one, and no thoughts."""
        ...

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """The probability of each option as the answer, from one decoding step."""
        ...

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """The relevance of each text to the query, as a cross-encoder judges it."""
        ...


#: What a model is asked for: the first three of a language model.
Operation = Literal["generate", "choose", "score", "embed", "next_tokens"]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """The caller of a model: a node of the run `run_id`.

    `quoted` gives the ids of the passages that the node has read and that a text quotes.
    """

    run_id: str
    quoted: Callable[[str], Sequence[str]] = field(default=lambda _: ())


# -- what a model may have besides, and what holds where it does not -----------------------------


def scores_texts(model: LanguageModel) -> bool:
    """Whether a model has scores to give: one may write and not score, or score and not write.

    A model without the attribute `scores_texts` is taken to score if it is available.
    """
    return bool(getattr(model, "scores_texts", model.available))


async def resolved_name(model: NamedModel, operation: Operation = "generate") -> str:
    """The name and version of the model that answers now, as part of cache keys.

    Answers that are kept are found by it. A model whose server chooses has a method `resolved_name` that
    asks the server; options that change an answer belong to the name as well. ModelError if the server
    does not answer. Without the method it is `name`. Works for embedders, too.
    """
    resolve = getattr(model, "resolved_name", None)
    return model.name if resolve is None else str(await resolve(operation))


def for_tenant(model: LanguageModel, tenant: str) -> LanguageModel:
    """The model as a tenant uses it: what its method `for_tenant` gives, or the model itself.

    The engine asks for the view of the tenant who runs a workflow. Through it, nothing that was asked for
    one tenant answers another, or makes another's request measurably faster.
    """
    view = getattr(model, "for_tenant", None)
    return model if view is None else view(tenant)


def for_call(model: LanguageModel, call: ModelCall) -> LanguageModel:
    """The model as a node of a run uses it: what its method `for_call` gives, or the model itself.

    The engine asks for the view node by node. It is for models that want to know for which run they are
    asked, or on which passages an answer stands.
    """
    view = getattr(model, "for_call", None)
    return model if view is None else view(call)


async def close_model(model: object) -> None:
    """Close a model or an embedder, if it has a method `close`."""
    closing = getattr(model, "close", None)
    if closing is not None:
        await closing()


class NamedModel(Protocol):
    """Whatever has the name of a model: a language model, an embedder, a decoder."""

    @property
    def name(self) -> str: ...
