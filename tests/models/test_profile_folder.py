"""Profiles of models in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.models.profile_folder import ProfileFolder
from orchestrator.ports import ModelProfile, ModelProfiles
from orchestrator.testing.model_profiles import ModelProfilesConformance


class TestProfileFolder(ModelProfilesConformance):
    @pytest.fixture
    def profiles(self, tmp_path: Path) -> ModelProfiles:
        return ProfileFolder(tmp_path / "home" / "models")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"model": "m"}', "\x00"])
async def test_a_file_that_cannot_be_understood_recommends_nothing(tmp_path: Path, text: str) -> None:
    profiles = ProfileFolder(tmp_path)
    await profiles.keep(ModelProfile("m", "yes_no"))
    for file in list(tmp_path.iterdir()):  # noqa: ASYNC240
        file.write_text(text)
    assert await profiles.read("m") is None


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="'m' could not be written"):
        await ProfileFolder(tmp_path / "file" / "models").keep(ModelProfile("m", "yes_no"))
