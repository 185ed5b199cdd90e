"""What `orchestrator index add` says of the files that it added, and of those that it did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from orchestrator.cli.output import note, say

if TYPE_CHECKING:
    from orchestrator.indexing.index_report import IndexReport

#: How many kinds of files that were left out are named.
_KINDS = 8


def as_json_object(reports: Sequence[IndexReport]) -> dict[str, Any]:
    """The sums over all paths, what was left out, and each path's own report."""
    last = reports[-1]
    sums = ("added", "changed", "unchanged", "removed", "relabelled", "repaired", "seconds")
    others = sum((Counter(dict(each.others)) for each in reports), Counter[str]())
    paths = [{**asdict(each), "others": dict(each.others)} for each in reports]
    return {
        "index": last.index,
        "version": last.version,
        **{name: sum(getattr(each, name) for each in reports) for name in sums},
        "skipped": [file for each in paths for file in each["skipped"]],
        "notes": [note for each in paths for note in each["notes"]],
        "others": dict(others),
        "documents": last.documents,
        "passages": last.passages,
        "paths": paths,
    }


def say_added(report: IndexReport) -> None:
    """The report on one path: the counts to stdout, what was left out to stderr."""
    counts = {
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "relabelled": report.relabelled,
        "unchanged": report.unchanged,
    }
    done = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if report.skipped:
        done = f"{done or 'nothing was indexed'}, {len(report.skipped)} skipped"
    done = done or "nothing to do"
    say(f"{report.root}: {done}, in {report.seconds:.1f} s")
    if report.repaired:
        note(f"{report.repaired} passages were embedded again, since what held them in the store was gone.")
    for file in report.skipped:
        note(f"Skipped {file.file}: {file.reason}")
    for each in report.notes:
        note(f"{each.file}: {each.text}")
    if report.others:
        note(_others(report.others))
    say(f"Index {report.index} now has {report.documents} documents, {report.passages} passages.")


def _others(others: Sequence[tuple[str, int]]) -> str:
    """One line on the files of kinds that cannot be read."""
    total = sum(count for _, count in others)
    named = [f"{suffix or 'without a suffix'} {count:,}" for suffix, count in others[:_KINDS]]
    if len(others) > _KINDS:
        named.append("…")
    what = "file of another kind was" if total == 1 else "files of other kinds were"
    return f"{total:,} {what} left out ({', '.join(named)})."
