"""Choose the constants of `workflows/hybrid.py`: one set of them, on the even halves of six collections.

    python -m benchmarks.choose_hybrid [--data DIR] [--embedder minilm] [--fine] [--left-out]
                                       [--start JSON] [--json FILE]

Only queries whose id's SHA-256 begins with an even byte are read; figures are reported on the others, by
`benchmarks.retrieval`. The objective is the mean over the sets of each set's metric, so that a set with
a thousand queries has no more say than one with a hundred. Constants that act together are varied
together, over the whole grid of their values, the others held; group after group, until nothing
changes. Of a grid the point is taken whose *smoothed* objective is highest, along each axis
¼ · (the one before) + ½ · itself + ¼ · (the one after): a peak that its neighbours do not share would
not be there on other collections. Of all points within `--level` of that, by default .001, which is less
than any of these sets can tell, the one in the middle of the grid is taken. Whatever a set falls short of
BM25 is taken off the mean.

A search may come back to constants that it had before, and go round. Of those that it goes round, the
ones are taken whose objective is highest when it is smoothed along every constant's axis by itself, and
the mean of that is taken over the axes; ties go to the earlier.

With `--fine` the same is done again from there with half the steps, as far as the neighbours that the
choice had. `--left-out` does all of it once more without each of the sets, from the same beginning: how
that set then fares with constants that were chosen without it.

The rule for a change of the workflow's constants, made before figures of the odd halves were read with
other ones: they change if the sets, each with the constants that were chosen without it, fare better
together than with those that the workflow has, both by their mean and by the objective. What the whole
search then chose is taken. That goes for a search from the defaults: a `--start` somewhere else was itself
chosen with all sets, the one left out among them, and tells how much the end depends on the beginning.
"""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise, product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import harness
from benchmarks.hybrid_half import Constants, Half, loaded
from benchmarks.retrieval import TARGETS
from orchestrator.application.application import Application
from orchestrator.ports import Embedder
from orchestrator.settings import Settings

LEVEL = 0.001
GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "minilm": {
        "sparse": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        "best": (0.0, 0.25, 0.5, 0.75, 1.0),
        "below": (0.0, 0.01, 0.1, 0.3, 1.0),
        "parts": (1, 4, 8),
        "docs": (1, 2, 3, 4, 5, 8),
        "share": (0.0, 0.25, 0.5, 0.75, 1.0),
        "low": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
        "high": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        "mentions": (0.0, 0.05, 0.1, 0.2, 0.3, 0.5),
        "sources": (1, 2, 3, 5, 10),
        "pool": (10, 20, 30, 50, 100),
    },
    "light": {
        "weight": (1.0, 2.0, 3.0, 4.0, 6.0),
        "power": (2.0, 3.0, 4.0, 5.0, 6.0),
        "steepness": (1.0, 1.5, 2.0, 3.0, 4.0),
    },
}


#: Constants that are varied together.
GROUPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "minilm": (
        ("sparse", "best"),
        ("below",),
        ("parts",),
        ("docs", "share"),
        ("low", "high"),
        ("mentions", "sources"),
        ("pool",),
    ),
    "light": (("weight", "power", "steepness"),),
}


#: What the workflow has: `workflows/hybrid.py` and the defaults of its nodes.
SHIPPED = {
    "minilm": Constants(best=0.75, high=0.9, mentions=0.3),
    "light": Constants(share=0.0, mentions=0.3),
}


