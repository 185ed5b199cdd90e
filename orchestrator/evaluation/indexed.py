"""A data set as an index of its own, made once for its content; no user's index is touched."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput
from orchestrator.evaluation.datasets import Corpus, Dataset
from orchestrator.types import DEFAULT_TENANT, PUBLIC

if TYPE_CHECKING:
    from orchestrator.app import Application

#: Raised whenever corpora are written for indexing in another way: they are then indexed anew.
FORMAT = 1
#: Documents a file that is indexed.
PART = 50_000

IndexProgress = Callable[[int, int, str], None]


def silent(done: int, total: int, doing: str) -> None:
    """The progress of an indexing that nobody watches."""


@asynccontextmanager
async def indexed(
    data: Dataset, application: Application | None = None, progress: IndexProgress = silent
) -> AsyncGenerator[Mapping[Any, Any]]:
    """The ports of the data set's index, which is made if it is not there yet."""
    async with AsyncExitStack() as opened:
        if application is None:
            from orchestrator.app import Application

            application = await opened.enter_async_context(Application())
        name = index_of(data, application.embedder.name, application.encoder.name)
        await _made(application, data, name, progress)
        yield application.ports(name)


def index_of(data: Dataset, embedder: str, encoder: str) -> str:
    """The name of a data set's index: `eval-<name>-<hash of the corpus and of what it is encoded by>`."""
    content = f"{FORMAT} {data.corpus.fingerprint} {embedder} {encoder}"
    readable = re.sub(r"[^a-z0-9]+", "-", data.name.lower()).strip("-")[:30].strip("-") or "data"
    return f"eval-{readable}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


async def _made(application: Application, data: Dataset, name: str, progress: IndexProgress) -> None:
    folder = application.settings.home / "evaluation" / name
    complete = folder.with_suffix(".complete")
    current = application.catalogue.current(name)
    if complete.is_file() and current is not None and current.passages:
        return
    # An indexing that was stopped goes on, since the files are the same and lie where they lay.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_corpus(data.corpus, folder)
    report = await application.indexer(name).add(folder, (PUBLIC,), DEFAULT_TENANT, progress)
    if report.skipped:
        first = report.skipped[0]
        raise BadInput(
            f"the corpus of {data.source} cannot be indexed: {first.reason}", hint="Correct the file."
        )
    complete.touch()
    shutil.rmtree(folder, ignore_errors=True)


def write_corpus(corpus: Corpus, folder: Path) -> None:
    """Write the documents as .jsonl in BEIR's form, some to a file; those without a word are left out."""
    part: list[str] = []
    number = 0
    for record in corpus.records():
        text = record.text if record.text.strip() else record.title
        if text.strip():
            part.append(json.dumps({"_id": record.id, "title": record.title, "text": text}))
        if len(part) == PART:
            number = _write_part(part, folder, number)
    if part:
        _write_part(part, folder, number)


def _write_part(part: list[str], folder: Path, number: int) -> int:
    (folder / f"part-{number:05}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
    part.clear()
    return number + 1
