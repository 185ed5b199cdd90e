"""What does rewording a question buy? Recorded rewordings of a real model, replayed against plain searches.

    python examples/replay_reformulations.py [BEIR_DIR [STORED_TSV]]

Given a data set and a file of stored reformulations (a query id and a text a line, as QueryGym publishes
them for BEIR), it compares searches with and without them. Without, a handful of claims on the pages of
this documentation, with keywords that a model wrote for them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from orchestrator import Application, Hits, workflow
from orchestrator.evaluation import beir, experiment
from orchestrator.nodes import DriftGuard, Retrieve, Rm3, StoredReformulations
from orchestrator.settings import Settings

#: A question, the page that answers it, and what a model added to the question.
ASKED = [
    (
        "Can two companies share one installation?",
        "access",
        "tenant tenants principal labels grants separate",
    ),
    ("What happens when the power fails while files are read?", "indexing", "killed job lease ledger resume"),
    (
        "How sure is it that one pipeline beats another?",
        "evaluation",
        "significance interval bootstrap p-value",
    ),
    ("Make the best results come first", "reranking", "rerank listwise pairwise passages order strategy"),
    ("How do I draw what I built?", "composition", "mermaid diagram draw workflow graph nodes"),
    ("Which port does it listen on?", "configuration", "serve.host serve.port settings environment toml"),
]


def pages_as_a_set(pages: Path, folder: Path) -> tuple[Path, Path]:
    """A judged set of the documentation, and a file of reformulations."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": page.stem, "text": page.read_text(encoding="utf-8")} for page in sorted(pages.glob("*.md"))
    ]
    queries = [{"_id": f"q{n}", "text": question} for n, (question, _, _) in enumerate(ASKED)]
    qrels = [f"q{n}\t{page}\t1" for n, (_, page, _) in enumerate(ASKED)]
    stored = [f"q{n}\t{question} {question} {added}" for n, (question, _, added) in enumerate(ASKED)]
    for name, lines in (
        ("corpus.jsonl", map(json.dumps, corpus)),
        ("queries.jsonl", map(json.dumps, queries)),
    ):
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("\n".join(qrels), encoding="utf-8")
    (folder / "stored.tsv").write_text("\n".join(stored), encoding="utf-8")
    return folder, folder / "stored.tsv"


async def main(folder: Path | None, stored: Path | None) -> None:
    """Index, ask, compare, print."""
    with tempfile.TemporaryDirectory() as made:
        if folder is None or stored is None:
            folder, stored = pages_as_a_set(Path(__file__).parents[1] / "docs", Path(made) / "pages")
        bm25 = Retrieve(mode="bm25", k=100)
        recorded = StoredReformulations(stored, folder / "queries.jsonl")
        arms = [
            workflow("bm25", bm25),
            workflow("rm3", bm25 >> Rm3() >> bm25),
            workflow("reworded", recorded >> bm25),
            # The original query's ranking stays in the fusion, and the overlap of both is in the trace.
            workflow(
                "guarded", bm25.writing("original") >> recorded >> bm25 >> DriftGuard(), outputs=(Hits,)
            ),
        ]
        async with Application(Settings(home=Path(made) / "home", embedder="light")) as application:
            report = await experiment(
                arms, data=beir(folder), metrics=["ndcg@10", "recall@5"], application=application
            )
    print(report)


if __name__ == "__main__":
    given = [Path(one) for one in sys.argv[1:3]]
    asyncio.run(main(*given, *[None] * (2 - len(given))))
