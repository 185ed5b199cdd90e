"""What every `Verdicts` store must do."""

from __future__ import annotations

import pytest

from orchestrator.ports import Verdicts


@pytest.mark.asyncio
class VerdictsConformance:
    """Subclass it with a fixture `verdicts`, an empty store."""

    @pytest.fixture
    def verdicts(self) -> Verdicts:
        """The store under test."""
        raise NotImplementedError

    async def test_a_verdict_is_on_every_answer_of_its_run(self, verdicts: Verdicts) -> None:
        await verdicts.answered("one", model="small", space="s", vector=b"1234")
        await verdicts.answered("one", model="large", space="s", vector=b"5678")
        await verdicts.answered("two", model="large", space="s", vector=b"9999")
        assert await verdicts.since("s") == []
        assert await verdicts.judge("one", 0.25) == 2
        found = await verdicts.since("s")
        assert [(each.model, each.vector, each.score) for each in found] == [
            ("small", b"1234", 0.25),
            ("large", b"5678", 0.25),
        ]

    async def test_an_answer_is_judged_once(self, verdicts: Verdicts) -> None:
        await verdicts.answered("one", model="small", space="s", vector=b"1234")
        assert await verdicts.judge("one", 1.0) == 1
        assert await verdicts.judge("one", 0.0) == 0
        assert await verdicts.judge("never", 1.0) == 0
        assert [each.score for each in await verdicts.since("s")] == [1.0]

    async def test_spaces_do_not_mix(self, verdicts: Verdicts) -> None:
        for space in ("s", "t"):
            await verdicts.answered("one", model="small", space=space, vector=space.encode())
        await verdicts.judge("one", 1.0)
        assert [each.vector for each in await verdicts.since("t")] == [b"t"]

    async def test_the_newest_after_an_id_are_read_by_rising_id(self, verdicts: Verdicts) -> None:
        for number in range(5):
            await verdicts.answered(str(number), model="m", space="s", vector=b"v")
            await verdicts.judge(str(number), number / 10)
        everything = await verdicts.since("s")
        ids = [each.id for each in everything]
        assert ids == sorted(set(ids))
        assert [each.score for each in await verdicts.since("s", limit=2)] == [0.3, 0.4]
        assert [each.score for each in await verdicts.since("s", after=ids[1])] == [0.2, 0.3, 0.4]
        assert await verdicts.since("s", after=ids[-1]) == []
