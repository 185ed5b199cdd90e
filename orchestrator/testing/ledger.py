"""What every `Ledger` must do."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from orchestrator.errors import BadInput, LeaseLost
from orchestrator.ports import Job, Ledger, WorkerPresence, index_scope, order_prefix
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
        assert ledger.counts() == {"running": 1, "pending": 3}
        assert [kept.key for kept in ledger.jobs(scope=index_scope("one"), states=("pending", "dead"))] == [
            "oneb"
        ]

    def test_a_claim_can_name_keys_and_handlers(self, ledger: Ledger) -> None:
        ledger.submit("add", index_scope("one"), "mine:1", {})
        part = ledger.submit("read", index_scope("one"), "order-7:1", {})
        ledger.submit("read", index_scope("one"), "order-70:1", {})
        assert ledger.claim("worker", seconds=60, names=("index.merge", "tree.add")) is None
        found = ledger.claim("worker", seconds=60, prefix=order_prefix(7))
        assert found is not None
        assert (found.id, found.name) == (part.id, "index.read")
        assert ledger.claim("worker", seconds=60, prefix=order_prefix(7)) is None
        named = ledger.claim("worker", seconds=60, names=("index.read",))
        assert named is not None
        assert named.key == "order-70:1"
        assert [job.key for job in ledger.jobs(prefix="order-7")] == ["order-7:1", "order-70:1"]
        assert [job.key for job in ledger.jobs(last=2)] == ["order-7:1", "order-70:1"]
        assert [job.key for job in ledger.jobs(parts=False, last=2)] == ["mine:1"]
        assert ledger.job(part.id).worker == "worker"
        with pytest.raises(BadInput, match="no job"):
            ledger.job(part.id + 1000)

    def test_a_brief_list_leaves_out_payloads(self, ledger: Ledger) -> None:
        ledger.submit("add", index_scope("one"), "key", {"files": ["a"] * 100})
        (brief,) = ledger.jobs(brief=True)
        assert (brief.payload, ledger.job(brief.id).payload["files"][0]) == ({}, "a")

    def test_a_job_tells_how_far_it_is(self, ledger: Ledger, clock: ManualClock) -> None:
        job = self.claimed(ledger)
        clock.advance(5)
        ledger.renew(job, seconds=60, progress={"passages": 40})
        told = ledger.job(job.id)
        assert told.progress == {"passages": 40}
        assert told.started is not None
        assert told.beat == told.started + 5
        ledger.finish(job, {})
        ledger.note(job, {"passages": 90})
        assert ledger.job(job.id).progress == {"passages": 90}

    def test_an_attempt_begins_anew_and_an_older_one_tells_nothing(
        self, ledger: Ledger, clock: ManualClock
    ) -> None:
        stale = self.claimed(ledger, seconds=10)
        ledger.renew(stale, seconds=10, progress={"passages": 40})
        clock.advance(11)
        current = ledger.claim("other", seconds=10)
        assert current is not None
        assert current.progress == {}
        ledger.note(stale, {"passages": 50})
        assert ledger.job(current.id).progress == {}

    def test_a_job_that_advanced_has_all_its_attempts_again(self, ledger: Ledger, clock: ManualClock) -> None:
        ledger.submit("add", index_scope("default"), "key", {})
        for _ in range(6):
            job = ledger.claim("worker", seconds=10)
            assert job is not None
            ledger.renew(job, seconds=10, advanced=True)
            clock.advance(11)

    def test_a_job_that_is_given_back_was_not_tried_and_rests(
        self, ledger: Ledger, clock: ManualClock
    ) -> None:
        job = self.claimed(ledger)
        ledger.give_back(job, rest=5, progress={"doing": "waiting"})
        assert [(each.state, each.attempt) for each in ledger.jobs()] == [("pending", 0)]
        assert ledger.jobs()[0].progress == {"doing": "waiting"}
        assert ledger.claim("other", seconds=60) is None
        clock.advance(5)
        again = ledger.claim("other", seconds=60)
        assert again is not None
        assert again.attempt == 1
        ledger.give_back(job)
        assert ledger.job(job.id).state == "running", "its lease is another's"

    def test_only_who_holds_an_order_adds_parts_to_it(self, ledger: Ledger, clock: ManualClock) -> None:
        order = self.claimed(ledger, seconds=10)
        ledger.submit("read", index_scope("default"), f"{order_prefix(order.id)}1", {}, order=order)
        clock.advance(11)
        taken = ledger.claim("other", seconds=10, job=order.id)
        assert taken is not None
        with pytest.raises(LeaseLost):
            ledger.submit("read", index_scope("default"), f"{order_prefix(order.id)}2", {}, order=order)
        assert len(ledger.jobs(prefix=order_prefix(order.id))) == 1

    @pytest.mark.parametrize("end", ["cancel", "fail", "vanish"])
    def test_the_parts_of_an_order_end_with_it(self, ledger: Ledger, clock: ManualClock, end: str) -> None:
        order = self.claimed(ledger, seconds=10)
        for number in range(2):
            key = f"{order_prefix(order.id)}{number}"
            ledger.submit("read", index_scope("default"), key, {}, order=order)
        part = ledger.claim("other", seconds=1000, prefix=order_prefix(order.id))
        assert part is not None
        if end == "cancel":
            ledger.cancel(order.id)
        elif end == "fail":
            ledger.fail(order, "no room on the disk", final=True)
        else:
            for _ in range(3):
                clock.advance(11)
                ledger.claim("another", seconds=10, job=order.id)
        assert [job.state for job in ledger.jobs()] == ["dead"] * 3
        assert all(job.error for job in ledger.jobs())
        with pytest.raises(LeaseLost):
            ledger.finish(part, {})

    def test_a_submission_ends_a_wait(self, ledger: Ledger) -> None:
        assert ledger.claim("worker", seconds=60) is None
        # Another's commit of before may end the first one.
        ledger.wait(0.2)
        assert ledger.claim("worker", seconds=60) is None

        def submit() -> None:
            time.sleep(0.3)
            ledger.submit("add", index_scope("default"), "key", {})

        began = time.monotonic()
        thread = threading.Thread(target=submit)
        thread.start()
        ledger.wait(30)
        thread.join()
        assert time.monotonic() - began < 15
        assert ledger.claim("worker", seconds=60) is not None

    def test_workers_are_there_until_they_say_that_they_end(self, ledger: Ledger, clock: ManualClock) -> None:
        now = clock.now()
        for name in ("two", "one"):
            ledger.appear(WorkerPresence(name, "1.0", now, now))
        ledger.appear(WorkerPresence("one", "1.0", now, now + 5, job=7))
        found = ledger.workers()
        assert [(each.name, each.beat, each.job) for each in found] == [
            ("one", now + 5, 7),
            ("two", now, None),
        ]
        ledger.vanish("one")
        assert [each.name for each in ledger.workers()] == ["two"]
        ledger.appear(WorkerPresence("three", "1.0", now, now + 100_000))
        assert [each.name for each in ledger.workers()] == ["three"]

    def test_a_wait_for_nothing_ends(self, ledger: Ledger) -> None:
        assert ledger.claim("worker", seconds=60) is None
        ledger.wait(0.2)
        ledger.wait(0.2)

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