@dataclass
class Choice:
    """The search, with everything that it measured: constants → value by set."""

    halves: Mapping[str, Half]
    grid: Mapping[str, tuple[Any, ...]]
    groups: Sequence[tuple[str, ...]]
    static: bool
    #: Objectives that differ by less are level.
    level: float
    #: Where every search begins.
    start: Constants
    #: Every measurement is appended here, so that a search that was stopped goes on.
    log: Path
    measured: dict[Constants, dict[str, float]] = field(default_factory=dict[Constants, dict[str, float]])

    def values(self, constants: Constants) -> dict[str, float]:
        """The metric of every set."""
        if constants not in self.measured:
            self.measured[constants] = {
                name: half.measured(constants, self.static) for name, half in self.halves.items()
            }
            with self.log.open("a") as file:
                file.write(json.dumps([asdict(constants), self.measured[constants]]) + "\n")
        return self.measured[constants]

    def objective(self, constants: Constants, sets: Sequence[str]) -> float:
        """The mean over the sets, less all that a set falls short of BM25."""
        return self.less_short({name: self.values(constants)[name] for name in sets})

    def less_short(self, values: Mapping[str, float]) -> float:
        """The mean of these values, less all that they fall short of BM25."""
        short = sum(max(0.0, self.halves[name].bm25 - value) for name, value in values.items())
        return fmean(values.values()) - short

    def whole(self, sets: Sequence[str], fine: bool, say: bool = False) -> Constants:
        """The constants that these sets choose from the beginning, and then with half the steps."""
        grid = self.grid
        chosen = self.best(sets, grid, self.start, say)
        if fine:
            if say:
                print("half the steps around", told(chosen, grid), flush=True)
            chosen = self.best(sets, refined(grid, chosen), chosen, say)
        return chosen

    def best(
        self, sets: Sequence[str], grid: Mapping[str, tuple[Any, ...]], start: Constants, say: bool = False
    ) -> Constants:
        """The constants of a grid that these sets choose, beginning with `start`."""
        chosen, seen = start, list[Constants]()
        while chosen not in seen:
            seen.append(chosen)
            for names in self.groups:
                points = list(product(*(grid[name] for name in names)))
                shape = [len(grid[name]) for name in names]
                found = np.array(
                    [
                        self.objective(replace(chosen, **dict(zip(names, point, strict=True))), sets)
                        for point in points
                    ]
                )
                smooth = smoothed(found.reshape(shape)).reshape(-1).round(6)
                taken = points[settled(smooth, shape, self.level)]
                chosen = replace(chosen, **dict(zip(names, taken, strict=True)))
                if say:
                    listed = ", ".join(f"{name} {value:g}" for name, value in zip(names, taken, strict=True))
                    at = points.index(taken)
                    print(
                        f"{listed}: {found[at]:.4f}, smoothed {smooth[at]:.4f}; "
                        f"the grid {found.min():.4f} to {found.max():.4f}",
                        flush=True,
                    )
        round_about = seen[seen.index(chosen) :]
        levels = [self.smoothed(one, sets, grid) for one in round_about]
        if say and len(round_about) > 1:
            for one, level in zip(round_about, levels, strict=True):
                print(
                    f"it goes round: {told(one, grid)}: {self.objective(one, sets):.4f}, "
                    f"smoothed {level:.4f}",
                    flush=True,
                )
        return round_about[int(np.argmax(levels))]

    def smoothed(
        self, constants: Constants, sets: Sequence[str], grid: Mapping[str, tuple[Any, ...]]
    ) -> float:
        """The objective, smoothed along each axis of the grid by itself; the mean over the axes."""
        axes: list[float] = []
        for name, points in grid.items():
            at = points.index(getattr(constants, name))
            found = np.array([self.objective(replace(constants, **{name: one}), sets) for one in points])
            axes.append(float(smoothed(found)[at]))
        return round(fmean(axes), 6)


def refined(grid: Mapping[str, tuple[Any, ...]], chosen: Constants) -> dict[str, tuple[Any, ...]]:
    """A grid of half the steps around what was chosen, up to its neighbours; `parts` as they were read."""
    fine: dict[str, tuple[Any, ...]] = {}
    for name, values in grid.items():
        at = values.index(getattr(chosen, name))
        near = values[max(0, at - 1) : at + 2]
        between = [(one + other) / 2 for one, other in pairwise(near)]
        if isinstance(values[at], int):
            between = [int(one) for one in between]
        fine[name] = values if name == "parts" else tuple(sorted({*near, *between}))
    return fine


