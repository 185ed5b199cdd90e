"""Import time beside pydantic and peers, sockets opened by an import, and the size of an install.

    python -m benchmarks.imports [--runs 15] [--size PYTHON]

Each import runs in a fresh interpreter, in turn with the others; the figure is the median wall time
less that of an empty program. `--size` sums the installed files of an environment made by
`pip install orchestrator-rag` and nothing else, given by its interpreter.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import subprocess
import sys
import time
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


def medians(runs: int) -> dict[str, float]:
    """ms by program, less the empty one's; a program that cannot be imported is left out."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(runs):
        for name in list(times):
            try:
                times[name].append(seconds(PROGRAMS[name]))
            except ImportError:
                del times[name]
    empty = statistics.median(times["nothing"])
    return {name: (statistics.median(values) - empty) * 1e3 for name, values in times.items()}


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
    parser = harness.Arguments(__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--size", metavar="PYTHON")
    arguments = parser.parse_args()
    found = medians(arguments.runs)
    print("| program | ms | × pydantic |\n|---|---|---|")
    for name, ms in found.items():
        if name != "nothing":
            print(f"| {name} | {ms:,.0f} | {ms / found['pydantic with one model']:.2f} |")
    sockets = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    print(f"\nsockets opened by import orchestrator: {sockets.stdout.strip()}")
    if arguments.size:
        print(f"installed: {installed_megabytes(arguments.size):,.0f} MB")
    names = ("pydantic", "langgraph", "llama-index-core")
    print(
        "versions: python " + sys.version.split()[0] + ", " + ", ".join(f"{n} {_version(n)}" for n in names)
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
