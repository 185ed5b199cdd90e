from __future__ import annotations

from pathlib import Path

import pytest

from connectors.s3.artifacts import S3Artifacts
from connectors.s3.server import S3Server
from connectors.s3.settings import S3Settings
from orchestrator.application.application import Application
from orchestrator.errors import BadInput, StoreError
from orchestrator.ports import ArtifactStore
from orchestrator.settings import Settings
from orchestrator.testing.artifacts import ArtifactStoreConformance
from tests.connectors.s3.conftest import Folder

pytestmark = pytest.mark.slow


class TestS3Artifacts(ArtifactStoreConformance):
    @pytest.fixture
    def artifacts(self, s3_folder: Folder, tmp_path: Path) -> ArtifactStore:
        return store(s3_folder, tmp_path / "copies")

    def test_another_host_reads_what_was_made(
        self, artifacts: ArtifactStore, s3_folder: Folder, tmp_path: Path
    ) -> None:
        self.made(artifacts, "trees/a")
        folder = store(s3_folder, tmp_path / "other").open("trees/a")
        assert (folder / "inner" / "weights.txt").read_text() == "w"

    def test_a_damaged_file_is_not_opened(self, artifacts: ArtifactStore, s3_folder: Folder) -> None:
        self.made(artifacts, "a")
        (weights,) = [key for key in s3_folder.listed() if key.endswith("weights.txt")]
        s3_folder.put(weights, "v")
        with pytest.raises(StoreError, match=r"'inner/weights.txt' of the artifact 'a' is damaged"):
            artifacts.open("a")

    def test_nothing_is_left_of_what_was_deleted(self, artifacts: ArtifactStore, s3_folder: Folder) -> None:
        self.made(artifacts, "a")
        artifacts.delete("a")
        assert s3_folder.listed() == []

    def test_the_first_of_two_makers_is_kept_and_the_other_leaves_nothing(
        self, artifacts: ArtifactStore, s3_folder: Folder
    ) -> None:
        def late() -> None:
            with artifacts.create("a") as folder:
                (folder / "file").write_text("second")
                self.made(artifacts, "a")

        with pytest.raises(StoreError, match="made by another"):
            late()
        # Its manifest and two files.
        assert len(s3_folder.listed()) == 3

    def test_a_manifest_that_leads_elsewhere_is_refused(
        self, artifacts: ArtifactStore, s3_folder: Folder
    ) -> None:
        s3_folder.put("made/manifests/a", '{"content": "%s", "files": {"../../x": "0"}}' % ("0" * 32))
        with pytest.raises(StoreError, match="manifest of an artifact is damaged"):
            artifacts.open("a")


def store(folder: Folder, copies: Path) -> S3Artifacts:
    return S3Artifacts(S3Server(S3Settings(**folder.table)), f"{folder.url}made/", copies)


async def test_settings_choose_it(s3_folder: Folder, tmp_path: Path) -> None:
    table = {**s3_folder.table, "artifacts": f"{s3_folder.url}made"}
    settings = Settings(home=tmp_path, ports={"artifact_store": "s3"}, connectors={"s3": table})
    async with Application(settings) as application:
        with application.container.get(ArtifactStore).create("a") as folder:
            (folder / "file").write_text("x")
    assert "made/manifests/a" in s3_folder.listed()


def test_a_bucket_that_is_not_there_is_named(s3_folder: Folder, tmp_path: Path) -> None:
    server = S3Server(S3Settings(**s3_folder.table))
    artifacts = S3Artifacts(server, "s3://no-such-bucket/made", tmp_path)
    with pytest.raises(BadInput, match="no bucket of 's3://no-such-bucket/made'"):
        artifacts.names()
