"""Provides a language model and an embedder from model servers."""

from __future__ import annotations

from importlib.util import find_spec

from connectors.vllm.settings import VllmSettings
from orchestrator.ports import Build, Embedder, FeedbackStore, LanguageModel, Provider
from orchestrator.settings import Settings

_INSTALL = "pip install 'orchestrator-rag[llm]'"


def _model(build: Build) -> LanguageModel:
    """Those of `routes`, that of `llm_url` and `score_url`, or none."""
    settings = build.settings
    if not (settings.llm_url or settings.routes or settings.score_url):
        from orchestrator.models.null import NullModel

        return NullModel()
    from connectors.vllm.configured import model_of, routes_of

    if not settings.routes:
        return model_of(settings, build.table)
    from orchestrator.models.routed import build_routed_model

    # Where a prompt points is learned of many: the embedder that is always there is enough.
    embedder = build.get(Embedder, connector="wordllama")
    return build_routed_model(
        routes_of(settings, build.table),
        sorted(route.cost for route in settings.routes.values()),
        embedder,
        build.get(FeedbackStore),
        exploration=settings.routes_exploration,
    )


def _embedder(build: Build) -> Embedder:
    from connectors.vllm.configured import embedder_of

    return embedder_of(build.settings)


def _missing(settings: Settings) -> str | None:
    if settings.llm_url or settings.routes or settings.score_url or settings.embed_url:
        return None if find_spec("openai") else f"openai is not installed: {_INSTALL}"
    return None


def _missing_embedder(settings: Settings) -> str | None:
    return _missing(settings) if settings.embed_url else "embed_url is not set"


providers = (
    Provider(
        port=LanguageModel,
        name="vllm",
        make=_model,
        missing=_missing,
        settings=VllmSettings,
        description="servers that speak OpenAI's protocol, at llm_url, routes or score_url",
    ),
    Provider(
        port=Embedder,
        name="vllm",
        make=_embedder,
        missing=_missing_embedder,
        settings=VllmSettings,
        description="the server at embed_url",
    ),
)
