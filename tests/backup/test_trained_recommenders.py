"""Backups hold what was trained; a restore puts it in the place of whatever is there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from connectors.folder_artifacts import FolderArtifacts
from connectors.sql import SqlRecommenderState, open_database
from orchestrator.errors import BadInput, StoreError
from orchestrator.recommendation.editions.editions import Editions
from orchestrator.recommendation.editions.training import train
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.shop import made_up_log
from tests.backup.test_snapshot import backup, killed_restore, restore, state

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")
pytestmark = pytest.mark.slow


def editions_of(home: Path) -> Editions:
    state = SqlRecommenderState(open_database(home / "state.db"))
    folder = home / "recommendations"
    return Editions(folder, FolderArtifacts(folder), classic_rankers(), state)


def trained(home: Path, *rankers: str) -> Editions:
    editions = editions_of(home)
    train(made_up_log(), editions, rankers=rankers)
    return editions


def kept(home: Path) -> tuple[str, tuple[str, ...], frozenset[str]]:
    """The version in use, its rankers, and what was withdrawn; opening finishes a restore that was killed."""
    state(home)
    edition = editions_of(home).open()
    return edition.name, tuple(edition.rankers), editions_of(home).withdrawn()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    trained(tmp_path / "home", "popularity").withdraw(["soap-01"])
    return tmp_path / "home"


def test_recommenders_are_restored_elsewhere_as_they_were(tmp_path: Path, home: Path) -> None:
    before = kept(home)
    backup(home, tmp_path / "kept.tar")
    restore(tmp_path / "other", tmp_path / "kept.tar")
    assert kept(tmp_path / "other") == before == ("version-1", ("popularity",), frozenset({"soap-01"}))
    assert trained(tmp_path / "other", "rules").current() == "version-2"


def test_trained_recommenders_are_replaced_only_by_force(tmp_path: Path, home: Path) -> None:
    before = kept(home)
    backup(home, tmp_path / "kept.tar")
    trained(home, "rules").withdraw(["soap-01"], back=True)
    later = kept(home)
    with pytest.raises(BadInput, match=r"holds trained recommenders.*--force"):
        restore(home, tmp_path / "kept.tar")
    assert kept(home) == later
    restore(home, tmp_path / "kept.tar", force=True)
    assert kept(home) == before
    # The name that the former version had is given again.
    assert trained(home, "rules").current() == "version-2"


def test_versions_of_one_name_and_another_content_are_replaced(tmp_path: Path, home: Path) -> None:
    trained(tmp_path / "other", "rules")
    backup(home, tmp_path / "kept.tar")
    restore(tmp_path / "other", tmp_path / "kept.tar", force=True)
    assert kept(tmp_path / "other") == kept(home)


def test_of_a_time_when_nothing_was_trained_nothing_is_left_over(tmp_path: Path, home: Path) -> None:
    backup(tmp_path / "empty", tmp_path / "kept.tar")
    restore(home, tmp_path / "kept.tar", force=True)
    assert editions_of(home).current() is None
    assert editions_of(home).withdrawn() == frozenset()


def test_a_version_that_is_missing_is_no_backup(tmp_path: Path, home: Path) -> None:
    shutil.rmtree(home / "recommendations" / "version-1")
    with pytest.raises(StoreError, match=r"version-1 is missing.*recommend train"):
        backup(home, tmp_path / "kept.tar")
    assert not (tmp_path / "kept.tar").exists()


def test_a_version_that_is_deleted_while_it_is_copied_gives_way_to_the_next(
    tmp_path: Path, home: Path
) -> None:
    folder = home / "recommendations"
    first, second = folder / "version-1", folder / "version-2"

    def publish(event: str, arguments: tuple[object, ...]) -> None:
        """At the first link to a file of the old version, the new one takes its place."""
        if event == "os.link" and str(arguments[0]).startswith(str(first)) and not second.exists():
            first.rename(second)
            editions_of(home).state.publish("version-2", after="version-1")

    sys.addaudithook(publish)
    backup(home, tmp_path / "kept.tar")
    assert second.exists()
    restore(tmp_path / "other", tmp_path / "kept.tar")
    assert kept(tmp_path / "other") == ("version-2", ("popularity",), frozenset({"soap-01"}))


def test_what_an_earlier_release_kept_in_files_is_in_a_backup(tmp_path: Path, home: Path) -> None:
    before = kept(home)
    with open_database(home / "state.db").writing() as connection:
        for table in ("recommender_state", "withdrawn_items"):
            connection.execute(text(f"DELETE FROM {table}"))
    (home / "recommendations" / "current").write_text("version-1")
    (home / "recommendations" / "withdrawn.json").write_text('["soap-01"]')
    backup(home, tmp_path / "kept.tar")
    restore(tmp_path / "other", tmp_path / "kept.tar")
    assert kept(tmp_path / "other") == before == kept(home)


def test_a_restore_killed_at_any_moment_leaves_the_old_recommenders_or_the_new(
    tmp_path: Path, home: Path
) -> None:
    backup(home, tmp_path / "kept.tar")
    new = kept(home)
    trained(home, "rules").withdraw(["soap-02"])
    old = kept(home)
    whole = shutil.copytree(home, tmp_path / "whole")
    total = killed_restore(whole, tmp_path / "kept.tar", at=-1)
    assert total is not None
    assert kept(whole) == new
    found = set()
    for step in range(1, 13):
        copy = shutil.copytree(home, tmp_path / f"copy-{step}")
        assert killed_restore(copy, tmp_path / "kept.tar", max(1, total * step // 12)) is None
        found.add(kept(copy))
    assert found <= {old, new}
    assert new in found
