"""Advice on things, signatures, types, settings and names."""

from __future__ import annotations

from typing import Annotated, Any

from orchestrator import (
    Answer,
    Hits,
    Queries,
    Question,
    Run,
    fuse,
    node,
    workflow,
)
from orchestrator.nodes import rrf
from orchestrator.ports import Documents
from tests.graph import flows as f
from tests.graph.corpus import broken_annotations as annotations
from tests.graph.corpus import broken_flow as flow
from tests.graph.corpus import broken_things as things
from tests.graph.plan import fix_nodes as n
from tests.graph.plan.fix import Fixes

FIXES = Fixes()

# Things that are no nodes.
FIXES.add("decorate it with @node", lambda: f.find >> n.plain, lambda: node(n.plain))
FIXES.add("set no __wrapped__", lambda: things.marked(__wrapped__=5), lambda: node(n.plain) >> f.answer)
FIXES.add("behind the class C", lambda: things.Found.find >> f.answer, lambda: node(n.Bound.find))
FIXES.add("decorate that with @node", lambda: len >> f.answer, lambda: node(n.plain) >> f.answer)
FIXES.add("write Shout(…)", lambda: f.find >> f.Shout, lambda: f.Shout())
FIXES.add("define it as a method", lambda: n.Static(), lambda: n.Wordy())
FIXES.add(
    "make it a parameter of __call__: documents: Documents",
    lambda: n.PortField(),
    lambda: node(n.perhaps_port),
)
FIXES.add("compose a node that returns Hits", lambda: Hits >> f.answer, lambda: f.find >> f.answer)
FIXES.add("or derive Machine from Node", lambda: n.Machine >> f.answer, lambda: n.Wordy() >> f.answer)
FIXES.add("use it without node(…)", lambda: node(f.find >> f.answer), lambda: f.find >> f.answer)  # type: ignore[arg-type]
FIXES.add(
    "give settings by calling it, a policy by .within(…)",
    lambda: n.untyped(timeout=3)(n.plain),
    lambda: node(n.plain).within(timeout=3),
)
FIXES.add(
    "write within(*, timeout=None", lambda: n.untyped(n.plain).within(3), lambda: f.find.within(timeout=3)
)
FIXES.add(
    "annotate it, such as k: int = 3", lambda: node(n.untyped_setting), lambda: node(n.k_behind_the_star)
)
FIXES.add("if it is read, drop the default", lambda: f.find >> node(n.defaulted), lambda: f.find >> f.answer)
FIXES.add("compose nodes and workflows only", lambda: f.find >> 5, lambda: f.find >> f.answer)
FIXES.add("drop one @node", lambda: node(f.find), lambda: f.find)
FIXES.add("use it without node", lambda: node(workflow("w", f.find)), lambda: workflow("w", f.find))
FIXES.add("define async def __call__", n.Wordless, n.Wordy)
FIXES.add(
    "give .within(…) to a node inside of it",
    lambda: (f.find >> f.answer).within(timeout=1),
    lambda: f.find >> f.answer.within(timeout=1),
)
FIXES.add("give them first: find(…)", lambda: f.find.named("x")(k=3), lambda: f.find(k=3).named("x"))
FIXES.add("write a >> b for one after the other", lambda: f.find + f.answer, lambda: f.find >> f.answer)
FIXES.add(
    "give one node",
    lambda: fuse(f.find | f.find_other, by=rrf(60) >> f.add_one),
    lambda: fuse(f.find | f.find_other, by=rrf(60)) >> f.add_one,
)

