"""The rankers by name, and the order in which they are trained: what a ranker is made of comes before it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import BadInput, OrchestratorError
from orchestrator.interactions.items import Items
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports.recommend import Ranker, Refresh, Trainer, Training
from orchestrator.recommendation.rankers.validation import Validation, validate

#: Every ranker, in the order of reports. Those of deep models come from connectors.
RANKERS = (
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
#: The ranker that answers where validation does not say which is best: the first of these that was trained.
PREFERRED = ("pipeline", "fusion", "sasrec", "atomic", "generative", "rules", "itemknn", "popularity")
#: Written into a ranker's folder last: a folder without it was interrupted, and is trained on.
STAMP = "ranker.json"


@dataclass(frozen=True, slots=True)
class RankerRegistry:
    """Trainers by the names of their rankers."""

    trainers: Mapping[str, Trainer]
    dropped: frozenset[str] = frozenset()

    def without(self, names: Iterable[str]) -> RankerRegistry:
        """The registry without these rankers: neither alone nor as parts of others."""
        dropped = frozenset(names)
        self.order(sorted(dropped))
        kept = {name: trainer for name, trainer in self.trainers.items() if name not in dropped}
        return RankerRegistry(kept, self.dropped | dropped)

    @classmethod
    def of(cls, trainers: Iterable[Trainer]) -> RankerRegistry:
        """A registry of these."""
        return cls({trainer.name: trainer for trainer in trainers})

    def order(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The wanted rankers and what they are made of, parts first. BadInput if there is no such ranker."""
        unknown = sorted(set(wanted) - set(RANKERS) - set(self.trainers))
        if unknown:
            raise BadInput(f"There is no ranker {unknown[0]!r}.", hint=f"Rankers: {', '.join(RANKERS)}.")
        found: dict[str, None] = {}

        def visit(name: str) -> None:
            trainer = self.trainers.get(name)
            for part in trainer.parts if trainer else ():
                visit(part)
            found[name] = None

        for name in (*(each for each in RANKERS if each in wanted), *wanted):
            visit(name)
        return tuple(found)

    def missing(self, name: str) -> str | None:
        """Why a ranker cannot be trained here, in one sentence with the next step; None if it can."""
        if name in self.dropped:
            return f"The ranker {name} was not wanted."
        trainer = self.trainers.get(name)
        return (
            f"The ranker {name} is not part of this installation." if trainer is None else trainer.missing()
        )


def fit(
    registry: RankerRegistry,
    wanted: Sequence[str],
    training: Training,
    *,
    finished: Callable[[str, Ranker], None] = lambda name, ranker: None,
    wrap: Callable[[Ranker], Ranker] = lambda ranker: ranker,
) -> tuple[dict[str, Ranker], dict[str, str]]:
    """Train rankers, each in its own folder below `training.folder`; what was trained there before is loaded.

    Returns the rankers by name, and why others were left out. `finished` is told each ranker as it is ready;
    `wrap` may put something around it, for the rankers that are made of it, too.
    """
    rankers: dict[str, Ranker] = {}
    left_out: dict[str, str] = {}
    for name in registry.order(wanted):
        reason = registry.missing(name)
        if reason is not None:
            left_out[name] = reason
            continue
        trainer = registry.trainers[name]
        parts = {part: rankers[part] for part in trainer.parts if part in rankers}
        if trainer.parts and not parts:
            left_out[name] = f"The ranker {name} has none of its parts: {', '.join(trainer.parts)}."
            continue
        folder = training.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        made_of = sorted(parts)
        expected = _expected(name, training.items, made_of, training)
        stamp = _stamp(folder) or {}
        if {key: stamp.get(key) for key in expected} == expected:
            rankers[name] = wrap(trainer.load(folder, training.items, parts))
        else:
            own = replace(training, folder=folder, parts=parts)
            began = time.perf_counter()
            ranker = trainer.fit(own)
            seconds = round(time.perf_counter() - began, 2)
            judged = validate(trainer, ranker, own)
            kept = {} if judged is None else {"validation": judged.kept()}
            rankers[name] = wrap(ranker)
            _write(folder, {**expected, "seconds": seconds, **kept})
        finished(name, rankers[name])
    return rankers, left_out


