"""Whether client libraries of OpenAI's API get from the endpoint what they ask for, feature by feature.

    python -m benchmarks.clients --python PYTHON [--node FOLDER] [--record]

PYTHON is one that has `openai`, `langchain-openai`, `llama-index-llms-openai-like` and `litellm`, FOLDER one
in which `npm install openai` was run. The endpoint and its documents are real; the model server behind it
says what it is told to say, so that every run has the same text.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import harness
from benchmarks.client_checks import CLIENTS
from tests.services.scripted import Asked, Reply, chunk, completion, scripted, serving
from tests.serving.process import PROGRAM, orchestrator, running

KEY = "key-of-a-reader"
DOCUMENTS = {
    "ferry.md": "# Ferries\n\nThe ferry to Naxos leaves at noon. In winter it leaves at nine.\n",
    "bees.md": "# Bees\n\nBees dance to tell each other where flowers are. A hive has one queen.\n",
}
SETTINGS = """
llm_url = "{url}"

[api_keys]
"{key}" = {{ grants = ["public"], name = "reader" }}
"""
#: What a client's instructions ask for, as `client_checks` sends them.
TOLD = "CAPTAIN"
ROOT = Path(__file__).parents[1]
NODE_CHECKS = ROOT / "benchmarks/client_checks/openai.mjs"


def said(asked: Asked) -> Reply:
    """The scripted model's answer to a completion."""
    system, question = asked.body["messages"][0]["content"], asked.body["messages"][-1]["content"]
    if "You rewrite" in system:
        return Reply(completion("When does the ferry to Naxos leave in winter?"))
    words = ["The ", "ferry ", "leaves ", "at ", "noon ", "[1]."]
    if TOLD in system:
        words.insert(0, f"{TOLD}: ")
    if "Slowly" in question:
        words *= 100
    limit = asked.body.get("max_tokens") or len(words)
    usage = {"prompt_tokens": 100, "completion_tokens": min(limit, len(words)), "total_tokens": 107}
    finish = "length" if limit < len(words) else "stop"
    pieces = [chunk(word) for word in words[:limit]]
    return Reply(pieces=[*pieces, chunk(None, finish), {**chunk(), "choices": [], "usage": usage}, "[DONE]"])


async def tried(python: str, node: Path | None) -> dict[str, list[dict[str, Any]]]:
    """What each client said, by client."""
    with TemporaryDirectory() as kept:
        folder = Path(kept)
        (folder / "documents").mkdir()
        for name, text in DOCUMENTS.items():
            (folder / "documents" / name).write_text(text)
        model = serving(said)

        def script(asked: Asked) -> Any:
            # The question itself is one that is in progress.
            return Reply({"active": server.active - 1}) if asked.path == "/active" else model(asked)

        async with scripted(script) as server:
            (folder / "orchestrator.toml").write_text(SETTINGS.format(url=server.url, key=KEY))
            added = await asyncio.to_thread(orchestrator, "index", "add", "documents", folder=folder)
            assert added.returncode == 0, added.stderr
            arguments = [*PROGRAM, "serve", "chat", "search", "--port", "0"]
            started = running(arguments, folder=folder)
            endpoint = await asyncio.to_thread(started.__enter__)
            try:
                found: dict[str, list[dict[str, Any]]] = {}
                for client in CLIENTS:
                    command = [python, "-m", "benchmarks.client_checks", client]
                    found[client] = await lines([*command, endpoint.address, KEY, server.url], ROOT)
                if node is not None:
                    script_file = Path(shutil.copy(NODE_CHECKS, node))
                    command = ["node", script_file.name, endpoint.address, KEY, server.url]
                    found["openai (npm)"] = await lines(command, node)
                return found
            finally:
                await asyncio.to_thread(started.__exit__, None, None, None)


async def lines(command: list[str], folder: Path) -> list[dict[str, Any]]:
    """The JSON lines that a program prints."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        sys.stderr.write(err.decode()[-2_000:])
    return [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]


def main() -> None:
    """Try every feature of every client, and print what works."""
    arguments = harness.Arguments(__doc__, record=True)
    arguments.add_argument("--python", required=True, metavar="PYTHON")
    arguments.add_argument("--node", type=Path, default=None, metavar="FOLDER")
    given = arguments.parse_args()
    found = asyncio.run(tried(given.python, given.node))
    features = dict.fromkeys(each["feature"] for rows in found.values() for each in rows if "feature" in each)
    found = {name: rows for name, rows in found.items() if rows}
    versions = [next(each["version"] for each in rows if "version" in each) for rows in found.values()]
    by_client = {name: {row.get("feature"): row for row in rows} for name, rows in found.items()}
    table = harness.table(
        ["feature", *versions],
        [[feature, *(_cell(rows.get(feature)) for rows in by_client.values())] for feature in features],
    )
    works = Counter(row["works"] for rows in found.values() for row in rows if "works" in row)
    text = f"{works[True]} of {works.total()} features work.\n\n{table}"
    sys.stdout.write(f"{text}\n")
    for client, rows in found.items():
        for row in rows:
            if row.get("works") is False:
                sys.stdout.write(f"{client}: {row['feature']}: {row['said']}\n")
    if given.record:
        harness.record("clients", text)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    error = row["said"] if row["works"] and row["said"].split(".")[-1].endswith("Error") else None
    return f"`{error.split('.')[-1]}`" if error else "yes" if row["works"] else "**no**"


if __name__ == "__main__":
    main()