# Signatures.
FIXES.add("import what it names at the top", lambda: node(n.nowhere), lambda: node(n.plain))
FIXES.add("write one type, such as Hits", lambda: n.makes("Hits["), lambda: n.makes(Hits))
FIXES.add("write tuple[Hits, ...]", lambda: n.makes([Hits]), lambda: n.makes(tuple[Hits, ...]))
FIXES.add(
    "write tuple[Hits, Queries]",
    lambda: n.makes((Hits, Queries)),
    lambda: n.makes(tuple[Hits, Queries], n.read_queries),
)
FIXES.add(
    "with the type it reads, such as Hits, or with a port",
    lambda: n.function(n.plain, question=Any),
    lambda: n.function(n.plain),
)
FIXES.add(
    "annotate what it returns", lambda: n.function(n.plain, **{"return": Any}), lambda: n.function(n.plain)
)
FIXES.add(
    "name each input as an annotated positional parameter.",
    lambda: f.find >> node(n.many),
    lambda: f.find >> f.answer,
)
FIXES.add("make settings fields of the class", n.Behind, n.Field)
FIXES.add("ask for it once", lambda: node(n.two_runs), lambda: node(n.one_run))
FIXES.add("return one value; stream text with run.emit", lambda: node(n.yields), lambda: node(n.streams))
FIXES.add("put 'documents' before the *", lambda: node(n.port_as_setting), lambda: node(n.port_as_parameter))
FIXES.add("put 'k' behind a *", lambda: node(n.k_before_the_star), lambda: node(n.k_behind_the_star))
FIXES.add("read one type, or `X | None`", lambda: n.takes(Answer | Hits), lambda: n.takes(Answer | None))
FIXES.add("annotate it with the type it reads.", lambda: n.takes(None), lambda: n.takes(Answer))
FIXES.add(
    'name one of them: Annotated[Hits, "second"]',
    lambda: n.makes(tuple[Hits, Hits]),
    lambda: n.makes(tuple[Hits, Annotated[Hits, "first"]], f.compare),
)
FIXES.add(
    "annotate `-> None` for an effect.", lambda: n.makes(tuple[()], f.find), lambda: n.makes(None, f.find)
)
FIXES.add("return one type always", lambda: n.makes(Hits | None), lambda: n.makes(Hits))
FIXES.add("return values only", lambda: n.makes(tuple[Hits, None]), lambda: n.makes(Hits))
FIXES.add(
    'name the channel: Annotated[Hits, "first"], or write Hits alone',
    lambda: n.makes(Annotated[Hits, 1]),
    lambda: n.makes(Annotated[Hits, "first"]),
)

# Types.
FIXES.add("name one type", lambda: n.makes(object), lambda: n.makes(n.Frozen))
FIXES.add("name one type", lambda: n.usual(outputs=(Any,)), lambda: n.usual(outputs=(Hits,)))
FIXES.add("use tuple for list", lambda: n.makes(list[str]), lambda: n.makes(tuple[str, ...]))
FIXES.add(
    "return the value itself, or a tuple",
    lambda: n.makes(annotations.Iterator[Hits]),
    lambda: n.makes(tuple[Hits, ...]),
)
FIXES.add(
    "make it a setting, or a node of its own", lambda: n.makes(annotations.Callable), lambda: n.makes(Hits)
)
FIXES.add(
    "name the type that it stands for",
    lambda: n.makes(annotations.Box[annotations.T]),
    lambda: n.makes(annotations.Box[Hits]),
)
FIXES.add("write tuple[X, ...]", lambda: n.makes(tuple), lambda: n.makes(tuple[Hits, ...]))
FIXES.add("write frozenset[X]", lambda: n.makes(frozenset), lambda: n.makes(frozenset[str]))
FIXES.add("derive Row from tuple[X, ...]", lambda: n.makes(n.Row), lambda: n.makes(n.RowOfWords))
FIXES.add("derive Bag from frozenset[X]", lambda: n.makes(n.Bag), lambda: n.makes(n.BagOfWords))
FIXES.add("with @dataclass(frozen=True)", lambda: n.makes(n.Open), lambda: n.makes(n.Frozen))
FIXES.add(
    "frozen: model_config = ConfigDict(frozen=True)",
    lambda: n.makes(annotations.OpenModel),
    lambda: n.makes(n.FrozenModel),
)
FIXES.add(
    "make it a frozen dataclass or a frozen pydantic model",
    lambda: n.makes(annotations.np.ndarray),
    lambda: n.makes(n.Frozen),
)
FIXES.add(
    "ask for it as a parameter of the node that uses it",
    lambda: n.makes(Documents),
    lambda: node(n.port_as_parameter),
)
FIXES.add(
    "ask for a service by its port", lambda: f.find >> flow.read_database, lambda: node(n.port_as_parameter)
)
FIXES.add(
    "write the type itself, imported and without quotes",
    lambda: n.usual(outputs=("Hits",)),
    lambda: n.usual(outputs=(Hits,)),
)
FIXES.add(
    "name one type; a channel holds one",
    lambda: n.usual(outputs=(Hits | Answer,)),
    lambda: n.usual(outputs=(Hits,)),
)
FIXES.add(
    "leave it out here; pass it in ports",
    lambda: n.usual(inputs=(Question, Documents)),
    lambda: n.usual(inputs=(Question,)),
)
FIXES.add("leave it out here.", lambda: n.usual(inputs=(Question, Run)), lambda: n.usual(inputs=(Question,)))

