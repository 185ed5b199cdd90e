"""What every `Conversations` store must do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import BadInput
from orchestrator.ports import Conversations
from orchestrator.types import Message, Principal

ANNA = Principal(tenant="red", grants=frozenset({"public"}), name="anna")
ASK = Message("user", "What is BM25?")
REPLY = Message("assistant", "A ranking function [1].")
NEXT = Message("user", "And its parameters?")


@pytest.mark.asyncio
class ConversationsConformance:
    """Subclass it with a fixture `conversations`, an empty store."""

    @pytest.fixture
    def conversations(self) -> Conversations:
        """The store under test."""
        raise NotImplementedError

    async def test_turns_are_read_back_in_order(self, conversations: Conversations) -> None:
        first = await conversations.append([ASK, REPLY], principal=ANNA)
        assert first is not None
        assert await conversations.read(first, principal=ANNA) == (ASK, REPLY)
        second = await conversations.append([NEXT], principal=ANNA, after=first)
        assert second is not None
        assert await conversations.read(second, principal=ANNA) == (ASK, REPLY, NEXT)
        assert await conversations.read(first, principal=ANNA) == (ASK, REPLY)

    async def test_nothing_appended_is_where_one_was(self, conversations: Conversations) -> None:
        assert await conversations.append([], principal=ANNA) is None
        first = await conversations.append([ASK], principal=ANNA)
        assert await conversations.append([], principal=ANNA, after=first) == first

    async def test_equal_turns_have_one_id_however_they_came(self, conversations: Conversations) -> None:
        at_once = await conversations.append([ASK, REPLY, NEXT], principal=ANNA)
        parent: str | None = None
        for message in (ASK, REPLY, NEXT):
            parent = await conversations.append([message], principal=ANNA, after=parent)
        assert parent == at_once

    async def test_a_conversation_can_branch(self, conversations: Conversations) -> None:
        start = await conversations.append([ASK], principal=ANNA)
        other = Message("assistant", "I do not know.")
        one = await conversations.append([REPLY], principal=ANNA, after=start)
        two = await conversations.append([other], principal=ANNA, after=start)
        assert one is not None
        assert two is not None
        assert await conversations.read(one, principal=ANNA) == (ASK, REPLY)
        assert await conversations.read(two, principal=ANNA) == (ASK, other)

    async def test_a_text_said_twice_is_two_turns(self, conversations: Conversations) -> None:
        last = await conversations.append([ASK, ASK, ASK], principal=ANNA)
        assert last is not None
        assert await conversations.read(last, principal=ANNA) == (ASK, ASK, ASK)

    async def test_texts_that_run_together_are_not_equal(self, conversations: Conversations) -> None:
        ids = {
            await conversations.append(messages, principal=who)
            for messages, who in (
                ([Message("user", "ab"), Message("user", "c")], ANNA),
                ([Message("user", "a"), Message("user", "bc")], ANNA),
                ([Message("user", "abc")], ANNA),
                ([Message("assistant", "abc")], ANNA),
                ([Message("user", "abc")], replace(ANNA, tenant="re", name="danna")),
                ([Message("user", 'abc","')], ANNA),
            )
        }
        assert len(ids) == 6

    @pytest.mark.parametrize("other", [replace(ANNA, name="bert"), replace(ANNA, tenant="blue")])
    async def test_another_principal_reads_and_continues_nothing(
        self, conversations: Conversations, other: Principal
    ) -> None:
        mine = await conversations.append([ASK, REPLY], principal=ANNA)
        assert mine is not None
        assert await conversations.read(mine, principal=other) == ()
        with pytest.raises(BadInput):
            await conversations.append([NEXT], principal=other, after=mine)
        theirs = await conversations.append([ASK, REPLY], principal=other)
        assert theirs is not None
        assert theirs != mine
        assert await conversations.read(theirs, principal=ANNA) == ()

    async def test_grants_may_change_between_turns(self, conversations: Conversations) -> None:
        first = await conversations.append([ASK], principal=ANNA)
        demoted = replace(ANNA, grants=frozenset[str]())
        second = await conversations.append([REPLY], principal=demoted, after=first)
        assert second is not None
        assert await conversations.read(second, principal=demoted) == (ASK, REPLY)

    async def test_what_nobody_said_is_unknown(self, conversations: Conversations) -> None:
        assert await conversations.read("' OR 1=1 --", principal=ANNA) == ()
        with pytest.raises(BadInput, match="no conversation"):
            await conversations.append([ASK], principal=ANNA, after="missing")

    async def test_a_long_conversation_is_read_whole(self, conversations: Conversations) -> None:
        turns = [Message("user" if number % 2 else "assistant", f"turn {number}") for number in range(2000)]
        last = await conversations.append(turns, principal=ANNA)
        assert last is not None
        assert await conversations.read(last, principal=ANNA) == tuple(turns)

    async def test_texts_are_kept_to_the_letter(self, conversations: Conversations) -> None:
        odd = Message("user", " 'quotes' \"double\" \\ ünïcode 🙂 \n\t %s :name {} ")
        last = await conversations.append([odd], principal=ANNA)
        assert last is not None
        assert await conversations.read(last, principal=ANNA) == (odd,)
