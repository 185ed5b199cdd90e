"""Workflows: their inputs and outputs, workflows inside of workflows, and the ports that are there."""

import functools
from dataclasses import dataclass
from typing import Annotated, Any, Optional

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
from orchestrator.ports import Documents, Embedder, LanguageModel, VectorStore
from orchestrator.types import Facets
from tests.graph import flows as f
from tests.graph.corpus.case import Cases

BROKEN = Cases()


@dataclass
class Draft:
    """A type that can be changed."""

    text: str


@dataclass(frozen=True)
class Drafts:
    """Frozen, with what can be changed inside."""

    drafts: list[Draft]


async def read_draft(draft: Draft) -> Answer:
    """Reads such a value."""
    return Answer(draft.text)


async def read_drafts(drafts: Drafts) -> Answer:
    """Reads such values."""
    return Answer("")


@node
async def fetch(hits: Hits, documents: Documents) -> Answer:
    """Needs a port."""
    return Answer("")


@node
async def embed(question: Question, embedder: Embedder, store: VectorStore) -> Hits:
    """Needs two ports."""
    return Hits()


@node
async def fuse_by_model(rankings: tuple[Hits, ...], model: LanguageModel) -> Hits:
    """A fusion that needs a port."""
    return Hits()


@node
async def find_facet_in(facet: str, store: VectorStore) -> Hits:
    """A body that needs a port."""
    return Hits()


@node
async def perhaps_and_surely(hits: Hits, documents: Documents | None, model: LanguageModel) -> Answer:
    """Needs one port, and takes the other."""
    return Answer("")


async def enough(hits: Hits) -> bool:
    """A condition."""
    return True


class Fetch(Node):
    """A class that needs a port."""

    k: int = 3

    async def __call__(self, hits: Hits, documents: Documents) -> Answer:
        return Answer("")


def usual(**how: object) -> object:
    """The usual workflow with other inputs or outputs."""
    return workflow("graph", f.find >> f.answer, **how)


# Outputs.
for name, value, word in (
    ("a type", Hits, "Hits"),
    ("the name of a type", "Hits", "'Hits'"),
    ("a number", 5, "5"),
    ("None", None, "None"),
    ("true", True, "True"),
    ("a type that nobody writes", (Queries,), "Queries"),
    ("a name that nobody writes", (Annotated[Hits, "frist"],), "frist"),
    ("names of types", ("Hits",), "'Hits'"),
    ("a value", (Hits(),), "Hits("),
    ("a list of a type", (list[Hits],), "list"),
    ("a number within", (5,), "5"),
    ("None within", (None,), "None"),
    ("a node", (f.find,), "find"),
    ("a union", (Hits | Answer,), "Hits | Answer"),
    ("anything", (Any,), "Any"),
    ("a pair of types within", ((Hits, Answer),), "Hits"),
    ("an empty name", (Annotated[Hits, ""],), "name"),
):
    BROKEN.add(f"outputs of {name}", lambda value=value: usual(outputs=value), word)

# Inputs.
for name, value, word in (
    ("a type", Question, "Question"),
    ("the name of a type", "Question", "'Question'"),
    ("a number", 5, "5"),
    ("None", None, "None"),
    ("nothing", (), "Question"),
    ("another type", (Hits,), "Question"),
    ("names of types", ("Question",), "'Question'"),
    ("a value", (Question("q"),), "Question("),
    ("one type twice", (Question, Question), "twice"),
    ("a list type", (Question, list[str]), "list"),
    ("None within", (Question, None), "None"),
    ("anything", (Question, Any), "Any"),
    ("a union", (Question | Hits,), "Question | Hits"),
    ("a port", (Question, Documents), "Documents"),
    ("the run", (Question, Run), "Run"),
    ("a node", (Question, f.find), "find"),
    ("an optional type", (Optional[Question],), "Question"),  # noqa: UP045
):
    BROKEN.add(f"inputs of {name}", lambda value=value: usual(inputs=value), word)

BROKEN.add(
    "an input that can be changed",
    lambda: workflow("graph", node(read_draft), inputs=(Draft,)),
    "Draft",
    "frozen",
)
BROKEN.add(
    "an input of what can be changed",
    lambda: workflow("graph", node(read_drafts), inputs=(Drafts,)),
    "Drafts",
    "drafts",
)
BROKEN.add(
    "a misspelt name of an input",
    lambda: workflow("graph", f.answer.reading(hits="frist"), inputs=(Question, Hits)),
    "frist",
)

