"""Nodes, settings, names and policies that are right."""

from typing import Annotated, Literal, Optional

from orchestrator import Answer, Hits, Node, Queries, Question, Run, fuse, node, workflow
from orchestrator.nodes import CitedAnswer, Compress, Retrieve, rrf
from orchestrator.ports import Documents, Embedder, LanguageModel, VectorStore
from orchestrator.types import Facets, History, Hit
from tests.graph import flows as f
from tests.graph.corpus.case import Cases
from tests.graph.corpus.right_types import Colour, Model, Plain, Size

RIGHT = Cases()


async def all_settings(
    question: Question,
    *,
    text: str = "",
    number: int = 3,
    share: float = 1,
    sure: bool = False,
    word: Literal["a", "b"] = "a",
    colour: Colour = Colour.red,
    perhaps: int | None = None,
    names: tuple[str, ...] = (),
    pairs: tuple[tuple[str, float], ...] = (("a", 1.0),),
    labels: frozenset[str] = frozenset({"public"}),
    plain: Plain = Plain("x"),  # noqa: B008
    model: Model = Model(text="x"),  # noqa: B008
) -> Hits:
    """Settings of every type of value."""
    return Hits()


class AllFields(Node):
    """The same as fields."""

    text: str = ""
    number: int = 3
    share: float = 1
    sure: bool = False
    word: Literal["a", "b"] = "a"
    colour: Colour = Colour.red
    perhaps: int | None = None
    names: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    plain: Plain = Plain("x")
    size: Size = Size.small

    async def __call__(self, question: Question, run: Run) -> Hits:
        return Hits()


class Given(Node):
    """A field that must be given."""

    k: int

    async def __call__(self, question: Question) -> Hits:
        return Hits()


class Deeper(Given):
    """A node class made of another."""

    more: int = 1


class Threaded(Node):
    """Works in a thread, and writes two."""

    def __call__(self, question: Question) -> tuple[Hits, Annotated[Hits, "first"]]:
        return Hits(), Hits()


class Labelled(Node):
    """Named otherwise than after its class."""

    label = "finds"

    async def __call__(self, question: Question) -> Hits:
        return Hits()


@node
def in_thread(question: Question) -> Hits:
    """A plain def."""
    return Hits()


@node()
async def with_brackets(question: Question) -> Hits:
    """The decorator with brackets."""
    return Hits()


async def needs_k(question: Question, *, k: int) -> Hits:
    """A setting without a default."""
    return Hits()


@node
async def perhaps_old(question: Question, hits: Optional[Hits]) -> Answer:  # noqa: UP045
    """An optional read, the old way."""
    return Answer("")


@node
async def perhaps_queries(hits: Hits, queries: Queries | None) -> Answer:
    """An optional read of a type that nobody need write."""
    return Answer("")


@node
async def perhaps_first(hits: Hits, first: Annotated[Hits, "first"] | None) -> Answer:
    """An optional read of a name."""
    return Answer("")


@node
async def perhaps_documents(hits: Hits, documents: Documents | None) -> Answer:
    """An optional port."""
    return Answer("")


@node
async def perhaps_model(hits: Hits, documents: Documents, model: Optional[LanguageModel]) -> Answer:  # noqa: UP045
    """A port, and an optional one."""
    return Answer("")


@node
async def many_ports(
    question: Question, embedder: Embedder, store: VectorStore, documents: Documents, run: Run
) -> Hits:
    """Several ports, and the run."""
    return Hits()


@node
async def only_run(run: Run) -> Hits:
    """Reads nothing but the run."""
    return Hits()


@node
async def note(hits: Hits) -> None:
    """An effect."""


@node
async def as_text(question: "Question") -> "Hits":
    """Annotations in quotes."""
    return Hits()


def closing(word: str) -> object:
    """A node that was made inside of a function."""

    @node
    async def find_word(question: Question) -> Hits:
        return Hits((Hit(word, 1.0),))

    return find_word


