"""Tool retrieval on ToolBench: descriptions, usages, and both.

    python -m benchmarks.tools [--data DIR] [--embedder light]

Usages of tools are the requests of the even half of the queries (see benchmarks/retrieval.py) with the
tools that their judgements name; everything is read on the odd half. Settings of the node were
chosen on the even half alone, by learning from one half of it and reading the other.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from pathlib import Path

from rich.console import Console

from benchmarks import harness
from benchmarks.retrieval import odd
from orchestrator import workflow
from orchestrator.application.application import Application
from orchestrator.evaluation import beir, experiment
from orchestrator.indexing.tool_records import Tool, write_tools
from orchestrator.nodes import RetrieveTools
from orchestrator.ports import IndexRegistry
from orchestrator.settings import Settings

ARMS = (
    workflow("descriptions, bm25", RetrieveTools(k=100, usage=0.0, lexical=1.0)),
    workflow("descriptions, dense", RetrieveTools(k=100, usage=0.0, lexical=0.0)),
    workflow("descriptions", RetrieveTools(k=100, usage=0.0)),
    workflow("usages alone (Tool2Vec)", RetrieveTools(k=100, usage=1e6, usages="mean")),
    workflow("both, nearest usage", RetrieveTools(k=100)),
    workflow("both, mean of usages", RetrieveTools(k=100, usages="mean")),
)


async def run(folder: Path, embedder: str, home: Path) -> None:
    """Index, measure, print."""
    data = beir(folder)
    usages: dict[str, list[str]] = defaultdict(list)
    for query, text in data.queries.items():
        for tool, grade in data.qrels[query].items():
            if grade > 0 and not odd(query) and tool in data.corpus.ids:
                usages[tool].append(text)
    async with Application(Settings(home=home / embedder, embedder=embedder)) as application:  # type: ignore[arg-type]
        if application.container.get(IndexRegistry).current("tools") is None:
            (home / embedder / "tools").mkdir(parents=True, exist_ok=True)
            tools = [Tool(one.id, one.title, one.text) for one in data.corpus.records()]
            write_tools(home / embedder / "tools" / "tools.jsonl", tools, usages)
            await application.indexer("tools").add(home / embedder / "tools", labels=["public"])
        wanted = [tool for query in data.queries if odd(query) for tool in data.qrels[query]]
        covered = sum(tool in usages for tool in wanted) / len(wanted)
        print(f"{len(usages)} of {len(data.corpus)} tools have usages; {covered:.3f} of what is wanted does.")
        report = await experiment(
            ARMS,
            data=data.only(odd),
            metrics=["recall@5", "completeness@5", "completeness@10", "ndcg@10"],
            ports=application.ports("tools"),
        )
    Console(width=None if os.isatty(1) else 200).print(report.table())
    for arm in report.arms.values():
        print(
            arm.name, {name: tuple(round(value, 4) for value in found) for name, found in arm.metrics.items()}
        )


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="tools")
    parser.add_argument("--embedder", default="light", choices=["light", "minilm"])
    arguments = parser.parse_args()
    asyncio.run(run(arguments.data / "toolbench", arguments.embedder, arguments.home))


if __name__ == "__main__":
    main()