# Workflows inside of workflows.
BROKEN.add(
    "an inner input that is not there",
    lambda: workflow("inner", f.add_one, inputs=(Hits,)) >> f.answer,
    "Hits",
    node="inner",
)
BROKEN.add(
    "an inner input that comes later",
    lambda: workflow("inner", f.search_queries, inputs=(Queries,)) >> f.rewrite >> f.answer,
    "Queries",
    node="inner",
)
BROKEN.add(
    "an inner workflow that does not take what it reads",
    lambda: f.find >> workflow("inner", f.add_one) >> f.answer,
    "Hits",
    node="add_one",
)
BROKEN.add(
    "an inner workflow of an inner workflow that is not given its input",
    lambda: f.find >> workflow("outer", workflow("inner", f.add_one, inputs=(Hits,))) >> f.answer,
    "Hits",
    node="inner",
)
BROKEN.add(
    "an inner output that nobody writes",
    lambda: workflow("inner", f.find, outputs=(Queries,)) >> f.answer,
    "Queries",
    node="inner",
)
BROKEN.add("an inner workflow of nothing", lambda: f.find >> workflow("inner", SKIP) >> f.answer, "nothing")
BROKEN.add("an inner workflow of a number", lambda: workflow("inner", 5) >> f.answer_if_any, "int")
BROKEN.add(
    "an inner workflow with outputs of a type",
    lambda: workflow("inner", f.find, outputs=Hits) >> f.answer,
    "Hits",
)
BROKEN.add(
    "an inner workflow with a broken policy",
    lambda: workflow("inner", f.find.within(attempts=0)) >> f.answer,
    "attempt",
    node="inner/find",
)
BROKEN.add(
    "an inner workflow that does not read its item",
    lambda: f.list_facets >> fuse(each(workflow("inner", f.find), over=Facets), by=f.rank_fusion) >> f.answer,
    "str",
)
BROKEN.add(
    "an inner workflow that needs another item",
    lambda: (
        f.list_facets
        >> fuse(each(workflow("inner", f.add_one, inputs=(Hits,)), over=Facets), by=f.rank_fusion)
        >> f.answer
    ),
    "Hits",
    node="inner",
)
BROKEN.add(
    "a workflow as a condition",
    lambda: f.find >> repeat(f.add_one, until=workflow("inner", f.find), at_most=2) >> f.answer,
    "inner",
)
BROKEN.add(
    "a workflow as a selector",
    lambda: f.find >> route({"a": f.add_one}, by=workflow("inner", f.find)) >> f.answer,
    "inner",
)
BROKEN.add(
    "a workflow that is not called",
    lambda: f.find >> functools.partial(workflow, "inner", f.add_one) >> f.answer,
    "partial",
)


def contains_itself() -> object:
    """A workflow that was put into itself behind its back."""
    own = workflow("own", f.find >> f.answer)
    object.__setattr__(own, "body", f.find >> own)
    return own


def contains_each_other() -> object:
    """Two workflows, each in the other."""
    one = workflow("one", f.find >> f.answer)
    other = workflow("other", f.find >> one)
    object.__setattr__(one, "body", f.find >> other)
    return one


BROKEN.add("a workflow in itself", contains_itself, "own", "itself")
BROKEN.add("two workflows in each other", contains_each_other, "one", "itself")

# Ports.
BROKEN.add("no port at all", lambda: f.find >> fetch, "Documents", node="fetch", ports=())
BROKEN.add("another port", lambda: f.find >> fetch, "Documents", node="fetch", ports=(LanguageModel,))
BROKEN.add("two missing ports", lambda: embed >> f.answer, "Embedder", "VectorStore", node="embed", ports=())
BROKEN.add("one port of two", lambda: embed >> f.answer, "VectorStore", node="embed", ports=(Embedder,))
BROKEN.add("a missing port of a class", lambda: f.find >> Fetch(), "Documents", node="fetch", ports=())
BROKEN.add(
    "a missing port of an inner workflow",
    lambda: f.find >> workflow("inner", fetch, inputs=(Hits,)),
    "Documents",
    node="inner/fetch",
    ports=(),
)
BROKEN.add(
    "a missing port of a fusion",
    lambda: fuse(f.find | f.find_other, by=fuse_by_model) >> f.answer,
    "LanguageModel",
    node="fuse_by_model",
    ports=(Documents,),
)
BROKEN.add(
    "a missing port of a body",
    lambda: f.list_facets >> fuse(each(find_facet_in, over=Facets), by=f.rank_fusion) >> f.answer,
    "VectorStore",
    node="find_facet_in",
    ports=(),
)
BROKEN.add(
    "a missing port of a branch",
    lambda: f.find >> route({"short": fetch, "long": f.answer}, by=f.by_length),
    "Documents",
    node="fetch",
    ports=(),
)
BROKEN.add(
    "a missing port beside an optional one",
    lambda: f.find >> perhaps_and_surely,
    "LanguageModel",
    node="perhaps_and_surely",
    ports=(Documents,),
)
BROKEN.add(
    "a missing port and a fault of another kind",
    lambda: f.find.within(timeout=0) >> fetch,
    "Documents",
    "timeout",
    ports=(),
)
