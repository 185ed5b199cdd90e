"""How many requests a server is given at once, and when it is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.vllm.circuit import FAILURES, LONGEST_PAUSE, Circuit
from connectors.vllm.limit import FIRST, LEAST, MOST, AdaptiveLimit
from orchestrator.testing.clock import ManualClock


@given(st.lists(st.sampled_from(["start", "success", "refusal", "cancelled"]), max_size=400))
def test_the_limit_stays_in_bounds_and_every_request_ends(steps: list[str]) -> None:
    limit = AdaptiveLimit()
    tickets: list[int] = []
    for step in steps:
        if step == "start":
            if limit.free:
                tickets.append(limit.start())
        elif tickets:
            ticket = tickets.pop(0)
            if step == "success":
                limit.success()
            elif step == "refusal":
                limit.refusal(ticket)
            limit.end()
        assert LEAST <= limit.limit <= MOST
        assert limit.active == len(tickets)


def test_refusals_of_one_crowd_lower_the_limit_once() -> None:
    limit = AdaptiveLimit()
    tickets = [limit.start() for _ in range(90)]
    for ticket in tickets[:50]:
        limit.refusal(ticket)
        limit.end()
    # Two thirds of those that were under way, and not of a limit that nobody had reached.
    assert limit.limit == 60
    limit.refusal(limit.start())
    assert limit.limit < 60


def test_a_limit_that_is_not_in_use_does_not_grow() -> None:
    limit = AdaptiveLimit()
    for _ in range(10 * FIRST):
        limit.start()
        limit.success()
        limit.end()
    assert limit.limit == FIRST


def test_a_limit_that_is_in_use_grows_by_one_a_round() -> None:
    limit = AdaptiveLimit(10)
    for _ in range(10):
        limit.start()
    for _ in range(10):
        limit.success()
    assert limit.limit == 11


def test_a_server_is_left_alone_longer_each_time_and_taken_back_at_once() -> None:
    clock = ManualClock()
    circuit = Circuit(clock.monotonic)
    for _ in range(FAILURES - 1):
        circuit.failure("no")
    assert circuit.closed
    circuit.success()
    pauses: list[float] = []
    for _ in range(FAILURES):
        circuit.failure("no")
    for _ in range(12):
        assert not circuit.closed
        assert not circuit.ripe
        pauses.append(circuit.wait)
        clock.advance(circuit.wait)
        assert circuit.ripe
        circuit.trying = True
        assert not circuit.ripe
        circuit.failure("still no")
        circuit.trying = False
    assert pauses[1] > pauses[0]
    assert max(pauses) <= LONGEST_PAUSE * 1.25
    circuit.success()
    assert circuit.closed
    assert circuit.wait == 0


def test_calls_that_were_under_way_when_it_opened_prolong_nothing() -> None:
    clock = ManualClock()
    circuit = Circuit(clock.monotonic)
    for _ in range(FAILURES):
        circuit.failure("no")
    wait = circuit.wait
    for _ in range(50):
        circuit.failure("no")
    assert circuit.wait == wait
