"""What every `ArtifactStore` must do."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import BadInput, StoreError
from orchestrator.ports import ArtifactStore


class ArtifactStoreConformance:
    """Subclass it with a fixture `artifacts`, an empty store."""

    @pytest.fixture
    def artifacts(self) -> ArtifactStore:
        """The store under test."""
        raise NotImplementedError

    def made(self, artifacts: ArtifactStore, name: str, text: str = "w") -> None:
        """Make an artifact of two files."""
        with artifacts.create(name) as folder:
            assert list(folder.iterdir()) == []
            (folder / "inner").mkdir()
            (folder / "inner" / "weights.txt").write_text(text)
            (folder / "settings.json").write_text("{}")

    def test_what_was_made_is_opened_with_all_its_files(self, artifacts: ArtifactStore) -> None:
        self.made(artifacts, "trees/papers-1")
        folder: Path = artifacts.open("trees/papers-1")
        assert (folder / "inner" / "weights.txt").read_text() == "w"
        assert (folder / "settings.json").read_text() == "{}"

    def test_what_failed_is_not_there(self, artifacts: ArtifactStore) -> None:
        def half() -> None:
            with artifacts.create("a") as folder:
                (folder / "half").write_text("half")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half()
        assert artifacts.names() == []
        with pytest.raises(StoreError, match="no artifact 'a'"):
            artifacts.open("a")
        self.made(artifacts, "a")
        assert artifacts.names() == ["a"]

    def test_it_is_not_there_before_it_is_whole(self, artifacts: ArtifactStore) -> None:
        with artifacts.create("a") as folder:
            (folder / "file").write_text("x")
            assert artifacts.names() == []
            with pytest.raises(StoreError):
                artifacts.open("a")
        assert artifacts.names() == ["a"]

    def test_an_artifact_never_changes(self, artifacts: ArtifactStore) -> None:
        self.made(artifacts, "a", "first")
        with pytest.raises(BadInput, match="already"), artifacts.create("a"):
            pass

        def late() -> None:
            with artifacts.create("b") as folder:
                (folder / "file").write_text("second")
                self.made(artifacts, "b", "first")

        with pytest.raises(StoreError):
            late()
        for name in ("a", "b"):
            assert (artifacts.open(name) / "inner" / "weights.txt").read_text() == "first"

    def test_names_are_listed_by_how_they_begin(self, artifacts: ArtifactStore) -> None:
        for name in ("trees/b", "trees/a", "models/x"):
            self.made(artifacts, name)
        assert artifacts.names() == ["models/x", "trees/a", "trees/b"]
        assert artifacts.names("trees/") == ["trees/a", "trees/b"]

    def test_what_was_deleted_is_gone_and_its_name_free(self, artifacts: ArtifactStore) -> None:
        self.made(artifacts, "trees/a", "old")
        artifacts.delete("trees/a")
        artifacts.delete("trees/a")
        assert artifacts.names() == []
        self.made(artifacts, "trees/a", "new")
        assert (artifacts.open("trees/a") / "inner" / "weights.txt").read_text() == "new"

    @pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", ".hidden", "a//b", "a/", "a b", "a\n", "ä"])
    def test_a_name_that_leads_elsewhere_is_refused(self, artifacts: ArtifactStore, name: str) -> None:
        with pytest.raises(BadInput, match="cannot name"), artifacts.create(name):
            pass
        with pytest.raises(BadInput, match="cannot name"):
            artifacts.open(name)
        with pytest.raises(BadInput, match="cannot name"):
            artifacts.delete(name)
