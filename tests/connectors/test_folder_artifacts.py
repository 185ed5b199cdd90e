from __future__ import annotations

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