def settled(smooth: NDArray[np.float64], shape: Sequence[int], level: float) -> int:
    """The point nearest to the middle of its grid, of those that are within `level` of the best."""
    places = np.stack(np.unravel_index(np.arange(smooth.size), shape), axis=1)
    middle = (np.array(shape) - 1) / 2
    away = (np.abs(places - middle) / np.maximum(middle, 0.5)).sum(axis=1)
    away[smooth < smooth.max() - level] = np.inf
    return int(np.lexsort((-smooth, away.round(6)))[0])


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each with half of its weight given to its neighbours, axis by axis; at an end, to the one there is."""
    for axis in range(values.ndim):
        line = np.moveaxis(values, axis, 0)
        if len(line) > 1:
            before = np.concatenate([line[1:2], line[:-1]])
            after = np.concatenate([line[1:], line[-2:-1]])
            values = np.moveaxis(0.5 * line + 0.25 * before + 0.25 * after, 0, axis)
    return values


async def run(
    data: Path, embedder: Any, home: Path, left_out: bool, level: float, fine: bool, start: Mapping[str, Any]
) -> dict[str, Any]:
    """Choose, and print what was measured on the way."""
    grid = GRIDS[embedder]
    async with Application(Settings(home=home / embedder, embedder=embedder)) as application:
        halves: dict[str, Half] = {}
        for name in TARGETS:
            kept = home / embedder / f"half-{name}.pickle"
            if not kept.is_file():
                kept.write_bytes(pickle.dumps(await loaded(data / name, application, grid)))
            halves[name] = pickle.loads(kept.read_bytes())
            halves[name].before = {}
            print(f"{name} is loaded", flush=True)
        static = bool(getattr(application.container.get(Embedder), "static", False))
    log = home / embedder / "measured.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    measured = {Constants(**constants): values for constants, values in lines}
    beginning = replace(Constants(share=0.0 if static else 0.5), **start)
    choice = Choice(halves, grid, GROUPS[embedder], static, level, beginning, log, measured)
    names = list(halves)
    print("even halves:", ", ".join(f"{name} {len(half.texts)}" for name, half in halves.items()))
    print("BM25:", shown({name: half.bm25 for name, half in halves.items()}), flush=True)
    chosen = choice.whole(names, fine, say=True)
    print("chosen:", told(chosen, grid))
    print("with them:", shown(choice.values(chosen)))
    report: dict[str, Any] = {"chosen": asdict(chosen), "even": choice.values(chosen)}
    if left_out:
        report["left out"] = compared(choice, SHIPPED[embedder], chosen, fine)
    return report


def compared(choice: Choice, shipped: Constants, chosen: Constants, fine: bool) -> dict[str, Any]:
    """Each set with constants that were chosen without it, beside those that the workflow has."""
    now, apart, found = choice.values(shipped), dict[str, float](), dict[str, Any]()
    for name in now:
        without = choice.whole([other for other in now if other != name], fine)
        apart[name] = choice.values(without)[name]
        found[name] = {"constants": asdict(without), "value": apart[name], "shipped": now[name]}
        print(
            f"left out {name}: {apart[name]:.4f}; with it {choice.values(chosen)[name]:.4f}; "
            f"the workflow's {now[name]:.4f}; {told(without, choice.grid)}",
            flush=True,
        )
    for title, values in (("the workflow's", now), ("each left out", apart)):
        print(f"{title}: {shown(values)}; objective {choice.less_short(values):.4f}")
    better = fmean(apart.values()) > fmean(now.values()) and choice.less_short(apart) > choice.less_short(now)
    print("by the rule:", "adopt what was chosen" if better else "keep those that the workflow has")
    return found


def told(chosen: Constants, grid: Mapping[str, Any]) -> str:
    used = {spec.name: getattr(chosen, spec.name) for spec in fields(chosen) if spec.name in grid}
    return ", ".join(f"{name} {value:g}" for name, value in used.items())


def shown(values: Mapping[str, float]) -> str:
    return f"mean {fmean(values.values()):.4f}; " + ", ".join(
        f"{name} {one:.4f}" for name, one in values.items()
    )


def main() -> None:
    """Read the arguments, choose, print."""
    parser = harness.Arguments(__doc__, data=True, home="retrieval")
    parser.add_argument("--embedder", default="minilm", choices=list(GRIDS))
    parser.add_argument("--left-out", action="store_true", help="also choose without each of the sets")
    parser.add_argument("--fine", action="store_true", help="then once more with half the steps around it")
    parser.add_argument(
        "--level", type=float, default=LEVEL, help="what is level with the best; 0 takes the best itself"
    )
    parser.add_argument(
        "--start",
        type=json.loads,
        default={},
        metavar="JSON",
        help='constants to begin with, on the grid: {"low": 0.1}; others as they come',
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    grid = GRIDS[arguments.embedder]
    if not isinstance(arguments.start, dict):
        parser.error("--start: a JSON object of constants is expected")
    if off := [name for name, one in arguments.start.items() if one not in grid.get(name, ())]:
        parser.error(f"--start: no grid has these values of {', '.join(off)}; the grids are {grid}")
    report = asyncio.run(
        run(
            arguments.data,
            arguments.embedder,
            arguments.home,
            arguments.left_out,
            arguments.level,
            arguments.fine,
            arguments.start,
        )
    )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