RIGHT.add("settings by default", lambda: node(all_settings) >> f.answer)
RIGHT.add(
    "settings that are given",
    lambda: (
        node(all_settings)(
            text="x",
            number=5,
            share=0.5,
            sure=True,
            word="b",
            colour=Colour.blue,
            perhaps=3,
            names=("a", "b"),
            pairs=(("b", 2.0),),
            labels=frozenset({"x"}),
            plain=Plain("y"),
            model=Model(text="y"),
        )
        >> f.answer
    ),
)
RIGHT.add("fields by default", lambda: AllFields() >> f.answer)
RIGHT.add(
    "fields that are given",
    lambda: AllFields("x", perhaps=1, names=("a",), colour=Colour.blue, plain=Plain("y")) >> f.answer,
)
RIGHT.add("a field that must be given", lambda: Given(3) >> f.answer)
RIGHT.add("a class made of another", lambda: Deeper(k=3, more=2) >> f.answer)
RIGHT.add("a setting that must be given", lambda: node(needs_k)(k=3) >> f.answer)
RIGHT.add("a setting by its place", lambda: f.find(5) >> f.answer)
RIGHT.add("a plain def", lambda: in_thread >> f.answer)
RIGHT.add("a class that works in a thread", lambda: Threaded() >> f.compare)
RIGHT.add("a class with a label", lambda: Labelled() >> f.answer)
RIGHT.add("a decorator with brackets", lambda: with_brackets >> f.answer)
RIGHT.add("annotations in quotes", lambda: as_text >> f.answer)
RIGHT.add("a node made inside of a function", lambda: closing("x") >> f.answer)
RIGHT.add("an effect", lambda: f.find >> note >> f.answer)
RIGHT.add("a node that reads nothing but the run", lambda: only_run >> f.answer)
RIGHT.add("an optional read that is written", lambda: f.find >> perhaps_old)
RIGHT.add("an optional read that nobody writes", lambda: f.answer_if_any)
RIGHT.add("an optional read of a type beside another", lambda: f.find >> perhaps_queries)
RIGHT.add("an optional read of a name that is written", lambda: f.find >> f.write_first >> perhaps_first)
RIGHT.add("an optional port that is there", lambda: f.find >> perhaps_documents, ports=(Documents,))
RIGHT.add("an optional port that is not there", lambda: f.find >> perhaps_documents, ports=())
RIGHT.add("an optional port without ports", lambda: f.find >> perhaps_documents)
RIGHT.add("a port and an optional one", lambda: f.find >> perhaps_model, ports=(Documents,))
RIGHT.add(
    "several ports",
    lambda: many_ports >> f.answer,
    ports=(Embedder, VectorStore, Documents, LanguageModel),
)
RIGHT.add("shipped nodes", lambda: Retrieve(k=5) >> Compress(tokens=200) >> CitedAnswer(sentences=2))
RIGHT.add("a shipped fusion", lambda: fuse(f.find | f.find_other, by=rrf(60)) >> f.answer)

# Policies and names.
RIGHT.add("a timeout", lambda: f.find.within(timeout=2) >> f.answer)
RIGHT.add("a timeout of a part of a second", lambda: f.find.within(timeout=0.25) >> f.answer)
RIGHT.add("three attempts", lambda: f.find.within(attempts=3) >> f.answer)
RIGHT.add("a result that is kept", lambda: f.find.within(cache=600) >> f.answer)
RIGHT.add("all of a policy", lambda: f.find(2).within(timeout=2, attempts=3, cache=600.5) >> f.answer)
RIGHT.add("a policy of a class", lambda: f.Shout(2).within(timeout=1, attempts=2))
RIGHT.add("a policy, twice", lambda: f.find.within(timeout=2).within(attempts=2) >> f.answer)
RIGHT.add("a name", lambda: f.find.named("first search") >> f.answer)
RIGHT.add("a name in other letters", lambda: f.find.named("première_recherche-1.0") >> f.answer)
RIGHT.add("one node twice", lambda: f.find >> f.add_one >> f.add_one >> f.answer)
RIGHT.add("one name twice", lambda: f.find.named("x") >> f.add_one.named("x") >> f.answer)
RIGHT.add("a workflow with a blank in its name", lambda: workflow("my search 2", f.find >> f.answer))
RIGHT.add("a workflow in other letters", lambda: workflow("пошук-2_b", f.find >> f.answer))
RIGHT.add("a node named as its workflow", lambda: workflow("find", f.find >> f.answer))
RIGHT.add("a node named as a type", lambda: f.find.named("Hits") >> f.answer)
RIGHT.add("a workflow of one node", lambda: f.find)
RIGHT.add("a workflow from a history", lambda: workflow("w", f.draft, inputs=(Question, History)))
RIGHT.add("facets as a result", lambda: workflow("w", f.list_facets, outputs=(Facets,)))
