"""Roots on S3: what is read, what is fetched again, and what is said when it cannot be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path

import pytest

from connectors.s3.files import S3Files
from connectors.s3.server import S3Server
from connectors.s3.settings import S3Settings
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import BadInput, OrchestratorError, StoreError, UnreadableFile
from orchestrator.indexing import index_plan
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.indexing.orders import add_payload, remove_payload
from orchestrator.indexing.upkeep import pages
from orchestrator.ports import DocumentRow, IndexRegistry, RemoteFile, RemoteFiles, index_scope
from orchestrator.settings import Settings
from orchestrator.testing.files import RemoteFilesConformance
from tests.connectors.s3.conftest import Folder

pytestmark = pytest.mark.slow


class Watched:
    """The `RemoteFiles` of S3, with what was fetched."""

    def __init__(self, files: RemoteFiles) -> None:
        self._files = files
        self.fetched: list[str] = []
        self.after_listing = lambda: None

    def find(self, url: str) -> Iterator[RemoteFile]:
        yield from list(self._files.find(url))
        self.after_listing()

    def fetch(self, url: str, to: Path, largest: int) -> RemoteFile:
        self.fetched.append(url)
        return self._files.fetch(url, to, largest)


class OneSource:
    """Gives what reads s3:// URLs."""

    def __init__(self, files: RemoteFiles) -> None:
        self._files = files

    def files(self, scheme: str) -> RemoteFiles | None:
        return self._files if scheme == "s3" else None


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    with Reader() as started:
        yield started


@pytest.fixture
async def app(tmp_path: Path, s3_folder: Folder) -> AsyncGenerator[Application]:
    async with Application(_settings(tmp_path, s3_folder.table)) as application:
        yield application


@pytest.fixture
def watched(app: Application) -> Watched:
    return Watched(app.container.get(RemoteFiles, connector="s3"))


@pytest.fixture
def indexer(app: Application, watched: Watched, reader: Reader) -> Indexer:
    return _indexer(app, watched, reader)


def _settings(home: Path, table: dict[str, object]) -> Settings:
    return Settings(home=home / "home", connectors={"s3": table})


def _indexer(app: Application, files: RemoteFiles, reader: Reader) -> Indexer:
    context = indexing_context(app.container, reader)
    context.sources = OneSource(files)
    return Indexer(context, settings=None, store_grace=0.0, passage_grace=0.0)


def documents(app: Application) -> list[DocumentRow]:
    registry = app.container.get(IndexRegistry)
    found = [each for page in pages(registry, "default") for each in page]
    return sorted(found, key=lambda each: each.source)


class TestS3Files(RemoteFilesConformance):
    @pytest.fixture
    def files(self, s3_folder: Folder) -> RemoteFiles:
        return S3Files(S3Server(S3Settings(**s3_folder.table)))

    @pytest.fixture
    def folder(self, s3_folder: Folder) -> str:
        return s3_folder.url

    @pytest.fixture
    def put(self, s3_folder: Folder) -> Callable[[str, str | None], None]:
        def put(name: str, text: str | None) -> None:
            if text is None:
                s3_folder.delete(name)
            else:
                s3_folder.put(name, text)

        return put


async def test_documents_are_cited_by_their_urls(
    app: Application, indexer: Indexer, s3_folder: Folder
) -> None:
    keys = ["a b.md", "ä/ö.md", "v..2/z.md", "q/a+b?c#d.md", "l/%41.md"]
    for key in keys:
        s3_folder.put(key, f"# {key}\n\nOtters hold hands.\n")
    s3_folder.put("folder/")
    s3_folder.put("empty.md")
    s3_folder.put(".hidden.md", "secret")
    s3_folder.put("image.png", "x")
    report = await indexer.add(s3_folder.url)
    assert (report.added, [each.file for each in report.skipped]) == (5, ["empty.md"])
    assert report.others == ((".png", 1),)
    assert {each.source for each in documents(app)} == {s3_folder.url + key for key in keys}
    assert {each.root for each in documents(app)} == {s3_folder.url}


async def test_what_did_not_change_is_not_fetched_again(
    indexer: Indexer, watched: Watched, s3_folder: Folder
) -> None:
    for number in range(3):
        s3_folder.put(f"{number}.md", f"Otter {number} holds hands.")
    await indexer.add(s3_folder.url.rstrip("/"))
    watched.fetched.clear()
    s3_folder.put("1.md", "Otter 1 lets go.")
    s3_folder.put("2.md", "Otter 2 holds hands.")
    s3_folder.delete("0.md")
    counted = await indexer.dry_run(s3_folder.url)
    assert (counted.documents, counted.removed, counted.chunks) == (1, 1, 1)
    watched.fetched.clear()
    report = await indexer.add(s3_folder.url)
    assert (report.changed, report.unchanged, report.removed) == (1, 1, 1)
    assert watched.fetched == [f"{s3_folder.url}1.md"]
    again = await indexer.add(s3_folder.url)
    assert (again.unchanged, again.changed, again.added) == (2, 0, 0)
    assert watched.fetched == [f"{s3_folder.url}1.md"]


