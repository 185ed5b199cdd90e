"""The Docker commands of docs/deployment.md are ones that the compose file and the program know."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests.docker.image import ROOT
from tests.docker.programs import COMPOSE_FILE, compose, config
from tests.docs.page import ELSEWHERE, blocks

PAGE = ROOT / "docs" / "deployment.md"
#: Subcommands whose first argument is a service, and the words after it a command in its container.
INSIDE = ("run", "exec")


def commands() -> list[list[str]]:
    """The words of each Docker command in a block of the page, redirections left out."""
    found = [each for block in blocks(PAGE) if block.language == "bash" for each in block.commands]
    return [shlex.split(re.sub(r"\s<\s.*$", "", each)) for each in found if each.startswith("docker ")]


def test_other_tests_leave_the_docker_commands_to_these():
    assert commands()
    assert all(ELSEWHERE.match(shlex.join(each)) for each in commands())


@pytest.mark.slow
def test_every_compose_command_and_option_is_known():
    for words in commands():
        if words[1] != "compose":
            continue
        usage = compose(words[2], "--help")
        assert usage.returncode == 0, words
        assert f"docker compose {words[2]}" in usage.stdout, words
        options = [each for each in _before_service(words[3:]) if each.startswith("--")]
        assert [each for each in options if not re.search(rf"{each}\b", usage.stdout)] == [], words


@pytest.mark.slow
def test_every_service_and_every_program_in_it_is_known():
    services = config()["services"]
    programs: set[tuple[str, ...]] = set()
    for words in commands():
        if words[1] == "compose" and words[2] in INSIDE:
            rest = words[3:]
            given = _before_service(rest)
            service, command = rest[len(given)], rest[len(given) + 1 :]
            assert service in services, words
            command = command or services[service]["command"]
            if command[0] == "orchestrator":
                programs.add(tuple(each for each in command[1:3] if re.fullmatch("[a-z]+", each)))
    assert ("index", "add") in programs
    assert ("backup",) in programs
    code = "import sys; from orchestrator.cli import main; main()"
    for each in programs:
        done = subprocess.run(
            [sys.executable, "-c", code, *each, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr


def test_every_variable_of_the_compose_file_is_in_the_table():
    text = PAGE.read_text(encoding="utf-8")
    variables = set(re.findall(r"\$\{(\w+)", COMPOSE_FILE.read_text(encoding="utf-8")))
    assert variables
    for name in variables:
        assert re.search(rf"^\|.*`{name}`.*\|.*\|", text, re.MULTILINE), name


def _before_service(words: list[str]) -> list[str]:
    """The options before the name of the service; none of those on the page takes a value."""
    for place, word in enumerate(words):
        if not word.startswith("-"):
            return words[:place]
    return words
