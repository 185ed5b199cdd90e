"""Documents a second: indexing from a file to a searchable index, beside the raw embedder and beside peers.

    python -m benchmarks.indexing --data DIR [--collections scifact] [--made N] [--embedder light]
        [--rounds 3] [--peers NAME ...] [--peer-python PYTHON] [--json FILE]

Every system gets the same corpus.jsonl files and the same embedder, each run in a process of its own,
in turns; figures are medians over the rounds. `raw embedder` is that alone, warm, on the texts that we
embed. Ours reads, hashes, splits, embeds, counts terms, writes shards and the registry to disk with
`fsync`, and publishes; its time is that of the whole `Indexer.add`, with the start of its worker and
its reader, which the row of one line tells apart. LlamaIndex's `IngestionPipeline` (docstore
`UPSERTS`) and Haystack's pipeline read the same file, split by their own default means at a like size,
embed in batches, and keep everything in memory; LlamaIndex then persists it. Neither counts terms.
The last column is the processor time of the whole program with all its processes, imports and models
included: it says more than seconds do on a machine that others use.

Peers that are not installed are left out, and the table says so; `--peer-python` names the interpreter
of an environment that has them, for instance

    python -m venv /opt/haystack && /opt/haystack/bin/pip install -e . haystack-ai

`--made N` measures N documents that are made of the collections' sentences, in files of 5,000.
"""

import argparse
import asyncio
import ctypes
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import harness

START = "orchestrator, one line"
SYSTEMS = ("raw embedder", START, "orchestrator", "LlamaIndex", "Haystack")
MODULES = {"LlamaIndex": "llama_index.core", "Haystack": "haystack"}
#: What each system embeds at once.
BATCH = 1024
#: Of Linux's <sys/prctl.h>.
PR_SET_CHILD_SUBREAPER = 36
#: Documents in a file of a collection that is made.
FILE = 5_000


def embedder(name: str) -> Any:
    """The embedder of the settings, warm."""
    from orchestrator.application.application import Application
    from orchestrator.ports import Embedder
    from orchestrator.settings import Settings

    made = Application(Settings(embedder=name)).container.get(Embedder)
    asyncio.run(made.embed(["warm"] * 64, kind="passage"))
    return made


def records(corpora: list[Path]) -> Iterator[dict[str, Any]]:
    """The documents of BEIR corpora."""
    for path in corpora:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def made(corpora: list[Path], count: int, folder: Path, *, seed: int = 0) -> list[Path]:
    """Corpora of `count` documents in all, each of eight sentences from anywhere in the given ones."""
    chance = random.Random(seed)
    sentences = [
        sentence
        for each in records(corpora)
        for sentence in re.split(r"(?<=[.?!])\s+", each["text"])
        if sentence
    ]
    paths: list[Path] = []
    for start in range(0, count, FILE):
        path = folder / f"part{start // FILE}" / "corpus.jsonl"
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8") as lines:
            for number in range(start, min(start + FILE, count)):
                chosen = chance.choices(sentences, k=8)
                record = {"_id": str(number), "title": chosen[0][:60], "text": " ".join(chosen)}
                lines.write(json.dumps(record) + "\n")
        paths.append(path)
    return paths


def raw(corpora: list[Path], name: str) -> float:
    """Seconds that the embedder takes for the texts that are embedded here."""
    from orchestrator.indexing.splitting import Splitting

    split = Splitting().split
    texts = [f"{each.get('title', '')}\n{part}" for each in records(corpora) for part in split(each["text"])]
    made = embedder(name)

    async def embed() -> None:
        for start in range(0, len(texts), BATCH):
            await made.embed(texts[start : start + BATCH], kind="passage")

    began = time.perf_counter()
    asyncio.run(embed())
    return time.perf_counter() - began


def ours(corpora: list[Path], name: str) -> float:
    """Seconds of adding the corpora."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        for path in corpora:
            (root / path.parent.name).mkdir(parents=True)
            (root / path.parent.name / path.name).write_bytes(path.read_bytes())
        return asyncio.run(add(root, Path(folder) / "home", name))


def one_line(corpora: list[Path], name: str) -> float:
    """Seconds of adding one line."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        (root / "one.txt").write_text("One line.")
        return asyncio.run(add(root, Path(folder) / "home", name))


async def add(root: Path, home: Path, name: str) -> float:
    """Seconds of adding a folder to a new index."""
    from orchestrator.application.application import Application
    from orchestrator.settings import Settings

    async with Application(Settings(home=home, embedder=name)) as app:  # type: ignore[arg-type]
        began = time.perf_counter()
        await app.indexer().add(root)
        return time.perf_counter() - began


def llamaindex(corpora: list[Path], name: str) -> float:
    """Seconds of LlamaIndex's pipeline."""
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.schema import Document
    from llama_index.core.storage.docstore import SimpleDocumentStore
    from llama_index.core.vector_stores import SimpleVectorStore

    made = embedder(name)

    class Same(BaseEmbedding):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return asyncio.run(made.embed(texts, kind="passage")).tolist()

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        documents = [
            Document(id_=each["_id"], text=each["text"], metadata={"title": each.get("title", "")})
            for each in records(corpora)
        ]
        store = SimpleVectorStore()
        pipeline = IngestionPipeline(
            transformations=[
                SentenceSplitter(chunk_size=512, chunk_overlap=64),
                Same(embed_batch_size=BATCH),
            ],
            docstore=SimpleDocumentStore(),
            docstore_strategy=DocstoreStrategy.UPSERTS,
            vector_store=store,
        )
        pipeline.run(documents=documents)
        pipeline.persist(folder)
        store.persist(str(Path(folder) / "vectors.json"))
        return time.perf_counter() - began


