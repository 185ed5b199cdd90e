"""The providers of S3. Its library is imported when one of them is made."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from connectors.s3.settings import S3Settings
from orchestrator.errors import SettingsError
from orchestrator.ports import ArtifactStore, Build, Provider, RemoteFiles
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from connectors.s3.artifacts import S3Artifacts
    from connectors.s3.files import S3Files
    from connectors.s3.server import S3Server


def _missing(settings: Settings) -> str | None:
    if find_spec("s3fs") is not None:
        return None
    return "s3fs not installed: pip install 'orchestrator-rag[s3]'"


def _server(build: Build) -> S3Server:
    if find_spec("s3fs") is None:
        raise SettingsError(
            "Reading s3:// needs s3fs.", hint="Install it: pip install 'orchestrator-rag[s3]'."
        )
    from connectors.s3.server import S3Server

    return S3Server(build.table)


def _files(build: Build) -> S3Files:
    from connectors.s3.files import S3Files

    return S3Files(_server(build))


def _artifacts(build: Build) -> S3Artifacts:
    from connectors.s3.artifacts import S3Artifacts

    if build.table.artifacts is None:
        raise SettingsError(
            "Artifacts are to be on S3, and nothing says where.",
            hint='Set it: [connectors.s3] artifacts = "s3://bucket/folder".',
        )
    return S3Artifacts(_server(build), build.table.artifacts, build.home / "artifacts-of-s3")


providers = (
    Provider(
        port=RemoteFiles,
        name="s3",
        make=_files,
        settings=S3Settings,
        missing=_missing,
        description="files at s3:// URLs",
    ),
    Provider(
        port=ArtifactStore,
        name="s3",
        make=_artifacts,
        settings=S3Settings,
        missing=_missing,
        description="artifacts on S3",
    ),
)
