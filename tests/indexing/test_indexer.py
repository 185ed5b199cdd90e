"""What a user asks of an index, through real worker processes, a real registry and real shards."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import BadInput, IndexMismatch, StoreError
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.upkeep import pages
from orchestrator.ports import IndexRegistry, ShardRegistry
from orchestrator.settings import Settings
from tests.indexing.contents import assert_alike, database_of, documents_found, found, stored
from tests.indexing.samples import pdf

pytestmark = pytest.mark.slow


async def test_a_folder_is_added_then_kept_up_to_date(app: Application, docs: Path) -> None:
    indexer = app.indexer()
    first = await indexer.add(docs)
    assert (first.added, first.documents, first.skipped) == (3, 4, ())
    assert await documents_found(app, "who sleeps while flying?", ["public"]) >= {"b1"}
    again = await indexer.add(docs)
    assert (again.unchanged, again.added, again.changed, again.removed) == (3, 0, 0, 0)
    assert again.version == first.version
    (docs / "guide" / "otters.md").write_text("# Otters\n\nOtters crack shells with stones.\n")
    (docs / "guide" / "badgers.md").unlink()
    (docs / "guide" / "foxes.txt").write_text("Foxes hear mice below the snow.")
    third = await indexer.add(docs)
    assert (third.added, third.changed, third.unchanged, third.removed) == (1, 1, 1, 1)
    texts = [
        p.text
        for page in pages(app.container.get(IndexRegistry), "default")
        for d in page
        for p in d.passages
    ]
    assert any("crack shells" in text for text in texts)
    assert not any("hold hands" in text or "Badgers" in text for text in texts)
    assert await documents_found(app, "badgers dig setts", ["public"]) == {
        "b1",
        "b2",
        "guide/foxes.txt",
        "guide/otters.md",
    }
    assert (await indexer.verify()).ok


async def test_only_the_records_that_changed_are_embedded_again(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    await indexer.add(docs)
    with (docs / "birds.jsonl").open("a") as file:
        file.write('{"_id": "b3", "text": "Wrens weigh ten grams."}\n')
    await indexer.add(docs)
    version = app.container.get(ShardRegistry).current("default")
    assert version is not None
    assert version.shards[-1].points == 1
    assert version.documents == 5
    assert (await indexer.verify()).ok


async def test_a_file_that_changed_back_is_found_once(app: Application, indexer: Indexer, docs: Path) -> None:
    await indexer.add(docs)
    before = stored(app)
    otters = docs / "guide" / "otters.md"
    first = otters.read_text()
    for text in ("Something else about rivers.", first):
        otters.write_text(text)
        await indexer.add(docs)
    assert stored(app) == before
    ((lexical, _),) = [await found(app, "otters hold hands")]
    assert len(lexical) == len({identifier for identifier, _ in lexical})
    assert (await indexer.verify()).ok


async def test_bad_files_are_named_and_cost_nothing_else(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    (docs / "bad.md").write_bytes(b"%PDF-1.7 \x00\x01\x02")
    (docs / "broken.pdf").write_bytes(pdf("fine")[:100])
    (docs / "out.md").symlink_to("/etc/hostname")
    (docs / "paper.pdf").write_bytes(pdf("Herons wait."))
    report = await indexer.add(docs)
    assert report.added == 4
    assert {file.file for file in report.skipped} == {"bad.md", "broken.pdf", "out.md"}
    assert all(file.reason.endswith(".") for file in report.skipped)
    status = await indexer.status()
    assert {file.file for file in status.roots[0].skipped} == {"bad.md", "broken.pdf"}
    assert (status.documents, status.jobs) == (5, ())


async def test_a_file_that_breaks_keeps_what_the_index_has_of_it(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    await indexer.add(docs)
    birds = docs / "birds.jsonl"
    whole = birds.read_text()
    birds.write_text('{"_id": "b3", "te')
    report = await indexer.add(docs, ["staff"])
    assert [file.file for file in report.skipped] == ["birds.jsonl"]
    # What is kept follows the labels all the same.
    assert await documents_found(app, "swifts sleep", ["public"]) == set()
    assert await documents_found(app, "swifts sleep", ["staff"]) >= {"b1", "b2"}
    birds.write_text(whole)
    report = await indexer.add(docs)
    assert (report.changed, report.skipped) == (1, ())
    assert (await indexer.verify()).ok


def _move_away(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


@pytest.mark.parametrize("what", ["missing", "empty"])
async def test_a_root_that_went_away_removes_nothing(
    app: Application, indexer: Indexer, docs: Path, what: str
) -> None:
    await indexer.add(docs)
    _move_away(docs)
    if what == "empty":
        docs.mkdir()  # noqa: ASYNC240
    with pytest.raises(BadInput):
        await indexer.add(docs)
    status = await indexer.status()
    assert status.documents == 4


async def test_an_empty_folder_leaves_no_index_behind(
    app: Application, indexer: Indexer, tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BadInput, match="holds no file"):
        await indexer.add(tmp_path / "nothing")
    assert app.container.get(IndexRegistry).current("default") is None
    with pytest.raises(StoreError, match="no index"):
        await indexer.status()


async def test_adding_another_root_removes_nothing(
    app: Application, indexer: Indexer, docs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.md").write_text("Another root.")
    await indexer.add(docs)
    (docs / "guide" / "otters.md").unlink()
    report = await indexer.add(other)
    assert (report.added, report.removed, report.documents) == (1, 0, 5)
    assert (await indexer.add(docs)).removed == 1


async def test_roots_within_roots_are_indexed_once(app: Application, indexer: Indexer, docs: Path) -> None:
    await indexer.add(docs / "guide", ["staff"])
    await indexer.add(docs / "birds.jsonl")
    report = await indexer.add(docs)
    assert report.documents == 4
    assert {row.root for row in app.container.get(IndexRegistry).files("default")} == {str(docs)}
    assert await documents_found(app, "otters badgers swifts", ["public"]) == {"b1", "b2"}
    # A part of a root is refreshed within it.
    (docs / "guide" / "otters.md").write_text("Otters crack shells.")
    (docs / "guide" / "badgers.md").unlink()
    (docs / "birds.jsonl").unlink()
    report = await indexer.add(docs / "guide")
    assert (report.changed, report.removed, report.documents) == (1, 1, 3)
    assert (await indexer.verify()).ok


# -- access ----------------------------------------------------------------------------------------


async def test_another_label_changes_who_finds_and_reads_unchanged_files(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    from orchestrator.ports import Documents
    from orchestrator.types import ANONYMOUS

    await indexer.add(docs)
    ids = [
        p.id for page in pages(app.container.get(IndexRegistry), "default") for d in page for p in d.passages
    ]
    before = await found(app, "otters")
    report = await indexer.add(docs, ["hr"])
    assert (report.relabelled, report.unchanged, report.changed) == (3, 3, 0)
    documents = app.ports()[Documents]
    assert isinstance(documents, Documents)
    assert await documents.passages(ids, principal=ANONYMOUS) == {}
    assert await documents_found(app, "otters", ["public"]) == set()
    assert await documents_found(app, "otters", ["hr"]) == {"b1", "b2", "guide/badgers.md", "guide/otters.md"}
    # The vectors are the same ones.
    assert_alike(await found(app, "otters"), before)
    assert (await indexer.verify()).ok
    # Without a label, nothing opens again; with it, everything does.
    assert (await indexer.add(docs)).relabelled == 0
    await indexer.add(docs / "guide", ["public", "hr"])
    assert await documents_found(app, "otters", ["public"]) == {"guide/badgers.md", "guide/otters.md"}
    assert (await indexer.verify()).ok


async def test_labels_and_content_may_change_together(app: Application, indexer: Indexer, docs: Path) -> None:
    await indexer.add(docs)
    (docs / "birds.jsonl").write_text(
        '{"_id": "b1", "title": "Swifts", "text": "Swifts sleep while they fly."}\n'
        '{"_id": "b2", "title": "Owls", "text": "Owls turn their heads."}\n'
    )
    report = await indexer.add(docs, ["hr"])
    assert (report.relabelled, report.changed) == (3, 1)
    assert await documents_found(app, "owls swifts otters", ["public"]) == set()
    assert len(await documents_found(app, "owls swifts otters", ["hr"])) == 4
    assert (await indexer.verify()).ok


async def test_a_root_has_one_tenant(app: Application, indexer: Indexer, docs: Path) -> None:
    await indexer.add(docs, tenant="acme")
    with pytest.raises(BadInput, match="for the tenant 'acme'"):
        await indexer.add(docs)
    assert await documents_found(app, "otters", ["public"]) == set()


# -- removal, rebuilding, merging ------------------------------------------------------------------


async def test_roots_files_and_documents_are_removed_by_name(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    await indexer.add(docs)
    assert (await indexer.remove("b2")).removed_documents == 1
    report = await indexer.remove(docs / "guide")
    assert (report.removed_files, report.removed_documents, report.documents) == (2, 2, 1)
    with pytest.raises(BadInput, match="no root, file or document 'nonsense'"):
        await indexer.remove("nonsense")
    _move_away(docs)
    assert (await indexer.remove(docs)).documents == 0
    assert (await indexer.verify()).ok
    assert app.container.get(IndexRegistry).files("default") == []


async def test_a_dropped_index_is_gone_with_its_shards(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    await indexer.add(docs)
    assert any(((app.settings.home / "indexes") / "default").iterdir())
    await indexer.drop()
    assert app.container.get(IndexRegistry).indexes() == []
    assert not any(((app.settings.home / "indexes") / "default").iterdir())
    await indexer.add(docs)
    assert (await indexer.verify()).ok


async def test_a_rebuild_makes_new_vectors_and_keeps_the_rest(
    app: Application, indexer: Indexer, docs: Path
) -> None:
    await indexer.add(docs)
    before, ranked = stored(app), await found(app, "who sleeps?")
    old = app.container.get(ShardRegistry).current("default")
    report = await indexer.rebuild()
    new = app.container.get(ShardRegistry).current("default")
    assert old is not None
    assert new is not None
    assert not {shard.name for shard in old.shards} & {shard.name for shard in new.shards}
    assert (report.documents, report.passages, report.version) == (4, 4, new.number)
    assert stored(app) == before
    assert await found(app, "who sleeps?") == ranked
    assert (await indexer.verify()).ok


async def test_an_index_of_another_embedder_is_refused_until_it_is_rebuilt(
    app: Application, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.indexer().add(docs)
    context = indexing_context(app.container)
    monkeypatch.setattr(type(context.embedder), "name", "another")
    with pytest.raises(IndexMismatch, match="rebuild"):
        await app.indexer().add(docs)
    assert (await app.indexer().status()).documents == 4


async def test_many_additions_leave_few_shards(app: Application, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "growing"
    root.mkdir()
    for number in range(5):
        (root / f"{number}.md").write_text(f"Note number {number}.")
        await indexer.add(root)
    version = app.container.get(ShardRegistry).current("default")
    assert version is not None
    assert len(version.shards) <= 3
    lying = {folder.name for folder in ((app.settings.home / "indexes") / "default").iterdir()}
    assert lying == {shard.name for shard in version.shards}
    assert (await indexer.verify()).ok


async def test_a_file_that_changes_after_it_was_scanned_is_indexed_as_it_was_read(
    app: Application, docs: Path
) -> None:
    otters = docs / "guide" / "otters.md"

    def progress(done: int, total: int, doing: str) -> None:
        if doing == "reading":
            otters.write_text("Changed in the meantime.")

    await app.indexer().add(docs, progress=progress)
    texts = {
        d.document: d.passages[0].text
        for page in pages(app.container.get(IndexRegistry), "default")
        for d in page
    }
    again = await app.indexer().add(docs)
    # Whichever of the two was read, the index knows which.
    assert (texts["guide/otters.md"] == "Changed in the meantime.") == (again.unchanged == 3)
    texts = {
        d.document: d.passages[0].text
        for page in pages(app.container.get(IndexRegistry), "default")
        for d in page
    }
    assert texts["guide/otters.md"] == "Changed in the meantime."


# -- what goes wrong -------------------------------------------------------------------------------


async def test_a_disk_that_is_full_loses_nothing(app: Application, docs: Path, tmp_path: Path) -> None:
    await app.indexer().add(docs)
    before = stored(app)
    (docs / "new.md").write_text("New.")
    # A limit on the size of files stands in for a full disk: no shard can be written.
    script = (
        "import asyncio, resource, sys\n"
        "from orchestrator.application.application import Application\n"
        "from orchestrator.errors import OrchestratorError\n"
        "from orchestrator.ports import IndexRegistry\n"
        "from orchestrator.settings import Settings\n"
        "app = Application(Settings(home=sys.argv[1]))\n"
        "app.container.get(IndexRegistry).current('default')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try:\n"
        "    asyncio.run(app.indexer().add(sys.argv[2]))\n"
        "except OrchestratorError as error:\n"
        "    sys.exit(f'{type(error).__name__}: {error}')\n"
    )
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, str(app.settings.home), str(docs)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("StoreError: ")
    assert "Traceback" not in ended.stderr
    assert stored(app) == before
    assert (await app.indexer().add(docs)).added == 1
    assert (await app.indexer().verify()).ok


async def test_verify_names_what_is_wrong(app: Application, indexer: Indexer, docs: Path) -> None:
    from sqlalchemy import text

    await indexer.add(docs)
    with database_of(app).writing() as connection:
        connection.execute(
            text("UPDATE passages SET text = 'changed' WHERE text LIKE '%otters%' OR text LIKE '%Otters%'")
        )
    report = await indexer.verify()
    assert any("is not what was indexed" in fault for fault in report.faults)
    assert any("The term statistics of default:" in fault for fault in report.faults)
    version = app.container.get(ShardRegistry).current("default")
    assert version is not None
    shard = (app.settings.home / "indexes") / "default" / version.shards[0].name
    shard.rename(shard.with_name("gone"))
    report = await indexer.verify()
    assert any("cannot be opened" in fault for fault in report.faults)
    assert sum("is stored 0 times" in fault for fault in report.faults) == 4


async def test_reports_are_json(app: Application, indexer: Indexer, docs: Path) -> None:
    from dataclasses import asdict

    report = await indexer.add(docs)
    assert json.loads(json.dumps(asdict(report)))["added"] == 3


async def test_the_settings_of_the_parent_reach_the_worker(docs: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    async with Application(Settings(home=tmp_path / "home", database_url=url)) as app:
        assert (await app.indexer("other").add(docs)).index == "other"
        assert (await app.indexer("other").verify()).ok
