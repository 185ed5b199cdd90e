"""Refresh: update the rankers to new items, deleted items and new interactions, without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Items
from orchestrator.interactions.log_files import Log
from orchestrator.recommendation.editions.editions import TRAIN, Editions
from orchestrator.recommendation.editions.training import (
    Trained,
    about_rankers,
    count_items,
    published,
    still_withdrawn,
)
from orchestrator.recommendation.rankers.registry import refresh_rankers


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The result of a refresh: the edition in use, and how many items are new or gone."""

    trained: Trained
    new: int
    gone: int


def refresh(
    log: Log, editions: Editions, *, finished: Callable[[str], None] = lambda name: None
) -> Refreshed:
    """Publish an edition for the current log, with the rankers of the last edition updated, not retrained.

    No network is trained and nothing chosen: see `Trainer.refresh`. A ranker that cannot be carried over is
    left out. An item that left the table is recommended no more, even where the log still names it; one
    that came back is recommended again; one that was withdrawn while it was in the table stays so.
    """
    with editions.next() as folder:
        current = editions.current()
        before, manifest = editions.catalogue(current)
        listed_before = _listed(before, manifest)
        listed = frozenset(log.items.ids) - log.unlisted
        if not set(before.ids) & set(log.items.ids):
            raise BadInput(
                f"The log holds none of the {len(before):,} items that are in use: it is another catalogue.",
                hint=TRAIN,
            )
        if before.has_text and not log.items.has_text:
            raise BadInput(
                "The items in use have titles or attributes, and of those given nothing can be read.",
                hint="Put the item table, items.jsonl or items.csv, beside the log; or train again.",
            )
        trained, left_out = refresh_rankers(
            editions.rankers,
            editions.files(str(current)),
            before,
            log.items,
            log.interactions.sequences,
            folder,
            finished=finished,
        )
        if not trained:
            raise BadInput(" ".join(("No ranker could be carried over.", *left_out.values())), hint=TRAIN)
        gone = listed_before - listed
        kept = {name: manifest[name] for name in ("settings", "seed", "half_life") if name in manifest}
        about = about_rankers(trained, log) | kept
        # With the edition that may know them still: at no moment is a deleted item shown.
        name = editions.publish(
            folder, log.items, log.interactions, about, after=current, gone=gone, listed=listed
        )
        withdrawn = editions.withdrawn()
    notes = (
        *log.notes,
        *_shorter(int(manifest.get("interactions", 0)), len(log.interactions.sequences.items)),
        *_left(gone & log.unlisted),
        *still_withdrawn(withdrawn & listed),
    )
    report = published(editions, name, trained, left_out, notes, log)
    return Refreshed(report, len(set(log.items.ids) - set(before.ids)), len(gone))


def _listed(items: Items, manifest: Mapping[str, Any]) -> frozenset[str]:
    """The items that the table of an edition listed: if it does not say, those that can be read about."""
    unlisted = manifest.get("unlisted")
    if unlisted is None:
        return frozenset(item.id for item in items.rows if item.text)
    return frozenset(items.ids) - frozenset(unlisted)


def _shorter(before: int, now: int) -> list[str]:
    """A log that was cut short would be taken for all that anybody ever had."""
    if 2 * now >= before:
        return []
    said = f"the log holds {now:,} interactions, and the edition before counted {before:,}"
    return [f"{said}: a refresh counts what it is given, so give it the whole log"]


def _left(named: frozenset[str]) -> list[str]:
    if not named:
        return []
    said = f"{count_items(named)} left the item table, such as {min(named)}"
    return [f"{said}: not recommended any more, and part of histories still"]
