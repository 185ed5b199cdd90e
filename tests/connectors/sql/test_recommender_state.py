"""The recommender's state: no change is lost, none is half made, and no edition overtakes another."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from connectors.sql import Database, SqlRecommenderState, open_database
from orchestrator.errors import StoreError
from orchestrator.ports import CatalogueState, RecommenderState

WITHDRAW = """
import sys
from connectors.sql import Database, SqlRecommenderState, open_database
state = SqlRecommenderState(open_database(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for at in range(int(sys.argv[3])):
    state.withdraw([f"{sys.argv[2]}-{at}", "shared"])
    print(at, flush=True)
"""


@pytest.fixture
def state(database: Database) -> SqlRecommenderState:
    return SqlRecommenderState(database)


def child(url: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WITHDRAW, url, name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def begin(children: list[subprocess.Popen[str]]) -> None:
    for each in children:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in children:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()


def test_it_is_a_recommenders_state(state: SqlRecommenderState) -> None:
    assert isinstance(state, RecommenderState)
    assert state.read() == CatalogueState()


def test_what_is_withdrawn_by_hand_stays_so_whatever_is_published(state: SqlRecommenderState) -> None:
    assert state.withdraw(["a", "b"]) == {"a", "b"}
    state.publish("version-1", after=None, listed=["a", "b", "c"])
    assert state.read().withdrawn == {"a", "b"}
    state.publish("version-2", after="version-1", gone=["b", "c"])
    assert state.read().withdrawn == {"a", "b", "c"}
    state.publish("version-3", after="version-2", listed=["b", "c"])
    assert state.read().withdrawn == {"a", "b"}, "what left the table is back in it, but for b, by hand"
    assert state.withdraw(["a", "b", "never"], back=True) == frozenset()
    assert state.read().edition == "version-3"


def test_every_change_raises_the_revision_and_reading_does_not(state: SqlRecommenderState) -> None:
    seen = [state.read().revision]
    for change in (
        lambda: state.withdraw(["a"]),
        lambda: state.publish("version-1", after=None),
        lambda: state.withdraw(["a"], back=True),
    ):
        change()
        seen.append(state.read().revision)
        assert state.read().revision == seen[-1]
    assert seen == sorted(set(seen))


def test_an_edition_made_of_one_that_was_replaced_is_refused(state: SqlRecommenderState) -> None:
    state.publish("version-1", after=None)
    state.publish("version-2", after="version-1")
    with pytest.raises(StoreError, match="put version-2 into use while version-3 was made from version-1"):
        state.publish("version-3", after="version-1", gone=["a"])
    assert (state.read().edition, state.read().withdrawn) == ("version-2", frozenset())


def test_files_of_before_are_taken_over_once(state: SqlRecommenderState) -> None:
    state.adopt("version-4", ["a"])
    state.withdraw(["a"], back=True)
    state.adopt("version-4", ["a"])
    assert (state.read().edition, state.read().withdrawn) == ("version-4", frozenset())


def test_another_process_is_heard_of_at_once(url: str, state: SqlRecommenderState) -> None:
    other = SqlRecommenderState(open_database(url))
    assert other.read().withdrawn == frozenset()
    state.withdraw(["a"])
    assert other.read().withdrawn == {"a"}


@pytest.mark.slow
def test_of_eight_processes_that_withdraw_at_once_nothing_is_lost(
    url: str, state: SqlRecommenderState
) -> None:
    children = [child(url, f"p{at}", 5) for at in range(8)]
    begin(children)
    assert [each.wait(120) for each in children] == [0] * 8
    expected = {f"p{at}-{number}" for at in range(8) for number in range(5)} | {"shared"}
    assert state.read().withdrawn == expected
    assert state.read().revision == 40


@pytest.mark.slow
@pytest.mark.parametrize("told", [1, 7, 20])
def test_killed_while_withdrawing_nothing_that_was_said_is_lost(
    url: str, state: SqlRecommenderState, told: int
) -> None:
    process = child(url, "p", 10_000)
    begin([process])
    assert process.stdout is not None
    for _ in range(told):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    there = state.read().withdrawn
    assert {f"p-{at}" for at in range(told)} | {"shared"} <= there
    # What was withdrawn last may not have been said any more; none is missing in between.
    assert there == {f"p-{at}" for at in range(len(there) - 1)} | {"shared"}
    state.withdraw(["after"])
    assert "after" in state.read().withdrawn
