"""The arms by name, and the order in which they are trained: what an arm is made of comes before it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import BadInput, OrchestratorError
from orchestrator.interactions.items import Items
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports.recommend import Arm, Refitting, Trainer, Training

#: Every arm, in the order of reports. Those of deep models come from connectors.
ARMS = (
    "popularity",
    "itemknn",
    "rules",
    "attributes",
    "ease",
    "sasrec",
    "fusion",
    "generative",
    "atomic",
    "pipeline",
)
#: Written into an arm's folder last: a folder without it was interrupted, and is trained on.
STAMP = "arm.json"


@dataclass(frozen=True, slots=True)
class Roster:
    """Trainers by the names of their arms."""

    trainers: Mapping[str, Trainer]
    dropped: frozenset[str] = frozenset()

    def without(self, names: Iterable[str]) -> Roster:
        """The roster without these arms: neither alone nor as parts of others."""
        dropped = frozenset(names)
        self.order(sorted(dropped))
        kept = {name: trainer for name, trainer in self.trainers.items() if name not in dropped}
        return Roster(kept, self.dropped | dropped)

    @classmethod
    def of(cls, trainers: Iterable[Trainer]) -> Roster:
        """A roster of these."""
        return cls({trainer.name: trainer for trainer in trainers})

    def order(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The wanted arms and what they are made of, parts first. BadInput if there is no such arm."""
        unknown = sorted(set(wanted) - set(ARMS) - set(self.trainers))
        if unknown:
            raise BadInput(f"There is no arm {unknown[0]!r}.", hint=f"Arms: {', '.join(ARMS)}.")
        found: dict[str, None] = {}

        def visit(name: str) -> None:
            trainer = self.trainers.get(name)
            for part in trainer.parts if trainer else ():
                visit(part)
            found[name] = None

        for name in (*(each for each in ARMS if each in wanted), *wanted):
            visit(name)
        return tuple(found)

    def missing(self, name: str) -> str | None:
        """Why an arm cannot be trained here, in one sentence with the next step; None if it can."""
        if name in self.dropped:
            return f"The arm {name} was not wanted."
        trainer = self.trainers.get(name)
        return f"The arm {name} is not part of this installation." if trainer is None else trainer.missing()


def fit(
    roster: Roster,
    wanted: Sequence[str],
    training: Training,
    *,
    finished: Callable[[str, Arm], None] = lambda name, arm: None,
    wrap: Callable[[Arm], Arm] = lambda arm: arm,
) -> tuple[dict[str, Arm], dict[str, str]]:
    """Train arms, each in its own folder below `training.folder`; what was trained there before is loaded.

    Returns the arms by name, and why others were left out. `finished` is told each arm as it is ready;
    `wrap` may put something around it, for the arms that are made of it, too.
    """
    arms: dict[str, Arm] = {}
    left_out: dict[str, str] = {}
    for name in roster.order(wanted):
        reason = roster.missing(name)
        if reason is not None:
            left_out[name] = reason
            continue
        trainer = roster.trainers[name]
        parts = {part: arms[part] for part in trainer.parts if part in arms}
        if trainer.parts and not parts:
            left_out[name] = f"The arm {name} has none of its parts: {', '.join(trainer.parts)}."
            continue
        folder = training.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        made_of = sorted(parts)
        expected = _expected(name, training.items, made_of, training)
        stamp = _stamp(folder) or {}
        if {key: stamp.get(key) for key in expected} == expected:
            arms[name] = wrap(trainer.load(folder, training.items, parts))
        else:
            own = replace(training, folder=folder, parts=parts)
            began = time.perf_counter()
            arms[name] = wrap(trainer.fit(own))
            seconds = round(time.perf_counter() - began, 2)
            _write(folder, {**expected, "seconds": seconds})
        finished(name, arms[name])
    return arms, left_out


def refit(
    roster: Roster,
    trained: Path,
    before: Items,
    items: Items,
    interactions: Sequences,
    folder: Path,
    *,
    finished: Callable[[str], None] = lambda name: None,
) -> tuple[dict[str, Arm], dict[str, str]]:
    """Carry the arms below `trained`, of the catalogue `before`, over into folders below `folder`.

    No network is trained. Returns the arms by name, and why others were left out.
    """
    there = _trained(roster, trained)
    unknown = sorted(each.parent.name for each in trained.glob(f"*/{STAMP}"))
    arms: dict[str, Arm] = {}
    left_out = {name: str(roster.missing(name)) for name in unknown if name not in there}
    for name in there:
        reason = roster.missing(name)
        if reason is not None:
            left_out[name] = reason
            continue
        stamp = _stamp(trained / name) or {}
        lacking = [part for part in _made_of(stamp) if part not in arms]
        if lacking:
            left_out[name] = f"The arm {name} is made of {', '.join(lacking)}, which was left out."
            continue
        own = folder / name
        own.mkdir(parents=True)
        parts = {part: arms[part] for part in roster.trainers[name].parts if part in _made_of(stamp)}
        try:
            arms[name] = roster.trainers[name].refit(
                Refitting(items, interactions, before, trained / name, own, parts)
            )
        except OrchestratorError as error:
            left_out[name] = f"{error} {error.hint}".strip()
            shutil.rmtree(own)
            continue
        _write(own, {**stamp, "catalogue": items.hash})
        finished(name)
    return arms, left_out


def seconds_of(folder: Path) -> float:
    """How long the arm in a folder was trained; what an interrupted training took before is not counted."""
    stamp = _stamp(folder) or {}
    seconds = stamp.get("seconds")
    return float(seconds) if isinstance(seconds, (int, float)) else 0.0


def load(roster: Roster, folder: Path, items: Items) -> dict[str, Arm]:
    """The arms that were trained below a folder. BadInput if one was made for another catalogue."""
    arms: dict[str, Arm] = {}
    for name in _trained(roster, folder):
        stamp = _stamp(folder / name) or {}
        if stamp.get("catalogue") != items.hash:
            raise BadInput(
                f"the arm {name} was trained for another catalogue "
                f"({str(stamp.get('catalogue'))[:12]}, and this one is {items.hash[:12]}).",
                hint="Train again: orchestrator recommend train --data DIR",
            )
        trainer = roster.trainers[name]
        if trainer.missing() is not None:
            continue
        parts = {part: arms[part] for part in trainer.parts if part in arms}
        if set(parts) == set(_made_of(stamp)):
            arms[name] = trainer.load(folder / name, items, parts)
    return arms


def _trained(roster: Roster, folder: Path) -> list[str]:
    """The arms that were trained below a folder, parts first."""
    there = {each.parent.name for each in folder.glob(f"*/{STAMP}")} & set(roster.trainers)
    return [name for name in roster.order(sorted(there)) if name in there]


def _expected(name: str, items: Items, parts: Sequence[str], training: Training) -> dict[str, object]:
    return {
        "arm": name,
        "catalogue": items.hash,
        "parts": list(parts),
        "seed": training.seed,
        "settings": {key: training.settings[key] for key in sorted(training.settings)},
    }


def _made_of(stamp: Mapping[str, object]) -> list[str]:
    parts = stamp.get("parts")
    return [str(part) for part in parts] if isinstance(parts, list) else []  # type: ignore[misc]


def _write(folder: Path, stamp: Mapping[str, object]) -> None:
    part = folder / f".{STAMP}.part"
    part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    part.replace(folder / STAMP)


def _stamp(folder: Path) -> dict[str, object] | None:
    try:
        return json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
