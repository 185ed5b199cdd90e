"""What every `FeedbackStore` store must do."""

from __future__ import annotations

import pytest

from orchestrator.ports import FeedbackStore


@pytest.mark.asyncio
class FeedbackStoreConformance:
    """Subclass it with a fixture `feedback`, an empty store."""

    @pytest.fixture
    def feedback(self) -> FeedbackStore:
        """The store under test."""
        raise NotImplementedError

    async def test_a_verdict_is_on_every_answer_of_its_run(self, feedback: FeedbackStore) -> None:
        await feedback.answered("one", model="small", space="s", vector=b"1234")
        await feedback.answered("one", model="large", space="s", vector=b"5678")
        await feedback.answered("two", model="large", space="s", vector=b"9999")
        assert await feedback.since("s") == []
        assert await feedback.record("one", 0.25) == 2
        found = await feedback.since("s")
        assert [(each.model, each.vector, each.score) for each in found] == [
            ("small", b"1234", 0.25),
            ("large", b"5678", 0.25),
        ]

    async def test_an_answer_is_judged_once(self, feedback: FeedbackStore) -> None:
        await feedback.answered("one", model="small", space="s", vector=b"1234")
        assert await feedback.record("one", 1.0) == 1
        assert await feedback.record("one", 0.0) == 0
        assert await feedback.record("never", 1.0) == 0
        assert [each.score for each in await feedback.since("s")] == [1.0]

    async def test_spaces_do_not_mix(self, feedback: FeedbackStore) -> None:
        for space in ("s", "t"):
            await feedback.answered("one", model="small", space=space, vector=space.encode())
        await feedback.record("one", 1.0)
        assert [each.vector for each in await feedback.since("t")] == [b"t"]

    async def test_the_newest_after_an_id_are_read_by_rising_id(self, feedback: FeedbackStore) -> None:
        for number in range(5):
            await feedback.answered(str(number), model="m", space="s", vector=b"v")
            await feedback.record(str(number), number / 10)
        everything = await feedback.since("s")
        ids = [each.id for each in everything]
        assert ids == sorted(set(ids))
        assert [each.score for each in await feedback.since("s", limit=2)] == [0.3, 0.4]
        assert [each.score for each in await feedback.since("s", after=ids[1])] == [0.2, 0.3, 0.4]
        assert await feedback.since("s", after=ids[-1]) == []
