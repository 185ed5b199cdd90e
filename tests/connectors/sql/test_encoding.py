"""A database of any encoding that PostgreSQL has by default holds any text."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from orchestrator.application.application import Application
from orchestrator.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


async def test_a_cluster_of_the_c_locale_holds_every_script(postgres_cluster: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_cluster.format("postgres"), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE bare ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    (tmp_path / "Äpfel.md").write_text("# 苹果\n\nDie Äpfel lagern im Keller.\n", encoding="utf-8")
    settings = Settings(
        home=tmp_path / "home", database_url=postgres_cluster.format("bare"), embedder="light"
    )
    async with Application(settings) as application:
        await application.indexer().add(tmp_path / "Äpfel.md")
        answer = (await application.run("chat", "Wo lagern die Äpfel?")).answer
        assert "Die Äpfel lagern im Keller." in answer.text
        assert answer.citations[0].source.endswith("Äpfel.md")
