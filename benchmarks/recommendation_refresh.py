"""What carrying rankers over brings and costs: counting again on everything, and items that nobody had yet.

    python -m benchmarks.recommendation_refresh [--data DIR] [--rankers fusion]

Both parts follow the protocol of `orchestrator recommend evaluate`: constants and weights are chosen on
the last but one item of each user, figures are of the last, the whole catalogue is ranked and the history
removed. *Counted again*: the rankers as they were chosen, and as `train` publishes them, counted again with
the items that constants were chosen on. *New items*: a twentieth of the catalogue, by a hash of its ids,
is taken out of table and log before training and comes back by `refresh`, had by nobody.
"""

from __future__ import annotations

import tempfile
import time
from hashlib import sha256
from pathlib import Path

import numpy as np

from benchmarks import harness
from orchestrator.bootstrap import interval
from orchestrator.interactions.items import Items
from orchestrator.interactions.log_files import read_log
from orchestrator.interactions.protocol import Asked, leave_two_out
from orchestrator.ports import Ranker, Training
from orchestrator.recommendation.hit_metrics import gains, hits, ranks
from orchestrator.recommendation.rankers.registry import fit, refresh_rankers
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.ranker import moved

REGISTRY = classic_rankers()


def found(ranker: Ranker, asked: Asked, k: int = 10) -> np.ndarray:
    """The place of each target, as `ranks` has it."""
    return ranks(ranker.top(asked.histories, k=k, removed=asked.histories), asked.targets)


def counted_again(data: Path, names: tuple[str, ...]) -> None:
    """Print each ranker's figures before and after."""
    log = read_log(data)
    sequences = log.interactions.sequences
    split = leave_two_out(sequences)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "chosen", Path(folder) / "counted"
        began = time.perf_counter()
        before, _ = fit(REGISTRY, names, Training(log.items, split.train, split.validation, first))
        chosen = time.perf_counter()
        known = sequences.without_last(np.where(sequences.lengths >= 3, 1, 0))
        after, _ = refresh_rankers(REGISTRY, first, log.items, log.items, known, second)
        counted = time.perf_counter()
        print(f"chosen in {chosen - began:.1f} s, counted again in {counted - chosen:.1f} s\n")
        print("| ranker | HR@10 chosen | counted again | NDCG@10 chosen | counted again | difference, 95 % |")
        print("|---|---|---|---|---|---|")
        for name in before:
            old, new = (found(rankers[name], split.test) for rankers in (before, after))
            difference = interval(gains(new, 10) - gains(old, 10))
            print(
                f"| {name} | {hits(old, 10).mean():.4f} | {hits(new, 10).mean():.4f} "
                f"| {gains(old, 10).mean():.4f} | {gains(new, 10).mean():.4f} "
                f"| {difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}] |"
            )


def new_items(data: Path, names: tuple[str, ...]) -> None:
    """Print how often an item that nobody had is found, and what the others lose to it."""
    log = read_log(data)
    new = {one for one in log.items.ids if sha256(one.encode()).digest()[0] % 20 == 0}
    older = Items.of(item for item in log.items.rows if item.id not in new)
    split = leave_two_out(log.interactions.sequences)
    train = moved(split.train, log.items, older)
    known = moved(train, older, log.items)
    test = split.test
    is_new = np.asarray([one in new for one in log.items.ids])
    # Histories as they were before the new items came.
    histories = moved(moved(test.histories, log.items, older), older, log.items)
    asked = Asked(histories, test.targets)
    of_new = asked.take(np.flatnonzero(is_new[test.targets] & (histories.lengths > 0)))
    of_old = asked.take(np.flatnonzero(~is_new[test.targets] & (histories.lengths > 0)))
    chosen_on = split.validation
    kept = np.flatnonzero(~is_new[chosen_on.targets])
    numbers = np.asarray([older.numbers.get(one, -1) for one in log.items.ids], dtype=np.int32)
    validation = Asked(
        moved(chosen_on.histories.take(kept), log.items, older), numbers[chosen_on.targets[kept]]
    )
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "before", Path(folder) / "after"
        before, _ = fit(REGISTRY, names, Training(older, train, validation, first))
        began = time.perf_counter()
        after, _ = refresh_rankers(REGISTRY, first, older, log.items, known, second)
        took = time.perf_counter() - began
        print(
            f"{len(new):,} new beside {len(older):,} items, carried over in {took:.1f} s; "
            f"{len(of_new):,} users had one of the new next, {len(of_old):,} another\n"
        )
        print("| ranker | HR@10 of new items | HR@50 | HR@10 of the others before | after |")
        print("|---|---|---|---|---|")
        chance = 10 / len(log.items)
        for name in before:
            _, low, high = interval(hits(found(after[name], of_new), 10))
            old = Asked(moved(of_old.histories, log.items, older), numbers[of_old.targets])
            print(
                f"| {name} | {hits(found(after[name], of_new), 10).mean():.4f} [{low:.4f}, {high:.4f}] "
                f"| {hits(found(after[name], of_new, 50), 50).mean():.4f} "
                f"| {hits(found(before[name], old), 10).mean():.4f} "
                f"| {hits(found(after[name], of_old), 10).mean():.4f} |"
            )
        print(f"| by chance | {chance:.4f} | {5 * chance:.4f} | {chance:.4f} | {chance:.4f} |")


def main() -> None:
    """Run both parts."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--rankers", default="fusion")
    given = parser.parse_args()
    print(harness.machine("numpy", "scipy") + "\n")
    data = given.data / "beauty"
    names = tuple(given.rankers.split(","))
    counted_again(data, names)
    print()
    new_items(data, names)


if __name__ == "__main__":
    main()
