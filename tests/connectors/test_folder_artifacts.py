from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.folder_artifacts import FolderArtifacts
from orchestrator.ports import ArtifactStore
from orchestrator.testing.artifacts import ArtifactStoreConformance


class TestFolderArtifacts(ArtifactStoreConformance):
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> ArtifactStore:
        return FolderArtifacts(tmp_path / "artifacts")

    def test_an_empty_store_has_no_folder(self, artifacts: ArtifactStore, tmp_path: Path) -> None:
        assert artifacts.names() == []
        assert not (tmp_path / "artifacts").exists()

    def test_what_a_killed_process_left_is_deleted_by_the_next(
        self, artifacts: ArtifactStore, tmp_path: Path
    ) -> None:
        code = f"""
import os, signal
import subprocess
import sys
from pathlib import Path
from connectors.folder_artifacts import FolderArtifacts
with FolderArtifacts(Path({str(tmp_path / "artifacts")!r})).create("a") as folder:
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
        unfinished = tmp_path / "artifacts" / ".unfinished"
        assert len(list(unfinished.iterdir())) == 2
        with artifacts.create("b"):
            # One that is at work keeps what it has.
            self.made(artifacts, "a")
            assert len(list(unfinished.iterdir())) == 2
        assert artifacts.names() == ["a", "b"]
        assert list(unfinished.iterdir()) == []
