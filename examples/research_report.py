"""A report on a question of many sides, a section an aspect, every statement cited.

    python examples/research_report.py [FOLDER [QUESTION]]

Without arguments, it reports on this project's own documentation. A language model, where one is configured,
names the aspects and writes the sections; without one, both come from the documents.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrator import ANONYMOUS, Application, Hits, Question, workflow
from orchestrator.nodes import CitedReport, Cover, Explore, Retrieve, SearchFacets
from orchestrator.settings import Settings
from orchestrator.types import Coverage

QUESTION = "How does search find passages? Who may read a document? What happens to a run that is stopped?"

report = workflow(
    "report",
    Retrieve(k=100)
    >> Explore()
    >> SearchFacets(search=Retrieve(k=10))
    >> Cover(k=12)
    >> CitedReport(passages=12),
    outputs=(Coverage, Hits),
)


async def main(folder: Path, question: str) -> None:
    """Index a folder, report, and show what each aspect found."""
    with tempfile.TemporaryDirectory() as home:
        async with Application(Settings(home=Path(home))) as application:
            await application.indexer().add(folder)
            result = await application.run(report, Question(question, ANONYMOUS))
    print(result.answer.text)
    for citation in result.answer.citations:
        print(f"[{citation.n}] {citation.title}")
    coverage = result.get(Coverage)
    for number, aspect in enumerate(coverage.aspects):
        found = sum(any(one == number for one, _ in shares) for shares in coverage.shares)
        print(
            f"{found:4} passages found for {aspect!r}, {coverage.drift[number]:.0%} of its first ones far off"
        )


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs"
    asyncio.run(main(folder, sys.argv[2] if len(sys.argv) > 2 else QUESTION))
