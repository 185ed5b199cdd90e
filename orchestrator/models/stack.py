"""Build the model stack: recording, replay or cache around a model, and information on its servers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.errors import BadInput
from orchestrator.models.recording import Recording
from orchestrator.ports import (
    Cache,
    Embedder,
    LanguageModel,
    NextTokenModel,
    close_model,
    counts_usage,
    scores_texts,
)


async def served_by(model: LanguageModel) -> Sequence[tuple[str, object]]:
    """The models that the servers of a model serve, by role (`model`, `scores`).

    A model that has servers says so with a coroutine method `server_info`. ModelError if one does not answer.
    """
    describe = getattr(model, "server_info", None)
    return () if describe is None else await describe()


async def server_info(model: LanguageModel) -> list[tuple[str, str]]:
    """Describe the models that the servers of a model serve; closes the model."""
    try:
        return list(dict.fromkeys((name, str(served)) for name, served in await served_by(model)))
    finally:
        await close_model(model)


def build_model_stack(
    model: LanguageModel,
    *,
    cache: Callable[[], Cache] | None = None,
    cache_seconds: float | None = None,
    recording: Recording | None = None,
    replay: bool = False,
    embeds: bool = False,
) -> LanguageModel:
    """Wrap a model for nodes: with a recording, a replay, or a cache of answers.

    `embeds` says that there is an embedding server: a run without a language model is then worth recording.
    BadInput if there is nothing to record.
    """
    from orchestrator.models.cached import CachedModel
    from orchestrator.models.recorded import RecordedModel

    if replay and recording is not None:
        return RecordedModel(recording)
    there = model.available or scores_texts(model)
    if recording is not None and there:
        return RecordedModel(recording, model)
    if recording is not None and not embeds:
        raise BadInput("There is no model to record.", hint="Set llm_url, or leave --record out.")
    if cache is not None and there:
        return CachedModel(model, cache(), seconds=cache_seconds)
    return model


def build_embedder_stack(
    embedder: Embedder, *, recording: Recording | None = None, replay: bool = False
) -> Embedder:
    """Wrap an embedder for nodes: with a recording or a replay.

    A recording of before, which has no vectors of a server, is replayed with the server itself.
    """
    from orchestrator.models.recorded_embedder import RecordedEmbedder, RecordedTokenEmbedder

    if recording is None or (replay and counts_usage(embedder) and not recording.embedders):
        return embedder
    # Whether it is an instance of the protocol would be found by asking its server for a name.
    made = RecordedTokenEmbedder if hasattr(embedder, "embed_tokens") else RecordedEmbedder
    return made(recording, embedder, replay=replay)


def build_next_token_stack(
    model: NextTokenModel, *, recording: Recording | None = None, replay: bool = False
) -> NextTokenModel:
    """Wrap a next-token model for nodes: with a recording or a replay."""
    from orchestrator.models.recorded_next_tokens import RecordedNextTokens

    return model if recording is None else RecordedNextTokens(recording, model, replay=replay)
