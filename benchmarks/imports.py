"""Import time beside pydantic and peers, how long commands take to start, and the size of an install.

    python -m benchmarks.imports [--runs 15] [--size PYTHON] [--record]

Each program runs in a fresh interpreter, in turn with the others. For imports the figure is the median
wall time less that of an empty program; for commands it is all of it, the interpreter's start included.
Sockets that an import opens are counted. `--size` sums the installed files of an environment made by
`pip install orchestrator-rag` and nothing else, given by its interpreter.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks import harness

MODEL = "from pydantic import BaseModel\nclass Question(BaseModel):\n    text: str\n"
PROGRAMS = {
    "nothing": "pass",
    "pydantic with one model": MODEL,
    "orchestrator": "import orchestrator",
    "orchestrator and a workflow of one node": (
        "from orchestrator import node, workflow, Question, Answer\n"
        "@node\nasync def say(question: Question) -> Answer: return Answer('')\n"
        "workflow('w', say)"
    ),
    "langgraph.graph": "import langgraph.graph",
    "llama_index.core": "import llama_index.core",
}
#: Commands that do nothing but start.
COMMANDS = ("--version", "--help", "ask --help", "recommend train --help")
WATCHED = """
import socket, sys
opened = []
class Watched(socket.socket):
    def __init__(self, *args, **kwargs):
        opened.append(args)
        super().__init__(*args, **kwargs)
socket.socket = Watched
import orchestrator
print(len(opened))
"""


def seconds(program: str) -> float:
    """Wall time of one interpreter that runs a program."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    if done.returncode:
        raise ImportError(done.stderr.decode().splitlines()[-1])
    return time.perf_counter() - begun


def command(arguments: str) -> str:
    """The program `orchestrator` with these arguments."""
    return f"import sys; sys.argv[1:] = {arguments.split()!r}; from orchestrator.cli import main; main()"


def medians(programs: Mapping[str, str], runs: int) -> dict[str, float]:
    """ms by program; one that cannot be imported is left out."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name in list(times):
            try:
                times[name].append(seconds(programs[name]))
            except ImportError:
                del times[name]
    return {name: statistics.median(values) * 1e3 for name, values in times.items()}


def installed_megabytes(python: str) -> float:
    """MB of an environment's site-packages."""
    where = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return sum(path.lstat().st_size for path in Path(where).rglob("*") if not path.is_dir()) / 1e6


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, record=True)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--size", metavar="PYTHON")
    arguments = parser.parse_args()
    found = medians(PROGRAMS, arguments.runs)
    empty = found.pop("nothing")
    unit = found["pydantic with one model"] - empty
    rows = [[name, f"{ms - empty:,.0f}", f"{(ms - empty) / unit:.2f}"] for name, ms in found.items()]
    imports = harness.table(["program", "ms", "× pydantic"], rows)
    started = medians({f"`orchestrator {each}`": command(each) for each in COMMANDS}, arguments.runs)
    start = harness.table(["command", "ms"], [[name, f"{ms:,.0f}"] for name, ms in started.items()])
    print(f"{imports}\n\n{start}")
    sockets = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    print(f"\nsockets opened by import orchestrator: {sockets.stdout.strip()}")
    if arguments.size:
        print(f"installed: {installed_megabytes(arguments.size):,.0f} MB")
    print(harness.machine("pydantic", "langgraph", "llama-index-core"))
    if arguments.record:
        harness.record("imports", imports)
        harness.record("start", start)


if __name__ == "__main__":
    main()
