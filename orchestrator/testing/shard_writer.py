"""What every `ShardWriter` must do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import StoreError
from orchestrator.ports import DocumentRow, IndexFormat, Shard, ShardedVersion, ShardWriter, SparseVector
from orchestrator.testing.rows import ids
from orchestrator.testing.vectors import DIMENSIONS, direction, document

_FORMAT = IndexFormat("words", DIMENSIONS, "sparse")


class ShardWriterConformance:
    """Subclass it with a fixture `writer`, of an empty folder."""

    @pytest.fixture
    def writer(self) -> ShardWriter:
        """The writer under test."""
        raise NotImplementedError

    def built(self, writer: ShardWriter, name: str, *documents: DocumentRow) -> Shard:
        """A shard of these documents, each passage under the direction of its text."""
        import numpy as np

        texts = [passage.text for row in documents for passage in row.passages]
        dense = np.stack([direction(text) for text in texts])
        sparse = [
            SparseVector(tuple(range(1, 2 + len(text.split()))), (1.0,) * (1 + len(text.split())))
            for text in texts
        ]
        return writer.build("default", name, documents, dense, sparse)

    def version(self, *shards: Shard, removed: dict[str, frozenset[str]] | None = None) -> ShardedVersion:
        """An index of these shards."""
        return ShardedVersion("default", 1, _FORMAT, 0, 0, shards, removed or {})

    def test_a_shard_holds_the_passages_with_who_may_read_them(self, writer: ShardWriter) -> None:
        a = document("a", "otter", "owl", labels=("staff", "board"))
        b = document("b", "fox", tenant="red")
        shard = self.built(writer, "1-1", a, b)
        assert (shard.name, shard.points) == ("1-1", 3)
        held = writer.contents("default", "1-1")
        assert {key: (tenant, sorted(labels)) for key, (tenant, labels) in held.items()} == {
            **dict.fromkeys(ids(a), ("default", ["board", "staff"])),
            **dict.fromkeys(ids(b), ("red", ["public"])),
        }
        assert writer.probe("default", "1-1") is None

    def test_a_name_is_never_written_twice(self, writer: ShardWriter) -> None:
        self.built(writer, "1-1", document("a", "otter"))
        with pytest.raises(StoreError, match="exists already"):
            self.built(writer, "1-1", document("b", "fox"))

    def test_its_files_are_told_and_do_not_change_when_it_is_read(self, writer: ShardWriter) -> None:
        shard = self.built(writer, "1-1", document("a", "otter"))
        assert shard.files
        assert writer.digests("default", "1-1") == dict(shard.files)
        writer.contents("default", "1-1")
        writer.probe("default", "1-1")
        assert writer.digests("default", "1-1") == dict(shard.files)
        assert writer.digests("default", "nothing") == {}

    def test_what_is_not_there_is_missing(self, writer: ShardWriter) -> None:
        shard = self.built(writer, "1-1", document("a", "otter"))
        assert writer.missing("default", {"1-1": shard.files.keys()}) == []
        wanted = {"1-1": [*shard.files, "another file"], "2-1": []}
        assert writer.missing("default", wanted) == ["1-1", "2-1"]
        with pytest.raises(StoreError, match="2-1"):
            writer.contents("default", "2-1")

    def test_a_merge_holds_what_is_alive_and_reads_nothing_else(self, writer: ShardWriter) -> None:
        a, b, c = document("a", "otter", "owl"), document("b", "fox"), document("c", "sea")
        one, two = self.built(writer, "1-1", a), self.built(writer, "2-1", b)
        gone = Shard("gone", 1)
        dead = {"1-1": frozenset(ids(a)[:1]), "gone": frozenset(ids(c))}
        version = self.version(one, two, gone, removed=dead)
        merged = writer.merge("default", "3-1", ["1-1", "2-1", "gone"], version)
        assert merged.points == 2
        assert set(writer.contents("default", "3-1")) == {ids(a)[1], *ids(b)}

    def test_rewritten_passages_have_new_labels(self, writer: ShardWriter) -> None:
        a, b = document("a", "otter"), document("b", "fox")
        version = self.version(self.built(writer, "1-1", a, b))
        shard = writer.rewrite("default", "2-1", [replace(a, labels=("staff",))], version)
        assert shard.points == 1
        assert writer.contents("default", "2-1") == {ids(a)[0]: ("default", ("staff",))}
        with pytest.raises(StoreError, match="has 0 of the 1 passages"):
            writer.rewrite("default", "3-1", [document("c", "sea")], version)
        assert writer.digests("default", "3-1") == {}

    def test_a_sweep_deletes_what_is_not_kept(self, writer: ShardWriter) -> None:
        for name in ("1-1", "2-1"):
            self.built(writer, name, document("a", "otter"))
        assert writer.sweep("default", {"1-1"}, seconds=3600.0) == []
        assert writer.sweep("default", {"1-1"}, seconds=0.0) == ["2-1"]
        assert writer.digests("default", "2-1") == {}
        assert writer.digests("default", "1-1")
        assert writer.sweep("another", (), seconds=0.0) == []
