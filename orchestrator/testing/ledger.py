"""What every `Ledger` must do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import BadInput, LeaseLost
from orchestrator.ports import Job, Ledger, index_scope
from orchestrator.testing.clock import ManualClock


class LedgerConformance:
    """Subclass it with a fixture `ledger`, an empty one that goes by the fixture `clock`."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The time that the ledger goes by."""
        return ManualClock()

    @pytest.fixture
    def ledger(self, clock: ManualClock) -> Ledger:
        """The ledger under test."""
        raise NotImplementedError

    def claimed(self, ledger: Ledger, *, seconds: float = 60) -> Job:
        """A job, submitted and leased."""
        ledger.submit("add", index_scope("default"), "key", {"root": "/docs"})
        job = ledger.claim("worker", seconds=seconds)
        assert job is not None
        return job

    def test_a_submitted_job_is_claimed_with_what_it_was_given(self, ledger: Ledger) -> None:
        submitted = ledger.submit(
            "add", index_scope("default"), "key", {"root": "/döcs", "sizes": [1, None, 2.5]}
        )
        assert (submitted.state, submitted.attempt) == ("pending", 0)
        job = ledger.claim("worker", seconds=60)
        assert job is not None
        assert (job.id, job.kind, job.scope, job.key) == (submitted.id, "add", index_scope("default"), "key")
        assert job.payload == {"root": "/döcs", "sizes": [1, None, 2.5]}
        assert job.state == "running"

    def test_one_key_is_one_job(self, ledger: Ledger) -> None:
        first = ledger.submit("add", index_scope("default"), "key", {"root": "/a"})
        assert ledger.submit("add", index_scope("default"), "key", {"root": "/b"}) == first
        assert ledger.jobs() == [first]

    def test_a_finished_key_submitted_again_is_the_finished_job(self, ledger: Ledger) -> None:
        job = self.claimed(ledger)
        ledger.finish(job, {"version": 3})
        again = ledger.submit("add", index_scope("default"), "key", {})
        assert (again.id, again.state, again.effects) == (job.id, "done", {"version": 3})
        assert ledger.claim("worker", seconds=60) is None

    def test_jobs_are_claimed_in_the_order_of_submission(self, ledger: Ledger) -> None:
        submitted = [ledger.submit("add", index_scope("default"), str(number), {}).id for number in range(5)]
        claimed = [job.id for _ in range(5) if (job := ledger.claim("worker", seconds=60))]
        assert claimed == submitted
        assert ledger.claim("worker", seconds=60) is None

    def test_a_claim_can_name_an_index_or_a_job(self, ledger: Ledger) -> None:
        ledger.submit("add", index_scope("one"), "a", {})
        second = ledger.submit("add", index_scope("two"), "b", {})
        third = ledger.submit("add", index_scope("two"), "c", {})
        named = ledger.claim("worker", seconds=60, job=third.id)
        assert named is not None
        assert named.id == third.id
        assert ledger.claim("worker", seconds=60, job=third.id) is None
        of_index = ledger.claim("worker", seconds=60, scope=index_scope("two"))
        assert of_index is not None
        assert of_index.id == second.id
        assert ledger.claim("worker", seconds=60, scope=index_scope("two")) is None

    def test_the_attempt_is_counted_before_the_work(self, ledger: Ledger) -> None:
        self.claimed(ledger)
        assert [job.attempt for job in ledger.jobs()] == [1]

    def test_a_lease_that_ran_out_goes_to_the_next(self, ledger: Ledger, clock: ManualClock) -> None:
        first = self.claimed(ledger, seconds=10)
        clock.advance(9)
        assert ledger.claim("other", seconds=10) is None
        clock.advance(1)
        second = ledger.claim("other", seconds=10)
        assert second is not None
        assert (second.id, second.attempt) == (first.id, 2)
        assert second.fence > first.fence

    def test_a_renewed_lease_holds_longer(self, ledger: Ledger, clock: ManualClock) -> None:
        job = self.claimed(ledger, seconds=10)
        clock.advance(9)
        ledger.renew(job, seconds=10)
        clock.advance(9)
        assert ledger.claim("other", seconds=10) is None

    def test_whoever_lost_the_lease_can_do_nothing_to_the_job(
        self, ledger: Ledger, clock: ManualClock
    ) -> None:
        stale = self.claimed(ledger, seconds=10)
        clock.advance(11)
        current = ledger.claim("other", seconds=10)
        assert current is not None
        for act in (
            lambda: ledger.renew(stale, seconds=10),
            lambda: ledger.finish(stale, {}),
            lambda: ledger.fail(stale, "too late"),
        ):
            with pytest.raises(LeaseLost):
                act()
        ledger.finish(current, {"by": "other"})
        assert [(job.state, job.effects) for job in ledger.jobs()] == [("done", {"by": "other"})]

    def test_a_lease_that_ran_out_but_went_to_nobody_may_still_finish(
        self, ledger: Ledger, clock: ManualClock
    ) -> None:
        job = self.claimed(ledger, seconds=10)
        clock.advance(11)
        ledger.finish(job, {})
        assert [kept.state for kept in ledger.jobs()] == ["done"]

    def test_a_finished_job_cannot_be_finished_again(self, ledger: Ledger) -> None:
        job = self.claimed(ledger)
        ledger.finish(job, {"version": 1})
        with pytest.raises(LeaseLost):
            ledger.finish(job, {"version": 2})
        with pytest.raises(LeaseLost):
            ledger.fail(job, "after all")
        assert [kept.effects for kept in ledger.jobs()] == [{"version": 1}]

    def test_the_third_failure_makes_a_job_dead(self, ledger: Ledger) -> None:
        ledger.submit("add", index_scope("default"), "key", {})
        states: list[str] = []
        for attempt in range(1, 4):
            job = ledger.claim("worker", seconds=60)
            assert job is not None
            assert job.attempt == attempt
            states.append(ledger.fail(job, f"failure {attempt}").state)
        assert states == ["failed", "failed", "dead"]
        assert ledger.claim("worker", seconds=60) is None
        assert [(job.state, job.error) for job in ledger.jobs(states=("dead",))] == [("dead", "failure 3")]

    def test_a_final_failure_is_not_tried_again(self, ledger: Ledger) -> None:
        assert ledger.fail(self.claimed(ledger), "unknown format", final=True).state == "dead"
        assert ledger.claim("worker", seconds=60) is None

    def test_a_job_that_kills_its_workers_dies(self, ledger: Ledger, clock: ManualClock) -> None:
        ledger.submit("add", index_scope("default"), "key", {})
        for _ in range(3):
            assert ledger.claim("worker", seconds=10) is not None
            clock.advance(11)
        assert ledger.claim("worker", seconds=10) is None
        (dead,) = ledger.jobs(states=("dead",))
        assert dead.error

    def test_a_dead_job_does_not_stand_in_the_way_of_others(self, ledger: Ledger, clock: ManualClock) -> None:
        ledger.submit("add", index_scope("default"), "poison", {})
        healthy = ledger.submit("add", index_scope("default"), "healthy", {})
        for _ in range(3):
            assert ledger.claim("worker", seconds=10, job=1) or ledger.claim("worker", seconds=10)
            clock.advance(11)
        claimed = ledger.claim("worker", seconds=10)
        assert claimed is not None
        assert claimed.id == healthy.id

    def test_a_dead_job_can_be_retried_by_hand(self, ledger: Ledger) -> None:
        dead = ledger.fail(self.claimed(ledger), "no room on the disk", final=True)
        assert ledger.submit("add", index_scope("default"), "key", {}).state == "dead"
        again = ledger.retry(dead.id)
        assert (again.state, again.attempt) == ("pending", 0)
        job = ledger.claim("worker", seconds=60)
        assert job is not None
        assert (job.attempt, job.fence > dead.fence) == (1, True)

    def test_only_failed_and_dead_jobs_can_be_retried(self, ledger: Ledger) -> None:
        job = self.claimed(ledger)
        with pytest.raises(BadInput, match="running"):
            ledger.retry(job.id)
        ledger.finish(job, {})
        with pytest.raises(BadInput, match="done"):
            ledger.retry(job.id)
        with pytest.raises(BadInput, match="no job"):
            ledger.retry(job.id + 1000)

    def test_a_job_that_never_was_is_nobodys(self, ledger: Ledger) -> None:
        job = self.claimed(ledger)
        with pytest.raises(LeaseLost):
            ledger.finish(replace(job, id=job.id + 1000), {})

    def test_jobs_are_listed_by_index_and_state(self, ledger: Ledger) -> None:
        for index in ("one", "two"):
            for key in "ab":
                ledger.submit("add", index_scope(index), index + key, {})
        job = ledger.claim("worker", seconds=60)
        assert job is not None
        assert [kept.key for kept in ledger.jobs(scope=index_scope("two"))] == ["twoa", "twob"]
        assert [kept.key for kept in ledger.jobs(states=("running",))] == ["onea"]
        assert [kept.key for kept in ledger.jobs(scope=index_scope("one"), states=("pending", "dead"))] == [
            "oneb"
        ]

    def test_a_named_lease_has_one_owner_until_it_runs_out(self, ledger: Ledger, clock: ManualClock) -> None:
        assert ledger.hold("writer", "a", seconds=10) == "a"
        assert ledger.hold("writer", "b", seconds=10) == "a"
        assert ledger.hold("reader", "b", seconds=10) == "b"
        clock.advance(5)
        assert ledger.hold("writer", "a", seconds=10) == "a"
        clock.advance(6)
        assert ledger.hold("writer", "b", seconds=10) == "a"
        clock.advance(5)
        assert ledger.hold("writer", "b", seconds=10) == "b"

    def test_a_named_lease_goes_from_a_dead_owner_to_its_heir_at_once(self, ledger: Ledger) -> None:
        ledger.hold("writer", "a", seconds=1000)
        assert ledger.hold("writer", "b", seconds=10, after="x") == "a"
        assert ledger.hold("writer", "b", seconds=10, after="a") == "b"

    def test_a_named_lease_is_given_back_by_its_owner_alone(self, ledger: Ledger) -> None:
        ledger.hold("writer", "a", seconds=1000)
        ledger.release("writer", "b")
        assert ledger.hold("writer", "b", seconds=10) == "a"
        ledger.release("writer", "a")
        assert ledger.hold("writer", "b", seconds=10) == "b"
        ledger.release("nothing", "b")
