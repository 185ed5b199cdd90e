"""Which folder of a collection does harm? Learned on half of the judged questions, told on the other half.

    python examples/weigh_sources.py

The sections of this documentation are to be found by their headings. Beside them is what many collections
have: a folder of outlines, which repeat every heading and say nothing.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path

from compare_retrieval import headings_as_queries

from orchestrator import Application, workflow
from orchestrator.evaluation import beir
from orchestrator.evaluation.source_values import Method, value_sources
from orchestrator.nodes import Retrieve, WeighSources
from orchestrator.settings import Settings

search = Retrieve(k=100, mode="bm25")


def with_outlines(judged: Path, folder: Path) -> Path:
    """The sections in one folder, an outline of each in another."""
    for name in ("sections", "outlines"):
        (folder / name).mkdir(parents=True)
    shutil.copy(judged / "corpus.jsonl", folder / "sections")
    headings = [json.loads(line) for line in (judged / "queries.jsonl").read_text().splitlines()]
    outlines = [
        json.dumps({"_id": f"outline-{each['_id']}", "text": f"{each['text']}. See: {each['text']}."})
        for each in headings
    ]
    (folder / "outlines" / "corpus.jsonl").write_text("\n".join(outlines), encoding="utf-8")
    return folder


async def main() -> None:
    """Index both folders, value them in two ways, and search with the weights."""
    with tempfile.TemporaryDirectory() as made:
        judged = headings_as_queries(Path(__file__).parents[1] / "docs", Path(made) / "judged")
        collection = with_outlines(judged, Path(made) / "collection")
        async with Application(Settings(home=Path(made) / "home", embedder="light")) as application:
            await application.indexer().add(collection, labels=["public"])
            ways: tuple[Method, ...] = ("prune", "reweight")
            for method in ways:
                report = await value_sources(
                    workflow("search", search),
                    beir(judged),
                    by="folder",
                    method=method,
                    ports=application.ports(),
                )
                print(f"{method}:\n{report}\n")
                weighed = workflow("weighed", search >> WeighSources(report.weights, k=3))
                result = await application.run(weighed, "Queries written for the index")
                print(f"the best hit has a score of {result.output.hits[0].score:.2f}\n")


if __name__ == "__main__":
    asyncio.run(main())
