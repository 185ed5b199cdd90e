"""Values whose own code raises are faults of the graph that is given them, and never raise out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pytest

from orchestrator import Hits, Node, Question, each, fuse, node, repeat, route, workflow
from orchestrator.errors import OrchestratorError, WorkflowError
from orchestrator.graph.plan.fingerprint import identity_of
from orchestrator.types import Facets
from tests.graph import flows as f


class OwnError(Exception):
    """What only the value itself raises."""


def fails(*args: Any, **kwargs: Any) -> Any:
    raise OwnError("by itself")


#: Methods that Python calls where a value is looked at.
METHODS = (
    "eq hash repr str bool iter len getattr getattribute call contains getitem lt ge index float int format"
).split()
#: Names that the engine asks a value for.
NAMES = "__name__ title __class__ __wrapped__ __origin__ __args__ signature keys items label".split()
OF_CLASSES = "getattr getattribute repr eq hash bool call instancecheck subclasscheck iter".split()


class Empty(Mapping):
    """A mapping that cannot be walked through."""

    __getitem__ = __iter__ = __len__ = fails


class Sealed(tuple):
    """A tuple that does not say what is in it."""

    __iter__ = __len__ = fails


class Mute(str):
    """A text that does not let itself be read."""

    __str__ = __repr__ = strip = fails


class Wild(int):
    """A number that is not compared."""

    __lt__ = __gt__ = __ge__ = __eq__ = __repr__ = fails
    __hash__ = int.__hash__


VALUES: dict[str, Any] = {
    **{f"__{name}__": type("Value", (), {f"__{name}__": fails})() for name in METHODS},
    **{f"property {name}": type("Value", (), {name: property(fails)})() for name in NAMES},
    **{
        f"class with __{name}__": type.__new__(type("Meta", (type,), {f"__{name}__": fails}), "Value", (), {})
        for name in OF_CLASSES
    },
    "mapping": Empty(),
    "tuple": Sealed(),
    "text": Mute("text"),
    "number": Wild(3),
}


def annotated(reads: Any = Question, returns: Any = Hits) -> Any:
    """A node with these annotations."""

    async def work(value):
        return value

    work.__annotations__ = {"value": reads, "return": returns}
    return node(work)


def with_default(value: Any) -> Any:
    @node
    async def search(question: Question, *, k: int = value) -> Hits:
        return Hits()

    return search


def titled(value: Any) -> Any:
    class Named(Node):
        """A node that is called after the value."""

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    Named.label = value
    return Named()


#: Where a value may be put into a graph.
PLACES: dict[str, Callable[[Any], Any]] = {
    "a node": lambda value: f.find >> value >> f.answer,
    "a branch": lambda value: fuse(f.find | value, by=f.rank_fusion) >> f.answer,
    "what is fused": lambda value: fuse(value, by=f.rank_fusion) >> f.answer,
    "a fuser": lambda value: fuse(f.find | f.find_other, by=value) >> f.answer,
    "a body": lambda value: f.list_facets >> each(value, over=Facets),
    "a collection": lambda value: f.list_facets >> each(f.find, over=value),
    "a number at once": lambda value: f.list_facets >> each(f.find, over=Facets, at_once=value),
    "a choice": lambda value: route({"short": value, "long": f.find}, by=f.by_length),
    "the choices": lambda value: route(value, by=f.by_length),
    "a selector": lambda value: route({"short": f.find}, by=value),
    "what is repeated": lambda value: repeat(value, until=f.long_enough, at_most=3),
    "a condition": lambda value: repeat(f.find, until=value, at_most=3) >> f.answer,
    "a number of rounds": lambda value: repeat(f.find >> f.answer, until=f.long_enough, at_most=value),
    "a name": lambda value: f.find.named(value) >> f.answer,
    "a channel to read": lambda value: f.find >> f.answer.reading(hits=value),
    "a channel to write": lambda value: f.find.writing(value) >> f.answer,
    "a timeout": lambda value: f.find.within(timeout=value) >> f.answer,
    "attempts": lambda value: f.find.within(attempts=value) >> f.answer,
    "what is decorated": lambda value: node(value) >> f.answer,
    "a type to read": lambda value: annotated(reads=value) >> f.answer,
    "a type to return": lambda value: annotated(returns=value) >> f.answer,
    "one of two types": lambda value: annotated(returns=tuple[Hits, value]) >> f.answer,
    "a body of a workflow": lambda value: workflow("inner", value),
    "inputs": lambda value: workflow("inner", f.find >> f.answer, inputs=value),
    "an input": lambda value: workflow("inner", f.find >> f.answer, inputs=(value,)),
    "an output": lambda value: workflow("inner", f.find >> f.answer, outputs=(value,)),
}
#: Where some of them are right: what matters there is that nothing raises.
MAY_BE_RIGHT: dict[str, Callable[[Any], Any]] = {
    "a default": lambda value: with_default(value) >> f.answer,
    "a label": lambda value: titled(value) >> f.answer,
    "a name of a workflow": lambda value: workflow(value, f.find >> f.answer),
    "attempts": lambda value: f.find.within(attempts=value) >> f.answer,
    "a number at once": lambda value: f.list_facets >> each(f.find, over=Facets, at_once=value) >> f.compare,
}


def told(build: Callable[[Any], Any], value: Any) -> str:
    """What the check says; nothing if it finds no fault. Anything but its own error goes through."""
    try:
        built = workflow("graph", build(value))
        built.check()
        assert built.fingerprint
    except (WorkflowError, OrchestratorError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("place", PLACES)
def test_a_value_whose_own_code_raises_is_a_fault(place: str) -> None:
    accepted = [name for name, value in VALUES.items() if not told(PLACES[place], value)]
    # A number of three is one, whatever it says of itself.
    assert [name for name in accepted if name != "number"] == []


@pytest.mark.slow
@pytest.mark.parametrize("place", MAY_BE_RIGHT)
def test_where_it_may_stand_it_raises_nothing(place: str) -> None:
    for value in VALUES.values():
        told(MAY_BE_RIGHT[place], value)


def test_the_fault_says_what_raised() -> None:
    class Shy(Node):
        """A node that does not say what it is called."""

        @property
        def title(self) -> str:
            raise OwnError("no name today")

        async def __call__(self, question: Question) -> Hits:
            return Hits()

    for graph in (Shy() >> f.answer, Shy().within(timeout=3) >> f.answer):
        said = told(lambda _, graph=graph: graph, None)
        assert "shy: cannot be looked at" in said
        assert "Shy.title raised OwnError: no name today" in said


def test_other_faults_are_told_beside_it() -> None:
    said = told(lambda value: f.find.within(timeout=value) >> f.answer >> 3 >> "four", VALUES["number"])
    for fault in ("is an int", "is a str"):
        assert fault in said
    assert told(lambda value: f.find >> value >> 3, VALUES["__repr__"]).count("Fix: ") >= 2


def test_a_node_has_no_parts() -> None:
    for graph in (f.find[0], f.find["hits"] >> f.answer, (f.find >> f.answer)[0:1], (f.find | f.find)[-1]):
        assert "asked for a part" in told(lambda _, graph=graph: graph, None)
    # Python would ask for one part after the other, without an end.
    with pytest.raises(TypeError):
        list(f.find)
    with pytest.raises(TypeError):
        assert 3 in f.find


def test_a_composition_is_not_called() -> None:
    assert "called like a node" in told(lambda _: (f.find >> f.answer)(k=3), None)


def test_a_value_that_cannot_be_known_hinders_no_fingerprint() -> None:
    class Secret:
        """Its attributes are nobody's."""

        __dict__ = property(fails)  # type: ignore[assignment]

    assert identity_of(Secret()).unknown == ("a Secret",)


def test_names_of_channels_may_raise_as_well() -> None:
    assert "cannot be looked at" in told(
        lambda value: annotated(returns=Annotated[Hits, value]) >> f.answer, Mute("first")
    )
