"""Plans an update of an index: compares a root with the index, and makes bounded jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from orchestrator.errors import BadInput
from orchestrator.indexing.file_documents import Recipe
from orchestrator.indexing.files import FoundFile, Scan, SkippedFile
from orchestrator.indexing.isolated_reading import Limits
from orchestrator.indexing.locations import Location, below, location, name_below
from orchestrator.ports import FileRow
from orchestrator.types import DEFAULT_TENANT, PUBLIC

#: A job's bounds: what is lost when its worker dies, what it holds in memory, and how large a shard it
#: writes. When an addition made many, they are merged at its end: only that one is worth a graph.
JOB_FILES, JOB_BYTES, JOB_PASSAGES = 1_000, 8 * 2**20, 8_000

Labels = tuple[str, ...]
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Target:
    """Where `path` is added: below which root of the index, and for whom.

    The root is the path itself, unless the index has one that the path lies in: then only `within`
    it is looked at. Roots of the index that lie in the path give their files up to it.
    """

    path: Location
    root: Location
    tenant: str = DEFAULT_TENANT
    inner: tuple[Location, ...] = ()

    @property
    def within(self) -> str | None:
        """The part of the root that is added; None for all of it."""
        return name_below(self.root, self.path) or None


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between a root and what an index holds of it.

    `labels` are those of each file that is to be read; `relabelled` the known files whose documents
    must change theirs; `before` the files as they are known, under the labels that they will have; `others`
    how many files of which other kinds there are.
    """

    target: Target
    added: tuple[FoundFile, ...]
    changed: tuple[FoundFile, ...]
    unchanged: tuple[FileRow, ...]
    removed: tuple[FileRow, ...]
    skipped: tuple[SkippedFile, ...]
    labels: Mapping[str, Labels]
    relabelled: Mapping[str, Labels]
    before: Mapping[str, FileRow]
    others: tuple[tuple[str, int], ...] = ()


def target(path: Location, tenant: str, rows: Iterable[FileRow]) -> Target:
    """What adding `path` means for an index with these files; BadInput if another tenant has that root."""
    roots = {(location(row.root), row.tenant) for row in rows}
    if owners := {owner for root, owner in roots if root == path} - {tenant}:
        raise BadInput(
            f"{str(path)!r} is in this index for the tenant {min(owners)!r}, and was given for {tenant!r}.",
            hint="Remove it first, or use another index for the other tenant (`--index`).",
        )
    mine = sorted((root for root, owner in roots if owner == tenant), key=str)
    inner = tuple(root for root in mine if path in root.parents)
    outer = [root for root in mine if root in path.parents]
    if not outer:
        return Target(path, path, tenant, inner)
    return Target(path, outer[0], tenant, (*(root for root in mine if root == path), *inner))


def compare(
    scanned: Scan, rows: Sequence[FileRow], given: Target, recipe: Recipe, labels: Sequence[str] | None = None
) -> Plan:
    """The difference between a scan and the files that an index has, of this root and of others.

    `labels` are those of every file that was scanned. Without any, known files keep theirs and new
    ones get those that the root's other files have; `public` if there are none.
    """
    wanted = None if labels is None else canonical(labels)
    known = {
        row.file: row
        for row in rows
        if row.root == str(given.root) and row.tenant == given.tenant and covers(given.within, row.file)
    }
    before = {file: row if wanted is None else replace(row, labels=wanted) for file, row in known.items()}
    added: list[FoundFile] = []
    changed: list[FoundFile] = []
    unchanged: list[FileRow] = []
    for file in scanned.files:
        row = before.get(file.file)
        if row is None:
            added.append(file)
        elif row.error is None and row.hash == recipe.hash(file.file, file.hash):
            unchanged.append(row)
        else:
            # A file that could not be read is tried again: the reason may have been outside of it.
            changed.append(file)
    present = {file.file for file in scanned.files}
    kept = [skipped.file for skipped in scanned.skipped if not skipped.absent]
    removed = [
        row
        for file, row in sorted(known.items())
        if file not in present and not any(covers(part, file) for part in kept)
    ]
    gone = {row.file for row in removed}
    return Plan(
        target=given,
        added=tuple(added),
        changed=tuple(changed),
        unchanged=tuple(unchanged),
        removed=tuple(removed),
        skipped=scanned.skipped,
        labels={
            **{file.file: before[file.file].labels for file in changed},
            **_labels_of_new(added, rows, given, wanted),
        },
        relabelled={
            file: before[file].labels
            for file, row in known.items()
            if row.labels != before[file].labels and file not in gone
        },
        before={file: row for file, row in before.items() if file not in gone},
        others=scanned.others,
    )


def superseded(rows: Sequence[FileRow], given: Target, exists: Callable[[Location], bool]) -> list[FileRow]:
    """Files of inner roots that the target's root now holds itself, or that vanished from the path given."""
    now = {place(row): row for row in rows if row.root == str(given.root) and row.tenant == given.tenant}
    inner = [row for row in rows if location(row.root) in given.inner and row.tenant == given.tenant]
    return [
        row
        for row in inner
        if (place(row) in now and now[place(row)].error is None)
        or (place(row) not in now and location(row.root) == given.path and not exists(place(row)))
    ]


