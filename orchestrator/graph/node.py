"""The node contract. This docstring is the source of truth.

A node is a typed callable with frozen, validated configuration. It says what it reads and writes by
its annotations, and nothing else:

* a positional parameter annotated with a Protocol of `orchestrator.ports` is a *port*, and is given
  whatever the application provides for it;
* a positional parameter annotated with `Run` is given the run: budget, cancellation, streaming;
* any other positional parameter is *read* from the state by its type; `Annotated[Hits, "first"]`
  reads the channel of that name, `Hits | None` reads None where nothing was written;
* configuration is the keyword-only parameters of a function, or the fields of a class;
* the return annotation is what it *writes*: one type, `tuple[A, B]` for two, `None` for an effect.

Write `async def` for what awaits or is quick; a plain `def` runs in a bounded thread pool and can
poll `run.cancelled`. Values are immutable: return new ones. Two nodes with equal configuration are
equal, so that equal beginnings of two workflows can be shared. Timeouts, retries, caching, budgets,
spans and cancellation are the engine's: nodes contain none of it.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast, dataclass_transform, overload

from orchestrator.errors import BadInput, OrchestratorError, told_error
from orchestrator.graph.expression import Broken, Expression, Nested, Step, composing, expression, unseen
from orchestrator.graph.names import a_kind_of, written
from orchestrator.graph.policy import Policy
from orchestrator.graph.problem import Problem
from orchestrator.graph.signature import Signature, signature_of

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class ConfigurationError(BadInput, ValueError):
    """A node was given a setting that it does not have or cannot take."""


class _Place(Expression):
    """What a node can be told about its place in a graph; each answer is a `Step`."""

    __slots__ = ()

    @composing
    def named(self, name: str) -> Step:
        """The same node under another name in traces and messages."""
        return self._step().named(name)

    @composing
    def reading(self, **channels: str) -> Step:
        """Read parameters from named channels: `.reading(hits="first")`."""
        return self._step().reading(**channels)

    @composing
    def writing(self, channel: str) -> Step:
        """Write to a named channel of its type: `.writing("first")`."""
        return self._step(writes=channel)

    @composing
    def within(
        self, *, timeout: float | None = None, attempts: int | None = None, cache: float | None = None
    ) -> Step:
        """Run under a policy: seconds an attempt, attempts in all (1), seconds to keep the result."""
        return self._step(policy=Policy(timeout, 1 if attempts is None else attempts, cache))

    def _step(self, **settings: Any) -> Step:
        return Step(cast("Any", self), **settings)


#: What every node has, and what no setting of a class can therefore be called.
_OURS = frozenset({"named", "reading", "writing", "within", "signature", "title", "function", "settings"})


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
class Node(_Place):
    """Base class of nodes with settings: fields are settings, `__call__` does the work.

    Subclasses become frozen dataclasses whose fields pydantic validates.
    """

    #: Set by a subclass to be named otherwise than after its class.
    label: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        from pydantic import ConfigDict
        from pydantic.dataclasses import dataclass as validated

        taken = {name for name in inspect.get_annotations(cls) if name in _OURS}
        if taken:
            raise ConfigurationError(
                f"{cls.__name__}: {', '.join(sorted(taken))} cannot be a setting, since every node has it.",
                hint="Give the setting another name.",
            )
        config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, validate_default=True)
        try:
            validated(frozen=True, config=config)(cls)
        except Exception as error:
            raise ConfigurationError(
                f"{cls.__name__}: {_reason(error)}.",
                hint="Give each field a type, and a default that cannot be changed: a tuple for a list.",
            ) from None
        _explain_bad_settings(cls)

    @property
    def signature(self) -> Signature:
        """The channels that this node reads and writes, and the ports it needs."""
        work = type(self).__call__
        if work is Node.__call__:
            fix = "define async def __call__(self, question: Question) -> Hits, with the types that it takes"
            return Signature(problems=(Problem(f"is a {type(self).__name__} without __call__", fix),))
        kind = inspect.getattr_static(type(self), "__call__")
        if isinstance(kind, staticmethod | classmethod):
            fix = "define it as a method: async def __call__(self, …)"
            called = "staticmethod" if isinstance(kind, staticmethod) else "classmethod"
            return Signature(problems=(Problem(f"defines __call__ as a {called}", fix),))
        return signature_of(work, method=True)

    @property
    def title(self) -> str:
        """Its name in graphs, traces and messages."""
        return self.label or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def function(self) -> Callable[..., Any]:
        """The function that the engine calls with the values it reads."""
        return self.__call__

    def __call__(self, *values: Any, **named: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __call__")


def _explain_bad_settings(cls: type[Node]) -> None:
    """Let a bad setting raise one sentence that names the node and the setting."""
    construct = cls.__init__

    @functools.wraps(construct)
    def explained(self: Any, *args: Any, **kwargs: Any) -> None:
        from pydantic import PydanticUserError, ValidationError

        hint = f"Settings: {_settings(cls)}."
        try:
            construct(self, *args, **kwargs)
        except ValidationError as error:
            raise ConfigurationError(f"{cls.__name__}: {_sentence(error)}.", hint=hint) from None
        except (TypeError, PydanticUserError) as error:
            raise ConfigurationError(f"{cls.__name__}: {_reason(error)}.", hint=hint) from None
        except OrchestratorError:
            raise
        except Exception as error:  # a value's own code may raise anything where its type is asked for
            raise ConfigurationError(f"{cls.__name__}: {_reason(error)}.", hint=hint) from error

    cls.__init__ = explained


def _sentence(error: Any) -> str:
    def told(item: Any) -> str:
        where = ".".join(str(part) for part in item["loc"]) or "value"
        return f"{where}={written(item.get('input'))}: {item['msg']}"

    return "; ".join(told(item) for item in error.errors())


def _reason(error: Exception) -> str:
    """The first line of what an error says; its class, if it says nothing."""
    kind, _, text = told_error(error).partition(": ")
    return (text.splitlines() or [kind])[0].rstrip(". ")


def _settings(cls: type[Any]) -> str:
    names = [spec.name for spec in dataclasses.fields(cls)]
    return ", ".join(names) if names else "none"


@dataclass(frozen=True)
class FunctionNode(_Place):
    """A node made of a function; calling it sets its keyword-only parameters."""

    function: Callable[..., Any]
    settings: tuple[tuple[str, Any], ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its place: where the function of a decorated one was, the node stands."""
        where = (self.function.__module__, getattr(self.function, "__qualname__", ""))
        found = _found(*where)
        if isinstance(found, FunctionNode) and found.function is self.function:
            return _restored, (*where, self.settings)
        return FunctionNode, (self.function, self.settings)

    @classmethod
    def of(cls, function: Callable[..., Any]) -> FunctionNode:
        """The node of a function with its default settings."""
        return cls(function)

    @property
    def signature(self) -> Signature:
        """The channels that this node reads and writes, and the ports it needs."""
        return signature_of(self.function)

    @property
    def title(self) -> str:
        """Its name in graphs, traces and messages."""
        return getattr(self.function, "__name__", "function").replace("<lambda>", "lambda")

    @property
    def missing(self) -> tuple[str, ...]:
        """Settings without a default that were not given."""
        given = dict(self.settings)
        return tuple(
            setting.name
            for setting in self.signature.settings
            if setting.default is inspect.Parameter.empty and setting.name not in given
        )

    def __call__(self, *args: Any, **kwargs: Any) -> FunctionNode:
        """The same node with other settings; positional ones are taken in their order."""
        allowed = {setting.name: setting for setting in self.signature.settings}
        if len(args) > len(allowed) or not set(kwargs) <= set(allowed):
            unknown = ", ".join(sorted(set(kwargs) - set(allowed))) or f"{len(args)} positional"
            raise ConfigurationError(
                f"{self.title}: unknown setting {unknown}.",
                hint=f"Settings: {', '.join(allowed) or 'none'}.",
            )
        twice = set(list(allowed)[: len(args)]) & set(kwargs)
        if twice:
            raise ConfigurationError(
                f"{self.title}: {', '.join(sorted(twice))} is given twice.", hint="Give each setting once."
            )
        given = {**dict(zip(allowed, args, strict=False)), **kwargs}
        checked = {name: _validated(self.title, name, allowed[name], value) for name, value in given.items()}
        return FunctionNode(self.function, tuple(sorted({**dict(self.settings), **checked}.items())))


