from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from connectors.sql import Database, SqlConversations
from connectors.sql.tables import turns
from orchestrator.ports import Conversations
from orchestrator.testing.clock import ManualClock
from orchestrator.testing.conversations import ANNA, ASK, NEXT, REPLY, ConversationsConformance
from orchestrator.types import Message
from tests.quick_selection import examples

MESSAGES = st.lists(
    st.builds(
        Message,
        st.sampled_from(["user", "assistant"]),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
    ),
    min_size=1,
    max_size=6,
)


class TestSqlConversations(ConversationsConformance):
    @pytest.fixture
    def conversations(self, database: Database) -> Conversations:
        return SqlConversations(database)


async def test_equal_prefixes_are_stored_once(database: Database) -> None:
    conversations = SqlConversations(database)
    for last in ("one", "two", "three"):
        await conversations.append([ASK, REPLY, Message("user", last)], principal=ANNA)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(turns)).scalar_one() == 5


async def test_pruning_keeps_what_newer_turns_follow(database: Database) -> None:
    clock = ManualClock(1000)
    conversations = SqlConversations(database, clock)
    start = await conversations.append([ASK], principal=ANNA)
    left = await conversations.append([NEXT], principal=ANNA, after=start)
    clock.advance(100)
    kept = await conversations.append([REPLY], principal=ANNA, after=start)
    assert conversations.prune(before=1050) == 1
    assert left is not None
    assert kept is not None
    assert await conversations.read(left, principal=ANNA) == ()
    assert await conversations.read(kept, principal=ANNA) == (ASK, REPLY)
    assert conversations.prune(before=2000) == 2


@settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(MESSAGES, MESSAGES)
async def test_ids_are_equal_only_for_equal_conversations(
    database: Database, one: list[Message], two: list[Message]
) -> None:
    conversations = SqlConversations(database)
    ids = [await conversations.append(turns, principal=ANNA) for turns in (one, two)]
    assert (ids[0] == ids[1]) == (one == two)
    for identifier, said in zip(ids, (one, two), strict=True):
        assert identifier is not None
        assert await conversations.read(identifier, principal=ANNA) == tuple(said)
