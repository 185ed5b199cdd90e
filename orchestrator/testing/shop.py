"""A small made-up shop: items in families, and users who walk along them in an order to learn."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.log_files import Log
from orchestrator.interactions.sequences import Interactions, Sequences

FAMILIES = ("soap", "comb", "cream", "brush", "scent", "towel")
BRANDS = ("Acme", "Bolt", "Crane")


def made_up_log(users: int = 240, *, families: int = 6, size: int = 10, seed: int = 0) -> Log:
    """Users walk through one family in ascending order, and now and then step into another."""
    random = Random(seed)  # noqa: S311 - a shop, no secret
    items = Items.of(
        Item(
            f"{FAMILIES[family % len(FAMILIES)]}{family // len(FAMILIES) or ''}-{number:02}",
            f"{BRANDS[number % len(BRANDS)]} {FAMILIES[family % len(FAMILIES)]} number {number}",
            (
                ("brand", BRANDS[number % len(BRANDS)]),
                ("family", FAMILIES[family % len(FAMILIES)]),
                ("scented", "no" if number % 4 == 0 else "yes"),
            ),
        )
        for family in range(families)
        for number in range(size)
    )
    by_family = [list(range(at * size, (at + 1) * size)) for at in range(families)]
    rows: list[list[int]] = []
    for _ in range(users):
        family, number = random.randrange(families), random.randrange(size)
        row: list[int] = []
        for _ in range(random.randint(4, 9)):
            if random.random() < 0.15:
                family = random.randrange(families)
            item = by_family[family][number % size]
            if item not in row:
                row.append(item)
            number += random.choice((1, 1, 1, 2))
        rows.append(row)
    names = tuple(f"user-{at:04}" for at in range(users))
    return Log(items, Interactions(names, Sequences.of(rows)))


def write_shop(folder: Path, log: Log | None = None) -> None:
    """The shop as files in S3-Rec's layout: `sequences.txt` and `items.jsonl`."""
    log = log or made_up_log()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sequences.txt").open("w", encoding="utf-8") as file:
        for user, row in zip(log.interactions.users, log.interactions.sequences, strict=True):
            file.write(" ".join([user, *(log.items[int(number)].id for number in row)]) + "\n")
    with (folder / "items.jsonl").open("w", encoding="utf-8") as file:
        for item in log.items.rows:
            file.write(json.dumps({"_id": item.id, "title": item.title, **dict(item.attributes)}) + "\n")


if __name__ == "__main__":
    write_shop(Path(sys.argv[1] if len(sys.argv) > 1 else "shop"))