def place(row: FileRow) -> Location:
    """Where a file of an index is."""
    return below(location(row.root), row.file)


def covers(part: str | None, file: str) -> bool:
    """Whether a file is, or lies below, this part of its root; None is all of it."""
    if part is None or part == ".":
        return True
    return file == part or file.startswith(f"{part.removesuffix('/')}/")


def canonical(labels: Sequence[str]) -> Labels:
    """Labels in the one order in which they are stored; BadInput if there are none, or an empty one."""
    found = tuple(sorted({label.strip() for label in labels}))
    if not found or not all(found):
        raise BadInput(
            f"The labels {list(labels)!r} let nobody read what is added.",
            hint=f"Give at least one, for instance {PUBLIC!r}.",
        )
    return found


def _labels_of_new(
    added: Sequence[FoundFile], rows: Sequence[FileRow], given: Target, wanted: Labels | None
) -> dict[str, Labels]:
    if wanted is not None:
        return {file.file: wanted for file in added}
    # A file that comes from another root keeps what restricts it.
    inner = [row for row in rows if location(row.root) in given.inner and row.tenant == given.tenant]
    moving = {place(row): row.labels for row in inner}
    paths = {file.file: below(given.root, file.file) for file in added}
    found = {file: moving[path] for file, path in paths.items() if path in moving}
    rest = [file.file for file in added if file.file not in found]
    sets = {row.labels for row in rows if row.root == str(given.root)} or {(PUBLIC,)}
    if rest and len(sets) > 1:
        written = " and ".join(sorted("+".join(labels) for labels in sets))
        raise BadInput(
            f"The files of {str(given.root)!r} have different labels ({written}), "
            f"and {rest[0]!r} is new: which does it get?",
            hint="Give the path of the new files with `--label`.",
        )
    return {**found, **dict.fromkeys(rest, min(sets))}


# -- jobs ----------------------------------------------------------------------------------------


def read_jobs(plan: Plan, recipe: Recipe, limits: Limits) -> Iterator[dict[str, Any]]:
    """Payloads of the jobs that read what was added or changed."""
    by_labels: dict[Labels, list[FoundFile]] = {}
    for file in sorted((*plan.added, *plan.changed), key=lambda file: file.file):
        by_labels.setdefault(plan.labels[file.file], []).append(file)
    for labels, files in by_labels.items():
        for group in _bounded(files, lambda file: file.size, JOB_BYTES):
            names = [file.file for file in group]
            yield {
                "root": str(plan.target.root),
                "tenant": plan.target.tenant,
                "labels": list(labels),
                "files": names,
                "before": {name: _row(plan.before[name]) for name in names if name in plan.before},
                "splitting": asdict(recipe.splitting),
                "readers": dict(recipe.readers),
                "limits": asdict(limits),
            }


def relabel_jobs(plan: Plan) -> Iterator[dict[str, Any]]:
    """Payloads of the jobs that give known files other labels: before any file is read."""
    by_labels: dict[Labels, list[FileRow]] = {}
    for file, labels in sorted(plan.relabelled.items()):
        by_labels.setdefault(labels, []).append(plan.before[file])
    for labels, rows in by_labels.items():
        for group in _bounded(rows, lambda row: row.passages, JOB_PASSAGES):
            yield {
                "root": str(plan.target.root),
                "labels": list(labels),
                "files": [row.file for row in group],
                "before": {row.file: _row(row) for row in group},
            }


def forget_jobs(rows: Sequence[FileRow]) -> Iterator[dict[str, Any]]:
    """Payloads of the jobs that take files out of the index."""
    by_root: dict[str, list[FileRow]] = {}
    for row in rows:
        by_root.setdefault(row.root, []).append(row)
    for root, members in sorted(by_root.items()):
        for group in _bounded(members, lambda row: row.passages, JOB_PASSAGES):
            yield {"root": root, "files": [row.file for row in group]}


def stored_file(row: Mapping[str, Any]) -> FileRow:
    """A file as a job's payload tells it was known."""
    fields: dict[str, Any] = {**row, "labels": tuple(row["labels"])}
    return FileRow(**fields)


def _row(row: FileRow) -> dict[str, Any]:
    return {**asdict(row), "labels": list(row.labels)}


def _bounded(items: Sequence[ItemT], weight: Callable[[ItemT], int], most: int) -> Iterator[list[ItemT]]:
    """Items in groups of a bounded number and weight, none empty; a heavy one is alone."""
    group: list[ItemT] = []
    total = 0
    for item in items:
        if group and (len(group) >= JOB_FILES or total + weight(item) > most):
            yield group
            group, total = [], 0
        group.append(item)
        total += weight(item)
    if group:
        yield group