async def test_a_single_object_and_a_folder_within_a_root_are_added(
    app: Application, indexer: Indexer, s3_folder: Folder
) -> None:
    s3_folder.put("one.md", "Otters hold hands.")
    s3_folder.put("sub/two.md", "Owls hunt.")
    await indexer.add(f"{s3_folder.url}one.md")
    assert [(each.root, each.source) for each in documents(app)] == [(f"{s3_folder.url}one.md",) * 2]
    await indexer.add(s3_folder.url)
    assert {each.root for each in documents(app)} == {s3_folder.url}
    s3_folder.put("sub/three.md", "Swifts fly.")
    s3_folder.delete("one.md")
    report = await indexer.add(f"{s3_folder.url}sub")
    # What lies outside of what was given is not looked at.
    assert (report.added, report.removed, len(documents(app))) == (1, 0, 3)
    removed = await indexer.remove(f"{s3_folder.url}sub")
    assert (removed.removed_files, len(documents(app))) == (2, 1)
    await indexer.remove(s3_folder.url)
    assert documents(app) == []


async def test_more_objects_than_a_page_holds_are_listed(watched: Watched, s3_folder: Folder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: s3_folder.put(f"{number:04}.md", "x"), range(1_050)))
    found = list(watched.find(s3_folder.url))
    assert len({each.url for each in found}) == 1_050


async def test_an_object_that_goes_between_listing_and_reading_costs_itself_alone(
    app: Application, indexer: Indexer, watched: Watched, s3_folder: Folder
) -> None:
    s3_folder.put("stays.md", "Otters hold hands.")
    s3_folder.put("goes.md", "Owls hunt.")
    watched.after_listing = lambda: s3_folder.delete("goes.md")
    report = await indexer.add(s3_folder.url)
    assert [(each.file, each.reason) for each in report.skipped] == [("goes.md", "It is not there any more.")]
    assert [each.file for each in documents(app)] == ["stays.md"]


@pytest.mark.parametrize(
    ("url", "error", "what"),
    [
        ("s3://no-such-bucket/docs/", BadInput, "no bucket of 's3://no-such-bucket/docs/'"),
        ("s3://x/docs", BadInput, "no bucket of 's3://x/docs/'"),
        ("{}nothing", BadInput, "nothing at '.*nothing'"),
        ("gs://bucket/docs", BadInput, "is a URL, and a URL cannot be indexed"),
    ],
)
async def test_a_url_that_leads_nowhere_is_an_error_and_changes_nothing(
    app: Application, indexer: Indexer, s3_folder: Folder, url: str, error: type[OrchestratorError], what: str
) -> None:
    with pytest.raises(error, match=what) as raised:
        await indexer.add(url.format(s3_folder.url))
    assert raised.value.hint
    assert app.container.get(IndexRegistry).indexes() == []


async def test_keys_that_may_not_list_or_read_are_told_what_to_allow(
    tmp_path: Path, s3_folder: Folder
) -> None:
    s3_folder.put("a.md", "Otters hold hands.")
    async with Application(_settings(tmp_path, s3_folder.forbidden)) as application:
        files = application.container.get(RemoteFiles, connector="s3")
        with pytest.raises(StoreError, match="may not be listed with these keys") as raised:
            list(files.find(s3_folder.url))
        assert "s3:ListBucket" in raised.value.hint
        with pytest.raises(UnreadableFile, match="s3:GetObject"):
            files.fetch(f"{s3_folder.url}a.md", tmp_path / "copy", 100)
        secret = str(s3_folder.forbidden["secret_key"])
        assert secret not in f"{raised.value} {raised.value.__cause__}"


async def test_nothing_is_lost_while_the_server_is_away(
    tmp_path: Path, reader: Reader, s3_folder: Folder
) -> None:
    for number in range(3):
        s3_folder.put(f"{number}.md", f"Otter {number} holds hands.")
    hasty = {**s3_folder.table, "timeout": 0.5, "attempts": 1}
    async with Application(_settings(tmp_path, hasty)) as app:
        indexer = _indexer(app, Watched(app.container.get(RemoteFiles, connector="s3")), reader)
        await indexer.add(s3_folder.url)
        s3_folder.put("3.md", "Otter 3 holds hands.")
        with s3_folder.server.stopped():
            with pytest.raises(StoreError, match="gives no good answer") as raised:
                await indexer.add(s3_folder.url)
            assert "endpoint_url" in raised.value.hint
            assert len(documents(app)) == 3
        await indexer.add(s3_folder.url)
        assert len(documents(app)) == 4


def test_a_server_that_is_not_there_is_named(s3_folder: Folder) -> None:
    table = {**s3_folder.table, "endpoint_url": "http://127.0.0.1:9", "attempts": 1}
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9 gives no good answer"):
        list(S3Files(S3Server(S3Settings(**table))).find(s3_folder.url))


async def test_a_worker_adds_and_removes_what_is_on_s3(
    app: Application, s3_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_plan, "JOB_FILES", 2)
    for number in range(5):
        s3_folder.put(f"{number}.md", f"Otter {number} holds hands.")
    added = app.jobs.submit("add", index_scope("default"), add_payload([s3_folder.url]))
    await app.jobs.work(until_idle=True)
    assert app.jobs.find(added.id).state == "done"
    assert len(documents(app)) == 5
    what = remove_payload([f"{s3_folder.url}3.md"])
    app.jobs.submit("remove", index_scope("default"), what)
    await app.jobs.work(until_idle=True)
    assert len(documents(app)) == 4


async def test_the_variables_of_aws_are_taken(
    tmp_path: Path, s3_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_folder.put("a.md", "Otters hold hands.")
    table = s3_folder.table
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(table["endpoint_url"]))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(table["access_key"]))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(table["secret_key"]))
    async with Application(_settings(tmp_path, {})) as application:
        files = application.container.get(RemoteFiles, connector="s3")
        assert [each.url for each in files.find(s3_folder.url)] == [f"{s3_folder.url}a.md"]
