"""Conformance tests of the `KnowledgeStore` port, above all of access control."""

from __future__ import annotations

import pytest

from orchestrator.errors import BadInput
from orchestrator.ports import (
    Extraction,
    Fact,
    Import,
    KnowledgeCounts,
    KnowledgeStore,
    Name,
    Statements,
    Triple,
)
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import document, ids
from orchestrator.text.entity_names import entity_id, entity_key, folded
from orchestrator.types import ANONYMOUS, NOBODY, Principal

STAFF = Principal(grants=frozenset({"staff", "public"}), name="sam")


def name(text: str, type: str = "", *, alias_of: str = "") -> Name:
    """A name of the entity of its own text, or of another's."""
    return Name(text, entity_key(alias_of or text, type), bool(alias_of), type)


def said(*triples: tuple[str, str, str]) -> Statements:
    """These triples."""
    return Statements(
        triples=tuple(Triple(name(head), relation, name(tail)) for head, relation, tail in triples)
    )


def eid(text: str, tenant: str = "default", type: str = "") -> str:
    """The id of the entity of a name."""
    return entity_id(tenant, entity_key(text, type))


async def texts(store: KnowledgeStore, entity: str, principal: Principal = ANONYMOUS) -> list[str]:
    """The facts of an entity as lines, in the order of the alphabet."""
    return sorted(fact.text for fact in await store.facts(eid(entity), principal=principal))


async def named_in(store: KnowledgeStore, entity: str) -> tuple[str, ...]:
    """The passages that name an entity."""
    found = await store.passages([eid(entity)], principal=ANONYMOUS)
    return found.get(eid(entity), ())


