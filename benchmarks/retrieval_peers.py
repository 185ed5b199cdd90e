"""One hybrid query here and in other libraries, on the same documents, vectors and machine, in one run.

    python -m benchmarks.retrieval_peers [--data DIR] [--set scifact] [--peers …] [--peer-python PATH]
                                        [--json FILE]

Peers may live in an environment of their own:

    python -m venv PEERS && PEERS/bin/pip install bm25s PyStemmer haystack-ai llama-index-core \\
        llama-index-retrievers-bm25 qdrant-edge-py==0.9.0 python-terrier
    python -m benchmarks.retrieval_peers --peer-python PEERS/bin/python

Everybody is given the vectors of the light embedder, so that only retrieval is timed; 100 candidates a
leg, fused, the best 10 returned. The orchestrator filters by access, as it always does; nobody else
does. A peer that cannot run is named with its reason. The figures of feedback are the time of the
node alone: reading the passages, weighing their terms, making the query.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks import harness, retrieval_peer
from orchestrator import Queries, Workflow, workflow
from orchestrator.application.application import Application
from orchestrator.evaluation import Dataset, beir
from orchestrator.evaluation.indexed import indexed
from orchestrator.evaluation.metrics import metric, score
from orchestrator.evaluation.ranking import DocumentRankings
from orchestrator.nodes import Retrieve, Rm3, VectorFeedback
from orchestrator.ports import Documents, Embedder, SparseEncoder, VectorStore
from orchestrator.settings import Settings
from orchestrator.types import ANONYMOUS, Hit, Hits, Query, Question

METRIC = metric("ndcg@10")
#: Seconds that a peer may take.
LONGEST = 280
#: A node of feedback adds at most this, in milliseconds.
FEEDBACK = 3.0


async def prepared(data: Dataset, folder: Path, application: Application) -> None:
    """Write what the peers read."""
    records = [record for record in data.corpus.records() if (record.title + record.text).strip()]
    texts = [f"{record.title}\n{record.text}".strip() for record in records]
    listed = [[record.id, text] for record, text in zip(records, texts, strict=True)]
    (folder / "documents.json").write_text(json.dumps(listed))
    (folder / "queries.json").write_text(json.dumps(list(data.queries.items())))
    np.save(folder / "documents.npy", await application.container.get(Embedder).embed(texts, kind="passage"))
    asked = list(data.queries.values())
    np.save(folder / "queries.npy", await application.container.get(Embedder).embed(asked, kind="query"))


async def ours(data: Dataset, ports: Any, folder: Path, arm: Workflow) -> tuple[dict[str, Hits], list[float]]:
    """Rankings and milliseconds of a workflow, run as an endpoint runs it; the vectors are given."""
    vectors = np.load(folder / "queries.npy")
    given = dict(zip(data.queries.values(), vectors, strict=True))
    answered = {**ports, Embedder: Given(ports[Embedder], given)}
    for text in list(data.queries.values())[:20]:
        await arm.run(Question(text, ANONYMOUS), ports=answered)
    found: dict[str, Hits] = {}
    times: list[float] = []
    for query, text in data.queries.items():
        began = perf_counter()
        result = await arm.run(Question(text, ANONYMOUS), ports=answered)
        times.append((perf_counter() - began) * 1000)
        found[query] = result.output
    rankings = DocumentRankings(ports[Documents], ANONYMOUS, data.corpus.ids)
    await rankings.learn(found.values())
    return {query: rankings.of(hits)[0] for query, hits in found.items()}, times


class Given:
    """An embedder that knows the vectors of all queries."""

    def __init__(self, inner: Embedder, vectors: dict[str, Any]) -> None:
        self.name, self.dimensions = inner.name, inner.dimensions
        self.static = getattr(inner, "static", False)
        self._vectors = vectors

    async def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        return np.stack([self._vectors[text] for text in texts])


async def feedback(data: Dataset, ports: Any) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of the nodes of feedback alone, on what BM25 found: by the clock, and of the processor."""
    store, documents = ports[VectorStore], ports[Documents]
    embedder, encoder = ports[Embedder], ports[SparseEncoder]
    times: dict[str, list[tuple[float, float]]] = {"rm3": [], "vector feedback": []}
    rm3, moved = Rm3(), VectorFeedback(static=True)
    for text in data.queries.values():
        question = Question(text, ANONYMOUS)
        hits = await Retrieve(k=10, mode="bm25")(question, None, store, embedder)
        (own,) = await embedder.embed([text], kind="query")
        queries = Queries((Query(text, vector=tuple(own.tolist())),))
        began, used = perf_counter(), process_time()
        await rm3(question, queries, hits, documents, encoder)
        times["rm3"].append(((perf_counter() - began) * 1000, (process_time() - used) * 1000))
        began, used = perf_counter(), process_time()
        await moved(question, queries, hits, store, embedder)
        times["vector feedback"].append(((perf_counter() - began) * 1000, (process_time() - used) * 1000))
    return times


