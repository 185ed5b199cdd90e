"""Commands on an index that there is: without it they say what to do first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.ports import IndexVersion
    from orchestrator.settings import Settings

T = TypeVar("T")


def existing_index(application: Application) -> IndexVersion:
    """The current version of the index of the settings; BadInput if there is none."""
    from orchestrator.errors import BadInput
    from orchestrator.ports import IndexRegistry

    name = application.settings.index
    version = application.container.get(IndexRegistry).current(name)
    if version is None:
        raise BadInput(f"There is no index {name!r}.", hint="Add something to it first.")
    return version


async def with_index(settings: Settings, act: Callable[[Application, IndexVersion], Awaitable[T]]) -> T:
    """What an action gives with an application and the version of its index; BadInput if there is none."""
    from orchestrator.application.application import Application

    async with Application(settings) as application:
        return await act(application, existing_index(application))
