"""Editions: versions of trained rankers, each written completely and then published in one transaction.

The artifact `version-7` holds items.jsonl, users.json, interactions.npz, and one folder a
ranker. A folder of this host holds what is made here:

training-<hash>/   what a training has left so far: see `unfinished`
next/              the version that is being written
version-7/         one that a backup brought here, until the store of artifacts has it

Which version is in use, and which items no ranking may hold whatever the version, is in the state store.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import uuid
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import BadInput, OrchestratorError, StoreError
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.sequences import Interactions, Sequences
from orchestrator.ports.artifacts import ArtifactStore
from orchestrator.ports.recommend import Ranker, RecommenderState
from orchestrator.recommendation.editions.unfinished import KEPT as KEPT_UNFINISHED
from orchestrator.recommendation.editions.unfinished import Unfinished
from orchestrator.recommendation.rankers.registry import RankerRegistry, default_of, load, validation_of
from orchestrator.recommendation.rankers.validation import Validation

#: Format 1 called rankers arms, in its files and in how they were trained.
FORMAT = 2
#: The files in which earlier releases kept which version is in use, and what no version may offer.
CURRENT, WITHDRAWN = "current", "withdrawn.json"
NOTHING_TRAINED = "Nothing was trained yet."
#: The file that says what an edition is.
_MANIFEST = "manifest.json"
TRAIN = "Train first: `orchestrator recommend train --data DIR`."


@dataclass(frozen=True, eq=False)
class Edition:
    """One edition: its items, interactions and trained rankers by name.

    `half_life` is how fast popularity fades for somebody of whom nothing is known, in seconds; None: not.
    `validation` is how good rankers were before they were counted again on everything.
    """

    name: str
    items: Items
    interactions: Interactions
    rankers: Mapping[str, Ranker]
    half_life: float | None = None
    validation: Mapping[str, Validation] = field(default_factory=dict[str, Validation])

    @property
    def default(self) -> str | None:
        """The default ranker; None if there is none."""
        return default_of(tuple(self.rankers), self.validation)


class Editions:
    """The editions in a store of artifacts. Any number of processes may read while one publishes.

    `folder` is of this host: for what is being made.
    """

    def __init__(
        self,
        folder: Path,
        artifacts: ArtifactStore,
        registry: RankerRegistry,
        state: RecommenderState,
        *,
        keep: float = KEPT_UNFINISHED,
    ) -> None:
        self.folder = folder
        self.artifacts = artifacts
        self.rankers = registry
        self._kept = state
        self.unfinished = Unfinished(folder, keep=keep)

    def without(self, rankers: Iterable[str]) -> Editions:
        """The same editions without these rankers."""
        left = self.rankers.without(rankers)
        return Editions(self.folder, self.artifacts, left, self._kept, keep=self.unfinished.keep)

    @property
    def state(self) -> RecommenderState:
        """The shared state that says which edition is in use."""
        files = [self.folder / CURRENT, self.folder / WITHDRAWN]
        if any(file.exists() for file in files):
            self._kept.adopt(*_kept_in_files(self.folder))
            for file in files:
                file.unlink(missing_ok=True)
        return self._kept

    def current(self) -> str | None:
        """The name of the version in use, if there is one."""
        return self.state.read().edition

    @contextmanager
    def next(self) -> Generator[Path]:
        """The empty folder of the next version, for `publish`; another process that wants it waits."""
        folder = self.folder / "next"
        with self._alone(".next.lock"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def files(self, name: str) -> Path:
        """A folder with the files of a version, to be read only; StoreError if there is none of that name."""
        brought = self.folder / name
        if (brought / _MANIFEST).is_file():
            self._take_in(name, brought)
        try:
            return self.artifacts.open(name)
        except StoreError as error:
            reason = error.message.rstrip(".")
            raise StoreError(f"The recommenders' {name} cannot be opened: {reason}.", hint=TRAIN) from None

    def _take_in(self, name: str, brought: Path) -> None:
        """Make a version that a restored backup brought an artifact, in the place of another of its name."""
        with suppress(StoreError):
            if self.artifacts.open(name).samefile(brought):
                # The artifacts of this store are folders here.
                return
        with self._alone(".brought.lock"):
            if brought.exists():
                self.artifacts.delete(name)
                with self.artifacts.create(name) as folder:
                    shutil.copytree(brought, folder, dirs_exist_ok=True)
                # Half of it must not be taken in again, should this process be killed now.
                gone = brought.rename(self.folder / f".gone-{name}-{uuid.uuid4().hex[:8]}")
                shutil.rmtree(gone, ignore_errors=True)

    @contextmanager
    def _alone(self, lock: str) -> Generator[None]:
        """Keep other processes of this host out; the system frees the lock of one that was killed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / lock).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _names(self) -> set[str]:
        """All versions that there are, in use or not, and what was left of some here."""
        return {*self.artifacts.names("version-"), *(each.name for each in self.folder.glob("version-*"))}

    def publish(
        self,
        folder: Path,
        items: Items,
        interactions: Interactions,
        about: Mapping[str, Any],
        *,
        after: str | None,
        gone: Iterable[str] = (),
        listed: Iterable[str] = (),
    ) -> str:
        """Write items and interactions into a folder of trained rankers, and publish it as an edition.

        `after` is the version in use when it was begun, and `gone` and `listed` are items that left the table
        and that are in it. StoreError if another version was put into use since.
        """
        write_items(folder / "items.jsonl", items)
        _write_interactions(folder, interactions)
        judged = validation_of(folder)
        default = default_of(about.get("rankers", ()), judged)
        found = {"default": default, "validation": {name: each.kept() for name, each in judged.items()}}
        manifest = {"format": FORMAT, "catalogue": items.hash, **found, **about}
        (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        versions = self._names()
        numbers = [int(each.partition("-")[2]) for each in (*versions, *([after] if after else []))]
        name = f"version-{max(numbers, default=0) + 1}"
        with self.artifacts.create(name) as made:
            for each in sorted(folder.iterdir()):
                shutil.move(each, made / each.name)
        try:
            self.state.publish(name, after=after, gone=gone, listed=listed)
        except OrchestratorError:
            self.artifacts.delete(name)
            raise
        # Readers may hold the one before still. What a process left that was killed before this is in no use.
        for version in versions - {after}:
            self.artifacts.delete(version)
            shutil.rmtree(self.folder / version, ignore_errors=True)
        return name

    def open(self, name: str | None = None) -> Edition:
        """A version, by default the current one. BadInput if there is none or it does not fit together."""
        name = self._named(name)
        items, manifest = self.catalogue(name)
        folder = self.files(name)
        try:
            interactions = _read_interactions(folder)
            rankers = load(self.rankers, folder, items)
            half_life = manifest.get("half_life")
            return Edition(name, items, interactions, rankers, half_life, validation_of(folder))
        except OrchestratorError:
            raise
        except Exception as error:
            # Damaged files fail in as many ways as there are formats.
            raise StoreError(f"{folder} cannot be read: {error}.", hint=TRAIN) from None

    def catalogue(self, name: str | None = None) -> tuple[Items, Mapping[str, Any]]:
        """The items of a version, and what its manifest says, without its rankers."""
        folder = self.files(self._named(name))
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            if manifest.get("format") != FORMAT:
                raise BadInput(
                    f"{folder} is of format {manifest.get('format')!r}, and this release reads {FORMAT}.",
                    hint=TRAIN,
                )
            items = read_back(folder / "items.jsonl")
            if items.hash != manifest.get("catalogue"):
                raise BadInput(
                    f"{folder} holds another catalogue than it was trained for "
                    f"({items.hash[:12]}, and not {str(manifest.get('catalogue'))[:12]}).",
                    hint=TRAIN,
                )
            return items, manifest
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(f"{folder} cannot be read: {error}.", hint=TRAIN) from None

    def _named(self, name: str | None) -> str:
        name = name or self.current()
        if name is None:
            raise BadInput(NOTHING_TRAINED, hint=TRAIN)
        return name

    def withdrawn(self) -> frozenset[str]:
        """The withdrawn items, which no ranking holds."""
        return self.state.read().withdrawn

    def withdraw(self, ids: Iterable[str], *, back: bool = False) -> frozenset[str]:
        """Withdraw items from every ranking, or with `back` undo that; returns all withdrawn items."""
        return self.state.withdraw(ids, back=back)

    def stamp(self) -> tuple[str | None, int]:
        """Changes when another version is published or an item is withdrawn."""
        state = self.state.read()
        return state.edition, state.revision


def _kept_in_files(folder: Path) -> tuple[str | None, list[str]]:
    """The version in use and the items withdrawn, as earlier releases kept them."""
    name = _text(folder / CURRENT).strip() or None
    if name is not None and not re.fullmatch(r"version-\d+", name):
        raise StoreError(f"{folder / CURRENT} names no version: {name[:60]!r}.", hint=TRAIN)
    return name, json.loads(_text(folder / WITHDRAWN) or "[]")


def _text(file: Path) -> str:
    """What a file holds; nothing if another process took it over and deleted it."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def write_items(file: Path, items: Items) -> None:
    """Items, one JSON object a line."""
    with file.open("w", encoding="utf-8") as opened:
        for item in items.rows:
            row = [item.id, item.title, item.attributes, item.tenant, item.labels]
            opened.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_back(file: Path) -> Items:
    """What `write_items` wrote."""
    rows: list[Item] = []
    with file.open(encoding="utf-8") as opened:
        for line in opened:
            one, title, attributes, tenant, labels = json.loads(line)
            pairs = tuple((str(field), str(value)) for field, value in attributes)
            rows.append(Item(one, title, pairs, tenant, tuple(labels)))
    return Items.of(rows)


def _write_interactions(folder: Path, interactions: Interactions) -> None:
    import numpy as np

    (folder / "users.json").write_text(json.dumps(interactions.users), encoding="utf-8")
    sequences = interactions.sequences
    times: dict[str, Any] = {} if sequences.times is None else {"times": sequences.times}
    np.savez(folder / "interactions.npz", offsets=sequences.offsets, items=sequences.items, **times)


def _read_interactions(folder: Path) -> Interactions:
    import numpy as np

    users = tuple(json.loads((folder / "users.json").read_text(encoding="utf-8")))
    with np.load(folder / "interactions.npz", allow_pickle=False) as stored:
        times = stored.get("times")
        return Interactions(users, Sequences(stored["offsets"], stored["items"], times))
