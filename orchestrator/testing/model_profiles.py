"""What every `ModelProfiles` store must do."""

from __future__ import annotations

import pytest

from orchestrator.ports import ModelProfile, ModelProfiles


@pytest.mark.asyncio
class ModelProfilesConformance:
    """Subclass it with a fixture `profiles`, an empty store."""

    @pytest.fixture
    def profiles(self) -> ModelProfiles:
        """The store under test."""
        raise NotImplementedError

    async def test_a_profile_is_found_by_the_name_of_its_model(self, profiles: ModelProfiles) -> None:
        assert isinstance(profiles, ModelProfiles)
        small = ModelProfile("../a model/ü+1", "yes_no", 12.5)
        await profiles.keep(small)
        await profiles.keep(ModelProfile("large", "groupwise", 1.0))
        assert await profiles.read("../a model/ü+1") == small
        assert await profiles.read("unknown") is None

    async def test_a_later_profile_takes_the_place_of_an_earlier_one(self, profiles: ModelProfiles) -> None:
        for strategy in ("yes_no", "setwise"):
            await profiles.keep(ModelProfile("m", strategy))
        found = await profiles.read("m")
        assert found is not None
        assert found.strategy == "setwise"
