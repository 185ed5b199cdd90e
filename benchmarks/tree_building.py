"""What it takes to build a tree beyond embedding: seconds, of the clock and of the processor, and memory.

    python -m benchmarks.tree_building [--data DIR] [--sizes 5000 100000] [--methods top_down bottom_up]

Passages are two sentences each, drawn from an abstract of SciFact, with vectors of the light embedder, which
are made before the clock starts. For `bottom_up`, ten passages in a row are a document; otherwise each is its
own. No language model: summaries are key terms and central sentences. Each build is a process of its own, so
that its peak is that of one; the peak before the build, of the vectors and the texts alone, stands beside it.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.reranking import load
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.text.sentences import sentences
from orchestrator.tree.build import Method, TreeSettings, build_tree
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.summaries import ExtractiveSummaries

#: Passages of one document, for `bottom_up`, and passages that are embedded at once.
OF_DOCUMENT, PART = 10, 5_000
HEADINGS = (
    "passages",
    "method",
    "nodes",
    "depth",
    "s",
    "MiB before",
    "MiB at the peak",
    "tree, bytes a passage",
)


def passages(folder: Path, number: int) -> list[str]:
    """So many texts, each of two sentences of one abstract, in an order that is drawn once."""
    texts, _, _ = load(folder)
    parted = [[text[each.start : each.end].strip() for each in sentences(text)] for text in texts.values()]
    held = [each for each in parted if len(each) > 1]
    chance = random.Random(0)
    return [" ".join(chance.sample(chance.choice(held), 2)) for _ in range(number)]


async def leaves(folder: Path, number: int, of_document: int) -> list[Leaf]:
    """The passages with their vectors."""
    embedder = WordLlamaEmbedder()
    texts = passages(folder, number)
    made: list[Leaf] = []
    for start in range(0, number, PART):
        part = texts[start : start + PART]
        vectors = np.asarray(await embedder.embed(part, kind="passage"), np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        for at, (text, vector) in enumerate(zip(part, vectors, strict=True), start):
            document = f"d{at // of_document:06}"
            made.append(Leaf(f"p{at:06}", document, text, vector, position=at % of_document))
    return made


async def built(folder: Path, number: int, method: Method) -> dict[str, Any]:
    """One build: what it took."""
    from benchmarks.tree_cost import bytes_of

    shelf = await leaves(folder, number, OF_DOCUMENT if method == "bottom_up" else 1)
    before = peak()
    began, worked = time.perf_counter(), time.process_time()
    tree = await build_tree(shelf, ExtractiveSummaries(), TreeSettings(method))
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    return {
        "passages": len(tree),
        "method": method,
        "nodes": len(tree.nodes),
        "depth": tree.depth,
        "seconds": seconds,
        "worked": worked,
        "before": before,
        "peak": peak(),
        "bytes": bytes_of(tree)["all"] / len(tree),
    }


def peak() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(found: dict[str, Any]) -> Sequence[object]:
    """As a row of the table."""
    sizes = (f"{found[name]:,.0f}" for name in ("before", "peak", "bytes"))
    return (
        f"{found['passages']:,}",
        found["method"],
        found["nodes"],
        found["depth"],
        f"{found['seconds']:.1f}",
        f"{found['worked']:.1f}",
        *sizes,
    )


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--sizes", nargs="+", type=int, default=[5_000, 100_000])
    parser.add_argument("--methods", nargs="+", default=["top_down", "bottom_up"])
    parser.add_argument("--one", action="store_true", help="build in this process, and print JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(asyncio.run(built(given.data / "scifact", given.sizes[0], given.methods[0]))))
        return
    rows: list[Sequence[object]] = []
    for size in given.sizes:
        for method in given.methods:
            command = [sys.executable, "-m", "benchmarks.tree_building", "--one", "--data", str(given.data)]
            command += ["--sizes", str(size), "--methods", method]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append(row(json.loads(done.stdout)))
            print(*rows[-1], flush=True)
    print("\n" + harness.table(HEADINGS, rows) + "\n\n" + harness.machine("numpy", "wordllama"))


if __name__ == "__main__":
    main()
