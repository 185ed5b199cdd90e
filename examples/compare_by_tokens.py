"""Late interaction: what does comparing every word find that one vector for a text does not?

    python examples/compare_by_tokens.py [FOLDER [QUESTION]]

Without arguments, it asks this project's documentation. The index keeps a vector for every token.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrator import Application, fuse, workflow
from orchestrator.nodes import MaxSim, Retrieve, RetrieveLate, contrast
from orchestrator.ports import Documents
from orchestrator.settings import Settings

QUESTION = "Which setting makes an index keep a vector for every token?"
bm25, dense = Retrieve(k=100, mode="bm25"), Retrieve(k=100, mode="dense")

ARMS = [
    workflow("one vector a passage", dense),
    # The encoded first stage finds 200 passages, which are then compared token by token.
    workflow("a vector a token", RetrieveLate(k=10, first=200)),
    # The same comparison for the hits of any search, on any index.
    workflow("the 50 best of BM25, by tokens", bm25 >> MaxSim(k=50)),
    workflow("BM25 and tokens, fused", fuse(bm25 | RetrieveLate(k=100), by=contrast())),
]


async def main(folder: Path, question: str) -> None:
    """Index a folder, ask, and show what each way finds first."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), embedder="light", late_interaction=True)
        async with Application(settings) as application:
            await application.indexer().add(folder, labels=["public"])
            documents = application.ports()[Documents]
            for arm in ARMS:
                hits = (await application.run(arm, question)).output.top(3)
                passages = await documents.passages(hits.ids, principal=settings.principal)
                print(f"{arm.name}:")
                for hit in hits:
                    passage = passages[hit.id]
                    begin = " ".join(passage.text.split())[:70]
                    print(f"  {hit.score:.3f} {passage.title or passage.source}: {begin}")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs"
    asyncio.run(main(where, sys.argv[2] if len(sys.argv) > 2 else QUESTION))
