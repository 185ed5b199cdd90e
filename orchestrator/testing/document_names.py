"""Conformance tests of the `DocumentNames` port: names, mentions, access, and following the documents."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.knowledge.mention_graph import MentionGraph
from orchestrator.knowledge.wording import folded_key, spelling_key
from orchestrator.ports import DocumentNames, DocumentRow
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import document, ids
from orchestrator.types import ANONYMOUS, NOBODY, Filter, Principal

STAFF = Principal(grants=frozenset({"staff", "public"}), name="sam")
READERS = (
    ANONYMOUS,
    STAFF,
    Principal(grants=frozenset({"staff"})),
    Principal("other", frozenset({"public"})),
)
WORDS = "Blue Whale Krill Otter Silent Summer River North and of the".split()


def titled(name: str, title: str, *texts: str, **others: Any) -> DocumentRow:
    """A document with a title."""
    return replace(document(name, *texts, **others), title=title, hash=f"{title} {texts}")


@pytest.mark.asyncio
class DocumentNamesConformance:
    """Subclass it with fixtures `index` and `fresh`, Publishers of empty indexes, and their `names`.

    `names_of` gives the port of a publisher's index. Both indexes are called `default`.
    """

    @pytest.fixture
    def index(self) -> Publisher:
        """What fills the index."""
        raise NotImplementedError

    @pytest.fixture
    def fresh(self) -> Publisher:
        """What fills another index of that name, in a store of its own."""
        raise NotImplementedError

    def names_of(self, index: Publisher) -> DocumentNames:
        """The names of an index."""
        raise NotImplementedError

    async def test_names_are_found_as_they_are_written_and_in_any_case(self, index: Publisher) -> None:
        a = titled("a", "Silent Summer (film)", "It is a film.")
        index.publish(a, titled("b", "Otters", "They swim."))
        names = self.names_of(index)
        for words in ("Silent Summer", "Silent Summer film"):
            (found,) = await names.spelled([spelling_key(words)], principal=ANONYMOUS)
            assert (found.words, found.kind, found.passage, found.document) == (
                words,
                "title",
                ids(a)[0],
                "a",
            )
        assert await names.spelled([spelling_key("silent summer")], principal=ANONYMOUS) == []
        (found,) = await names.folded([folded_key("silent SUMMER")], principal=ANONYMOUS)
        assert found.words == "Silent Summer"
        assert await names.spelled([], principal=ANONYMOUS) == []

    async def test_a_name_of_many_readable_documents_is_none(self, index: Publisher) -> None:
        public = [titled(f"p{number}", "Blue Whale", f"text {number}") for number in range(2)]
        secret = [
            titled(f"s{number}", "Blue Whale", f"other {number}", labels=("staff",)) for number in range(4)
        ]
        index.publish(*public, *secret)
        names, key = self.names_of(index), [spelling_key("Blue Whale")]
        assert len(await names.spelled(key, principal=ANONYMOUS)) == 2
        assert await names.spelled(key, principal=STAFF) == []
        assert len(await names.spelled(key, principal=STAFF, most=6)) == 6
        assert await names.spelled(key, principal=NOBODY) == []
        assert await names.spelled(key, principal=Principal("other", frozenset({"public"}))) == []

    async def test_filters_choose_among_the_named(self, index: Publisher) -> None:
        old = titled("old", "Blue Whale", "one", metadata={"year": 1990, "tags": ["sea", "big"]})
        new = titled("new", "Blue Whale", "two", metadata={"year": 2020})
        index.publish(old, new)
        names, key = self.names_of(index), [spelling_key("Blue Whale")]

        async def found(*filters: Filter) -> list[str]:
            return [one.document for one in await names.spelled(key, principal=ANONYMOUS, filters=filters)]

        assert sorted(await found()) == ["new", "old"]
        assert await found(Filter("year", (2020,))) == ["new"]
        assert await found(Filter("tags", ("sea",))) == ["old"]
        assert await found(Filter("year", (True, "2020"))) == []

    async def test_frequencies_count_what_may_be_read(self, index: Publisher) -> None:
        index.publish(document("a", "w1 w2", "w2"), document("b", "w2 w3", labels=("staff",)))
        names = self.names_of(index)
        assert await names.frequencies([1, 2, 3], principal=ANONYMOUS) == (2, {1: 1, 2: 2})
        assert await names.frequencies([2, 3], principal=STAFF) == (3, {2: 3, 3: 1})
        assert (await names.frequencies([2], principal=NOBODY))[1] == {}

    async def test_the_longest_name_is_meant_among_those_that_may_be_read(self, index: Publisher) -> None:
        city = titled("city", "New York City", "A city.", labels=("staff",))
        state = titled("state", "New York", "A state.")
        index.publish(city, state, titled("trip", "Trip", "We went to New York City by train."))
        self.search(index)
        names = self.names_of(index)
        assert await self.said(names, ANONYMOUS) == [("Trip", "New York", "New York")]
        assert await self.said(names, STAFF) == [("Trip", "New York City", "New York City")]

    async def test_a_document_does_not_name_itself(self, index: Publisher) -> None:
        film = titled("film", "Silent Summer (film)", "Silent Summer is a film by Blue Whale.")
        index.publish(film, titled("song", "Silent Summer (song)", "See Silent Summer (film), too."))
        self.search(index)
        found = await self.said(self.names_of(index), ANONYMOUS)
        assert found == [("Silent Summer (song)", "Silent Summer (film)", "Silent Summer film")]

    async def test_names_and_mentions_follow_their_documents(
        self, index: Publisher, fresh: Publisher
    ) -> None:
        chance = random.Random(7)  # noqa: S311
        held: dict[str, DocumentRow] = {}
        for _ in range(6):
            names = [f"d{chance.randrange(12)}" for _ in range(3)]
            changed = {name: made(chance, name) for name in names}
            removed = [one for one in chance.sample(sorted(held), min(2, len(held))) if one not in changed]
            index.publish(*changed.values(), removed=tuple(held[one] for one in removed))
            held |= changed
            for one in removed:
                del held[one]
            if chance.random() < 0.7:
                self.search(index)
        self.search(index)
        fresh.publish(*held.values())
        self.search(fresh)
        for reader in READERS:
            prints = [
                MentionGraph(await self.names_of(one).edges(principal=reader)).fingerprint()
                for one in (index, fresh)
            ]
            assert prints[0] == prints[1]
        assert index.registry.verify("default") == []
        counts = self.names_of(index).counts()
        assert counts.complete
        assert (counts.documents, counts.passages) == (len(held), len(ids(*held.values())))

    async def test_what_may_not_be_read_changes_nothing(self, index: Publisher, fresh: Publisher) -> None:
        chance = random.Random(3)  # noqa: S311
        rows = [made(chance, f"d{number}") for number in range(30)]
        index.publish(*rows)
        fresh.publish(*(row for row in rows if "public" in row.labels and row.tenant == ANONYMOUS.tenant))
        runs = {f"{first} {second}" for first in WORDS for second in WORDS} | set(WORDS)
        given: list[Any] = []
        for one in (index, fresh):
            self.search(one)
            names = self.names_of(one)
            graph = await names.edges(principal=ANONYMOUS)
            given.append(
                (
                    await names.spelled([spelling_key(run) for run in runs], principal=ANONYMOUS),
                    await names.folded([folded_key(run) for run in runs], principal=ANONYMOUS, most=2),
                    await names.frequencies(range(20), principal=ANONYMOUS),
                    MentionGraph(graph).fingerprint(),
                    graph.documents.tobytes(),
                )
            )
        assert given[0] == given[1]
        assert given[0][0]
        assert len((await self.names_of(index).edges(principal=ANONYMOUS)).sources) > 0

    async def test_names_that_are_missing_are_read_later(self, index: Publisher) -> None:
        index.publish(titled("a", "Blue Whale", "Krill is eaten."))
        names = self.names_of(index)
        assert names.read_names() == 0
        assert names.counts().named_documents == 1

    @pytest.mark.parametrize(
        "title", ["", "   ", "…", "x" * 10_000, "a " * 5_000, "\ud800", "'; DROP TABLE x"]
    )
    async def test_odd_titles_do_no_harm(self, index: Publisher, title: str) -> None:
        if title == "\ud800":
            title = "\N{REPLACEMENT CHARACTER}"
        index.publish(titled("odd", title, f"It says {title[:300]}."), titled("b", "Blue Whale", "b"))
        self.search(index)
        counts = self.names_of(index).counts()
        assert (counts.complete, counts.named_documents) == (True, 2)

    def search(self, index: Publisher) -> None:
        """Search all passages, a few at a time."""
        while self.names_of(index).search(most=4):
            pass

    async def said(self, names: DocumentNames, principal: Principal) -> list[tuple[str, str, str]]:
        """Every edge: the titles at its ends, and the name."""
        edges = await names.edges(principal=principal)

        def title(passage: int) -> str:
            return edges.titles[int(edges.documents[passage])]

        found: Sequence[Any] = list(
            zip(edges.sources.tolist(), edges.targets.tolist(), edges.labels.tolist(), strict=True)
        )
        return [(title(source), title(target), str(edges.names[label])) for source, target, label in found]


def made(chance: random.Random, name: str) -> DocumentRow:
    """A document of a random title and texts that may name others, for some readers."""
    title = " ".join(chance.choices(WORDS[:8], k=chance.randint(1, 3)))
    texts = [" ".join(chance.choices(WORDS, k=12)) + " w1 w2"[: chance.choice([0, 3, 6])] for _ in range(2)]
    labels = chance.choice([("public",), ("staff",), ("public", "staff")])
    return titled(name, title, *texts, labels=labels)
