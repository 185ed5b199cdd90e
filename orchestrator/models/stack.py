"""What stands before a language model: a recording, or a cache of its answers; and who is behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.errors import BadInput
from orchestrator.ports import Cache, LanguageModel, scores_texts
from orchestrator.settings import DAY

if TYPE_CHECKING:
    from orchestrator.settings import Settings


@runtime_checkable
class Introducing(Protocol):
    """A model that tells what its servers serve, each thing under a name."""

    async def introduced(self) -> Sequence[tuple[str, object]]: ...

    async def close(self) -> None: ...


async def server_info(model: LanguageModel) -> list[tuple[str, str]]:
    """What the servers of a model serve, in words; closes it. ModelError if one does not answer."""
    from orchestrator.models.routed import RoutedModel

    found: dict[tuple[str, str], None] = {}
    for each in model.models.values() if isinstance(model, RoutedModel) else [model]:
        if isinstance(each, Introducing):
            try:
                found |= {(name, str(served)): None for name, served in await each.introduced()}
            finally:
                await each.close()
    return list(found)


def build_model_stack(
    model: LanguageModel, settings: Settings, cache: Callable[[], Cache], *, record: Path | str | None = None
) -> LanguageModel:
    """The model as nodes are given it. BadInput if what is to be recorded is not there."""
    from orchestrator.models.cached import CachedModel
    from orchestrator.models.recorded import RecordedModel

    there = model.available or scores_texts(model)
    if record is not None:
        if not there:
            raise BadInput("there is no model to record.", hint="Set llm_url, or leave --record out.")
        return RecordedModel(record, model)
    if settings.llm_cache and there:
        return CachedModel(model, cache(), seconds=settings.retention.cache * DAY)
    return model
