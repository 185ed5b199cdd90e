"""Train the arms that a log can have, and publish them as one edition."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.ports.recommend import Arm, Moved, Training
from orchestrator.recommendation.arms import ARMS, fit
from orchestrator.recommendation.editions import Editions
from orchestrator.recommendation.evaluation import identity
from orchestrator.recommendation.protocol import leave_one_out
from orchestrator.recommendation.reading import Log


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left: the edition's name, its arms, and why others are not among them."""

    edition: str
    arms: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    items: int
    users: int


def train(
    log: Log,
    editions: Editions,
    *,
    arms: Sequence[str] = ARMS,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    moved: Moved = lambda done, total, doing: None,
    finished: Callable[[str], None] = lambda name: None,
) -> Trained:
    """Train arms on all but the last item of every user, choose on that one, and publish them.

    What is there already stays in use until the new edition is whole. A training of the same log and
    settings that was stopped goes on. Items that are in the log's table are no longer withdrawn.
    """
    settings = dict(settings or {})
    train_part, chosen = leave_one_out(log.interactions.sequences)
    key = json.dumps([identity(log), sorted(arms), sorted(settings.items()), seed], default=str)
    folder = editions.begin(sha256(key.encode()).hexdigest()[:12])
    training = Training(log.items, train_part, chosen, folder, seed=seed, settings=settings, moved=moved)

    def told(name: str, arm: Arm) -> None:
        finished(name)

    trained, left_out = fit(editions.roster, arms, training, finished=told)
    if not trained:
        raise BadInput(
            "No arm could be trained. " + " ".join(left_out.values()),
            hint="Install the extra: pip install 'orchestrator-rag[recommend]'.",
        )
    name = editions.publish(
        folder, log.items, log.interactions, {"arms": list(trained), "settings": settings, "seed": seed}
    )
    editions.withdraw(log.items.ids, back=True)
    return Trained(
        name,
        tuple(each for each in ARMS if each in trained),
        left_out,
        log.notes,
        len(log.items),
        len(log.interactions),
    )
