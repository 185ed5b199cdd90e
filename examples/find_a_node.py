"""Which tool does a request need? This library's nodes as tools, found by what they do and served before.

    python examples/find_a_node.py [REQUEST]

A tool is a node with its documentation; a few have served requests before. Where a language model is
configured, it breaks the request into what is to be looked up and done.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from inspect import getdoc
from pathlib import Path

from orchestrator import Application, nodes, workflow
from orchestrator.indexing.tool_records import Tool, write_tools
from orchestrator.nodes import RetrieveTools, ToolQueries
from orchestrator.ports import Documents
from orchestrator.settings import Settings

REQUESTS = [
    "Keep only passages that are probably relevant",
    "What does 'they' mean in a follow-up?",
    "Believe the handbook more than the mailing list",
]
#: What they have served before: no description speaks of handbooks or of pronouns.
USAGES = {
    "RelevanceFilter": ["Keep quiet when no page answers", "Refuse questions about something else"],
    "Standalone": ["What does 'it' mean in a follow-up?", "Fill in what the chat said before"],
    "WeighSources": ["Believe the handbook more than the forum", "Ignore the old wiki"],
}
find = workflow("find", ToolQueries() >> RetrieveTools(k=3))


async def main(requests: list[str]) -> None:
    """Index the nodes as tools, and look for each request."""
    listed = [getattr(nodes, name) for name in nodes.__all__]
    tools = [
        Tool(each.__name__, re.sub("(?<=[a-z])(?=[A-Z])", " ", each.__name__), getdoc(each) or "")
        for each in listed
        if isinstance(each, type)
    ]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "tools"
        folder.mkdir()
        write_tools(folder / "tools.jsonl", tools, USAGES)
        settings = Settings(home=Path(made) / "home", index="tools", embedder="light")
        async with Application(settings) as application:
            await application.indexer().add(folder, labels=["public"])
            documents = application.ports()[Documents]
            for request in requests:
                result = await application.run(find, request)
                found = await documents.passages(result.output.ids, principal=settings.principal)
                print(request)
                for hit in result.output:
                    passage = found[hit.id]
                    print(f"  {hit.score:.2f} {passage.title} ({hit.why}): {passage.text.splitlines()[0]}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or REQUESTS))
