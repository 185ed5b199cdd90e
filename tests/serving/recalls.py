"""A workflow of a file of its own, that answers with what was said before."""

from __future__ import annotations

from orchestrator import Answer, Question, node, workflow
from orchestrator.ports import Conversations


@node
async def recite(question: Question, conversations: Conversations) -> Answer:
    turns = ()
    if question.conversation:
        turns = await conversations.read(question.conversation, principal=question.principal)
    said = [f"{turn.role}: {turn.text}" for turn in turns]
    return Answer(" | ".join([*said, f"asked: {question.text}"]))


recalls = workflow("recalls", recite)
