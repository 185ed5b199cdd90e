"""A worker process is the same application as the one that started it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.vllm import VllmModel
from orchestrator.application.application import Application
from orchestrator.application.indexing import worker_settings
from orchestrator.application.job_worker import open_context
from orchestrator.models.routed import RoutedModel
from orchestrator.ports import LanguageModel
from orchestrator.settings import ExactSettings, Settings

ROUTES = {
    "small": {"url": "http://127.0.0.1:9", "model": "s", "api_key": "rose"},
    "large": {"url": "http://127.0.0.1:9", "model": "l", "cost": 0.1},
}


def sent(settings: Settings, embedder: str = "wordllama", *, late: bool = False) -> dict[str, object]:
    """What a worker reads from its standard input."""
    return json.loads(json.dumps(worker_settings(settings, embedder, late=late)))


async def test_a_worker_sees_the_language_model_and_its_key(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, llm_url="http://127.0.0.1:9", llm_model="tiny", llm_api_key="tulip")
    async with Application(ExactSettings(**sent(settings))) as worker:
        model = worker.container.base(LanguageModel)
        assert isinstance(model, VllmModel)
        assert worker.settings.llm_api_key == settings.llm_api_key
        assert model.available


async def test_a_worker_sees_routes(tmp_path: Path) -> None:
    async with Application(ExactSettings(**sent(Settings(home=tmp_path, routes=ROUTES)))) as worker:
        model = worker.container.base(LanguageModel)
        assert isinstance(model, RoutedModel)
        assert set(model.models) == {"small (s)", "large (l)"}


def test_a_worker_writes_with_the_tables_of_its_connectors(tmp_path: Path) -> None:
    tables = {"bm25": {"k": 0.9, "b": 0.4}, "qdrant_edge": {"quantisation": "binary"}}
    settings = Settings(home=tmp_path, connectors=tables)
    context = open_context(sent(settings, late=True), None)
    assert context.sparse.name == "bm25v3-auto-k0.9-b0.4-l48"
    assert context.writer.shards._quantisation == "binary"  # type: ignore[attr-defined]
    assert (context.embedder.name, context.tokens) == ("wordllama-l2-supercat-256", context.embedder)


@pytest.mark.slow
def test_a_worker_process_reads_neither_the_environment_nor_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home", llm_url="http://127.0.0.1:9", llm_model="tiny")
    (tmp_path / "orchestrator.toml").write_text('index = "of-file"\nllm_model = "other"')
    monkeypatch.setenv("ORCHESTRATOR_LLM_MODEL", "another")
    script = (
        "import json, sys\n"
        "from orchestrator.application.job_worker import open_context\n"
        "from orchestrator.settings import ExactSettings\n"
        "sent = json.loads(sys.stdin.readline())\n"
        "open_context(sent, None)\n"
        "print(ExactSettings(**sent).llm_model, ExactSettings(**sent).index)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        input=json.dumps(sent(settings)) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["tiny", "default"]
