"""Wrappers around models and embedders: recording, replay, and cache of answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput
from orchestrator.models.null import NullModel
from orchestrator.ports import Build, Cache, Embedder, LanguageModel
from orchestrator.settings import DAY

if TYPE_CHECKING:
    from orchestrator.models.recording import Recording


class ModelStacks:
    """Builds the wrappers of each model of an application, all with one recording.

    `record` names a file to which everything goes that models and embedders are asked and answer, `replay`
    one to answer from, with none of them at all.
    """

    def __init__(self, record: Path | str | None, replay: Path | str | None) -> None:
        if record is not None and replay is not None:
            raise BadInput("A run is recorded or replayed, not both.", hint="Leave one out.")
        self._file = record if replay is None else replay
        self._replays = replay is not None

    @cached_property
    def recording(self) -> Recording | None:
        """The file that models are recorded in or replayed from, if there is one."""
        if self._file is None:
            return None
        from orchestrator.models.recording import Recording

        return Recording(self._file, required=self._replays)

    def language_model(self, base: Callable[[], Any], build: Build) -> LanguageModel:
        """The language model as nodes are given it."""
        from orchestrator.models.stack import build_model_stack

        settings = build.settings
        return build_model_stack(
            NullModel() if self._replays else base(),
            cache=(lambda: build.get(Cache)) if settings.llm_cache else None,
            cache_seconds=settings.retention.cache * DAY,
            recording=self.recording,
            replay=self._replays,
            embeds=bool(settings.embed_url),
        )

    def embedder(self, base: Callable[[], Any], build: Build) -> Embedder:
        """An embedder, of texts or of their tokens, as nodes are given it."""
        from orchestrator.models.stack import build_embedder_stack

        return build_embedder_stack(base(), recording=self.recording, replay=self._replays)
