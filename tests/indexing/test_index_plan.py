"""What adding a root means, as a comparison of what lies there with what the index has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.indexing import index_plan as planning
from orchestrator.indexing.file_documents import Recipe
from orchestrator.indexing.files import FoundFile, Scan, SkippedFile
from orchestrator.indexing.index_plan import Plan, Target, compare, superseded, target
from orchestrator.indexing.isolated_reading import Limits
from orchestrator.indexing.splitting import Splitting
from orchestrator.jobs.job_run import job_key
from orchestrator.ports import FileRow

RECIPE = Recipe()
ROOT = Path("/root-of-it")


def row(file: str, content: str = "x", *, root: Path = ROOT, **fields: object) -> FileRow:
    known = FileRow(str(root), file, RECIPE.hash(file, content), 10, ("public",), 1, 1)
    return replace(known, **fields)  # type: ignore[arg-type]


def scanned(*files: str, skipped: tuple[SkippedFile, ...] = (), root: Path = ROOT) -> Scan:
    named = [file.partition("=") for file in files]
    return Scan(root, tuple(FoundFile(name, 10, content or "x") for name, _, content in named), skipped)


def planned(scan: Scan, rows: list[FileRow], labels: list[str] | None = None, path: Path = ROOT) -> Plan:
    return compare(scan, rows, target(path, "default", rows), RECIPE, labels)


def names(files: object) -> list[str]:
    return [file.file for file in files]  # type: ignore[attr-defined]


def test_files_are_added_changed_kept_or_removed_by_their_content() -> None:
    plan = planned(
        scanned("new.md", "same.md", "other.md=y"), [row("same.md"), row("other.md"), row("gone.md")]
    )
    assert names(plan.added) == ["new.md"]
    assert names(plan.changed) == ["other.md"]
    assert names(plan.unchanged) == ["same.md"]
    assert names(plan.removed) == ["gone.md"]


def test_another_way_of_reading_makes_every_file_a_changed_one() -> None:
    rows = [row("a.md"), row("b.csv")]
    given_target = target(ROOT, "default", rows)
    other = Recipe(Splitting(128, 0))
    assert names(compare(scanned("a.md", "b.csv"), rows, given_target, other).changed) == ["a.md", "b.csv"]
    reader = Recipe(readers={**RECIPE.readers, ".csv": "mine:Reader"})
    assert names(compare(scanned("a.md", "b.csv"), rows, given_target, reader).changed) == ["b.csv"]


def test_a_file_that_could_not_be_read_is_tried_again() -> None:
    assert names(planned(scanned("a.md"), [row("a.md", error="it was locked.")]).changed) == ["a.md"]


def test_what_cannot_be_looked_at_is_not_gone() -> None:
    skipped = (
        SkippedFile("locked.md", "permission denied"),
        SkippedFile("closed", "permission denied"),
        SkippedFile("now-a-link.md", "outside of its root", absent=True),
    )
    rows = [row(name) for name in ("locked.md", "closed/deep/a.md", "closed-not.md", "now-a-link.md")]
    plan = planned(scanned("a.md", skipped=skipped), rows)
    assert names(plan.removed) == ["closed-not.md", "now-a-link.md"]
    everything = (SkippedFile(".", "permission denied"),)
    assert planned(scanned(skipped=everything), rows).removed == ()


def test_another_root_is_not_touched() -> None:
    other = [row("a.md", root=Path("/other")), row("b.md", root=Path("/root-of-it-2"))]
    plan = planned(scanned("a.md"), other)
    assert names(plan.added) == ["a.md"]
    assert plan.removed == ()
    assert plan.relabelled == {}


# -- labels ----------------------------------------------------------------------------------------


def test_labels_that_are_given_are_those_of_all_files() -> None:
    rows = [row("same.md"), row("other.md"), row("had.md", labels=("hr",)), row("gone.md")]
    plan = planned(scanned("new.md", "same.md", "other.md=y", "had.md"), rows, ["hr", "hr "])
    assert plan.relabelled == {"same.md": ("hr",), "other.md": ("hr",)}
    assert plan.labels == {"new.md": ("hr",), "other.md": ("hr",)}
    assert plan.before["other.md"].labels == ("hr",)


def test_without_labels_nothing_opens_that_was_restricted() -> None:
    rows = [row("a.md", labels=("hr",)), row("b.md", labels=("hr",))]
    plan = planned(scanned("a.md", "b.md=y", "new.md"), rows)
    assert plan.relabelled == {}
    assert plan.labels == {"b.md": ("hr",), "new.md": ("hr",)}
    assert planned(scanned("a.md"), []).labels == {"a.md": ("public",)}


def test_a_new_file_among_different_labels_needs_one() -> None:
    rows = [row("a.md", labels=("hr",)), row("b.md", labels=("public",))]
    with pytest.raises(BadInput, match=r"different labels \(hr and public\), and 'new.md' is new"):
        planned(scanned("a.md", "b.md", "new.md"), rows)
    assert planned(scanned("a.md", "b.md=y"), rows).labels == {"b.md": ("public",)}


@pytest.mark.parametrize("labels", [[], [""], ["a", " "]])
def test_labels_that_nobody_has_are_refused(labels: list[str]) -> None:
    with pytest.raises(BadInput, match="nobody"):
        planned(scanned("a.md"), [], labels)


# -- roots within roots ----------------------------------------------------------------------------


def test_a_path_within_a_root_is_a_part_of_it() -> None:
    rows = [row("sub/a.md"), row("sub/gone.md"), row("top.md"), row("subway.md")]
    given_target = target(ROOT / "sub", "default", rows)
    assert (given_target.root, given_target.within) == (ROOT, "sub")
    plan = compare(scanned("sub/a.md", "sub/new.md"), rows, given_target, RECIPE, ["hr"])
    assert names(plan.added) == ["sub/new.md"]
    assert names(plan.removed) == ["sub/gone.md"]
    assert plan.relabelled == {"sub/a.md": ("hr",)}


def test_a_root_within_a_new_root_gives_its_files_up_with_their_labels(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    rows = [row("a.md", root=inner, labels=("hr",)), row("gone.md", root=inner), row("failed.md", root=inner)]
    given_target = target(tmp_path, "default", rows)
    assert given_target == Target(tmp_path, tmp_path, "default", (inner,))
    plan = compare(scanned("inner/a.md", "inner/failed.md", "b.md"), rows, given_target, RECIPE)
    assert plan.labels == {"inner/a.md": ("hr",), "inner/failed.md": ("public",), "b.md": ("public",)}
    after = [
        *rows,
        row("inner/a.md", root=tmp_path),
        row("inner/failed.md", root=tmp_path, error="it was locked."),
        row("b.md", root=tmp_path),
    ]
    # Only what the outer root now has: adding another root removes nothing.
    assert [(each.root, each.file) for each in superseded(after, given_target, Path.exists)] == [
        (str(inner), "a.md")
    ]
    # The inner root given again: what vanished from it goes.
    left = [each for each in after if (each.root, each.file) != (str(inner), "a.md")]
    again = target(inner, "default", left)
    assert (again.root, again.path) == (tmp_path, inner)
    assert names(superseded(left, again, Path.exists)) == ["gone.md"]


def test_a_file_that_was_a_root_moves_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    rows = [row("a.md", root=tmp_path / "a.md"), row("a.md", root=tmp_path)]
    given_target = target(tmp_path, "default", rows)
    assert [each.root for each in superseded(rows, given_target, Path.exists)] == [str(tmp_path / "a.md")]


def test_a_root_has_one_tenant() -> None:
    rows = [row("a.md", tenant="acme")]
    with pytest.raises(BadInput, match=r"for the tenant 'acme', and was given for 'default'"):
        target(ROOT, "default", rows)
    inside = target(ROOT / "sub", "default", rows)
    assert inside == Target(ROOT / "sub", ROOT / "sub")


# -- jobs ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 3 * planning.JOB_BYTES), max_size=60))
def test_jobs_are_bounded_and_hold_every_file_once(sizes: list[int]) -> None:
    files = tuple(FoundFile(f"{number:03}.md", size, "x") for number, size in enumerate(sizes))
    plan = planned(Scan(ROOT, files, ()), [])
    jobs = list(planning.read_jobs(plan, RECIPE, Limits()))
    assert [name for job in jobs for name in job["files"]] == names(files)
    by_name = dict(zip(names(files), sizes, strict=True))
    for job in jobs:
        assert job["files"]
        assert len(job["files"]) == 1 or sum(by_name[name] for name in job["files"]) <= planning.JOB_BYTES


def test_many_small_files_are_several_jobs() -> None:
    files = tuple(FoundFile(f"{number:05}.md", 1, "x") for number in range(2 * planning.JOB_FILES + 1))
    jobs = list(planning.read_jobs(planned(Scan(ROOT, files, ()), []), RECIPE, Limits()))
    assert [len(job["files"]) for job in jobs] == [planning.JOB_FILES, planning.JOB_FILES, 1]


def test_the_key_of_a_job_says_what_it_does_and_in_whose_lock() -> None:
    payload = {"root": "/a", "files": ["x"]}
    key = job_key("one", "read", payload)
    assert key == job_key("one", "read", {"files": ["x"], "root": "/a"})
    assert key.startswith("one:")
    assert len({key, job_key("two", "read", payload), job_key("one", "forget", payload)}) == 3