def _found(module: str, qualname: str) -> Any:
    """What stands in a module under a name; None if nothing does."""
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def _restored(module: str, qualname: str, settings: tuple[tuple[str, Any], ...]) -> FunctionNode:
    importlib.import_module(module)
    found = _found(module, qualname)
    if not isinstance(found, FunctionNode):
        raise BadInput(
            f"{module}.{qualname} is no node any more.", hint="Pickle it again, from the code of now."
        )
    return FunctionNode(found.function, settings)


def _validated(title: str, name: str, setting: inspect.Parameter, value: Any) -> Any:
    from pydantic import ValidationError

    try:
        return as_setting(setting.annotation, value)
    except ValidationError as error:
        raise ConfigurationError(
            f"{title}: {name}={written(value)}: {error.errors()[0]['msg']}.", hint="Give a value of its type."
        ) from None
    except Exception as error:
        raise ConfigurationError(
            f"{title}: {name}={written(value)}: {_reason(error)}.",
            hint="Annotate the setting with a type of plain values.",
        ) from None


def as_setting(annotation: Any, value: Any) -> Any:
    """A value as a setting of a type; raises what pydantic does."""
    if annotation in (Any, inspect.Parameter.empty):
        return value
    try:
        hash(annotation)
    except TypeError:
        return _setting_adapter.__wrapped__(annotation).validate_python(value)
    return _setting_adapter(annotation).validate_python(value)


