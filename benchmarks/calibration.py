"""What calibrating groups can gain, and what keeps it from gaining more: each fault of the judge by itself.

    python -m benchmarks.calibration [--data DIR] [--queries 70] [--judges 5] [--repeats 2 4] [--rows NAME …]

The judge and its noise are those of `benchmarks.reranking`, whose middle level is taken apart: without
the shift of calls, without their scale, with more of the one or the other, with more noise of each
judgement's own. Malformed replies are left out. The same replies are read in four ways:

* plain: each passage's mean
* calibrated: as `Rerank("groupwise")` does
* told shifts: less the true shift of each call, which nobody can know
* told both: less the true shift, divided by the true scale

"Without either" is the same judge without shift and scale. "Endless" rows are of a judge whose scores do
not end at 0 and 10. nDCG@10 on SciFact; gains are paired by question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.reranking import NOISE, Task, interval, ndcg, tasks
from orchestrator.evaluation.significance import paired_p
from orchestrator.nodes.rerank import candidates
from orchestrator.nodes.rerank.criteria import HIGHEST
from orchestrator.nodes.rerank.groupwise import Groupwise
from orchestrator.nodes.rerank.prompts import Prompts
from orchestrator.nodes.rerank.replies.scores import parse_scores
from orchestrator.ranking.calibration import calibrated
from orchestrator.testing.judge import Judge, Noise

MIDDLE = replace(NOISE["middle"], malformed=0.0)
ROWS: dict[str, Noise] = {
    "middle": MIDDLE,
    "middle, no scale": replace(MIDDLE, scale=0.0),
    "middle, no shift": replace(MIDDLE, shift=0.0),
    "middle, shift × 2": replace(MIDDLE, shift=2 * MIDDLE.shift),
    "middle, shift × 3": replace(MIDDLE, shift=3 * MIDDLE.shift),
    "middle, random of high": replace(MIDDLE, random=NOISE["high"].random),
    "middle, random of high, shift × 2": replace(MIDDLE, random=NOISE["high"].random, shift=2 * MIDDLE.shift),
    "high": replace(NOISE["high"], malformed=0.0),
    "middle, endless": MIDDLE,
    "middle, no scale, endless": replace(MIDDLE, scale=0.0),
    "high, endless": replace(NOISE["high"], malformed=0.0),
}
ENDLESS = ("middle, endless", "middle, no scale, endless", "high, endless")
READINGS = ("plain", "calibrated", "told shifts", "told both")


class Endless(Judge):
    """A judge that writes what it believes, below 0 and above 10 as well."""

    def held(self, value: float) -> float:
        """As it is."""
        return value


async def replies(
    judge: Judge, task: Task, groups: Sequence[Sequence[int]]
) -> list[tuple[dict[int, float], float, float]]:
    """Scores by candidate of each group, with the shift and the scale that the judge had in that call."""
    made: list[tuple[dict[int, float], float, float]] = []
    for group in groups:
        prompt = Prompts().scores(task.question, [task.candidates[number][1] for number in group])
        # Whatever ends scores have, the judge gives them.
        told = parse_scores((await judge.generate(prompt)).text, len(group), low=-1000.0, high=1000.0)
        shift, scale = judge.fault(prompt)
        made.append(({group[place]: score for place, score in told.items()}, HIGHEST * shift, scale))
    return made


def ranked(task: Task, calls: Sequence[tuple[dict[int, float], float, float]], reading: str) -> list[str]:
    """Candidates by the final score of `Rerank("groupwise")`, with the calls read in one of four ways."""
    size = len(task.candidates)
    retrieved = candidates.normalised([score for _, _, score in task.candidates])
    if reading == "calibrated":
        values = calibrated([call for call, _, _ in calls], size, retrieved).values
    else:
        sums, counts = np.zeros(size), np.zeros(size)
        for call, shift, scale in calls:
            for number, score in call.items():
                less = shift if reading.startswith("told") else 0.0
                sums[number] += (score - less) / (scale if reading == "told both" else 1.0)
                counts[number] += 1
        values = sums / counts
    final = 0.6 * values / HIGHEST + 0.4 * np.array(retrieved)
    return [task.candidates[number][0] for number in candidates.by_score(final.tolist())]


async def row(
    given: Sequence[Task], kind: type[Judge], noise: Noise, judges: int, repeats: int
) -> dict[str, list[float]]:
    """nDCG@10 of each question by reading, in the mean of some judges."""
    strategy = Groupwise(repeats=repeats)
    found: dict[str, list[float]] = {reading: [] for reading in (*READINGS, "neither")}
    for number, task in enumerate(given):
        order: Any = candidates.Task(task.question, tuple(task.candidates), *[None] * 3)  # type: ignore[arg-type]
        groups = [group for turn in range(repeats) for group in strategy.groups(order.shuffled(turn))]
        scores: dict[str, list[float]] = {reading: [] for reading in found}
        for seed in range(judges):
            grades = {task.question: task.grades}
            calls = await replies(kind(grades, noise, seed=number + 1000 * seed), task, groups)
            for reading in READINGS:
                scores[reading].append(ndcg(ranked(task, calls, reading), task))
            own = replace(noise, shift=0.0, scale=0.0)
            calls = await replies(kind(grades, own, seed=number + 1000 * seed), task, groups)
            scores["neither"].append(ndcg(ranked(task, calls, "plain"), task))
        for reading, each in scores.items():
            found[reading].append(float(np.mean(each)))
    return found


async def study(data: Path, queries: int, judges: int, repeats: Sequence[int], names: Sequence[str]) -> None:
    """Print a table."""
    given = tasks(data / "scifact", 100, queries, judged_only=False)
    print(f"SciFact, BM25 top 100, {len(given)} questions, {judges} judges each\n")
    titles = ["noise", "repeats", *READINGS, "without either", "gain, calibrated", "p", "gain, told both"]
    print(harness.table(titles, ()))
    for name, noise in ROWS.items():
        for turns in repeats if not names or name in names else ():
            found = await row(given, Endless if name in ENDLESS else Judge, noise, judges, turns)
            means = " | ".join(f"{np.mean(found[reading]):.4f}" for reading in (*READINGS, "neither"))
            told: list[str] = []
            for reading in ("calibrated", "told both"):
                gains = [two - one for one, two in zip(found["plain"], found[reading], strict=True)]
                told.append("{:+.4f} ({:+.4f} to {:+.4f})".format(*interval(gains)))
            p = paired_p(found["calibrated"], found["plain"])
            print(f"| {name} | {turns} | {means} | {told[0]} | {p:.3f} | {told[1]} |", flush=True)
    print("\n" + harness.machine("numpy"))


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--queries", type=int, default=70)
    parser.add_argument("--judges", type=int, default=5)
    parser.add_argument("--repeats", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--rows", nargs="+", default=[], help="only these")
    given = parser.parse_args()
    asyncio.run(study(given.data, given.queries, given.judges, given.repeats, given.rows))


if __name__ == "__main__":
    main()
