"""The search of semantic trees: what each of its parts is worth, and what it costs as a corpus grows.

    python -m benchmarks.tree algorithm [--data DIR] [--sets scifact theoremqa] [--levels low middle high]
                                        [--queries 60] [--judges 1] [--json FILE]
    python -m benchmarks.tree cost [--data DIR] [--queries 40] [--json FILE]

`algorithm` is the ablation of LATTICE with a simulated judge (`benchmarks.tree_algorithm`), `cost` searches
planted trees of 10³ to 10⁶ passages (`benchmarks.tree_cost`).
"""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness, tree_algorithm, tree_cost
from benchmarks.reranking import NOISE

SETS = ("scifact", "theoremqa")
DEPTHS = (3, 4, 5, 6)


async def algorithm(asked: Namespace) -> dict[str, Any]:
    """The ablation over sets and noise levels."""
    told: dict[str, Any] = {}
    for name in asked.sets:
        shelf, given = await tree_algorithm.tasks(asked.data / name, asked.queries)
        before = np.mean([tree_algorithm.scored(task.seeds.ids, task.relevant) for task in given], axis=0)
        size = f"{len(shelf.rows):,} passages, {len(shelf.tree.nodes)} nodes, depth {shelf.tree.depth}"
        print(
            f"\n{name}: {size}; {len(given)} questions; seeds R@10 {before[0]:.3f}, nDCG@10 {before[1]:.3f}"
        )
        for level in asked.levels:
            outcomes = await tree_algorithm.study(shelf, given, level, asked.judges)
            rows = tree_algorithm.rows(outcomes)
            print(f"\n{name}, {level} noise\n\n" + harness.table(tree_algorithm.HEADINGS, rows), flush=True)
            told[f"{name}/{level}"] = rows
    return told


async def cost(asked: Namespace) -> dict[str, Any]:
    """Calls, recall and own work by size; and the memory of the tree of SciFact."""
    told: dict[str, Any] = {}
    for title, settings in tree_cost.ARMS.items():
        made: list[list[str]] = []
        for depth in DEPTHS:
            found = await tree_cost.cost(depth, asked.queries, **settings)
            made.append([f"{10**depth:,}", *found.row()])
        print(f"\n{title}\n\n" + harness.table(("passages", *tree_cost.HEADINGS), made), flush=True)
        told[title] = made
    told["bytes a passage"] = await tree_cost.memory(asked.data / "scifact")
    print("\nbytes a passage:", {name: round(value) for name, value in told["bytes a passage"].items()})
    return told


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("part", choices=["algorithm", "cost"])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--levels", nargs="+", default=list(NOISE), choices=list(NOISE))
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--judges", type=int, default=1)
    parser.add_argument("--json", metavar="FILE")
    asked = parser.parse_args()
    told = asyncio.run(algorithm(asked) if asked.part == "algorithm" else cost(asked))
    print("\n" + harness.machine("numpy"))
    if asked.json:
        with Path(asked.json).open("w", encoding="utf-8") as file:
            json.dump(told, file, indent=1)


if __name__ == "__main__":
    main()
