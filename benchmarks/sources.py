"""Data importance: are planted bad sources found, and what does leaving them out gain on other queries?

    python -m benchmarks.sources [--data DIR] [--sets scifact cranfield] [--embedder light]

A collection is divided into eight sources by the SHA-256 of its documents' ids. Three more sources
are planted, each with copies of a tenth of all documents, drawn with a fixed seed:

* `mislabelled`: the title of a document over the text of another;
* `shuffled`: a document's words in another order, cut to half: found by its words, says nothing;
* `soup`: one sentence each of six documents.

None of the copies is judged relevant. Weights are learned on the even half of the queries (see
benchmarks/retrieval.py), gains are those of the odd half. `clean` has no planted source: there is
nothing to be found, and whatever is left out is a mistake. `mixed` has all bad copies in one of the
eight sources: leaving it out costs an eighth of all documents, so that a weight between may be right.

`prune` and `reweight` are the library's. Beside them, what the guard against chance is for: `unguarded`
leaves out every source whose weight the ascent brings below a half, which is the paper's pruning at the
threshold .5; `leave one out` every source without which the even half is better.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import harness
from benchmarks.retrieval import odd
from orchestrator import workflow
from orchestrator.application.application import Application
from orchestrator.bootstrap import interval
from orchestrator.evaluation import Dataset, beir
from orchestrator.evaluation.datasets import Record
from orchestrator.evaluation.multilinear import Ranked, ascended, expected_ndcg
from orchestrator.evaluation.reweighting import weighed_ndcg
from orchestrator.evaluation.source_values import learned_weights, source_rankings
from orchestrator.nodes import Retrieve
from orchestrator.ports import IndexRegistry
from orchestrator.settings import Settings

SOURCES = 8
PLANTED = ("mislabelled", "shuffled", "soup")
SCENARIOS = ("planted", "mixed", "clean")
#: The source that has bad copies in it in the scenario of that name.
MIXED = "source7"
ARMS = (
    workflow("bm25", Retrieve(k=100, mode="bm25")),
    workflow("search", Retrieve(k=100)),
)


def planted(kind: str, documents: Sequence[Record], seed: int) -> list[Record]:
    """Bad copies of a tenth of the documents."""
    draw = random.Random(seed)
    copies: list[Record] = []
    for number, one in enumerate(draw.sample(documents, len(documents) // 10)):
        if kind == "mislabelled":
            title, text = one.title or one.text[:80], draw.choice(documents).text
        elif kind == "shuffled":
            words = one.text.split()
            draw.shuffle(words)
            title, text = one.title, " ".join(words[: len(words) // 2 + 1])
        else:
            parts = [draw.choice(each.text.split(". ")) for each in draw.sample(documents, 6)]
            title, text = "", ". ".join(parts)
        copies.append(Record(f"{kind}-{number}", title, text))
    return copies


def write(data: Dataset, folder: Path, scenario: str) -> None:
    """The collection as a folder a source."""
    documents = list(data.corpus.records())
    sources: dict[str, list[Record]] = {}
    for one in documents:
        number = int.from_bytes(hashlib.sha256(one.id.encode()).digest()[:4]) % SOURCES
        sources.setdefault(f"source{number}", []).append(one)
    for seed, kind in enumerate(PLANTED if scenario != "clean" else ()):
        where = kind if scenario == "planted" else MIXED
        sources.setdefault(where, []).extend(planted(kind, documents, seed))
    for name, records in sources.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps({"_id": one.id, "title": one.title, "text": one.text})
            for one in records
            if one.text.strip()
        ]
        (folder / name / "corpus.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def compared(names: Sequence[str], learn: Sequence[Ranked], test: Sequence[Ranked]) -> None:
    """Print what each way of weighing gains on the other half."""
    before = weighed_ndcg(test, np.ones(len(names)))
    print(f"{'with all':<16} {before.mean():.4f}")
    alone = expected_ndcg(learn, np.ones(len(names)))[1].mean(axis=0)
    ways = {
        "prune": learned_weights(learn, names)[0],
        "reweight": learned_weights(learn, names, method="reweight")[0],
        "unguarded": (ascended(learn, len(names))[0] >= 0.5).astype(float),
        "leave one out": (alone >= 0).astype(float),
    }
    if set(PLANTED) & set(names):
        ways["the truth"] = np.array([float(name not in PLANTED) for name in names])
    for way, weights in ways.items():
        after = weighed_ndcg(test, weights)
        gain = interval((after - before).tolist())
        lowered = {name: float(at) for name, at in zip(names, weights, strict=True) if at < 1}
        print(
            f"{way:<16} {after.mean():.4f}  gain {gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]  "
            + ", ".join(f"{name} {at:g}" for name, at in sorted(lowered.items())),
            flush=True,
        )


async def run(folder: Path, names: Sequence[str], embedder: str, home: Path) -> None:
    """Measure and print set by set."""
    for name in names:
        data = beir(folder / name)
        for scenario in SCENARIOS:
            index = f"{name}-{scenario}"
            place = home / embedder / index
            settings = Settings(home=place, embedder=embedder)  # type: ignore[arg-type]
            async with Application(settings) as application:
                if application.container.get(IndexRegistry).current(index) is None:
                    write(data, place / "documents", scenario)
                    await application.indexer(index).add(place / "documents", labels=["public"])
                ports = application.ports(index)
                for arm in ARMS:
                    found, rankings = await source_rankings(arm, data, ports, by="folder")
                    learn = [one for query, one in rankings.items() if not odd(query)]
                    test = [one for query, one in rankings.items() if odd(query)]
                    print(f"\n{index}, {embedder}, {arm.name}: learned on {len(learn)} queries")
                    compared([Path(each).name for each in found], learn, test)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="sources")
    parser.add_argument("--sets", nargs="+", default=["scifact", "cranfield"])
    parser.add_argument("--embedder", default="light", choices=["light", "minilm"])
    arguments = parser.parse_args()
    asyncio.run(run(arguments.data, arguments.sets, arguments.embedder, arguments.home))


if __name__ == "__main__":
    main()
