"""Kept answers of a model fall with the passages that they were asked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.sql.tables import cache_entries
from examples.replay_answer import Quoting
from orchestrator import Application
from orchestrator.indexing.feature_jobs import make_features_locally
from orchestrator.ports import GenerationRequest, IndexRegistry, Ledger, StateStore
from orchestrator.progress import silent
from orchestrator.settings import Settings

pytestmark = pytest.mark.slow

BEES = "# Bees\n\nBees dance. A hive has one queen, who lays all its eggs. Bees sleep at night.\n"
TIDES = "# Tides\n\nTides follow the moon. Spring tides come with the full moon, twice in a month.\n"


class Counted(Quoting):
    """A model that counts what it is asked, and has a word where it quotes nothing."""

    asked = 0

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Any:
        self.asked += 1
        made = await super().generate(request, on_text=on_text)
        return made if made.text else replace(made, text="Animals.")


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home", embedder="light", llm_cache=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bees.md").write_text(BEES)
    (tmp_path / "notes" / "tides.md").write_text(TIDES)
    async with Application(made) as application:
        await application.indexer().add(tmp_path / "notes")
    return made


def kept(application: Application) -> list[str]:
    """The texts in the cache."""
    with application.container.get(StateStore).database.reading() as connection:
        return [
            bytes(value).decode() for value in connection.execute(select(cache_entries.c.value)).scalars()
        ]


async def test_an_answer_falls_with_the_document_that_it_quotes(settings: Settings, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    async with Application(settings, model=Counted()) as application:
        await application.run("chat", "How many queens has a hive?")
        assert any("Bees dance" in text for text in kept(application))
        (notes / "bees.md").write_text(BEES.replace("Bees dance", "Workers dance"))
        await application.indexer().add(notes)
        assert kept(application) == [], "replaced"
        await application.run("chat", "How many queens has a hive?")
        assert any("Workers dance" in text for text in kept(application))
        (notes / "bees.md").unlink()
        await application.indexer().add(notes)
        assert kept(application) == [], "removed"


async def test_an_answer_stays_while_other_documents_change(settings: Settings, tmp_path: Path) -> None:
    tea = tmp_path / "notes" / "tea.md"
    async with Application(settings, model=Counted()) as application:
        await application.run("chat", "How many queens has a hive?")
        for text in ("# Tea\n\nGreen tea is steeped at eighty degrees.\n", "# Tea\n\nNo more of it.\n"):
            tea.write_text(text)
            await application.indexer().add(tmp_path / "notes")
        assert len(kept(application)) == 1


async def test_an_index_that_is_dropped_takes_its_answers_along(settings: Settings) -> None:
    async with Application(settings, model=Counted()) as application:
        await application.run("chat", "How many queens has a hive?")
        assert kept(application)
        application.container.get(IndexRegistry).drop("default")
        assert not kept(application)


async def test_a_feature_that_was_written_of_a_passage_falls_with_it(
    settings: Settings, tmp_path: Path
) -> None:
    async with Application(settings, model=Counted()) as application:
        version = application.container.get(IndexRegistry).current("default")
        assert version is not None
        ports: dict[Any, Any] = {**application.ports()}
        report = await make_features_locally(
            application.container.get(Ledger),
            ports,
            version,
            "summary",
            principal=settings.principal,
            progress=silent,
        )
        assert report.made + report.failed == 2
        assert len(kept(application)) == 2
        (tmp_path / "notes" / "bees.md").unlink()
        await application.indexer().add(tmp_path / "notes")
        assert len(kept(application)) == 1


async def test_features_are_asked_for_as_the_tenant_of_each_passage_asks(
    settings: Settings, tmp_path: Path
) -> None:
    class Tenants(Counted):
        seen: tuple[str, ...] = ()

        def for_tenant(self, tenant: str) -> Any:
            Tenants.seen += (tenant,)
            return self

    async with Application(settings, model=Tenants()) as application:
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs" / "bees.md").write_text(BEES)
        await application.indexer().add(tmp_path / "theirs", tenant="other")
        version = application.container.get(IndexRegistry).current("default")
        assert version is not None
        ports: dict[Any, Any] = {**application.ports()}
        await make_features_locally(
            application.container.get(Ledger),
            ports,
            version,
            "summary",
            principal=settings.principal,
            progress=silent,
        )
        assert set(Tenants.seen) == {"default", "other"}
        assert len(kept(application)) == 3, "equal texts of two tenants are kept apart"


async def test_the_cache_can_be_emptied(settings: Settings) -> None:
    async with Application(settings, model=Counted()) as application:
        await application.run("chat", "How many queens has a hive?")
        await application.prune()
        assert kept(application)
        await application.prune(cache=True)
        assert not kept(application)
