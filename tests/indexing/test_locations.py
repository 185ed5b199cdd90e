from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.indexing.index_plan import covers, target
from orchestrator.indexing.locations import RemotePath, below, location, name_below, spellings
from orchestrator.ports import FileRow


def row(root: str, file: str) -> FileRow:
    return FileRow(root, file, "hash", 1, ("public",))


@pytest.mark.parametrize("text", ["s3://bucket/a", "S3://bucket/", "gs://b/ä//..//c.md"])
def test_urls_are_kept_as_they_are(text: str) -> None:
    assert location(text) == RemotePath(text)


@pytest.mark.parametrize("text", ["docs", "/a/b", "C:/docs", "a:b", "s3:/bucket"])
def test_all_else_is_a_path(text: str) -> None:
    assert location(text) == Path(text)


def test_names_of_objects_lead_nowhere_else() -> None:
    root = RemotePath("s3://b/docs/")
    place = below(root, "../../etc//passwd.md")
    assert str(place) == "s3://b/docs/../../etc//passwd.md"
    assert name_below(root, place) == "../../etc//passwd.md"
    assert place.parents[-2:] == (RemotePath("s3://b/docs/"), RemotePath("s3://b/"))


def test_an_object_that_is_a_root_is_its_own_file() -> None:
    root = RemotePath("s3://b/docs/a.md")
    assert below(root, "a.md") == root
    assert RemotePath("s3://b/docs/") in root.parents


def test_a_folder_within_a_root_is_a_part_of_it_whatever_its_name() -> None:
    given = target(RemotePath("s3://b/docs/a//"), "default", [row("s3://b/docs/", "a/x.md")])
    assert (str(given.root), given.within) == ("s3://b/docs/", "a//")
    assert covers(given.within, "a//y.md")
    assert not covers(given.within, "a/x.md")


def test_what_may_be_removed_is_named_with_and_without_a_slash() -> None:
    assert RemotePath("s3://b/docs/") in spellings("s3://b/docs")
    assert spellings("s3://b/docs/") == {RemotePath("s3://b/docs/")}