@functools.lru_cache(maxsize=1024)
def _setting_adapter(annotation: Any) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, TypeAdapter

    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:
        # Types that bring their own configuration refuse a second one.
        return TypeAdapter(annotation)


@overload
def node(function: Callable[..., Any], /) -> FunctionNode: ...
@overload
def node() -> Callable[[Callable[..., Any]], FunctionNode]: ...
def node(*functions: Any, **settings: Any) -> Any:
    """Make a typed function a node. Its keyword-only parameters are its settings: `recent(years=3)`.

    What is no function becomes a `Broken` expression, which the check of a workflow reports.
    """
    if settings or len(functions) > 1:
        fix = "decorate one function with @node; give settings by calling it, a policy by .within(…)"
        return Broken("node", "is given more than one function", fix)
    return _decorated(*functions) if functions else _decorated


def _decorated(function: Any) -> Any:
    try:
        return _node_of(function)
    except Exception as error:
        return unseen(a_kind_of(type(function).__name__), error)


def _node_of(function: Any) -> Any:
    if isinstance(function, staticmethod):
        function = cast("Any", function).__func__
    if isinstance(function, classmethod):
        name = str(getattr(cast("Any", function), "__name__", "a classmethod"))
        fix = f"write node(C.{name}) behind the class C, where its class is known"
        return Broken(name, "is a classmethod that no class is bound to", fix)
    plain = inspect.isfunction(function) or inspect.ismethod(function)
    wraps = inspect.isfunction(getattr(function, "__wrapped__", None))
    if plain or (wraps and not isinstance(function, functools.partial)):
        return FunctionNode.of(function)
    if isinstance(function, Nested):
        return Broken(str(function.name), "is a workflow, and so a node already", "use it without node(…)")
    if isinstance(function, (FunctionNode, Node, Step)):
        title = function.node.title if isinstance(function, Step) else function.title
        return Broken(title, "is a node already, and was given to @node again", "drop one @node")
    if isinstance(function, Expression) and not isinstance(function, Broken):
        kind = type(function).__name__.lower()
        return Broken(kind, f"is a {kind} of nodes, and was given to node(…)", "use it without node(…)")
    return expression(cast("object", function))
