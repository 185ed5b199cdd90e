"""What every `RemoteFiles` must do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import UnreadableFile
from orchestrator.ports import RemoteFiles


class RemoteFilesConformance:
    """Subclass it with fixtures: `files`; `folder`, the URL of an empty folder, ending in `/`; `put`.

    `put(name, text)` writes a file of the folder, or deletes it if the text is None.
    """

    @pytest.fixture
    def files(self) -> RemoteFiles:
        """The files under test."""
        raise NotImplementedError

    def test_all_files_of_a_folder_are_found(
        self, files: RemoteFiles, folder: str, put: Callable[[str, str | None], None]
    ) -> None:
        assert list(files.find(folder)) == []
        put("a.md", "one")
        put("sub/b.md", "four")
        found = {each.url: each.size for each in files.find(folder)}
        assert found == {f"{folder}a.md": 3, f"{folder}sub/b.md": 4}
        assert {each.url for each in files.find(f"{folder}sub/")} == {f"{folder}sub/b.md"}

    def test_a_url_without_a_slash_at_its_end_is_one_file(
        self, files: RemoteFiles, folder: str, put: Callable[[str, str | None], None]
    ) -> None:
        put("sub/b.md", "four")
        put("sub/b.md.old", "old")
        assert [each.url for each in files.find(f"{folder}sub/b.md")] == [f"{folder}sub/b.md"]
        assert list(files.find(f"{folder}sub")) == []

    def test_the_version_changes_with_the_content_alone(
        self, files: RemoteFiles, folder: str, put: Callable[[str, str | None], None], tmp_path: Path
    ) -> None:
        put("a.md", "one")
        (first,) = files.find(folder)
        assert list(files.find(folder)) == [first]
        assert files.fetch(first.url, tmp_path / "copy", 3) == first
        assert (tmp_path / "copy").read_text() == "one"
        put("a.md", "two")
        (second,) = files.find(folder)
        assert second.version != first.version

    def test_a_file_that_cannot_be_read_is_told_from_a_place_that_cannot(
        self, files: RemoteFiles, folder: str, put: Callable[[str, str | None], None], tmp_path: Path
    ) -> None:
        put("a.md", "one")
        with pytest.raises(UnreadableFile, match="more than"):
            files.fetch(f"{folder}a.md", tmp_path / "copy", 2)
        put("a.md", None)
        assert list(files.find(folder)) == []
        with pytest.raises(UnreadableFile):
            files.fetch(f"{folder}a.md", tmp_path / "copy", 100)