def told_of(fed: Mapping[str, Sequence[tuple[float, float]]]) -> Iterator[str]:
    """A line for each node of feedback."""
    for each, times in fed.items():
        clock, processor = np.percentile(times, 50, axis=0)
        verdict = "met" if clock <= FEEDBACK else "missed"
        yield (
            f"{each} adds {clock:.2f} ms p50 by the clock, {processor:.2f} of the processor "
            f"(target {FEEDBACK:g}: {verdict})"
        )


def peer(name: str, python: str, folder: Path) -> dict[str, Any]:
    """What a peer found, or why it did not."""
    command = [python, str(Path(retrieval_peer.__file__)), name, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {LONGEST} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]}
    return json.loads((folder / f"{name}.json").read_text())


def row(name: str, times: Sequence[float], value: float, note: str = "") -> str:
    """One line of the table."""
    p50, p99 = np.percentile(times, [50, 99])
    return f"| {name} | {p50:.2f} | {p99:.2f} | {value:.4f} | {note} |"


async def run(data: Dataset, python: str, home: Path, peers: Sequence[str]) -> dict[str, Any]:
    """Measure and print."""
    made: dict[str, Any] = {}
    print(f"{data.name}: {len(data.corpus)} documents, {len(data.queries)} queries\n")
    print("| system | p50 ms | p99 ms | nDCG@10 | |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Application(Settings(home=home / "light", embedder="light")) as application,
            indexed(data, application) as ports,
        ):
            await prepared(data, folder, application)
            for arm in (
                workflow("orchestrator, BM25", Retrieve(k=10, mode="bm25")),
                workflow("orchestrator, hybrid", Retrieve(k=10)),
                workflow("orchestrator, hybrid by rank", Retrieve(k=10, fusion="rrf", weights=(1, 1))),
            ):
                found, times = await ours(data, ports, folder, arm)
                value = fmean(score(found, data, [METRIC])[METRIC].values())
                made[arm.name] = {"ms": times, "ndcg@10": value}
                print(row(arm.name, times, value, "access filter on"), flush=True)
            fed = await feedback(data, ports)
        for each in peers:
            found = peer(each, python, folder)
            if "failed" in found:
                print(f"| {each} | | | | did not run: {found['failed']} |", flush=True)
                continue
            rankings = {
                query: Hits(tuple(Hit(one, -float(place)) for place, one in enumerate(ids)))
                for query, ids in found["rankings"].items()
            }
            value = fmean(score(rankings, data, [METRIC])[METRIC].values())
            made[each] = {**found, "ndcg@10": value}
            print(row(each, found["ms"], value, found["version"]), flush=True)
    print("\n" + "\n".join(told_of(fed)))
    return {**made, "feedback": fed}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = harness.Arguments(__doc__, data=True, home="retrieval")
    parser.add_argument("--set", default="scifact")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--peers", nargs="*", default=list(retrieval_peer.PEERS), help="none: ours alone")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    data = beir(arguments.data / arguments.set)
    found = asyncio.run(run(data, arguments.peer_python, arguments.home, arguments.peers))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
