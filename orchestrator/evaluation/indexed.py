"""Indexes a data set, once per content, in an index of its own beside the user's."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.errors import BadInput
from orchestrator.evaluation.datasets import Dataset
from orchestrator.evaluation.side_files import TRIPLES, Extracted, Triple, fingerprint, read_triples
from orchestrator.ports import Features, IndexRegistry, Ledger, PassageRow, TreeRegistry, TreeStore
from orchestrator.progress import Progress, silent
from orchestrator.tree.build_job import TreePlan, build_trees_locally
from orchestrator.types import DEFAULT_TENANT, PUBLIC

if TYPE_CHECKING:
    from orchestrator.indexing.indexer import Indexer
    from orchestrator.ports import IndexFormat
    from orchestrator.settings import Settings

#: Raised whenever corpora are written for indexing in another way: they are then indexed again.
FORMAT = 1
#: What the names of data sets' indexes begin with.
EXPERIMENTS = "eval-"
#: Documents a file that is indexed.
PART = 50_000


class IndexHost(Protocol):
    """Where data sets are indexed: an `Application`, or what gives as much."""

    @property
    def settings(self) -> Settings: ...

    @property
    def new_index_format(self) -> IndexFormat:
        """The format of an index that would be made now."""
        ...

    def ports(self, index: str | None = None) -> Mapping[type, object]: ...

    def indexer(self, index: str | None = None) -> Indexer: ...


@asynccontextmanager
async def indexed(
    data: Dataset,
    application: IndexHost | None,
    progress: Progress = silent,
    needs: Collection[type] = (),
) -> AsyncGenerator[Mapping[Any, Any]]:
    """The ports of the data set's index in an application, which is made if it is not there yet.

    Where `needs` names `TreeStore`, so are its semantic trees, without asking a model.
    """
    if application is None:
        raise BadInput(
            "There is nothing to index the data in.",
            hint="Give an application: `async with Application() as application`, or ports.",
        )
    made_with = application.new_index_format
    name = index_of(data, made_with.embedder + (" tokens" if made_with.tokens else ""), made_with.sparse)
    ports: Mapping[Any, Any] = application.ports(name)
    await _made(application, ports[IndexRegistry], data, name, progress)
    await _noted(application, ports[IndexRegistry], data, name, ports[Features])
    if TreeStore in needs:
        await _planted(application, ports, name, progress)
    yield ports


def index_of(data: Dataset, embedder: str, encoder: str) -> str:
    """The name of a data set's index: `eval-<name>-<hash of the corpus and of what it is encoded by>`."""
    content = f"{FORMAT} {data.corpus.fingerprint} {embedder} {encoder}"
    if data.hierarchy:
        content += f" {sorted(data.hierarchy.items())}"
    readable = re.sub(r"[^a-z0-9]+", "-", data.name.lower()).strip("-")[:30].strip("-") or "data"
    return f"{EXPERIMENTS}{readable}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


async def _made(
    application: IndexHost, registry: IndexRegistry, data: Dataset, name: str, progress: Progress
) -> None:
    folder = application.settings.home / "evaluation" / name
    complete = folder.with_suffix(".complete")
    current = registry.current(name)
    if complete.is_file() and current is not None and current.passages:
        return
    # An indexing that was stopped goes on, since the files are the same and lie where they lay.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_corpus(data, folder)
    if not any(folder.iterdir()):
        raise BadInput(
            f"No document of the corpus of {data.source} has a word.",
            hint="Correct the file: `text` is empty.",
        )
    report = await application.indexer(name).add(folder, (PUBLIC,), DEFAULT_TENANT, progress)
    if report.skipped:
        first = report.skipped[0]
        raise BadInput(
            f"The corpus of {data.source} cannot be indexed: {first.reason.rstrip('.')}.",
            hint="Correct the file.",
        )
    complete.touch()
    shutil.rmtree(folder, ignore_errors=True)


async def _planted(
    application: IndexHost, ports: Mapping[Any, Any], name: str, progress: Progress
) -> None:
    """Build the trees of the index, unless each of its groups has one that is whole."""
    trees: TreeRegistry = ports[TreeRegistry]
    states = [state for state in await trees.states() if state.passages]
    if all(state.recipe and not state.foreign and not state.missing for state in states):
        return
    version = ports[IndexRegistry].current(name)
    plan = TreePlan(written=False)
    principal = application.settings.principal
    await build_trees_locally(ports[Ledger], ports, version, plan, principal=principal, progress=progress)


async def _noted(
    application: IndexHost, registry: IndexRegistry, data: Dataset, name: str, features: Features
) -> None:
    """Keep the triples of the data set with its index: as features of the passages that name them."""
    content = fingerprint(data.folder)
    mark = application.settings.home / "evaluation" / f"{name}.triples"
    if not content or data.folder is None or (mark.is_file() and mark.read_text() == content):
        return
    passages: dict[str, list[PassageRow]] = {}
    after = ""
    while rows := registry.documents(name, after=after):
        after = rows[-1].id
        for row in rows:
            passages[row.document] = sorted(row.passages, key=lambda passage: passage.position)
    triples: dict[str, list[Triple]] = {}
    entities: dict[str, list[str]] = {}
    for found in read_triples(data.folder / TRIPLES):
        for passage, mine in _by_passage(passages.get(found.document, []), found):
            triples[passage] = list(mine.triples)
            entities[passage] = list(mine.entities)
    await features.keep("triples", {one: json.dumps(each) for one, each in triples.items()})
    await features.keep("entities", {one: ", ".join(each) for one, each in entities.items()})
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(content)


def _by_passage(passages: Sequence[PassageRow], found: Extracted) -> Iterator[tuple[str, Extracted]]:
    """Each passage with the entities and triples whose subject it names; the first has those of none."""
    texts = [passage.text.casefold() for passage in passages]

    def where(name: str) -> int:
        return next((n for n, text in enumerate(texts) if name.casefold() in text), 0)

    for n, passage in enumerate(passages):
        yield (
            passage.id,
            Extracted(
                found.document,
                tuple(name for name in found.entities if where(name) == n),
                tuple(triple for triple in found.triples if where(triple[0]) == n),
            ),
        )


def write_corpus(data: Dataset, folder: Path) -> None:
    """Write the documents as .jsonl in BEIR's form, some to a file; those without a word are left out.

    A document that has a place in the hierarchy says so in its metadata: `hierarchy`, and `level_1`, …
    """
    part: list[str] = []
    number = 0
    for record in data.corpus.records():
        text = record.text if record.text.strip() else record.title
        if text.strip():
            levels = data.hierarchy.get(record.id, ())
            place = {"hierarchy": " > ".join(levels)} if levels else {}
            place.update((f"level_{depth}", level) for depth, level in enumerate(levels, 1))
            part.append(json.dumps({"_id": record.id, "title": record.title, "text": text, **place}))
        if len(part) == PART:
            number = _write_part(part, folder, number)
    if part:
        _write_part(part, folder, number)


def _write_part(part: list[str], folder: Path, number: int) -> int:
    (folder / f"part-{number:05}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
    part.clear()
    return number + 1
