"""Train the rankers that a log can have, and publish them as one edition."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.interactions.log_files import Log
from orchestrator.interactions.protocol import leave_one_out
from orchestrator.ports.recommend import Training
from orchestrator.progress import Progress, silent
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.evaluation.ranker_evaluation import identity
from orchestrator.recommendation.rankers.newcomers import learn_half_life
from orchestrator.recommendation.rankers.registry import RANKERS, fit, refresh_rankers


@dataclass(frozen=True, slots=True)
class Trained:
    """What is in use now: the edition's name, its rankers, and why others are not among them."""

    edition: str
    rankers: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    items: int
    users: int


def train(
    log: Log,
    editions: Editions,
    *,
    rankers: Sequence[str] = RANKERS,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress = silent,
    finished: Callable[[str], None] = lambda name: None,
) -> Trained:
    """Train rankers on all but the last item of every user, choose on that one, and publish them.

    Once their constants are chosen, rankers that count do so again on everything, the last items too;
    networks, and the weights of what is made of several rankers, stay as they were chosen.

    What is there already stays in use until the new edition is whole. A training of the same log and
    settings that was stopped goes on; others that were stopped long ago are deleted. Items that are in the
    log's table are no longer withdrawn.
    """
    settings = dict(settings or {})
    train_part, chosen = leave_one_out(log.interactions.sequences)
    key = json.dumps([identity(log), sorted(rankers), sorted(settings.items()), seed], default=str)
    with editions.unfinished.training(sha256(key.encode()).hexdigest()[:12]) as folder:
        training = Training(
            log.items, train_part, chosen, folder, seed=seed, settings=settings, progress=progress
        )
        trained, left_out = fit(
            editions.rankers, rankers, training, finished=lambda name, ranker: finished(name)
        )
        progress(0, 1, "counting everything")
        with editions.next() as whole:
            sequences = log.interactions.sequences
            trained, lost = refresh_rankers(editions.rankers, folder, log.items, log.items, sequences, whole)
            left_out = {**left_out, **lost}
            if not trained:
                raise BadInput(
                    "No ranker could be trained. " + " ".join(left_out.values()),
                    hint="Install the extra: pip install 'orchestrator-rag[recommend]'.",
                )
            half_life = learn_half_life(train_part, chosen, len(log.items))
            about = {"settings": settings, "seed": seed, "half_life": half_life}
            name = editions.publish(whole, log.items, log.interactions, about_rankers(trained, log) | about)
    editions.withdraw(set(log.items.ids) - log.unlisted, back=True)
    return Trained(name, in_order(trained), left_out, log.notes, len(log.items), len(log.interactions))


def about_rankers(rankers: Iterable[str], log: Log) -> dict[str, Any]:
    """What the manifest of an edition says of any that is published."""
    interactions = len(log.interactions.sequences.items)
    return {"rankers": list(rankers), "unlisted": sorted(log.unlisted), "interactions": interactions}


def in_order(rankers: Iterable[str]) -> tuple[str, ...]:
    """Names of rankers in the order of reports."""
    places = {name: place for place, name in enumerate(RANKERS)}
    return tuple(sorted(rankers, key=lambda name: (places.get(name, len(RANKERS)), name)))