@pytest.mark.asyncio
class KnowledgeStoreConformance:
    """Subclass it with fixtures `index`, a Publisher of an empty index `default`, and its `store`."""

    @pytest.fixture
    def index(self) -> Publisher:
        """What fills the index."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, index: Publisher) -> KnowledgeStore:
        """The store under test."""
        raise NotImplementedError

    async def test_what_a_passage_says_is_found_from_both_ends(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        assert await store.put({ids(a)[0]: said(("Otters", "eat", "Krill")), "no passage": said()}) == 1
        (fact,) = await store.facts(eid("otters"), principal=ANONYMOUS)
        assert (fact.head_name, fact.relation, fact.tail_name) == ("Otters", "eat", "Krill")
        assert (fact.passages, fact.head, fact.tail) == ((ids(a)[0],), eid("Otters"), eid("Krill"))
        assert await store.facts(eid("krill"), principal=ANONYMOUS) == (fact,)
        assert await named_in(store, "krill") == (ids(a)[0],)
        found = await store.named([folded("KRILL"), "unknown"], principal=ANONYMOUS)
        assert {lookup: [one.name for one in each] for lookup, each in found.items()} == {"krill": ["Krill"]}
        assert await store.facts("no id", principal=ANONYMOUS) == ()
        assert await store.entities(["no id"], principal=ANONYMOUS) == {}
        assert await store.counts(principal=ANONYMOUS) == KnowledgeCounts(2, 2, 1, 1)

    async def test_what_a_passage_says_again_replaces_what_it_said(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a = document("a", "one", "two")
        index.publish(a)
        first, second = ids(a)
        await store.put({first: said(("A", "likes", "B")), second: said(("A", "likes", "C"))})
        await store.put({first: said(("A", "dislikes", "B"))})
        assert await texts(store, "A") == ["A dislikes B", "A likes C"]
        await store.put({first: said()})
        assert await store.entities([eid("B")], principal=ANONYMOUS) == {}

    async def test_contradicting_facts_are_kept_with_their_dates(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a, b = document("a", "one"), document("b", "two")
        index.publish(a, b)
        for row, tail, since in ((a, "Bonn", "1949"), (b, "Berlin", "1990")):
            fact = Triple(name("Germany"), "has_capital", name(tail), valid_from=since)
            await store.put({ids(row)[0]: Statements(triples=(fact,))})
        found = await store.facts(eid("Germany"), principal=ANONYMOUS)
        assert sorted(fact.text for fact in found) == [
            "Germany has capital Berlin (from 1990)",
            "Germany has capital Bonn (from 1949)",
        ]
        assert {fact.passage for fact in found} == {*ids(a), *ids(b)}

    async def test_facts_of_passages_and_passages_of_entities_are_read_together(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a, b = document("a", "one", "two"), document("b", "three", labels=("staff",))
        index.publish(a, b)
        (first, second), (third,) = ids(a), ids(b)
        likes = said(("A", "likes", "B"))
        await store.put({first: likes, second: said(("C", "likes", "B")), third: likes})
        found = await store.said([second, first, third, "?"], principal=ANONYMOUS)
        assert {one: [fact.text for fact in facts] for one, facts in found.items()} == {
            second: ["C likes B"],
            first: ["A likes B"],
        }
        every = [eid(one) for one in "ABCD"]
        assert await store.passages(every, principal=ANONYMOUS) == {
            eid("A"): (first,),
            eid("B"): tuple(sorted((first, second))),
            eid("C"): (second,),
        }
        assert eid("B") not in await store.passages(every, principal=STAFF, most=2)
        assert eid("B") in await store.passages(every, principal=ANONYMOUS, most=2)
        await store.edit("merge", [eid("A"), eid("C")], principal=ANONYMOUS)
        merged = await store.passages(every, principal=ANONYMOUS, most=2)
        assert merged[eid("A")] == merged[eid("C")] == tuple(sorted((first, second)))
        assert await store.passages([eid("C")], principal=ANONYMOUS, most=1) == {}
        assert await store.said([first], principal=NOBODY) == {}

    async def test_facts_go_with_their_passages(self, index: Publisher, store: KnowledgeStore) -> None:
        a, b = document("a", "one"), document("b", "two")
        index.publish(a, b)
        empty = store.fingerprint()
        await store.put({ids(b)[0]: said(("A", "likes", "C"))})
        without = store.fingerprint()
        await store.put({ids(a)[0]: said(("A", "likes", "B"))})
        assert len({empty, without, store.fingerprint()}) == 3
        index.publish(removed=(a,))
        assert store.fingerprint() == without
        assert await texts(store, "A") == ["A likes C"]
        changed = document("b", "another text")
        index.publish(changed)
        assert store.fingerprint() == empty
        assert index.registry.verify("default") == []

    async def test_who_may_not_read_a_passage_reads_nothing_of_what_it_says(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a, b = document("a", "one", labels=("staff",)), document("b", "two")
        index.publish(a, b)
        await store.put(
            {ids(a)[0]: said(("OTTERS", "eat", "Caviar")), ids(b)[0]: said(("Otters", "eat", "Krill"))}
        )
        assert await texts(store, "Otters", STAFF) == ["OTTERS eat Caviar", "Otters eat Krill"]
        assert await texts(store, "Otters") == ["Otters eat Krill"]
        assert await store.entities([eid("Caviar")], principal=ANONYMOUS) == {}
        assert await store.named(["caviar"], principal=ANONYMOUS) == {}
        found = await store.entities([eid("Otters")], principal=ANONYMOUS)
        assert (found[eid("Otters")].name, found[eid("Otters")].aliases) == ("Otters", ())
        assert set((await store.vocabulary(principal=ANONYMOUS)).names) == {"otters", "krill"}
        for other in (NOBODY, Principal("another", frozenset({"staff", "public"}))):
            assert await texts(store, "Otters", other) == []
            assert await store.counts(principal=other) == KnowledgeCounts()
            assert list(store.export(principal=other)) == []
            assert (await store.vocabulary(principal=other)).names == {}

    async def test_an_import_is_read_by_whoever_holds_its_labels(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        given = Import("facts.jsonl", labels=("staff",))
        await store.put_import(given, said(("A", "likes", "B")), {ids(a)[0]: said(("A", "likes", "C"))})
        assert await texts(store, "A", STAFF) == ["A likes B", "A likes C"]
        assert await texts(store, "A") == []
        (alone,) = await store.facts(eid("B"), principal=STAFF)
        assert (alone.source, alone.labels, alone.passages) == ("facts.jsonl", ("staff",), ())
        assert not alone.visible_to(ANONYMOUS)
        assert await store.imports(principal=STAFF) == (given,)
        assert await store.imports(principal=ANONYMOUS) == ()
        await store.put_import(Import("facts.jsonl"), said(("A", "likes", "D")))
        assert await texts(store, "A") == ["A likes D"]
        assert await store.remove_import("facts.jsonl", tenant="another") is False
        assert await store.remove_import("facts.jsonl", tenant="default") is True
        assert await store.counts(principal=STAFF) == KnowledgeCounts()

    async def test_documents_are_linked_to_imported_entities_by_their_titles(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a, other = document("a", "one"), document("b", "two", tenant="another")
        index.publish(a, other)
        names = (name("Concept"), name("about A", alias_of="Concept"), name("About: B", alias_of="Concept"))
        await store.put_import(Import("concepts.jsonl"), Statements(names))
        assert await named_in(store, "Concept") == tuple(ids(a))
        later = document("b", "three")
        index.publish(later)
        both = await named_in(store, "Concept")
        assert both == tuple(sorted(ids(a, later)))
        mark = store.fingerprint()
        await store.put_import(Import("concepts.jsonl"), Statements(names))
        assert store.fingerprint() == mark
        index.publish(removed=(later,))
        assert await named_in(store, "Concept") == tuple(ids(a))

    async def test_a_name_of_several_entities_keeps_their_weights(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        await store.put_import(
            Import("words"),
            Statements(
                (
                    Name("Mercury", "planet", type="Planet", weight=3.0),
                    Name("Mercury", "element", type="Element"),
                    Name("Hg", "element", alias=True),
                )
            ),
        )
        found = await store.named(["mercury", "hg"], principal=ANONYMOUS)
        planet, element = entity_id("default", "planet"), entity_id("default", "element")
        assert [(one.id, one.share) for one in found["mercury"]] == [(planet, 0.75), (element, 0.25)]
        assert [(one.id, one.alias, one.name) for one in found["hg"]] == [(element, True, "Mercury")]
        entity = (await store.entities([element], principal=ANONYMOUS))[element]
        assert (entity.name, entity.type, entity.aliases) == ("Mercury", "Element", ("Hg",))

    async def test_a_merge_joins_and_is_undone(self, index: Publisher, store: KnowledgeStore) -> None:
        a = document("a", "one")
        index.publish(a)
        await store.put({ids(a)[0]: said(("UK", "likes", "tea"), ("Britain", "likes", "rain"))})
        before = store.fingerprint()
        edit = await store.edit("merge", [eid("Britain"), eid("UK")], principal=ANONYMOUS)
        assert (edit.number, edit.kind, edit.by) == (1, "merge", "anonymous")
        for one in ("UK", "Britain"):
            assert await texts(store, one) == ["Britain likes rain", "UK likes tea"]
        (entity,) = set((await store.entities([eid("UK")], principal=ANONYMOUS)).values())
        assert (entity.id, entity.name, entity.aliases) == (eid("Britain"), "Britain", ("UK",))
        (tea,) = await store.facts(eid("tea"), principal=ANONYMOUS)
        assert (tea.head, tea.head_name) == (eid("Britain"), "UK")
        assert (await store.named(["uk"], principal=ANONYMOUS))["uk"][0].id == eid("Britain")
        assert (await store.counts(principal=ANONYMOUS)).entities == 3
        undone = await store.undo(1, principal=ANONYMOUS)
        assert undone.undone is not None
        assert store.fingerprint() == before
        assert await texts(store, "UK") == ["UK likes tea"]
        assert [(one.number, one.undone is None) for one in await store.journal(principal=ANONYMOUS)] == [
            (1, False)
        ]
        with pytest.raises(BadInput, match="undone already"):
            await store.undo(1, principal=ANONYMOUS)
        with pytest.raises(BadInput, match="no entry 7"):
            await store.undo(7, principal=ANONYMOUS)

    async def test_a_merge_with_what_a_reader_may_not_read_is_none_for_him(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a, b = document("a", "one"), document("b", "two", labels=("staff",))
        index.publish(a, b)
        await store.put(
            {
                ids(a)[0]: said(("Ann", "likes", "tea"), ("Anna", "likes", "rain")),
                ids(b)[0]: said(("Agent A", "likes", "secrets")),
            }
        )
        await store.edit("merge", [eid("Agent A"), eid("Ann")], principal=STAFF)
        await store.edit("merge", [eid("Agent A"), eid("Anna")], principal=STAFF)
        assert len(await texts(store, "Ann", STAFF)) == 3
        assert await texts(store, "Ann") == ["Ann likes tea"]
        found = await store.entities([eid("Ann"), eid("Agent A")], principal=ANONYMOUS)
        assert {one: entity.name for one, entity in found.items()} == {eid("Ann"): "Ann"}
        assert await store.journal(principal=ANONYMOUS) == ()
        assert len(await store.journal(principal=STAFF)) == 2
        with pytest.raises(BadInput, match="There is no entity"):
            await store.edit("merge", [eid("Ann"), eid("Agent A")], principal=ANONYMOUS)

    async def test_a_new_name_is_shown_until_it_is_undone(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        await store.put({ids(a)[0]: said(("UK", "likes", "tea"))})
        await store.edit("rename", [eid("UK")], name="United Kingdom", principal=ANONYMOUS)
        entity = (await store.entities([eid("UK")], principal=ANONYMOUS))[eid("UK")]
        assert (entity.name, entity.aliases) == ("United Kingdom", ("UK",))
        assert {
            one.name for each in (await store.vocabulary(principal=ANONYMOUS)).names.values() for one in each
        } == {
            "United Kingdom",
            "tea",
        }
        await store.undo(1, principal=ANONYMOUS)
        assert (await store.entities([eid("UK")], principal=ANONYMOUS))[eid("UK")].name == "UK"
        with pytest.raises(BadInput, match="is empty"):
            await store.edit("rename", [eid("UK")], name=" ", principal=ANONYMOUS)

    async def test_a_split_takes_what_documents_say_and_is_undone(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a, b = document("a", "one"), document("b", "two")
        index.publish(a, b)
        await store.put(
            {
                ids(a)[0]: said(("Mercury", "orbits", "the Sun")),
                ids(b)[0]: said(("Mercury", "is a", "metal")),
            }
        )
        before = store.fingerprint()
        edit = await store.edit("split", [eid("Mercury")], documents=["b"], principal=ANONYMOUS)
        new = edit.entities[1]
        assert await texts(store, "Mercury") == ["Mercury orbits the Sun"]
        assert [fact.text for fact in await store.facts(new, principal=ANONYMOUS)] == ["Mercury is a metal"]
        assert {one.id for one in (await store.named(["mercury"], principal=ANONYMOUS))["mercury"]} == {
            eid("Mercury"),
            new,
        }
        # What is read again stays apart.
        await store.put({ids(b)[0]: said(("Mercury", "is a", "liquid"))})
        assert [fact.text for fact in await store.facts(new, principal=ANONYMOUS)] == ["Mercury is a liquid"]
        await store.put({ids(b)[0]: said(("Mercury", "is a", "metal"))})
        await store.undo(edit.number, principal=ANONYMOUS)
        assert store.fingerprint() == before
        for wrong in ([], ["c"], ["a", "b"]):
            with pytest.raises(BadInput, match=r"document"):
                await store.edit("split", [eid("Mercury")], documents=wrong, principal=ANONYMOUS)

    async def test_an_export_holds_everything_that_may_be_read(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a, b = document("a", "one"), document("b", "two", labels=("staff",))
        index.publish(a, b)
        await store.put({ids(a)[0]: said(("A", "likes", "B")), ids(b)[0]: said(("A", "hates", "C"))})
        every = list(store.export(principal=STAFF))
        assert sorted(one.text for one in every if isinstance(one, Fact)) == ["A hates C", "A likes B"]
        assert len(every) == 5
        assert len(list(store.export(principal=ANONYMOUS))) == 3

    async def test_strange_names_are_kept_and_empty_ones_are_not(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a = document("a", "one")
        index.publish(a)
        long = "x" * 10_000
        strange = ("東京", "Ἀθῆναι", "القاهرة", "C++", "C#", "∞", long, "a\ttab and a\nbreak", "𝓕ancy")
        triples = [(one, "is", one) for one in strange] + [
            ("", "is", "nothing"),
            ("  ", "is", "x"),
            ("x", " ", "y"),
        ]
        await store.put({ids(a)[0]: said(*triples)})
        for one in strange:
            (fact,) = await store.facts(eid(one), principal=ANONYMOUS)
            assert (fact.head_name, fact.tail) == (one, fact.head)
        assert (await store.counts(principal=ANONYMOUS)).facts == len(strange)
        assert len({folded(one) for one in strange}) == len(strange)

    async def test_extractions_are_kept_and_failures_are_listed(
        self, index: Publisher, store: KnowledgeStore
    ) -> None:
        a = document("a", "one", "two")
        index.publish(a)
        first, second = sorted(ids(a))
        assert [one.id for one in await store.unextracted("c1")] == [first, second]
        await store.put(
            {},
            extractions=[
                Extraction(first, "c1", "k1", "{}"),
                Extraction(second, "c1", "k2", error="No reply."),
                Extraction("?", "c1", "k3"),
            ],
        )
        assert [one.id for one in await store.unextracted("c1")] == [second]
        assert [one.id for one in await store.unextracted("c2", limit=1)] == [first]
        assert await store.extracted(["k1", "k2", "k3"]) == {"k1": "{}"}
        assert [(one.passage, one.error) for one in await store.failures()] == [(second, "No reply.")]
        index.publish(removed=(a,))
        assert await store.failures() == []
        assert await store.extracted(["k1"]) == {"k1": "{}"}
