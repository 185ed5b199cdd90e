"""Recommendation rankers on a log of interactions: quality by the protocol, and time to the first slate.

    python -m benchmarks.recommendation [--data DIR] [--rankers NAMES] [--without NAMES]
        [--seeds 1] [--work DIR]
    python -m benchmarks.recommendation --first
    python -m benchmarks.recommendation --policies

Quality: `orchestrator recommend evaluate`, whose table this prints. `--work` keeps what is trained, so
that rankers can be measured in several runs; seconds are those of a ranker's own training, without its
parts. `--first` times the training-free fusion from the files to a slate with reasons, in a process
of its own. `--policies` values slates from simulated logs, whose truth is known.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import harness
from orchestrator.application.application import Application
from orchestrator.application.rankers import editions_of
from orchestrator.interactions.log_files import read_log
from orchestrator.nodes.recommend.recommendations import recommendations
from orchestrator.ports import Recommender
from orchestrator.recommendation.editions.training import train
from orchestrator.recommendation.evaluation.evaluation_report import as_text
from orchestrator.recommendation.evaluation.ranker_evaluation import evaluate
from orchestrator.recommendation.rankers.registry import RANKERS
from orchestrator.settings import Settings
from orchestrator.types import ANONYMOUS, History, Question, Slate


def quality(data: Path, rankers: tuple[str, ...], without: list[str], seeds: int, work: Path) -> None:
    """Print the table of an evaluation."""
    application = Application(Settings(home=work))
    report = evaluate(
        read_log(data),
        editions_of(application.container).rankers.without(without),
        work,
        rankers=rankers,
        seeds=seeds,
        told=lambda name, seed, seconds: print(f"{name}, seed {seed}: {seconds:.1f} s", file=sys.stderr),
    )
    print(as_text(report))


async def slate_for(application: Application, user: str) -> Slate:
    """What a user is shown, by a run of the workflow."""
    ports = {Recommender: application.container.get(Recommender)}
    return (await recommendations().run(Question("", ANONYMOUS), History(user), ports=ports)).output


def first(data: Path) -> None:
    """Print the seconds from files to the first slate of the training-free fusion."""
    with tempfile.TemporaryDirectory() as home:
        application = Application(Settings(home=Path(home)))
        began = time.perf_counter()
        log = read_log(data)
        read = time.perf_counter()
        train(log, editions_of(application.container), rankers=("fusion",))
        trained = time.perf_counter()
        user = log.interactions.users[0]
        slate = asyncio.run(slate_for(application, user))
        shown = time.perf_counter()
        again: list[float] = []
        for name in log.interactions.users[:200]:
            start = time.perf_counter()
            asyncio.run(slate_for(application, name))
            again.append(time.perf_counter() - start)
        assert len(slate) == 10
    again.sort()
    rows = {
        "read the files": f"{read - began:.2f}",
        "choose constants, count, learn weights, publish": f"{trained - read:.2f}",
        "open the edition, first slate with reasons": f"{shown - trained:.2f}",
        "from files to the first slate (target ≤ 20)": f"{shown - began:.2f}",
        "a further slate, p50 / p95": f"{again[100]:.4f} / {again[190]:.4f}",
    }
    print(harness.table(["", "seconds"], rows.items()))


def main() -> None:
    """Run what was asked for."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--rankers", default=",".join(RANKERS))
    parser.add_argument("--without", default="", help="rankers to leave out, also as parts of the pipeline")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--policies", action="store_true")
    given = parser.parse_args()
    print(harness.machine("numpy", "scipy", "lightgbm") + "\n")
    data = given.data / "beauty"
    if given.first:
        first(data)
    elif given.policies:
        from benchmarks.slate_policies import compare

        compare()
    else:
        with tempfile.TemporaryDirectory() as folder:
            work = given.work or Path(folder)
            quality(
                data,
                tuple(given.rankers.split(",")),
                [each for each in given.without.split(",") if each],
                given.seeds,
                work,
            )


if __name__ == "__main__":
    main()
