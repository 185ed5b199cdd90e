"""Search two indexes in one graph, fuse what they find, and answer from both.

    python examples/two_indexes.py [FOLDER FOLDER]

Without folders, the documentation is one index and a few made-up mails are the other. Ranks are fused, not
scores: those of different indexes, and of different embedders, are on no common scale.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrator import Application, fuse, workflow
from orchestrator.errors import WorkflowError
from orchestrator.nodes import CitedAnswer, Compress, Mmr, Retrieve, rrf
from orchestrator.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
MAILS = {
    "ann.txt": "Ann asked whether rankings are fused by score or by rank. Bob said: by rank, with rrf.",
    "bob.txt": "Bob wrote that the office is closed on Friday.",
}
QUESTION = "How are rankings fused?"

first = Retrieve(index="papers").named("papers")
second = Retrieve(index="mails").named("mails")
both = workflow("both", fuse(first | second, by=rrf(60)) >> Mmr() >> Compress() >> CitedAnswer())


def mails(folder: Path) -> Path:
    """A folder of a few mails."""
    folder.mkdir()
    for name, text in MAILS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


async def main(folders: list[Path]) -> None:
    """Check, index, ask, and say which index each passage is of."""
    with tempfile.TemporaryDirectory() as kept:
        papers, others = folders or [DOCS, mails(Path(kept) / "mails")]
        async with Application(Settings(home=Path(kept) / "home")) as application:
            try:
                both.check(application.ports())
            except WorkflowError as error:
                print(f"before the indexes are there: {error}\n")
            await application.indexer("papers").add(papers)
            await application.indexer("mails").add(others)
            result = await application.run(both, QUESTION)
            assert result.answer is not None
            print(result.answer.text)
            for citation in result.answer.citations:
                print(f"[{citation.n}] {citation.title} ({Path(citation.source).name})")
            for step in result.steps:
                if step.path in ("papers", "mails"):
                    print(f"{step.path}: {step.seconds * 1000:.1f} ms")


if __name__ == "__main__":
    asyncio.run(main([Path(each) for each in sys.argv[1:3]] if len(sys.argv) > 2 else []))
