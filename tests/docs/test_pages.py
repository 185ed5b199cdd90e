"""What the README and docs/ say, done."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.docs.page import ELSEWHERE, ROOT, Reader, blocks, pages


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_block_of_a_page_works(page: Path, tmp_path: Path, port: int) -> None:
    Reader(page, tmp_path, port).follow()


def test_every_command_left_to_other_tests_is_known_to_make_or_pip() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    left = [
        command
        for page in pages()
        for block in blocks(page)
        if block.language == "bash"
        for command in block.commands
        if ELSEWHERE.match(command)
    ]
    assert "make demo" in left
    for command in left:
        if command.startswith("make "):
            assert command.split()[1] in targets, command


def test_every_command_of_the_program_is_documented() -> None:
    from typer.main import get_command

    from orchestrator.cli.program import program

    text = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    for name, command in get_command(program).commands.items():
        names = [f"{name} {each}" for each in getattr(command, "commands", {})] or [name]
        for each in names:
            assert f"orchestrator {each}" in text, f"`orchestrator {each}` is on no page"


def test_every_setting_is_documented() -> None:
    from orchestrator.settings import Retention, Serve, Settings

    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for model in (Settings, Retention, Serve):
        for name in model.model_fields:
            assert re.search(rf"\b{name}\b", text), f"{model.__name__}.{name} is not in docs/configuration.md"
