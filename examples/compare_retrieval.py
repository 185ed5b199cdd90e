"""Compare ways to retrieve on a judged set, in one table.

    python examples/compare_retrieval.py [BEIR_DIR]

Without a set, known-item search over Markdown: a section of the documentation must be found by its heading.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path

from orchestrator import Application, fuse, workflow
from orchestrator.evaluation import beir, experiment
from orchestrator.nodes import Retrieve, rrf
from orchestrator.settings import Settings

bm25 = Retrieve(mode="bm25", k=100)
dense = Retrieve(mode="dense", k=100)

ARMS = [
    workflow("bm25", bm25),
    workflow("dense", dense),
    # The two above are nodes of this one: in an experiment each of them runs once a query.
    workflow("rrf", fuse(bm25 | dense, by=rrf(60))),
    workflow("hybrid", Retrieve(k=100)),
]


def headings_as_queries(markdown: Path, folder: Path) -> Path:
    """A judged set: sections are documents, their headings are the queries that should find them."""
    corpus, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for page in sorted(markdown.glob("*.md")):
        sections = re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        for number, section in enumerate(sections):
            heading, _, text = section.partition("\n")
            name = f"{page.stem}-{number}"
            if text.strip():
                corpus.append(json.dumps({"_id": name, "text": text}))
                queries.append(json.dumps({"_id": name, "text": heading}))
                qrels.append(f"{name}\t{name}\t1")
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("\n".join(corpus), encoding="utf-8")
    (folder / "queries.jsonl").write_text("\n".join(queries), encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("\n".join(qrels), encoding="utf-8")
    return folder


async def main(folder: Path | None) -> None:
    """Index, ask, compare, print."""
    with tempfile.TemporaryDirectory() as made:
        if folder is None:
            folder = headings_as_queries(Path(__file__).parents[1] / "docs", Path(made) / "headings")
        async with Application(Settings(home=Path(made) / "home")) as application:
            report = await experiment(
                ARMS, data=beir(folder), metrics=["ndcg@10", "recall@5"], application=application
            )
    print(report)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
