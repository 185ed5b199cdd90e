"""Build the semantic tree of some documents, search it from the root, and show the way that the search took.

    python examples/walk_a_tree.py [FOLDER [QUESTION]]

Without arguments, it is the documentation of this library. No language model is needed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrator import Application, workflow
from orchestrator.nodes import TreeSearch
from orchestrator.ports import Documents, IndexRegistry, Ledger, TreeStore
from orchestrator.progress import silent
from orchestrator.settings import Settings
from orchestrator.tree.build_job import TreePlan, build_trees_locally
from orchestrator.tree.outline import Outlines, printed
from orchestrator.tree.search_path import SearchPath

DOCS = Path(__file__).parents[1] / "docs"
QUESTION = "What happens to a job whose worker is killed?"

walk = workflow("walk", TreeSearch(rounds=4, beam=2, scorer="embedding"))


async def main(folder: Path, question: str) -> None:
    """Index, build, search, and print what was seen."""
    with tempfile.TemporaryDirectory() as home:
        async with Application(Settings(home=Path(home))) as application:
            await application.indexer().add(folder)
            container, settings = application.container, application.settings
            version = container.get(IndexRegistry).current(settings.index)
            assert version is not None
            report = await build_trees_locally(
                container.get(Ledger),
                application.ports(),
                version,
                TreePlan(),
                principal=settings.principal,
                progress=silent,
            )
            print(f"{report.passages} passages, {report.nodes} nodes, {report.depth} levels\n")
            result = await application.run(walk, question)
            (path,) = result.noted(SearchPath)
            outlines = Outlines(container.get(TreeStore), container.get(Documents), settings.principal)
            print(question)
            print("\n".join(printed(await outlines.of_search(path, result.output))))


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(Path(given[0]) if given else DOCS, given[1] if len(given) > 1 else QUESTION))
