"""A routing bandit that shares its feedback between processes through the FeedbackStore."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orchestrator.errors import BadInput, RunNotFound, StoreError
from orchestrator.models.bandit import PromptBandit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.ports import FeedbackStore, Runs
    from orchestrator.types import Principal

log = logging.getLogger("orchestrator.routing")

#: Seconds between two looks at what others were told.
LOOK = 10.0
#: FeedbackStore below the newest that are read again: one with a lower id may be committed later.
SLACK = 100


class SharedBandit:
    """A bandit that learns from the shared `FeedbackStore`; it starts from the newest 10,000 entries.

    Feedback on a model that is not among `models` is left out. A store that cannot be read is done without.
    """

    def __init__(
        self,
        bandit: PromptBandit,
        models: Sequence[str],
        feedback: FeedbackStore,
        space: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bandit = bandit
        self._arms = {name: arm for arm, name in enumerate(models)}
        self._feedback = feedback
        self._space = space
        self._clock = clock
        self._due = -float("inf")
        self._last = 0
        self._seen: set[int] = set()
        self._looking = asyncio.Lock()

    async def current(self) -> PromptBandit:
        """The bandit, with the feedback up to a few seconds ago."""
        if self._clock() >= self._due and not self._looking.locked():
            async with self._looking:
                try:
                    await self._look()
                except StoreError as error:
                    log.warning("Feedback cannot be read: %s", error)
                self._due = self._clock() + LOOK
        elif self._last == 0:
            # The first look is waited for: without it nothing is known.
            async with self._looking:
                pass
        return self._bandit

    async def answered(self, run_id: str, model: str, vector: NDArray[np.floating]) -> None:
        """Record an answer, which may get feedback later."""
        import numpy as np

        packed = np.ascontiguousarray(vector, "<f4").tobytes()
        try:
            await self._feedback.answered(run_id, model=model, space=self._space, vector=packed)
        except StoreError as error:
            log.warning("An answer cannot be noted: %s", error)

    async def _look(self) -> None:
        import numpy as np

        for given in await self._feedback.since(self._space, after=max(0, self._last - SLACK)):
            self._last = max(self._last, given.id)
            if given.id in self._seen:
                continue
            self._seen.add(given.id)
            vector = np.frombuffer(given.vector, "<f4")
            if given.model in self._arms and len(vector) == self._bandit.dimensions:
                self._bandit.learn(self._arms[given.model], vector, given.score)
        self._seen = {each for each in self._seen if each > self._last - SLACK}


async def give_feedback(
    runs: Runs, feedback: FeedbackStore, run_id: str, score: float, *, principal: Principal
) -> int:
    """Record feedback, 0 to 1, on the answers of a run of one's own; returns how many answers it applied to.

    RunNotFound for a run of somebody else, BadInput if no answer takes feedback.
    """
    if not 0 <= score <= 1:
        raise BadInput(f"A score is from 0 to 1, not {score!r}.", hint="0 is worthless, 1 as good as can be.")
    if await runs.read(run_id, principal=principal) is None:
        raise RunNotFound(f"There is no run {run_id!r} of {principal.name}.", hint="Check the id.")
    count = await feedback.record(run_id, score)
    if not count:
        raise BadInput(
            f"The run {run_id!r} takes no feedback: no model was chosen for it, or it was given before.",
            hint="An answer takes feedback once, where `routes` has models to choose from.",
        )
    return count
