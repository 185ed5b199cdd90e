"""Extraction with a schema: replies are held to schema and text, failures kept, and no text is read twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors.sql import SqlIndexRegistry, SqlKnowledge, SqlLedger, open_database
from orchestrator.errors import BadInput, InvalidOutput, ModelError
from orchestrator.knowledge.extraction import (
    Cost,
    Extractor,
    cost,
    dumped,
    extract_all,
    extractor,
    loaded,
)
from orchestrator.knowledge.schema import EntityType, GraphSchema, RelationType
from orchestrator.knowledge.schema_extraction import ExtractedGraph, SchemaExtractor
from orchestrator.ports import Generation, GenerationRequest, Name, Statements, Triple, Unextracted
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT, document, ids
from orchestrator.text.entity_names import entity_id, entity_key
from orchestrator.types import ANONYMOUS, Message, Usage


class Person(EntityType):
    """A human being."""


class Company(EntityType):
    """A business."""


class Founded(RelationType):
    """A person founded a company."""

    head: Person
    tail: Company


SCHEMA = GraphSchema.of(Person, Company, Founded)
TEXT = "Ada Lovelace founded Engines Ltd in 1840."


@dataclass
class Scripted:
    """A model that replies with these, one after the other, and keeps its prompts."""

    replies: list[Any]
    prompts: list[Sequence[Message]] = field(default_factory=list)

    name = "scripted"
    available = True

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        self.prompts.append(request.prompt)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        text = json.dumps(reply)
        return Generation(text, ExtractedGraph.model_validate(reply), Usage(1, 10, 5))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Any:
        raise NotImplementedError

    async def score(self, query: str, texts: Sequence[str]) -> Any:
        raise NotImplementedError


def graph(*entities: tuple[str, str], relations: Sequence[tuple[str, str, str]] = ()) -> dict[str, Any]:
    return {
        "entities": [{"name": name, "type": kind} for name, kind in entities],
        "relations": [{"type": kind, "head": head, "tail": tail} for head, kind, tail in relations],
    }


RIGHT = graph(
    ("Ada Lovelace", "Person"),
    ("Engines Ltd", "Company"),
    relations=[("Ada Lovelace", "Founded", "Engines Ltd")],
)


def passage(text: str = TEXT, title: str = "") -> Unextracted:
    return Unextracted("p1", title, text, "default", "d1")


async def test_a_right_reply_is_taken_as_it_is() -> None:
    model = Scripted([RIGHT])
    said = await SchemaExtractor(SCHEMA, model).extract(passage())
    assert [(one.name, one.type, one.key) for one in said.names] == [
        ("Ada Lovelace", "Person", entity_key("Ada Lovelace", "Person")),
        ("Engines Ltd", "Company", entity_key("Engines Ltd", "Company")),
    ]
    (fact,) = said.triples
    assert (fact.head.name, fact.relation, fact.tail.name) == ("Ada Lovelace", "Founded", "Engines Ltd")
    assert len(model.prompts) == 1
    rules, data = model.prompts[0]
    assert '{"entity": "Person", "definition": "A human being."}' in rules.text
    assert '"head": ["Person"], "tail": ["Company"]' in rules.text
    assert json.loads(data.text)["passage"] == TEXT
    assert loaded(dumped(said)) == said


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (graph(("Ada Lovelace", "Robot")), "has the type 'Robot'; the types are Person, Company"),
        (graph(("Grace Hopper", "Person")), "The passage does not name 'Grace Hopper'"),
        (
            graph(("Ada Lovelace", "Person"), relations=[("Ada Lovelace", "Sold", "Engines Ltd")]),
            "There is no relation 'Sold'; the relations are Founded",
        ),
        (
            graph(("Ada Lovelace", "Person"), relations=[("Ada Lovelace", "Founded", "Engines Ltd")]),
            "The tail 'Engines Ltd' of Founded is no entity of your list",
        ),
        (
            graph(
                ("Ada Lovelace", "Person"),
                ("Engines Ltd", "Company"),
                relations=[("Engines Ltd", "Founded", "Engines Ltd")],
            ),
            "The head of Founded is 'Engines Ltd', a Company; it takes Person",
        ),
    ],
)
async def test_a_faulty_reply_is_asked_for_again_with_its_faults(reply: dict[str, Any], fault: str) -> None:
    model = Scripted([reply, RIGHT])
    said = await SchemaExtractor(SCHEMA, model).extract(passage())
    assert len(said.triples) == 1
    assert len(model.prompts) == 2
    assert fault in model.prompts[1][-1].text
    assert json.loads(model.prompts[1][-2].text)["entities"] == reply["entities"]


async def test_what_is_still_faulty_is_left_out() -> None:
    half = graph(("Ada Lovelace", "Person"), ("Nobody Here", "Person"))
    said = await SchemaExtractor(SCHEMA, Scripted([half])).extract(passage())
    assert [one.name for one in said.names] == ["Ada Lovelace"]
    with pytest.raises(InvalidOutput, match="Nobody Here"):
        await SchemaExtractor(SCHEMA, Scripted([graph(("Nobody Here", "Person"))])).extract(passage())
    nothing = await SchemaExtractor(SCHEMA, Scripted([graph()])).extract(passage())
    assert nothing == Statements()


def test_schemas_that_nothing_can_satisfy_are_refused() -> None:
    class Orphan(RelationType):
        """Between things that the schema does not have."""

        head: Company
        tail: Company

    with pytest.raises(BadInput, match="no type of entities"):
        GraphSchema.of(Founded)
    with pytest.raises(BadInput, match="can be the head of Orphan"):
        GraphSchema.of(Person, Orphan)
    with pytest.raises(BadInput, match="two types of the name Person"):
        GraphSchema.of(Person, type("Person", (EntityType,), {}))


def test_ends_may_be_unions_and_base_classes() -> None:
    class Thing(EntityType):
        """Anything."""

    class Boat(Thing):
        """A boat."""

    class Owns(RelationType):
        """Owns."""

        head: Person | Company
        tail: Thing

    schema = GraphSchema.of(Person, Company, Boat, Owns)
    assert schema.relations[0].heads == {"Person", "Company"}
    assert schema.relations[0].tails == {"Boat"}
    assert schema.fingerprint != GraphSchema.of(Person, Company, Boat).fingerprint


class Shelf:
    """An index of documents with its knowledge store."""

    def __init__(self, folder: Path) -> None:
        self.database = open_database(folder / "state.db")
        registry = SqlIndexRegistry(self.database)
        registry.create("default", FORMAT)
        self.index = Publisher(registry, SqlLedger(self.database, ManualClock()))
        self.store = SqlKnowledge(self.database, "default")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_an_edited_paragraph_costs_one_extraction(shelf: Shelf) -> None:
    model = Scripted([RIGHT])
    reader = SchemaExtractor(SCHEMA, model)
    shelf.index.publish(document("a", TEXT, f"Again: {TEXT}", f"And {TEXT}"))
    told = await cost(shelf.store, reader)
    assert (told.passages, told.known, told.calls) == (3, 0, 3)
    assert told.prompt_tokens == 3 * reader.prompt_tokens(passage()) or told.prompt_tokens > 0
    report = await extract_all(shelf.store, reader)
    assert (report.extracted, report.known, report.failed, report.facts) == (3, 0, 0, 3)
    edited = document("a", TEXT, f"Changed: {TEXT}", f"And {TEXT}")
    shelf.index.publish(edited)
    assert await cost(shelf.store, reader) == Cost(3, 2, 1, (await cost(shelf.store, reader)).prompt_tokens)
    model.prompts.clear()
    report = await extract_all(shelf.store, reader)
    assert (report.extracted, report.known, len(model.prompts)) == (1, 2, 1)
    ada = entity_id("default", entity_key("Ada Lovelace", "Person"))
    found = await shelf.store.facts(ada, principal=ANONYMOUS)
    assert {fact.passage for fact in found} == set(ids(edited))
    report = await extract_all(shelf.store, reader)
    assert (report.extracted, report.known) == (0, 0)


async def test_another_schema_is_extracted_anew_and_replaces_what_was_said(shelf: Shelf) -> None:
    shelf.index.publish(document("a", TEXT))
    await extract_all(shelf.store, SchemaExtractor(SCHEMA, Scripted([RIGHT])))
    people = Scripted([graph(("Ada Lovelace", "Person"))])
    report = await extract_all(shelf.store, SchemaExtractor(GraphSchema.of(Person), people))
    assert (report.extracted, report.names, report.facts) == (1, 1, 0)
    assert (await shelf.store.counts(principal=ANONYMOUS)).facts == 0


async def test_a_failure_is_recorded_and_tried_again(shelf: Shelf) -> None:
    row = document("a", TEXT)
    shelf.index.publish(row)
    model = Scripted([ModelError("The server is away."), RIGHT])
    reader = SchemaExtractor(SCHEMA, model)
    report = await extract_all(shelf.store, reader)
    assert (report.extracted, report.failed, report.reason) == (0, 1, "The server is away.")
    (failure,) = await shelf.store.failures()
    assert (failure.passage, failure.error) == (ids(row)[0], "The server is away.")
    report = await extract_all(shelf.store, reader)
    assert (report.extracted, report.failed) == (1, 0)
    assert await shelf.store.failures() == []


async def test_equal_texts_are_read_once_and_tenants_share_nothing(shelf: Shelf) -> None:
    rows = [
        document("a", TEXT, root="/x"),
        document("a", TEXT, root="/y"),
        document("a", TEXT, tenant="acme"),
    ]
    shelf.index.publish(*rows)
    model = Scripted([RIGHT])
    report = await extract_all(shelf.store, SchemaExtractor(SCHEMA, model))
    assert (report.extracted, report.known, len(model.prompts)) == (2, 1, 2)


async def test_deleting_documents_asks_no_model_and_leaves_the_graph_of_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, rest = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    rows = [document(f"d{number}", f"{TEXT} {number}") for number in range(40)]
    model = Scripted([RIGHT])
    whole.index.publish(*rows)
    await extract_all(whole.store, SchemaExtractor(SCHEMA, model))
    rest.index.publish(*rows[7:])
    await extract_all(rest.store, SchemaExtractor(SCHEMA, model))
    model.prompts.clear()
    whole.index.publish(removed=tuple(rows[:7]))
    assert model.prompts == []
    assert whole.store.fingerprint() == rest.store.fingerprint()


class Capitals:
    """An extractor without a model, as a plug-in would be: capitalised words."""

    contract = "capitals 1"

    def prompt_tokens(self, passage: Unextracted) -> int:
        return 0

    async def extract(self, passage: Unextracted) -> Statements:
        found = [Name(word, entity_key(word)) for word in passage.text.split() if word.istitle()]
        return Statements(tuple(found), (Triple(found[0], "near", found[-1]),))


async def test_any_extractor_will_do(shelf: Shelf) -> None:
    assert isinstance(Capitals(), Extractor)
    shelf.index.publish(document("a", TEXT))
    report = await extract_all(shelf.store, Capitals())
    assert (report.extracted, report.facts) == (1, 1)
    assert (await cost(shelf.store, Capitals())).calls == 0


def test_an_unknown_extractor_is_named() -> None:
    with pytest.raises(BadInput, match="There is no extractor 'nobody'"):
        extractor("nobody", SCHEMA, Scripted([RIGHT]))
