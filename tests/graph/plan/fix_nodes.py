"""Nodes with faults, and the same nodes without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from orchestrator import (
    SKIP,
    Answer,
    Hits,
    Node,
    Queries,
    Question,
    Run,
    each,
    fuse,
    node,
    repeat,
    route,
    workflow,
)
from orchestrator.nodes import rrf
from orchestrator.ports import Documents
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus import broken_annotations as annotations


def takes(tp: Any) -> object:
    """A node that reads a type behind `find` and `answer`."""
    return annotations.reads(tp)


def makes(tp: Any, then: object = SKIP) -> object:
    """A node that writes a type."""
    return annotations.writes(tp) >> then  # type: ignore[operator]


def function(function: Any, **changed: Any) -> object:
    """A function as a node, with other annotations."""

    async def copy(question: Question) -> Hits:
        return Hits()

    copy.__annotations__ = {**copy.__annotations__, **changed}
    return node(copy)


#: The same, without what a type checker would say of wrong calls.
untyped: Any = node
fuse_: Any = fuse
workflow_: Any = workflow


class Static(Node):
    """Its work is no method."""

    @staticmethod
    async def __call__(question: Question) -> Hits:
        return Hits()


class PortField(Node):
    """A port where settings are."""

    documents: Documents | None = None

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class Machine:
    """A class that is no node."""


async def untyped_setting(question: Question, *, k=3) -> Hits:
    """A setting without a type."""
    return Hits()


async def defaulted(question: Question, hits: Hits = Hits()) -> Answer:  # noqa: B008
    """A read with a default."""
    return Answer("")


async def plain(question: Question) -> Hits:
    """A function that nobody decorated."""
    return Hits()


async def nowhere(question: Nowhere) -> Hits:  # noqa: F821
    """Reads a type that is not there."""
    return Hits()


async def with_k(question: Question, *, k: int) -> Hits:
    """A setting without a default."""
    return Hits()


async def k_before_the_star(question: Question, k: int = 3) -> Hits:
    """A setting in the wrong place."""
    return Hits()


async def k_behind_the_star(question: Question, *, k: int = 3) -> Hits:
    """A setting in its place."""
    return Hits()


async def many(*hits: Hits) -> Answer:
    """Any number of values."""
    return Answer("")


async def list_of_names(question: Question, *, names: list[str] = []) -> Hits:  # noqa: B006
    """A default that changes."""
    return Hits()


async def tuple_of_names(question: Question, *, names: tuple[str, ...] = ()) -> Hits:
    """A default that does not."""
    return Hits()


async def three(question: Question, *, k: int = "three") -> Hits:
    """A default of another type."""
    return Hits()


async def none(question: Question, *, k: int = None) -> Hits:  # noqa: RUF013
    """A default that is None."""
    return Hits()


async def none_or_int(question: Question, *, k: int | None = None) -> Hits:
    """Says that it may be None."""
    return Hits()


async def port_as_setting(question: Question, *, documents: Documents) -> Hits:
    """A port behind the star."""
    return Hits()


async def port_as_parameter(question: Question, documents: Documents) -> Hits:
    """A port in its place."""
    return Hits()


async def perhaps_port(question: Question, documents: Documents | None) -> Hits:
    """A port that need not be there."""
    return Hits()


async def two_runs(question: Question, run: Run, other: Run) -> Hits:
    """The run, twice."""
    return Hits()


async def one_run(question: Question, run: Run) -> Hits:
    """The run."""
    return Hits()


async def yields(question: Question) -> Hits:
    """A generator."""
    yield Hits()


async def streams(question: Question, run: Run) -> Hits:
    """Returns one value, and streams."""
    run.emit("…")
    return Hits()


async def five(hits: Hits) -> bool:
    """Enough were found."""
    return len(hits) >= 5


async def count(hits: Hits) -> int:
    """No condition."""
    return 5


async def asked(question: Question) -> bool:
    """No round changes it."""
    return True


@node
async def collect(rankings: tuple[Hits, ...]) -> Answer:
    """Joins what each gives."""
    return Answer("")


@node
async def facet_answer(facet: str) -> Answer:
    """A value of another type."""
    return Answer(facet)


@node
async def fuse_answers(texts: tuple[Answer, ...]) -> Answer:
    """Joins answers."""
    return texts[0]


@node
async def into_answer(rankings: tuple[Hits, ...]) -> Answer:
    """Fuses into another type."""
    return Answer("")


@node
async def read_queries(hits: Hits, queries: Queries) -> Answer:
    """Reads what was a dead end."""
    return Answer("")


@node
async def words(question: Question) -> tuple[str, ...]:
    """A tuple whose items have a type."""
    return ()


@node
async def compare_other(hits: Hits, other: Annotated[Hits, "other"]) -> Answer:
    """Reads what was renamed."""
    return Answer("")


@node
async def perhaps_first(hits: Hits | None, first: Annotated[Hits, "first"] | None) -> Answer:
    """An optional name."""
    return Answer("")


@node
async def misspelt(hits: Hits, first: Annotated[Hits, "frist"] | None) -> Answer:
    """An optional name that nobody writes."""
    return Answer("")


@node
async def both(question: Question) -> tuple[Hits, Annotated[Hits, "first"]]:
    """Two names in the annotation."""
    return Hits(), Hits()


@node
async def hits_and_queries(question: Question) -> tuple[Hits, Queries]:
    """Two types."""
    return Hits(), Queries(())


@dataclass
class Open:
    """A dataclass that can be changed."""

    text: str = ""


@dataclass(frozen=True)
class Frozen:
    """The same, frozen."""

    text: str = ""


class FrozenModel(BaseModel):
    """A model that is frozen."""

    model_config = ConfigDict(frozen=True)
    text: str = ""


async def open_setting(question: Question, *, options: Open = Open()) -> Hits:  # noqa: B008
    """A setting that changes."""
    return Hits()


async def frozen_setting(question: Question, *, options: Frozen = Frozen()) -> Hits:
    """A setting that does not."""
    return Hits()


async def object_setting(question: Question, *, lock: object = object()) -> Hits:
    """A setting that no other process knows."""
    return Hits()


class Wordless(Node):
    """No `__call__`."""


class Wordy(Node):
    """With one."""

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class Behind(Node):
    """A setting behind the star of `__call__`."""

    async def __call__(self, question: Question, *, k: int = 3) -> Hits:
        return Hits()


class Field(Node):
    """The setting as a field."""

    k: int = 3
    LABELS: ClassVar[int] = 1

    async def __call__(self, question: Question) -> Hits:
        return Hits()


def search_over(what: Any = Facets, body: object = f.find_facet, **how: Any) -> object:
    """A map with its fusion."""
    return f.list_facets >> fuse(each(body, over=what, **how), by=rrf(60)) >> f.answer


def chosen(choices: Any, by: Any = f.by_length) -> object:
    """A route behind a search."""
    return f.find >> route(choices, by=by) >> f.answer


def grown(body: object = f.add_one, until: object = five, at_most: Any = 3) -> object:
    """A loop behind a search."""
    return f.find >> repeat(body, until=until, at_most=at_most) >> f.answer


def usual(body: object = f.find >> f.answer, name: Any = "graph", **how: Any) -> object:
    """A workflow."""
    return workflow(name, body, **how)


def inside_of_itself() -> object:
    """A workflow in itself."""
    own = workflow("own", f.find >> f.answer)
    object.__setattr__(own, "body", f.find >> own)
    return own


def takes_first() -> object:
    """Reads a name that nobody writes."""

    async def first(first: Annotated[Hits, "first"]) -> Answer:
        return Answer("")

    return node(first)


class Bound:
    """A class with a method of its own."""

    @classmethod
    async def find(cls, question: Question) -> Answer:
        """Bound to its class where it is decorated."""
        return Answer("")


class Row(tuple):
    """A tuple that does not say what it holds."""


class RowOfWords(tuple[str, ...]):
    """The same of words."""


class Bag(frozenset):
    """A set that does not say what it holds."""


class BagOfWords(frozenset[str]):
    """The same of words."""


class Raising:
    """A value that cannot be compared with a number."""

    def __lt__(self, other: object) -> bool:
        raise ArithmeticError("not comparable")

    def __repr__(self) -> str:
        raise ArithmeticError("not to be shown")