def haystack(corpora: list[Path], name: str) -> float:
    """Seconds of Haystack's pipeline."""
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    from haystack import Document, Pipeline, component
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    made = embedder(name)

    @component
    class Same:
        @component.output_types(documents=list[Document])
        def run(self, documents: list[Document]) -> dict[str, list[Document]]:
            found: list[Document] = []
            for start in range(0, len(documents), BATCH):
                part = documents[start : start + BATCH]
                texts = [f"{each.meta.get('title', '')}\n{each.content}" for each in part]
                vectors = asyncio.run(made.embed(texts, kind="passage"))
                found += [
                    dataclasses.replace(each, embedding=vector.tolist())
                    for each, vector in zip(part, vectors, strict=True)
                ]
            return {"documents": found}

    began = time.perf_counter()
    documents = [
        Document(id=each["_id"], content=each["text"], meta={"title": each.get("title", "")})
        for each in records(corpora)
    ]
    pipeline = Pipeline()
    pipeline.add_component("split", DocumentSplitter(split_by="word", split_length=400, split_overlap=50))
    pipeline.add_component("embed", Same())
    pipeline.add_component("write", DocumentWriter(InMemoryDocumentStore()))
    pipeline.connect("split", "embed")
    pipeline.connect("embed", "write")
    pipeline.run({"split": {"documents": documents}})
    return time.perf_counter() - began


RUNS: dict[str, Callable[[list[Path], str], float]] = {
    "raw embedder": raw,
    START: one_line,
    "orchestrator": ours,
    "LlamaIndex": llamaindex,
    "Haystack": haystack,
}


def adopt() -> None:
    """Have what descends from this process, and loses its parent, be counted here too (Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def spent() -> float:
    """Processor seconds of this process and all that it started, from its start to now."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    ours, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return ours.ru_utime + ours.ru_stime + theirs.ru_utime + theirs.ru_stime


def measured(system: str, corpora: list[Path], name: str, python: str) -> list[float] | None:
    """Seconds of one system in a process of its own; None if it is not installed there."""
    command = [python, "-m", "benchmarks.indexing", "--run", system, "--embedder", name]
    ended = subprocess.run([*command, *map(str, corpora)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


def versions(peer_python: str) -> dict[str, str]:
    """What was measured."""
    program = "import importlib.metadata as found; print(found.version('haystack-ai'))"
    peer = subprocess.run([peer_python, "-c", program], capture_output=True, text=True, check=False)
    haystack = {"haystack-ai": "absent" if peer.returncode else peer.stdout.strip()}
    return harness.versions("llama-index-core", "qdrant-edge-py", "wordllama", "torch") | haystack


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("corpora", nargs="*", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--collections", nargs="+", default=["scifact"])
    parser.add_argument("--made", type=int, default=0, metavar="N")
    parser.add_argument("--peers", nargs="*", choices=list(MODULES), default=list(MODULES))
    parser.add_argument("--embedder", choices=["light", "minilm"], default="light")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.run:
        adopt()
        module = MODULES.get(given.run)
        missing = module is not None and importlib.util.find_spec(module.partition(".")[0]) is None
        seconds = None if missing else RUNS[given.run](given.corpora, given.embedder)
        print(json.dumps(None if seconds is None else [seconds, spent()]))
        return
    corpora = [given.data / name / "corpus.jsonl" for name in given.collections]
    with tempfile.TemporaryDirectory() as folder:
        if given.made:
            corpora = made(corpora, given.made, Path(folder))
        compare(given, corpora)


def compare(given: argparse.Namespace, corpora: list[Path]) -> None:
    """Measure the systems in turns, and print the table."""
    documents = sum(1 for _ in records(corpora))
    systems = [system for system in SYSTEMS if system not in MODULES or system in given.peers]
    taken: dict[str, list[list[float]]] = {system: [] for system in systems}
    for _ in range(given.rounds):
        for system in systems:
            python = given.peer_python if system in MODULES else sys.executable
            if (seconds := measured(system, corpora, given.embedder, python)) is not None:
                taken[system].append(seconds)
    of = ("sentences of " if given.made else "") + ", ".join(given.collections)
    print(f"{documents:,} documents of {of}; embedder {given.embedder}\n")
    print("| system | seconds | documents/s | of the raw embedder | processor s, all in all |")
    print("|---" * 5 + "|")
    medians = {
        system: [statistics.median(column) for column in zip(*runs, strict=True)] if runs else None
        for system, runs in taken.items()
    }
    alone, start, whole = (medians[system] for system in ("raw embedder", START, "orchestrator"))
    assert alone
    assert start
    assert whole
    for system, median in medians.items():
        row = "not installed | | | "
        if median is not None:
            rate = f"{documents / median[0]:,.0f} | {alone[0] / median[0]:.2f}" if system != START else " | "
            row = f"{median[0]:.2f} | {rate} | {median[1]:.1f}"
        print(f"| {system} | {row} |")
    # On a busy machine the start alone may take longer than all of it another time.
    steady = whole[0] - start[0]
    share = f"{alone[0] / steady:.2f} of the raw embedder" if steady > start[0] / 2 else "too noisy to tell"
    print(f"\norchestrator without its start: {share}; {whole[1] - start[1]:.1f} s of processors")
    found = versions(given.peer_python)
    print(harness.machine(**found))
    if given.json:
        result = {"documents": documents, "seconds": taken, "medians": medians, "versions": found}
        given.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
