"""A small real index of records, some of them of a board only, for tests of nodes that search."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orchestrator import ANONYMOUS, Hits, Principal, Queries, Question, node
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.indexing.indexer import Indexer
from orchestrator.ports import Documents
from orchestrator.settings import Settings
from orchestrator.types import Hit

BOARD = Principal(grants=frozenset({"public", "board"}), name="board")

RECORDS = [
    ("krill", "Krill", "Krill are small crustaceans that whales and penguins feed on."),
    ("whales", "Blue whales", "Blue whales eat four tonnes of krill a day, and nothing else."),
    ("baleen", "Baleen", "Baleen plates filter krill from the water that whales gulp."),
    ("penguins", "Penguins", "Penguins dive for krill and small fish in cold water."),
    ("frigates", "Frigates", "A frigate carried thirty-eight guns and a crew of three hundred."),
    ("cannons", "Naval cannons", "The guns of a frigate fired iron balls of eighteen pounds."),
    ("otters", "Otters", "Otters hold hands while they sleep, so that they do not drift apart."),
    ("sleep", "Sleep", "Sleep restores the brain; most mammals sleep several hours a day."),
]
SECRET = [("stock", "Stock of krill", "The board keeps frozen krill for its blue whales.")]


@asynccontextmanager
async def shelf(
    folder: Path, groups: Mapping[str, Iterable[tuple[str, str, str]]] | None = None
) -> AsyncGenerator[Application]:
    """An application whose index holds the records of each label."""
    held = {
        label: tuple(records) for label, records in (groups or {"public": RECORDS, "board": SECRET}).items()
    }
    shutil.copytree(await _indexed(held), folder / "home")
    async with Application(Settings(home=folder / "home")) as application:
        yield application


#: The homes that were made, by what they hold: indexing is most of the time of a test that searches.
_HOMES: dict[str, TemporaryDirectory[str]] = {}


async def _indexed(groups: Mapping[str, tuple[tuple[str, str, str], ...]]) -> Path:
    """A home with an index of these records, made once in a process."""
    key = json.dumps(groups)
    if key not in _HOMES:
        _HOMES[key] = TemporaryDirectory()
        folder = Path(_HOMES[key].name)
        for label, records in groups.items():
            (folder / label).mkdir(parents=True)
            lines = [json.dumps({"_id": i, "title": title, "text": text}) for i, title, text in records]
            (folder / label / "records.jsonl").write_text("\n".join(lines), encoding="utf-8")
        async with Application(Settings(home=folder / "home")) as application:
            indexer = Indexer(indexing_context(application.container), settings=None)
            for label in groups:
                await indexer.add(folder / label, labels=[label])
    return Path(_HOMES[key].name) / "home"


async def names(app: Application, hits: Hits, principal: Principal = ANONYMOUS) -> list[str]:
    """The documents of hits, in their order."""
    store: Any = app.ports()[Documents]
    passages = await store.passages(hits.ids, principal=principal)
    return [passages[one].document for one in hits.ids if one in passages]


async def ids(app: Application, *documents: str, principal: Principal = BOARD) -> dict[str, str]:
    """Passage ids by document, of the named documents or of all."""
    from orchestrator import workflow
    from orchestrator.nodes import Retrieve

    found = await workflow("all", Retrieve(k=50, mode="dense")).run(
        Question("anything", principal), ports=app.ports()
    )
    store: Any = app.ports()[Documents]
    passages = await store.passages(found.output.ids, principal=principal)
    every = {passage.document: one for one, passage in passages.items()}
    return {name: every[name] for name in documents or every}


def given_hits(*found: tuple[str, float]) -> Any:
    """A node that finds these passages with these scores."""
    hits = Hits(tuple(Hit(one, score) for one, score in found))

    @node
    async def given(question: Question) -> Hits:
        return hits

    return given


def given_queries(queries: Queries) -> Any:
    """A node that asks these queries."""

    @node
    async def asked(question: Question) -> Queries:
        return queries

    return asked