def refresh_rankers(
    registry: RankerRegistry,
    trained: Path,
    before: Items,
    items: Items,
    interactions: Sequences,
    folder: Path,
    *,
    finished: Callable[[str], None] = lambda name: None,
    beside: tuple[Path, Items] | None = None,
) -> tuple[dict[str, Ranker], dict[str, str]]:
    """Carry the rankers below `trained`, of the catalogue `before`, over into folders below `folder`.

    `beside` is another such folder and its catalogue, for the rankers that are not below `trained`. No
    network is trained. Returns the rankers by name, and why others were left out.
    """
    sources = {} if beside is None else dict.fromkeys(_stamped(beside[0]), beside)
    sources |= dict.fromkeys(_stamped(trained), (trained, before))
    there = [
        name for name in registry.order(sorted(set(sources) & set(registry.trainers))) if name in sources
    ]
    unknown = sorted(sources)
    rankers: dict[str, Ranker] = {}
    left_out = {name: str(registry.missing(name)) for name in unknown if name not in there}
    for name in there:
        reason = registry.missing(name)
        if reason is not None:
            left_out[name] = reason
            continue
        source, origin = sources[name]
        stamp = _stamp(source / name) or {}
        lacking = [part for part in _made_of(stamp) if part not in rankers]
        if lacking:
            left_out[name] = f"The ranker {name} is made of {', '.join(lacking)}, which was left out."
            continue
        own = folder / name
        own.mkdir(parents=True)
        parts = {part: rankers[part] for part in registry.trainers[name].parts if part in _made_of(stamp)}
        try:
            rankers[name] = registry.trainers[name].refresh(
                Refresh(items, interactions, origin, source / name, own, parts)
            )
        except OrchestratorError as error:
            left_out[name] = str(error)
            shutil.rmtree(own)
            continue
        _write(own, {**stamp, "catalogue": items.hash})
        finished(name)
    return rankers, left_out


def seconds_of(folder: Path) -> float:
    """Seconds the ranker in a folder was trained, without those of interrupted trainings."""
    stamp = _stamp(folder) or {}
    seconds = stamp.get("seconds")
    return float(seconds) if isinstance(seconds, (int, float)) else 0.0


def validation_of(folder: Path) -> dict[str, Validation]:
    """How good the rankers trained below a folder are on validation, as far as it was measured."""
    found = {
        each.parent.name: Validation.read((_stamp(each.parent) or {}).get("validation"))
        for each in sorted(folder.glob(f"*/{STAMP}"))
    }
    return {name: each for name, each in found.items() if each is not None}


def default_of(names: Collection[str], validation: Mapping[str, Validation]) -> str | None:
    """The ranker that answers when none is named: the one of the highest validation NDCG@10.

    Of equal ones the first in the order of reports, which is the simplest. Where not all were measured they
    cannot be compared: then it is the first of `PREFERRED` that is there, or any.
    """
    places = {name: place for place, name in enumerate(RANKERS)}
    if names and set(names) <= set(validation):
        return min(names, key=lambda name: (-validation[name].ndcg, places.get(name, len(places)), name))
    return next((each for each in (*PREFERRED, *names) if each in names), None)


def load(registry: RankerRegistry, folder: Path, items: Items) -> dict[str, Ranker]:
    """The rankers that were trained below a folder. BadInput if one was made for another catalogue."""
    rankers: dict[str, Ranker] = {}
    for name in _trained(registry, folder):
        stamp = _stamp(folder / name) or {}
        if stamp.get("catalogue") != items.hash:
            raise BadInput(
                f"The ranker {name} was trained for another catalogue "
                f"({str(stamp.get('catalogue'))[:12]}, and this one is {items.hash[:12]}).",
                hint="Train again: `orchestrator recommend train --data DIR`.",
            )
        trainer = registry.trainers[name]
        if trainer.missing() is not None:
            continue
        parts = {part: rankers[part] for part in trainer.parts if part in rankers}
        if set(parts) == set(_made_of(stamp)):
            rankers[name] = trainer.load(folder / name, items, parts)
    return rankers


def _trained(registry: RankerRegistry, folder: Path) -> list[str]:
    """The rankers that were trained below a folder, parts first."""
    there = set(_stamped(folder)) & set(registry.trainers)
    return [name for name in registry.order(sorted(there)) if name in there]


def _stamped(folder: Path) -> list[str]:
    """The names of the rankers that were trained below a folder, known to this installation or not."""
    return sorted(each.parent.name for each in folder.glob(f"*/{STAMP}"))


def _expected(name: str, items: Items, parts: Sequence[str], training: Training) -> dict[str, object]:
    return {
        "ranker": name,
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