# Settings and policies.
FIXES.add("call it: with_k(k=…)", lambda: node(n.with_k), lambda: node(n.with_k)(k=3))
FIXES.add("give it a default of that type.", lambda: node(n.three), lambda: node(n.k_behind_the_star))
FIXES.add(
    "give it a default of that type, or annotate it int | None",
    lambda: node(n.none),
    lambda: node(n.none_or_int),
)
FIXES.add("use a tuple for a list", lambda: node(n.list_of_names), lambda: node(n.tuple_of_names))
FIXES.add(
    "declare Open frozen: @dataclass(frozen=True)",
    lambda: node(n.open_setting),
    lambda: node(n.frozen_setting),
)
FIXES.add("give plain values as settings", lambda: node(n.object_setting), lambda: node(n.k_behind_the_star))
FIXES.add(
    "give it a whole number of 1 or more: .within(attempts=3)",
    lambda: f.find.within(attempts=2.5),
    lambda: f.find.within(attempts=3),
)
FIXES.add(
    "give it a positive number of seconds: .within(timeout=5)",
    lambda: f.find.within(timeout="5"),
    lambda: f.find.within(timeout=5),
)
FIXES.add(
    "give it a positive number of seconds: .within(cache=5)",
    lambda: f.find.within(cache=0),
    lambda: f.find.within(cache=5),
)
FIXES.add(
    "rebind one of its reads: hits, question",
    lambda: f.find >> f.answer.reading(hit="x"),
    lambda: f.find.writing("x") >> f.answer.reading(hits="x"),
)
FIXES.add(
    "drop .writing(…), and name them in its return annotation",
    lambda: n.hits_and_queries.writing("x"),
    lambda: n.both >> f.compare,
)

# Names.
FIXES.add("give the node a name of letters", lambda: f.find.named("a|b"), lambda: f.find.named("a-b 1.0"))
FIXES.add("give the workflow a name of letters", lambda: n.usual(name=""), lambda: n.usual(name="my search"))
FIXES.add("give the channel a name of letters", lambda: f.find.writing("a:b"), lambda: f.find.writing("a_b"))
FIXES.add(
    "name it otherwise: 'repeat_begin'",
    lambda: f.find.named("repeat.begin"),
    lambda: f.find.named("repeat_begin"),
)

# Values whose own code raises, and nodes that are taken for something else.
FIXES.add(
    "let a value raise nothing where it is compared, hashed, shown",
    lambda: f.find.within(timeout=n.Raising()) >> f.answer,
    lambda: f.find.within(timeout=3) >> f.answer,
)
FIXES.add("drop the […]", lambda: f.find[0] >> f.answer, lambda: f.find >> f.answer)
FIXES.add("drop the ()", lambda: (f.find >> f.answer)(), lambda: f.find >> f.answer)
