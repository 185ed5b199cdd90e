"""Train rankers on a log, and publish them as one edition."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from orchestrator.errors import BadInput, OrchestratorError
from orchestrator.interactions.items import Items
from orchestrator.interactions.log_files import Log
from orchestrator.interactions.protocol import leave_one_out
from orchestrator.ports.recommend import Training
from orchestrator.progress import Progress, silent
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.evaluation.ranker_evaluation import identity
from orchestrator.recommendation.rankers.newcomers import learn_half_life
from orchestrator.recommendation.rankers.registry import (
    RANKERS,
    default_of,
    fit,
    refresh_rankers,
    validation_of,
)


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of training: the edition's name, its rankers, and why others were left out.

    `default` is the ranker that answers when none is named.
    """

    edition: str
    rankers: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    items: int
    users: int
    default: str | None = None


def train(
    log: Log,
    editions: Editions,
    *,
    rankers: Sequence[str] = RANKERS,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    only: bool = False,
    progress: Progress = silent,
    finished: Callable[[str], None] = lambda name: None,
) -> Trained:
    """Train rankers on all but the last item of every user, choose on that one, and publish them.

    Once their constants are chosen, rankers that count do so again on everything, the last items too;
    networks, and the weights of what is made of several rankers, stay as they were chosen.

    The other rankers that are in use are carried over into the new edition, as a refresh does it; with `only`
    they are not. What is there already stays in use until the new edition is whole. A training of the same
    log and settings that was stopped goes on; others that were stopped long ago are deleted. An item that had
    left the log's table and is in it again is recommended again; what was withdrawn by hand is not.
    """
    settings = dict(settings or {})
    train_part, chosen = leave_one_out(log.interactions.sequences)
    key = json.dumps([identity(log), sorted(rankers), sorted(settings.items()), seed], default=str)
    with editions.unfinished.training(sha256(key.encode()).hexdigest()[:12]) as folder:
        training = Training(
            log.items, train_part, chosen, folder, seed=seed, settings=settings, progress=progress
        )
        made, left_out = fit(
            editions.rankers, rankers, training, finished=lambda name, ranker: finished(name)
        )
        progress(0, 1, "counting everything")
        with editions.next() as whole:
            current = editions.current()
            sequences = log.interactions.sequences
            trained, lost = refresh_rankers(
                editions.rankers,
                folder,
                log.items,
                log.items,
                sequences,
                whole,
                beside=None if only or not made else _in_use(editions, current, log),
            )
            left_out = {**lost, **left_out}
            if not trained:
                raise BadInput(
                    " ".join(("No ranker could be trained.", *left_out.values())),
                    hint="Install the extra: pip install 'orchestrator-rag[recommend]'.",
                )
            half_life = learn_half_life(train_part, chosen, len(log.items))
            about = {"settings": settings, "seed": seed, "half_life": half_life}
            about |= about_rankers(trained, log)
            listed = frozenset(log.items.ids) - log.unlisted
            name = editions.publish(whole, log.items, log.interactions, about, after=current, listed=listed)
    notes = (*log.notes, *still_withdrawn(editions.withdrawn() & listed))
    return published(editions, name, trained, left_out, notes, log)


def published(
    editions: Editions,
    name: str,
    rankers: Iterable[str],
    left_out: Mapping[str, str],
    notes: tuple[str, ...],
    log: Log,
) -> Trained:
    """The report of an edition of this log."""
    names = in_order(rankers)
    default = default_of(names, validation_of(editions.files(name)))
    return Trained(name, names, left_out, notes, len(log.items), len(log.interactions), default)


def _in_use(editions: Editions, current: str | None, log: Log) -> tuple[Path, Items] | None:
    """The folder and the items of the version in use, if its rankers can be carried over to this log."""
    if current is None:
        return None
    try:
        items, _ = editions.catalogue(current)
        folder = editions.files(current)
    except OrchestratorError:
        # A damaged version is no reason not to train another.
        return None
    return (folder, items) if set(items.ids) & set(log.items.ids) else None


def still_withdrawn(items: frozenset[str]) -> list[str]:
    """A note about items of the table that are withdrawn."""
    if not items:
        return []
    back = "`recommend withdraw --back` lets them in again"
    return [f"{count_items(items)} of the table withdrawn, such as {min(items)}: {back}"]


def count_items(items: frozenset[str]) -> str:
    """Their number in words."""
    return f"{len(items):,} item{'' if len(items) == 1 else 's'}"


def about_rankers(rankers: Iterable[str], log: Log) -> dict[str, Any]:
    """What the manifest of an edition says of any that is published."""
    interactions = len(log.interactions.sequences.items)
    return {"rankers": list(rankers), "unlisted": sorted(log.unlisted), "interactions": interactions}


def in_order(rankers: Iterable[str]) -> tuple[str, ...]:
    """Names of rankers in the order of reports."""
    places = {name: place for place, name in enumerate(RANKERS)}
    return tuple(sorted(rankers, key=lambda name: (places.get(name, len(RANKERS)), name)))
