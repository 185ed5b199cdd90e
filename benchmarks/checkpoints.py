"""Bytes that a conversation's runs keep: 50 turns with 100 one-kilobyte passages each, by durability.

    python -m benchmarks.checkpoints [--turns 50]

Each turn is a run of eight nodes over the same 100 passages, after a conversation that grows by a
question and an answer a turn. "Written" is what the turn added to the database of checkpoints
before it was pruned, "left" what stands there after the run has ended. LangGraph with the texts in
its state is measured beside, one thread a conversation as its documentation shows it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import uuid
from pathlib import Path
from typing import Any, TypedDict

from benchmarks import harness
from connectors.sql import SqlConversations, SqlRuns, open_database
from orchestrator import ANONYMOUS, Answer, Hits, Queries, Question, node, workflow
from orchestrator.ports import Runs
from orchestrator.types import Context, Excerpt, Hit, Message, Query

PASSAGES = 100
TEXT = "x" * 1000
# Real passage ids are digests: nothing in them repeats.
IDS = tuple(str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(PASSAGES))


@node
async def rewrite(question: Question) -> Queries:
    """One query."""
    return Queries((Query(question.text),))


@node
async def retrieve(queries: Queries) -> Hits:
    """A hundred passages, by id."""
    return Hits(tuple(Hit(name, 1.0 / (rank + 1), "bm25+dense") for rank, name in enumerate(IDS)))


@node
async def rerank(hits: Hits, *, by: float = 1.0) -> Hits:
    """The same passages with other scores."""
    return Hits(tuple(Hit(hit.id, hit.score * by, hit.why) for hit in hits))


@node
async def compress(hits: Hits) -> Context:
    """Two sentences of each passage."""
    return Context(tuple(Excerpt(hit.id, ((0, 120), (400, 560)), hit.score) for hit in hits))


@node
async def answer(question: Question, context: Context) -> Answer:
    """A short answer."""
    return Answer(
        "An answer of about a hundred characters, as a model would write it, with no citation in it at all."
    )


WORKFLOW = workflow(
    "turns",
    rewrite
    >> retrieve
    >> rerank(by=0.9)
    >> rerank(by=0.8)
    >> rerank(by=0.7)
    >> rerank(by=0.6)
    >> compress
    >> answer,
)


def held(path: Path) -> int:
    """Bytes of the checkpoints and writes that a database holds now."""
    if not path.exists():
        return 0
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        total = 0
        for table, columns in (("checkpoints", ("checkpoint", "metadata")), ("writes", ("value",))):
            if table in tables:
                parts = " + ".join(f"coalesce(sum(length({column})), 0)" for column in columns)
                total += connection.execute(f"select {parts} from {table}").fetchone()[0]
    return total


class Counted(SqlRuns):
    """Runs that note how much a run had written before its end pruned it."""

    written: int = 0
    checkpoints: Path

    async def finish(self, run: Any, lease: Any = None) -> None:
        """Measure, then finish."""
        self.written = held(self.checkpoints)
        await super().finish(run, lease)


async def ours(durability: Any, turns: int) -> tuple[list[int], int]:
    """Bytes written by each turn, and bytes left after the last."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/state.db")
        runs, conversations = Counted(database), SqlConversations(database)
        runs.checkpoints = Path(folder) / "state.checkpoints.db"
        written: list[int] = []
        conversation = None
        for turn in range(turns):
            before = held(runs.checkpoints)
            question = Question(f"question {turn}", ANONYMOUS, conversation)
            result = await WORKFLOW.run(question, ports={Runs: runs}, durability=durability)
            written.append(runs.written - before)
            said = [Message("user", question.text), Message("assistant", result.answer.text)]
            conversation = await conversations.append(said, principal=ANONYMOUS, after=conversation)
        left = held(runs.checkpoints)
        await runs.close()
        database.close()
    return written, left


class _State(TypedDict, total=False):
    messages: Any
    passages: Any
    answer: Any


async def texts_in_state(turns: int) -> tuple[list[int], int]:
    """LangGraph with messages and passage texts in the state, one thread for the conversation."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import END, START, StateGraph

    async def step(state: _State) -> dict[str, Any]:
        return {"passages": [{"id": name, "text": TEXT} for name in IDS]}

    async def last(state: _State) -> dict[str, Any]:
        return {"answer": "a", "messages": [*state["messages"], "answer"]}

    graph: Any = StateGraph(_State)
    before = START
    for number in range(7):
        graph.add_node(f"n{number}", step)
        graph.add_edge(before, f"n{number}")
        before = f"n{number}"
    graph.add_node("last", last)
    graph.add_edge(before, "last")
    graph.add_edge("last", END)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peer.db"
        async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            compiled = graph.compile(checkpointer=saver)
            written: list[int] = []
            messages: list[str] = []
            for turn in range(turns):
                size = held(path)
                messages = [*messages, f"question {turn}"]
                config = {"configurable": {"thread_id": "conversation"}}
                state = await compiled.ainvoke({"messages": messages}, config, durability="sync")
                messages = state["messages"]
                written.append(held(path) - size)
            return written, held(path)


async def measured(turns: int) -> None:
    """Print the table."""
    print(f"bytes a turn, {turns} turns, {PASSAGES} passages of 1,000 characters\n")
    kept = {f'durability "{each}"': await ours(each, turns) for each in ("none", "exit", "step")}
    kept["LangGraph, texts in the state"] = await texts_in_state(turns)
    rows = [
        [name, *(f"{count:,}" for count in (written[0], written[-1], max(written), left))]
        for name, (written, left) in kept.items()
    ]
    print(harness.table(["", "first turn", "last turn", "most", "left at the end"], rows))
    print("\n" + harness.machine("langgraph", "langgraph-checkpoint-sqlite"))


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__)
    parser.add_argument("--turns", type=int, default=50)
    asyncio.run(measured(parser.parse_args().turns))


if __name__ == "__main__":
    main()
