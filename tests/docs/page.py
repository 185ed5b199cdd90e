"""A page of the documentation as its reader would follow it: every block executed, in a folder of its own.

* `bash`: run line by line, in order; `orchestrator serve …` goes on running until the page ends
* `python`: all blocks of a page are one script, run after its `bash` blocks
* `toml`: a settings file, which must be valid
* `json`: must be JSON
* anything else (`mermaid`, `text`, no language) is for reading only
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What other tests execute or check, since it needs a network, an empty machine or a Docker engine.
ELSEWHERE = re.compile(r"(make( [a-z-]+)?|pip install \.|\.ci/run|docker (build|compose))(?=\s|$)")


@dataclass(frozen=True)
class Block:
    """A fenced block, with the line that it begins on."""

    language: str
    text: str
    line: int

    @property
    def commands(self) -> list[str]:
        """The commands of a bash block: continued lines joined, remarks and blank lines left out."""
        joined = self.text.replace("\\\n", " ")
        lines = (re.sub(r"\s+#\s.*$", "", line).strip() for line in joined.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def pages() -> list[Path]:
    """The README and everything in docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1) for match in _BLOCK.finditer(text)
    ]


class Reader:
    """Follows a page in `folder`, which has a copy of the documentation to be indexed, and of docker/."""

    def __init__(self, page: Path, folder: Path, port: int) -> None:
        self.page = page
        self.folder = folder
        self.port = port
        self.servers: list[subprocess.Popen[str]] = []
        shutil.copytree(ROOT / "docs", folder / "docs")
        shutil.copy(ROOT / "README.md", folder)
        # Neither keys nor documents of the developer's own.
        own = shutil.ignore_patterns("orchestrator.toml", ".env", "documents")
        shutil.copytree(ROOT / "docker", folder / "docker", ignore=own)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "ORCHESTRATOR_SERVE__PORT": str(port),
            # What a reader has after the quick start, also where the better embedder is installed.
            "ORCHESTRATOR_EMBEDDER": "light",
        }

    def follow(self) -> None:
        """Execute every block; raises AssertionError with the line that fails."""
        found = blocks(self.page)
        try:
            for block in found:
                if block.language == "bash":
                    for command in block.commands:
                        self._command(command, block)
                elif block.language == "toml":
                    self._settings(block)
                elif block.language == "json":
                    json.loads(block.text)
            self._script([block for block in found if block.language == "python"])
        finally:
            for server in self.servers:
                server.send_signal(signal.SIGTERM)
            for server in self.servers:
                server.wait(timeout=30)

    def _command(self, command: str, block: Block) -> None:
        if ELSEWHERE.match(command):
            return
        command = self._ported(command)
        if command.startswith("orchestrator serve"):
            self._serve(command, block)
            return
        done = self._run(["bash", "-euo", "pipefail", "-c", command])
        assert done.returncode == 0, f"{self.page.name}:{block.line}: {command}\n{done.stdout}{done.stderr}"

    def _ported(self, text: str) -> str:
        """The text with the port that this page's servers have instead of the usual one."""
        return re.sub(r"(127\.0\.0\.1|localhost):8000", rf"127.0.0.1:{self.port}", text)

    def _serve(self, command: str, block: Block) -> None:
        log = (self.folder / "server.log").open("w+")
        server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdout=log,
            stderr=log,
            text=True,
        )
        self.servers.append(server)
        for _ in range(600):
            said = Path(log.name).read_text()
            if "Serving" in said:
                return
            assert server.poll() is None, f"{self.page.name}:{block.line}: {command}\n{said}"
            time.sleep(0.1)
        raise AssertionError(f"{self.page.name}:{block.line}: {command} does not begin to serve")

    def _settings(self, block: Block) -> None:
        file = self.folder / f"settings-{block.line}.toml"
        file.write_text(block.text, encoding="utf-8")
        done = self._run(
            [
                sys.executable,
                "-c",
                f"from orchestrator.settings import Settings as S; S(config={str(file)!r})",
            ]
        )
        assert done.returncode == 0, f"{self.page.name}:{block.line}:\n{done.stderr}"

    def _script(self, found: list[Block]) -> None:
        if not found:
            return
        file = self.folder / "page.py"
        # One file, so that a later block uses what an earlier one defined; `from __future__` only once.
        text = self._ported("\n".join(_numbered(self.page, found)))
        file.write_text(text, encoding="utf-8")
        done = self._run([sys.executable, str(file)])
        assert done.returncode == 0, f"{self.page.name}, its Python blocks as one script:\n{done.stderr}"

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )


def _numbered(page: Path, found: list[Block]) -> Iterator[str]:
    for block in found:
        yield f"# {page.name}, line {block.line}"
        yield block.text
