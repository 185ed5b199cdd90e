"""The providers of the library itself: what needs no vendor."""

from __future__ import annotations

from orchestrator.ports import (
    ArtifactsBelow,
    ArtifactStore,
    Build,
    Clock,
    ModelProfiles,
    Provider,
    Recommender,
    RecommenderState,
)


def _clock(_: Build) -> Clock:
    from orchestrator.clock import SystemClock

    return SystemClock()


def _recommender(build: Build) -> Recommender:
    from orchestrator.application.rankers import ranker_registry
    from orchestrator.recommendation.editions.editions import Editions
    from orchestrator.recommendation.recommender import EditionRecommender
    from orchestrator.settings import DAY

    keep = build.settings.retention.trainings * DAY
    folder, registry = build.home / "recommendations", ranker_registry(build)
    artifacts, state = ArtifactsBelow(build.get(ArtifactStore), folder.name), build.get(RecommenderState)
    return EditionRecommender(Editions(folder, artifacts, registry, state, keep=keep))


def _model_profiles(build: Build) -> ModelProfiles:
    from orchestrator.models.profile_folder import ProfileFolder

    return ProfileFolder(build.home / "models")


providers = (
    Provider(port=Clock, name="local", make=_clock, description="the machine's time"),
    Provider(
        port=ModelProfiles, name="local", make=_model_profiles, description="what was measured, in `home`"
    ),
    Provider(
        port=Recommender, name="local", make=_recommender, description="rankers trained here, in `home`"
    ),
)
