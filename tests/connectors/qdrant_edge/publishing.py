"""A process that publishes versions: `python -m tests.connectors.qdrant_edge.publishing HOME ROUNDS`.

Round n replaces the text of each of `DOCUMENTS` documents by one that names the round, in one version,
merging and sweeping in between: a search that mixes two versions finds two rounds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.testing.vectors import document
from tests.connectors.qdrant_edge.index import EdgeIndex

DOCUMENTS = 6


def publish(index: EdgeIndex, number: int) -> None:
    """All documents, as of a round."""
    index.publish(*(document(f"d{n}", f"otter round{number} n{n}") for n in range(DOCUMENTS)))


def main(home: Path, rounds: int) -> None:
    index = EdgeIndex(home)
    for number in range(1, rounds + 1):
        publish(index, number)
        if number % 3 == 0:
            index.merge()
        index.sweep()
    index.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
