"""What every `IndexWriter` must do, seen by what searches find afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from orchestrator.errors import LeaseLost
from orchestrator.ports import (
    DocumentRow,
    IndexChange,
    IndexFormat,
    IndexRegistry,
    IndexVersion,
    IndexWriter,
    Job,
    Ledger,
    PassageVectors,
    SparseEncoder,
    StoredPassage,
    VectorStore,
    index_scope,
)
from orchestrator.testing.late_interaction import directions
from orchestrator.testing.rows import ids
from orchestrator.testing.vector_store import STAFF, dense, one
from orchestrator.testing.vectors import DIMENSIONS, direction, document
from orchestrator.types import ANONYMOUS

INDEX = "default"


class Writing:
    """Changes one index through a writer, each time as a job of its own.

    With `tokens`, the index keeps the `directions` of each passage, for late interaction.
    """

    def __init__(
        self,
        writer: IndexWriter,
        registry: IndexRegistry,
        ledger: Ledger,
        encoder: SparseEncoder,
        *,
        tokens: bool = False,
    ) -> None:
        self.writer = writer
        self.registry = registry
        self.ledger = ledger
        self.format = IndexFormat("words", DIMENSIONS, encoder.name)
        if tokens:
            self.format = replace(self.format, tokens="words", token_dimensions=DIMENSIONS)
        registry.create(INDEX, self.format)
        self._encoder = encoder
        self._numbers = count(1)

    @property
    def version(self) -> IndexVersion:
        """The index as it is now."""
        version = self.registry.current(INDEX)
        assert version is not None
        return version

    def job(self) -> Job:
        """A leased job."""
        made = self.ledger.submit("write", index_scope(INDEX), f"key-{next(self._numbers)}", {})
        job = self.ledger.claim("tester", seconds=60, job=made.id)
        assert job is not None
        return job

    def vectors(self, documents: Sequence[DocumentRow]) -> PassageVectors | None:
        """The vectors of all passages; None if there are no passages."""
        import numpy as np

        texts = [passage.text for row in documents for passage in row.passages]
        if not texts:
            return None
        tokens = [directions(text) for text in texts] if self.format.tokens else None
        dense = np.stack([direction(text) for text in texts])
        return PassageVectors(dense, self._encoder.passages(texts), tokens)

    def apply(
        self, *documents: DocumentRow, removed: Sequence[DocumentRow] = (), job: Job | None = None
    ) -> IndexVersion:
        """Publish these documents in the place of those of the same id, and take `removed` out."""
        job = job or self.job()
        vectors = self.vectors(documents)
        passages = ids(*documents)
        terms = {
            passage: vector.indices
            for passage, vector in zip(passages, vectors.sparse if vectors else (), strict=True)
        }
        change = IndexChange(
            documents=documents, removed_documents=tuple(row.id for row in removed), terms=terms
        )
        publish = partial(self.registry.publish, job, INDEX)
        return self.writer.apply(INDEX, f"{job.id}-{job.fence}", change, vectors, publish)

    def relabel(self, *documents: DocumentRow) -> IndexVersion:
        """Publish documents under the labels that they have here."""
        job = self.job()
        publish = partial(self.registry.publish, job, INDEX)
        change = IndexChange(documents=documents)
        return self.writer.relabel(self.version, f"{job.id}-{job.fence}", change, publish)

    def merge(self) -> int:
        """Do all merges that the writer asks for; how many."""
        done = 0
        while wanted := self.writer.merges(self.version):
            for each in wanted:
                job, done = self.job(), done + 1
                publish = partial(self.registry.publish, job, INDEX)
                self.writer.merge(self.version, f"{job.id}-{job.fence}", each, publish)
        return done

    def stored(self) -> Mapping[str, Sequence[StoredPassage]]:
        """What the store has; nothing may be wrong with it."""
        check = self.writer.check(self.version)
        assert list(check.faults) == []
        return check.passages


def access(stored: Mapping[str, Sequence[StoredPassage]]) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """For whom each passage is, wherever it is."""
    return {name: [(each.tenant, each.labels) for each in where] for name, where in stored.items()}


@pytest.mark.asyncio
class IndexWriterConformance:
    """Subclass it with fixtures `writing`, of an empty index, and `store`, which searches what it writes."""

    @pytest.fixture
    def writing(self) -> Writing:
        """The writer under test, with a registry and a ledger."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, writing: Writing) -> VectorStore:
        """What searches the index."""
        raise NotImplementedError

    async def found(self, store: VectorStore, text: str) -> set[str]:
        """What somebody finds who may read everything."""
        return set((await one(store, dense(text), principal=STAFF, limit=1000)).ids)

    async def test_what_is_applied_is_found_once_by_those_who_may(
        self, writing: Writing, store: VectorStore
    ) -> None:
        a, b = document("a", "otter", "owl"), document("b", "fox", labels=("staff",))
        version = writing.apply(a, b)
        assert (version.documents, version.passages) == (2, 3)
        assert access(writing.stored()) == {
            **{key: [("default", ("public",))] for key in ids(a)},
            **{key: [("default", ("staff",))] for key in ids(b)},
        }
        assert await self.found(store, "otter") == set(ids(a, b))
        assert set((await one(store, dense("fox"), principal=ANONYMOUS)).ids) == set(ids(a))

    async def test_what_is_replaced_or_removed_is_gone(self, writing: Writing, store: VectorStore) -> None:
        a, b, c = document("a", "otter"), document("b", "fox"), document("c", "sea")
        writing.apply(a, b, c)
        changed = document("a", "badger")
        writing.apply(changed, removed=(b,))
        assert set(writing.stored()) == set(ids(changed, c))
        assert await self.found(store, "otter") == set(ids(changed, c))
        writing.apply(a)
        assert await self.found(store, "otter") == set(ids(a, c))
        writing.apply(removed=(a, c))
        assert await self.found(store, "otter") == set()
        assert dict(writing.stored()) == {}

    async def test_changes_of_workers_side_by_side_are_all_there(
        self, writing: Writing, store: VectorStore
    ) -> None:
        rows = [document(f"d{number}", f"otter n{number}", f"owl n{number}") for number in range(8)]
        jobs = [writing.job() for _ in rows]
        with ThreadPoolExecutor(4) as workers:
            done = [workers.submit(writing.apply, row, job=job) for row, job in zip(rows, jobs, strict=True)]
            assert sorted(each.result().number for each in done) == list(range(1, 9))
        assert access(writing.stored()) == {name: [("default", ("public",))] for name in ids(*rows)}
        assert await self.found(store, "otter") == set(ids(*rows))

    async def test_other_labels_count_at_once_and_vectors_stay(
        self, writing: Writing, store: VectorStore
    ) -> None:
        a, b = document("a", "otter", "owl"), document("b", "fox")
        writing.apply(a, b)
        before = await store.vectors(ids(a), principal=STAFF)
        writing.relabel(replace(a, labels=("staff",)))
        assert set((await one(store, dense("otter"), principal=ANONYMOUS)).ids) == set(ids(b))
        assert access(writing.stored())[ids(a)[0]] == [("default", ("staff",))]
        after = await store.vectors(ids(a), principal=STAFF)
        assert {name: each.tolist() for name, each in after.items()} == {
            name: each.tolist() for name, each in before.items()
        }

    async def test_nothing_is_seen_of_what_is_not_published(
        self, writing: Writing, store: VectorStore
    ) -> None:
        a, late = document("a", "otter"), document("a", "badger")
        writing.apply(a)
        stale = writing.job()
        writing.ledger.cancel(stale.id)
        with pytest.raises(LeaseLost):
            writing.apply(late, document("b", "fox"), job=stale)
        assert set(writing.stored()) == set(ids(a))
        assert await self.found(store, "otter") == set(ids(a))
        writing.writer.collect(INDEX, seconds=0.0)
        # The same work again, by who holds the job.
        writing.apply(late)
        assert await self.found(store, "otter") == set(ids(late))

    async def test_a_rebuild_is_seen_when_it_is_switched_and_not_before(
        self, writing: Writing, store: VectorStore
    ) -> None:
        a, b = document("a", "otter", "owl"), document("b", "fox")
        writing.apply(a, b)
        before = await self.scores(store)
        staged: list[Mapping[str, object]] = []
        for row, other in ((a, document("x", "sea", "lake")), (b, document("y", "hill"))):
            # Other vectors, as of another model.
            job, vectors = writing.job(), writing.vectors([other])
            assert vectors is not None
            staged.append(writing.writer.stage(INDEX, f"{job.id}-{job.fence}", [row], vectors))
            assert await self.scores(store) == before
        version = writing.version
        change = IndexChange(format=version.format, base=version.number)
        publish = partial(writing.registry.publish, writing.job(), INDEX)
        writing.writer.switch(INDEX, change, staged, publish)
        assert set(writing.stored()) == set(ids(a, b))
        found = await one(store, dense("hill"), principal=STAFF)
        assert found.ids[0] == ids(b)[0]
        assert next(iter(found)).score == pytest.approx(1.0, abs=1e-3)

    async def scores(self, store: VectorStore) -> list[tuple[str, float]]:
        """A ranking with its scores."""
        return [(hit.id, hit.score) for hit in await one(store, dense("otter"), principal=STAFF)]

    async def test_merges_end_and_change_nothing_that_is_found(
        self, writing: Writing, store: VectorStore
    ) -> None:
        rows = [document(f"d{number}", f"otter n{number}") for number in range(9)]
        for row in rows:
            writing.apply(row)
        writing.apply(removed=rows[:2])
        before = await self.found(store, "otter")
        writing.merge()
        writing.writer.collect(INDEX, seconds=0.0)
        assert await self.found(store, "otter") == before == set(ids(*rows[2:]))
        assert set(writing.stored()) == before
        assert not writing.writer.merges(writing.version)

    async def test_nothing_is_damaged_and_collecting_takes_nothing_that_is_found(
        self, writing: Writing, store: VectorStore
    ) -> None:
        a = document("a", "otter")
        writing.apply(a)
        assert list(writing.writer.damaged(writing.version)) == []
        assert list(writing.writer.damaged_documents(INDEX, [])) == []
        assert all(number >= 1 for number in writing.writer.parts(writing.version).values())
        writing.writer.collect(INDEX, seconds=0.0)
        assert await self.found(store, "otter") == set(ids(a))
        assert list(writing.writer.check(writing.version).accept()) == []

    async def test_a_deleted_index_is_gone_and_can_be_made_again(
        self, writing: Writing, store: VectorStore
    ) -> None:
        writing.apply(document("a", "otter"))
        writing.registry.drop(INDEX)
        writing.writer.delete(INDEX)
        writing.writer.delete(INDEX)
        writing.registry.create(INDEX, writing.format)
        assert await self.found(store, "otter") == set()
        b = document("b", "fox")
        writing.apply(b)
        assert set(writing.stored()) == set(ids(b))
        assert await self.found(store, "fox") == set(ids(b))
